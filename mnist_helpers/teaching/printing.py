"""Lessons on paper, as PDF: one page for who learns, and the answers for who teaches.

`pages/03.md` has what is written by hand: formulas, shapes, and the names of terms. What a term
means comes from docs/glossary.md, the bands of the results from `expected`, and the answers from
the lesson itself. All this needs the extra `print`: pip install -e ".[print]".
"""

import re
from html import escape

import mistune
import nbformat

from mnist_helpers.course import COURSE, PACKAGE, SOURCES
from mnist_helpers.expected import bands
from mnist_helpers.files import write_and_say
from mnist_helpers.teaching.browser import any_browser
from mnist_helpers.teaching.editions import refuse_place
from mnist_helpers.teaching.equations import mathml

PAGES = PACKAGE / "teaching" / "pages"
GLOSSARY = COURSE / "docs" / "glossary.md"
ENTRY = re.compile(r"^\| (\*\*.+?) \| (.+) \| \[([\d.]+)\]\(.+\) \|$", re.MULTILINE)
PROMISE = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)
EXERCISE = ("exercise-text", "exercise", "solution")  # the tags of its three cells
COLUMNS = {"mnist": "MNIST", "standin": "stand-in"}

# What is printed lies on A4 and on Letter: 182 x 261 mm, in the middle of A4.
PAPER = {
    "format": "A4",
    "margin": {"top": "18mm", "bottom": "18mm", "left": "14mm", "right": "14mm"},
    "print_background": True,
    "tagged": True,
}
# Of the letters, in points. Below 8.5 only where fonts are wider than those that the tests see.
SIZES = [n / 10 for n in range(115, 79, -1)]
LARGEST = """
sizes => sizes.find(size => {
    document.body.style.fontSize = `${size}pt`
    return document.body.getBoundingClientRect().height <= 261 * 96 / 25.4
})
"""
FOOTER = """
<div style="font: 8.5pt sans-serif; width: 100%; margin: 0 14mm; text-align: right">
<span class="title"></span>, page <span class="pageNumber"></span> of
<span class="totalPages"></span></div>"""


def print_out(lessons, out, solutions=False, force=False):
    """Write a page for each lesson into the folder `out`: for all of them, or for none.

    Args:
        lessons: a list of `Lesson`.
        out: the folder, a `Path`; it is made if it is missing.
        solutions: write the teacher's answers, too.
        force: overwrite files that are there already.

    Raises:
        ModuleNotFoundError: Playwright is missing.
        OSError: a file is there already or cannot be written; there is no browser, no glossary,
            or no page for a lesson.
        ValueError: a page does not fit on one sheet, or names a term that the glossary lacks; or
            the files would lie among the lessons.
    """
    pages = {out / f"{lesson.path.stem}.pdf": learner_page(lesson) for lesson in lessons}
    wanted = lessons if solutions else []
    answers = {out / f"{lesson.path.stem}.answers.pdf": answer_sheet(lesson) for lesson in wanted}
    refuse_place(out, [*pages, *answers], lessons[0].path.parent, force)
    with any_browser() as browser:
        tab = browser.new_page()
        files = {path: _one_sheet(tab, html, path.stem) for path, html in pages.items()}
        files |= {path: _sheets(tab, html) for path, html in answers.items()}
    write_and_say(files)


def _one_sheet(tab, html, name):
    """The page as PDF, with the largest letters that leave it on one sheet."""
    tab.set_content(html)
    if tab.evaluate(LARGEST, SIZES) is None:
        raise ValueError(f"{name} does not fit on one sheet; shorten {PAGES / name[:2]}.md")
    return tab.pdf(**PAPER)


def _sheets(tab, html):
    tab.set_content(html)
    return tab.pdf(**PAPER, display_header_footer=True, header_template=" ", footer_template=FOOTER)


# ---- what learners get ---------------------------------------------------------------------


