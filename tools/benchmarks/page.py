"""Where the results go: all of them to docs/speed.md, five rows to the README."""

from mnist_helpers.course import COURSE

SPEED, README = COURSE / "docs" / "speed.md", COURSE / "README.md"
START, END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->\n"
# What the README shows.
FIVE = (
    "plain script, 10 epochs",
    "the same recipe through `fit`",
    "the same quality through `fit` (3 epochs, one-cycle, batches of 128)",
    "64 channels, 100 steps: `fit`",
    "code of 30 numbers, 4 epochs",
)


def pages(results):
    """The two pages with these results in them: path -> text."""
    rows = results["rows"]
    five = [entry for entry in rows if entry["what"] in FIVE]
    return {SPEED: with_rows(SPEED, rows), README: with_rows(README, five)}


def with_rows(path, rows):
    """The text of a page with these rows between the marks."""
    head, rest = path.read_text(encoding="utf-8").split(START)
    _, tail = rest.split(END)
    return f"{head}{START}{machines(rows)}\n\n{table(rows)}\n{END}{tail}"


def machines(rows):
    """Which rows were measured on which machine, as a sentence for each machine."""
    where = {}
    for entry in rows:
        where.setdefault(entry["machine"], {})[entry["row"]] = None
    if len(where) == 1:
        return f"Measured on: {', '.join(where)}."
    texts = {name: f"row{'s' * (len(rows) > 1)} {', '.join(rows)}" for name, rows in where.items()}
    return "\n\n".join(f"Measured on {name}: {text}." for name, text in texts.items())


def table(rows):
    """Results as a table in Markdown."""
    lines = ["| row | what | seconds (range) | test MSE | |", "|---|---|---|---|---|"]
    for entry in rows:
        seconds = ""
        if "seconds" in entry:
            seconds = f"{entry['seconds']:.3g}"
            if entry["repeats"] > 1:
                seconds += f" ({entry['low']:.3g} to {entry['high']:.3g})"
        error = f"{entry['mse']:.4f}" if "mse" in entry else ""
        lines.append(
            f"| {entry['row']} | {entry['what']} | {seconds} | {error} | {remarks(entry)} |"
        )
    return "\n".join(lines)


def remarks(entry):
    texts = {
        "faster": "{:.1f} times as fast as the plain one",
        "slower": "{:.2f} times as long",
        "share": "{:.1%}" + (" of an epoch" if "saving" in entry["what"] else " of row 4's speed"),
        "gigaflops": "{:.0f} thousand million operations per second",
        "exponent": "{:.2f}",
        "slowest_cell": "slowest cell {:.0f} s",
        "mib": "{:.0f} MiB",
        "read": "{:.1%} read",
        "frechet": "Fréchet distance {:.1f}",
        "recall": "recall {:.2f}",
        "drawing": "10,000 digits in {:.2f} s",
    }
    itself = {("faster", 1), ("slower", 1)}
    known = dict(set(entry.items()) - itself)
    return "; ".join(text.format(known[key]) for key, text in texts.items() if key in known)
