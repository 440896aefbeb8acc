"""Choose for cells that have no slide type yet where they go when a lesson is projected.

    python -m tools.slides             # every lesson
    python -m tools.slides 01 03       # some

On the wall are the promise and the picture, headings, predictions, equations and lists, code with
what it shows, and exercises; what explains them is for the speaker to say. Solutions, teacher's
notes and the first section, which only sets up, are skipped. A type that a cell has stays.
"""

import math
import re
import sys

import nbformat

from mnist_helpers.course import lessons
from mnist_helpers.teaching.slides import (
    LINE,
    SHOWN,
    figure_height,
    is_small,
    lines_of,
    parts,
    slide_type,
)
from tools.notebooks import tags

HEADING = re.compile(r"^##? ", re.MULTILINE)
# In lines of code:
ROOM = 27  # a slide
WORDS = 9  # of prose, as long as one line of code is high
WIDTH = 110  # letters of a line
LARGE = 1.25  # a line of large code


def choose(cells):
    """The slide type of each cell of a lesson, whatever it has now."""
    chosen, section, room, asked = [], 0, 0, False
    for cell in cells:
        heading = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        section += heading is not None and heading[0] == "## "
        if {"solution", "teacher"} & tags(cell) or section == 1:
            kind = "skip"
        elif "cover-picture" in tags(cell):
            kind = "-"
        elif cell.cell_type == "code":
            kind = "subslide" if code_height(cell) > room else "fragment" if asked else "-"
            room = 0
        elif "exercise-text" in tags(cell) or any(map(SHOWN.match, cell.source.split("\n\n"))):
            kind = "slide" if heading else "subslide"
            shown = [part.source for part in parts(cell) if slide_type(part) != "notes"][-1]
            room = room_beside(shown)
            asked = "**Predict" in shown
        else:
            kind = "notes"
        chosen.append(kind)
    return chosen


def room_beside(text):
    """The room for code below a text: none below a picture, and all below a heading alone."""
    blocks = text.split("\n\n")
    if "![" in text:
        return 0
    if text.startswith("#") and len(blocks) == 1:
        return math.inf
    return ROOM - sum(2 + math.ceil(len(block.split()) / WORDS) for block in blocks)


def code_height(cell):
    """Of code with what it prints and draws, unless that is on the next slide."""
    cell = parts(cell)[0]
    height = sum(math.ceil(len(line) / WIDTH) for line in lines_of(cell))
    return height * (LARGE if is_small(cell) else 1) + 1 + figure_height(cell) / LINE


def main(numbers):
    for lesson in lessons(numbers):
        notebook = nbformat.read(lesson.path, as_version=4)
        for cell, kind in zip(notebook.cells, choose(notebook.cells)):
            if slide_type(cell) is None:
                cell.metadata["slideshow"] = {"slide_type": kind}
        nbformat.write(notebook, lesson.path)


if __name__ == "__main__":
    main(sys.argv[1:])
