"""Slides of the lessons: one HTML file a lesson, which opens without a network.

nbconvert cuts a lesson into slides by the metadata `slideshow` of its cells, which JupyterLab
edits, too. Its own template loads reveal.js, MathJax and more from other sites, RISE needs a
kernel, and Quarto is a program of its own; so the folder `reveal` holds a short template and
reveal.js 6.0.2, and equations become MathML. `python -m tools.slides` sets missing metadata.
"""

import base64
import re
from itertools import compress
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets.config import Config

from mnist_helpers.files import write_and_say
from mnist_helpers.teaching.editions import refuse_place
from mnist_helpers.teaching.equations import mathml

TEMPLATE = Path(__file__).with_name("reveal") / "slides.html.j2"
NEVER = {"solution", "teacher"}  # cells with these tags: a class sees the slides
SPOKEN = 30  # words; what a longer paragraph says is for the speaker to say
HEIGHT, LINE = 620, 23  # pixels: of the wall, and of a line of code
SMALL, NARROW = 11, 88  # lines, and letters of a line, of code that is written large
SETTINGS = Config(
    CSSHTMLHeaderPreprocessor={"style": "default"},
    NbConvertBase={
        "display_data_priority": [
            "image/png",
            "application/vnd.jupyter.widget-view+json",
            "text/plain",
        ]
    },
)
# Blocks of Markdown that stay on the wall, whatever their length.
SHOWN = re.compile(r"#|[-*] |\d+\. |\||!\[|\$\$|\*\*[^*]+\*\*\Z|.*\*\*Predict", re.DOTALL)
LED_TO = re.compile(r"\$\$|[-*] |\d+\. |\|")
HEADING = re.compile(r"##? (.+)")
CAPTION = re.compile(r"\*[^*]+\*")  # of a picture that is seen already
# Before a heading, and before a title in bold above a list.
BREAK = re.compile(r"\n\n(?=##? |\*\*[^*\n]+\*\*\n\n- )")


def make_slides(sources, out, force=False):
    """Write the slides of these lessons into the folder `out`: of all of them, or of none.

    Args:
        sources: the paths of the lessons.
        out: the folder, a `Path`; it is made if it is missing.
        force: overwrite files that are there already.

    Raises:
        OSError: a file is there already, or cannot be written.
        ValueError: a cell does not say whether it is on a slide, or the files would lie among the
            lessons.
    """
    files = [out / f"{source.stem}.slides.html" for source in sources]
    refuse_place(out, files, sources[0].parent, force)
    pages = [slides(source) for source in sources]
    write_and_say({file: page.encode() for file, page in zip(files, pages, strict=True)})


def slides(path):
    """The slides of a stored lesson, with the outputs that it holds: the text of an HTML file.

    Raises:
        ValueError: a cell does not say whether it is on a slide.
    """
    notebook = nbformat.read(path, as_version=4)
    if unset := sum(slide_type(cell) is None for cell in notebook.cells):
        raise ValueError(
            f"{unset} cells of {path.name} have no slide type; choose them in JupyterLab, or run  "
            f"python -m tools.slides {path.name[:2]}"
        )
    notebook.cells = [part for cell in notebook.cells if is_on_wall(cell) for part in parts(cell)]
    title = section = ""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = str(number)
        if found := HEADING.match(cell.source):
            section = found[1].replace("`", "")
            title = title or section
        is_code = cell.cell_type == "code"
        cell.metadata |= {"section": section, "is_small": is_code and is_small(cell)}
    exporter = SlidesExporter(config=SETTINGS, template_file=str(TEMPLATE))
    exporter.register_filter("markdown2html", _html)
    page, _ = exporter.from_notebook_node(notebook, {"title": title})
    return page


def is_on_wall(cell):
    """Whether the slides have this cell, be it in the speaker's notes."""
    return slide_type(cell) != "skip" and not NEVER & set(cell.metadata.get("tags", []))


def slide_type(cell):
    """slide, subslide, fragment, notes, skip or -, as JupyterLab says; None if it is unset."""
    return cell.metadata.get("slideshow", {}).get("slide_type")


def parts(cell):
    """A cell in the pieces that a wall has room for, as cells.

    A figure comes on a slide of its own where the code would make it smaller than in the lesson.
    Of a text, long paragraphs become speaker's notes, unless there is nothing else or it is an
    exercise; headings, and titles in bold above a list, begin a slide.
    """
    if cell.cell_type == "code":
        if figure_height(cell) <= HEIGHT - LINE * len(lines_of(cell)):
            return [cell]
        return [_part(cell, outputs=[]), _part(cell, "subslide", source="")]
    is_whole = slide_type(cell) == "notes" or "exercise-text" in cell.metadata.get("tags", [])
    if is_whole or not any(_are_shown(cell.source.split("\n\n"))):
        return [cell]
    pieces, texts = [], BREAK.split(cell.source)
    for number, text in enumerate(texts):
        if any(HEADING.match(later) for later in texts[number + 1 :]):
            pieces.append(_part(cell, "notes", source=text))  # it ends the section before
        else:
            kind = "subslide" if number and not HEADING.match(text) else slide_type(cell)
            pieces += _shown_and_spoken(_part(cell, kind), text)
    return pieces


def figure_height(cell):
    """How high the pictures that a code cell shows are together, in pixels."""
    shown = [output.get("data", {}).get("image/png") for output in cell.outputs]
    heads = [base64.b64decode(picture[:32]) for picture in shown if picture]
    return sum(int.from_bytes(head[20:24]) for head in heads)


def is_small(cell):
    """Whether code, with what it prints, is so little that it can be written large."""
    lines = lines_of(cell)
    is_narrow = max(map(len, lines), default=0) <= NARROW
    return is_narrow and len(lines) <= SMALL and not figure_height(cell)


def lines_of(cell):
    """The lines of code, and those that it prints."""
    printed = "".join(output.get("text", "") for output in cell.outputs)
    return [*cell.source.splitlines(), *printed.splitlines()]


def _are_shown(blocks):
    """Whether each block of a text stays on the wall, a list.

    What leads to an equation or a list does; a short one does not if what it goes on from is not.
    """
    shown = []
    for block, after in zip(blocks, [*blocks[1:], ""]):
        is_short = len(block.split()) <= SPOKEN and not CAPTION.fullmatch(block)
        goes_on = bool(shown) and not shown[-1]
        shown.append(bool(SHOWN.match(block) or LED_TO.match(after) or is_short and not goes_on))
    return shown


def _shown_and_spoken(cell, text):
    """The blocks of a text for the wall, as a cell like this one, and the others, as notes."""
    pieces, blocks = [], text.split("\n\n")
    on_wall = _are_shown(blocks)
    if shown := list(compress(blocks, on_wall)):
        pieces.append(_part(cell, source="\n\n".join(shown)))
    if spoken := [block for block, is_shown in zip(blocks, on_wall) if not is_shown]:
        pieces.append(_part(cell, "notes", source="\n\n".join(spoken)))
    return pieces


def _part(cell, kind=None, **changes):
    """A copy of a cell with another slide type, if one is given, and other contents."""
    metadata = cell.metadata | {"slideshow": {"slide_type": kind or slide_type(cell)}}
    return NotebookNode(cell | {"metadata": NotebookNode(metadata)} | changes)


def _html(markdown):
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(markdown)


class _Renderer(IPythonRenderer):
    """Equations become MathML, which browsers draw by themselves."""

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        return mathml(body, "block")
