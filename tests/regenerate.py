"""Run lessons from the top on real MNIST and store their outputs.

    python -m tests.regenerate             # every lesson
    python -m tests.regenerate 01 03       # some

The figure of the cell tagged `cover` also becomes the picture at the top of its lesson.
"""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def lessons(numbers=()):
    """Paths of the lessons with these numbers ("01", ...); of all lessons when none is given.

    Raises:
        ValueError: there is no lesson of such a number.
    """
    paths = {path.name[:2]: path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    if unknown := set(numbers) - set(paths):
        raise ValueError(f"no lesson {', '.join(sorted(unknown))}; there are: {', '.join(paths)}")
    return [paths[number] for number in numbers or paths]


def execute(notebook, **environment):
    """Run all cells in a fresh kernel, in the folder of the lessons.

    No bars and no times are stored: both would differ in every run.
    """
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    client.execute(env=os.environ | {"TQDM_DISABLE": "1"} | environment)


def printed(notebook):
    """All that the code cells of a notebook print, as one text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def tagged(notebook, tag):
    """The one cell with this tag."""
    (cell,) = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    return cell


def set_cover(notebook):
    """Copy the figure of the cell tagged `cover` to the Markdown cell tagged `cover-picture`.

    It goes into the text of the cell: Colab shows neither attachments nor files beside a lesson.
    """
    (figure,) = [o for o in tagged(notebook, "cover").outputs if "image/png" in o.get("data", {})]
    picture = figure.data["image/png"].replace("\n", "")
    tagged(
        notebook, "cover-picture"
    ).source = f"![Where this lesson ends](data:image/png;base64,{picture})"


def main(numbers):
    for path in lessons(numbers):
        notebook = nbformat.read(path, as_version=4)
        start = time.perf_counter()
        execute(notebook, MNIST_HELPERS_SOURCE="mnist")
        set_cover(notebook)
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
