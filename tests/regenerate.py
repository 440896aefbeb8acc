"""Run lessons from the top on real MNIST and store their outputs.

    python -m tests.regenerate             # every lesson
    python -m tests.regenerate 01 03       # some

The figure of the cell tagged `cover` also becomes the picture at the top of its lesson, and the
one that the README shows.
"""

import base64
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from mnist_helpers.handout import NOTEBOOKS, lessons

COURSE = Path(__file__).resolve().parent.parent
PICTURES = COURSE / "pictures"


def execute(notebook, **environment):
    """Run all cells in a fresh kernel, in the folder of the lessons, with an empty one for runs.

    No bars and no times are stored: both would differ in every run.
    """
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        skip_cells_with_tag="nbval-skip",
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    with tempfile.TemporaryDirectory() as runs:
        settings = {"TQDM_DISABLE": "1", "MNIST_HELPERS_CHECKPOINTS": runs}
        client.execute(env=os.environ | settings | environment)


def printed(notebook):
    """All that the code cells of a notebook print, as one text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def tagged(notebook, tag):
    """The one cell with this tag."""
    (cell,) = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    return cell


def cover(notebook):
    """The figure of the cell tagged `cover`: a PNG in base64."""
    (figure,) = [o for o in tagged(notebook, "cover").outputs if "image/png" in o.get("data", {})]
    return figure.data["image/png"].replace("\n", "")


def set_cover(notebook, path):
    """Copy the cover to the Markdown cell tagged `cover-picture`, and to a file for the README.

    In the lesson it goes into the text: Colab shows neither attachments nor files beside it.
    """
    picture = f"![Where this lesson ends](data:image/png;base64,{cover(notebook)})"
    tagged(notebook, "cover-picture").source = picture
    (PICTURES / f"{path.stem}.png").write_bytes(base64.b64decode(cover(notebook)))


def main(numbers):
    for path in lessons(numbers):
        notebook = nbformat.read(path, as_version=4)
        start = time.perf_counter()
        execute(notebook, MNIST_HELPERS_SOURCE="mnist")
        set_cover(notebook, path)
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