def learner_page(lesson):
    """The page of a lesson, as HTML: formulas, shapes, terms, and results with their bands.

    Raises:
        FileNotFoundError: there is no page for this lesson, or no glossary.
        ValueError: it names a term that is not in the glossary.
    """
    source = PAGES / f"{lesson.number}.md"
    if not source.is_file():
        raise FileNotFoundError(f"lesson {lesson.number} has no page: write {source}")
    text, names = source.read_text(encoding="utf-8").split("## Terms\n")
    first = nbformat.read(lesson.path, as_version=4).cells[0].source
    formulas, shapes = text.split("## Shapes\n")
    body = f"""<header>{_html(PROMISE.search(first)[1])}</header>
<section class="formulas">{_html(formulas)}</section>
<div class="sides"><section class="shapes"><h2>Shapes</h2>{_html(shapes)}</section>
<section class="terms"><h2>Terms</h2>{_html(_terms(names, lesson.number))}</section></div>
<section class="results"><h2>Results</h2>{_html(_results(lesson.number))}</section>"""
    return _document(f"{int(lesson.number)} · {lesson.title}", body)


def _terms(names, lesson):
    """A list of terms with their meanings, in Markdown; `names` has commas between them."""
    known, names = glossary(), [name.strip() for name in names.split(",")]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(
            f"pages/{lesson}.md: the glossary has no {', '.join(unknown)}; see {GLOSSARY}"
        )
    return "\n".join(f"- {known[name]}" for name in names)


def glossary():
    """Each word of the glossary -> its entry in Markdown: words, meaning, and section.

    Raises:
        FileNotFoundError: the package is installed without the course around it.
    """
    if not GLOSSARY.is_file():
        raise FileNotFoundError(f"there is no {GLOSSARY}; run this in a copy of the course")
    entries = ENTRY.findall(GLOSSARY.read_text(encoding="utf-8"))
    return {
        name: f"{names}: {meaning} ({section})"
        for names, meaning, section in entries
        for name in re.findall(r"\*\*(.+?)\*\*", names)
    }


def _results(lesson):
    """The bands of a lesson's results as a table in Markdown, with room for one's own."""
    known = {source: bands(lesson, source) for source in COLUMNS if source in SOURCES}
    heads = [f"{COLUMNS[source]}, expected" for source in known]
    rows = ["| result | yours | " + " | ".join(heads) + " |", "|---|---|" + "---|" * len(known)]
    for name in next(iter(known.values())):
        cells = [_range(found[name]) for found in known.values()]
        rows.append(f"| {name} | | {' | '.join(cells)} |")
    return "\n".join(rows)


def _range(band):
    return f"{_short(band.low)} to {_short(band.high)}" if band else "not measured yet"


def _short(number):
    return f"{number:#.3g}".rstrip(".")


# ---- what teachers get ---------------------------------------------------------------------


def answer_sheet(lesson):
    """Every exercise of a lesson as HTML: its text, its starter, and its solution as stored."""
    cells = nbformat.read(lesson.path, as_version=4).cells
    show = dict(zip(EXERCISE, (lambda cell: _html(cell.source), _code, _solution), strict=True))
    tags = ["".join({*cell.metadata.get("tags", [])} & {*EXERCISE}) for cell in cells]
    body = "".join(show[tag](cell) for tag, cell in zip(tags, cells) if tag)
    title = f"{int(lesson.number)} · {lesson.title}: answers"
    return _document(title, f'<p class="note">For the teacher. Results as on MNIST.</p>{body}')


def _solution(cell):
    """A solution's code, and what it prints, draws and is told by its check."""
    shown = []
    for output in cell.outputs:
        data = output.get("data", {})
        if picture := data.get("image/png"):
            alt = escape(cell.metadata.get("alt", ""))
            shown.append(f'<img alt="{alt}" src="data:image/png;base64,{picture}">')
        else:
            shown.append(escape(output.get("text") or data.get("text/plain", "")))
    title, code = cell.source.removeprefix("#@title ").split("\n", 1)
    told = "\n".join(part.rstrip("\n") for part in shown)
    return f'<h3>{title}</h3>{_lines(code)}<div class="told">{told}</div>'


def _code(cell):
    return _lines(cell.source)


def _lines(code):
    """Code as HTML. A line that is too long goes on below, further to the right."""
    lines = "".join(f"<div>{escape(line) or ' '}</div>" for line in code.splitlines())
    return f"<pre>{lines}</pre>"


# ---- Markdown, equations, a page -----------------------------------------------------------


class _Renderer(mistune.HTMLRenderer):
    """Equations become MathML, which browsers draw by themselves."""

    def inline_math(self, text):
        return mathml(text)


_html = mistune.create_markdown(renderer=_Renderer(), plugins=["table", "math"])


def _document(title, body):
    style = (PAGES / "print.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{style}</style></head>
<body><h1>{title}</h1>{body}</body></html>"""
