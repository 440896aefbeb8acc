"""Which numbers in the prose of lessons nothing backs.

    python -m tools.claims            # every lesson
    python -m tools.claims 03         # some

A number with a decimal point, a per cent sign or a thousands comma is a claim, wherever a learner
reads it: in the text, in teacher's notes, in titles and other strings of the code, in comments.
It is backed if a cell of the same lesson prints it, after rounding as the text rounds it; if
the code sets it; or if tests/claims.toml says where it comes from.
"""

import ast
import io
import math
import re
import sys
import tokenize
import tomllib
from dataclasses import dataclass

import nbformat

from mnist_helpers.course import COURSE, lessons
from tools.notebooks import parsed, printed, tags

LEDGER = COURSE / "tests" / "claims.toml"

NUMBER = r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?(?:e[-+]?\d+)?"
# A number as prose has it, and the per cent sign behind it or behind the end of its range.
CLAIM = re.compile(rf"(?<![\w.,])({NUMBER})(?!\w)(?:(?: to | and | or |–)(?:{NUMBER}))?( ?%)?")
PRINTED = re.compile(rf"(?<![\w.])(-?(?:{NUMBER}))( ?%)?")
BAND = re.compile(r"expected ≈ \S+ to \S+")  # where a result may lie is no result

# What looks like a claim and is none: addresses, pictures, and the numbers of sections.
SECTION = r"\d{1,2}\.\d{1,2}\b"
NOT_CLAIMED = re.compile(
    r"\]\([^)]*\)|<[^>]*>"
    r"|(?:[Ss]ections?|[Ee]xercises?|[Ss]olution|[Cc]hapters?|[Ff]igures?|Python|version) "
    rf"{SECTION}"
    rf"(?:(?:,| and| to| or|–)+ ?{SECTION})*"
    rf"|^#+ {SECTION}|^\| *{SECTION}|check\(\"{SECTION}\"",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Claim:
    """A number that a lesson states.

    Attributes:
        text: as it stands there, with its per cent sign.
        where: the words around it.
    """

    text: str
    where: str

    @property
    def percent(self):
        return self.text.endswith("%")

    @property
    def value(self):
        return float(self.text.rstrip(" %").replace(",", ""))

    @property
    def places(self):
        """Digits behind the decimal point."""
        return places(self.text.rstrip(" %"))

    def agrees(self, value, precision=math.inf):
        """Whether this value, known to so many places, rounds to the claim."""
        slack = 0.5 * 10**-self.places * (1 + 1e-9)
        return precision >= self.places and abs(value - self.value) <= slack


def places(number):
    """How many digits a number, a text, has behind its decimal point; 1e-3 counts as 0.001."""
    digits, _, exponent = number.partition("e")
    return len(digits.partition(".")[2]) - int(exponent or 0)


def claims(notebook):
    """Every `Claim` of a notebook, in the order of its cells."""
    for cell in notebook.cells:
        for text in [cell.source] if cell.cell_type == "markdown" else strings(cell.source):
            text = NOT_CLAIMED.sub(" ", text.replace("\u2212", "-"))
            if "teacher" in tags(cell):  # here sections stand without the word
                text = re.sub(rf"(?<![\d.]){number_of(notebook)}\.\d{{1,2}}\b", " ", text)
            for found in CLAIM.finditer(text):
                yield from stated(text, found)


def stated(text, found):
    """The claims in one match: a range has two numbers, and both get the per cent sign."""
    percent = found[2] or ""
    around = " ".join(text[max(0, found.start() - 40) : found.end() + 30].split())
    for number in re.findall(NUMBER, found[0]):
        if percent or "." in number or "," in number:
            yield Claim(number + (" %" if percent else ""), around)


def number_of(notebook):
    """The number of a lesson, from its title."""
    return re.match(r"# (\d+)", notebook.cells[0].source)[1]


def strings(code):
    """The texts in a cell of code that people read: literals and comments, no format codes."""
    tree = parsed(code)
    specs = [x.format_spec for x in ast.walk(tree) if isinstance(x, ast.FormattedValue)]
    hidden = {id(part) for spec in specs if spec for part in ast.walk(spec)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in hidden:
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def settings(notebook):
    """Every number that the code of a notebook spells out."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for node in ast.walk(parsed(cell.source)):
                if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                    yield node.value


def shown(notebook):
    """Numbers that the cells print: (value, places known, whether it is a per cent)."""
    plain = [
        str(output["data"].get("text/plain", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    text = BAND.sub(" ", "\n".join([printed(notebook), *plain]).replace("\u2212", "-"))
    for number, percent in PRINTED.findall(text):
        number = number.replace(",", "")
        yield abs(float(number)), places(number), bool(percent)


def is_backed(claim, printed_numbers, set_numbers):
    """Whether a lesson itself prints or sets the number of a claim."""
    for value, known, percent in printed_numbers:
        if claim.agrees(value, known):
            return True
        if claim.percent and not percent and claim.agrees(100 * value, known - 2):
            return True
        if percent and not claim.percent and claim.agrees(value / 100, known + 2):
            return True
    scale = (1, 100) if claim.percent else (1,)
    return any(math.isclose(claim.value, factor * x) for x in set_numbers for factor in scale)


def from_ledger(claim, entry):
    """Whether an entry of the ledger backs a claim.

    Raises:
        ValueError: it names no source, or one of no known kind.
    """
    match entry:
        case {"paper": str(source)} if len(source) > 15:
            return True
        case {"arithmetic": str(sum_)}:
            return claim.agrees(eval(sum_, {"__builtins__": {}}, vars(math)))
    raise ValueError(f"{claim.text}: give a paper with its place, or arithmetic; not {entry}")


def ledger():
    """tests/claims.toml: lesson -> number, a text -> where it comes from."""
    return tomllib.loads(LEDGER.read_text(encoding="utf-8"))


def unbacked(lesson):
    """The claims of a `Lesson` that nothing backs, and the entries that nobody needs."""
    notebook = nbformat.read(lesson.path, as_version=4)
    printed_numbers, set_numbers = set(shown(notebook)), set(settings(notebook))
    entries, needed, missing = ledger().get(lesson.number, {}), set(), []
    for claim in claims(notebook):
        if is_backed(claim, printed_numbers, set_numbers):
            continue
        needed.add(claim.text)
        if not (claim.text in entries and from_ledger(claim, entries[claim.text])):
            missing.append(claim)
    return missing, sorted(set(entries) - needed)


def main(numbers):
    for lesson in lessons(numbers):
        missing, spare = unbacked(lesson)
        for claim in missing:
            print(f"{lesson.number}: {claim.text:10s} {claim.where}")
        for text in spare:
            print(f"{lesson.number}: {text:10s} stands in {LEDGER.name}, and is not needed")


if __name__ == "__main__":
    main(sys.argv[1:])
