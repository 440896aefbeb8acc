"""Choose for cells that have no slide type yet where they go when a lesson is projected.

    python -m tools.slides             # every lesson
    python -m tools.slides 01 03       # some

On the wall are the promise and the picture, headings, predictions, equations and lists, code with
what it shows, and exercises; what explains them is for the speaker to say. Solutions, teacher's
notes and the first section, which only sets up, are skipped. A type that a cell has stays.
"""

import math
import sys

import nbformat

from mnist_helpers.course import lessons
from mnist_helpers.teaching.slides import LINE, SHOWN, figure_height, is_small, parts, slide_type
from tools.notebooks import tags

# In lines of code:
ROOM = 27  # a slide
WORDS = 9  # of prose, as long as one line of code is high
WIDTH = 110  # letters of a line
LARGE = 1.25  # a line of large code


def choose(cells):
    """The slide type of each cell of a lesson, whatever it has now."""
    chosen, section, room, asked = [], 0, 0, False
    for cell in cells:
        section += cell.source.startswith("## ")
        if {"solution", "teacher"} & tags(cell) or section == 1:
            kind = "skip"
        elif "cover-picture" in tags(cell):
            kind = "-"
        elif cell.cell_type == "code":
            kind = "subslide" if code_height(cell) > room else "fragment" if asked else "-"
            room = 0
        elif shown := text_shown(cell):
            kind = "slide" if cell.source.startswith("#") else "subslide"
            room = ROOM - text_height(shown)
            asked = "**Predict" in shown
        else:
            kind = "notes"
        chosen.append(kind)
    return chosen


def text_shown(cell):
    """The blocks of a text that are to be seen; none of a text that only explains."""
    if "exercise-text" in tags(cell):
        return cell.source
    return "\n\n".join(b for b in cell.source.split("\n\n") if SHOWN.match(b))


def text_height(text):
    return sum(2 + math.ceil(len(block.split()) / WORDS) for block in text.split("\n\n"))


def code_height(cell):
    """Of code with what it prints and draws, unless that is on the next slide."""
    cell = parts(cell)[0]
    printed = "".join(output.get("text", "") for output in cell.outputs)
    lines = [*cell.source.splitlines(), *printed.splitlines()]
    height = sum(math.ceil(len(line) / WIDTH) for line in lines)
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
