"""Run lessons from the top on real MNIST and store their outputs.

    python -m tools.regenerate             # every lesson
    python -m tools.regenerate 01 03       # some

The figure of the cell tagged `cover` also becomes the picture at the top of its lesson, and a
file in pictures/, from which the README shows some.
"""

import base64
import sys
import time

import nbformat

from mnist_helpers.course import PICTURES, lessons
from tools.notebooks import cover, execute, tagged


def set_cover(notebook, path):
    """Copy the cover to the Markdown cell tagged `cover-picture`, and to a file for the README.

    In the lesson it goes into the text: Colab shows neither attachments nor files beside it.
    """
    picture = f"![Where this lesson ends](data:image/png;base64,{cover(notebook)})"
    tagged(notebook, "cover-picture").source = picture
    (PICTURES / f"{path.stem}.png").write_bytes(base64.b64decode(cover(notebook)))


def main(numbers):
    for lesson in lessons(numbers):
        notebook = nbformat.read(lesson.path, as_version=4)
        start = time.perf_counter()
        execute(notebook, MNIST_HELPERS_SOURCE="mnist")
        set_cover(notebook, lesson.path)
        nbformat.write(notebook, lesson.path)
        print(f"{lesson.path.name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
