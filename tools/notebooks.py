"""Stored notebooks: running them, and finding in them what several tools and tests look for."""

import ast
import os
import re
import tempfile

from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

from mnist_helpers.course import NOTEBOOKS

# A line that `expect` prints: the name of the result, and its value.
VERDICT = re.compile(r"^(.+?) \u2248 (\S+)   expected", re.MULTILINE)


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
    with tempfile.TemporaryDirectory() as folder:
        manager = client.create_kernel_manager()
        manager.connection_file = f"{folder}/kernel.json"
        if os.name == "posix":  # of kernels that start at once, two may pick the same network port
            manager.transport = "ipc"
        os.mkdir(runs := f"{folder}/runs")
        settings = {"TQDM_DISABLE": "1", "MNIST_HELPERS_CHECKPOINTS": runs}
        client.execute(env=os.environ | settings | environment)


def parsed(code):
    """The syntax tree of a code cell; lines for IPython, such as `%pip`, become calls."""
    return ast.parse(TransformerManager().transform_cell(code))


def tags(cell):
    """The set of a cell's tags."""
    return set(cell.metadata.get("tags", []))


def prose(notebook):
    """The cells that a learner reads from the top; exercises and the teacher's note are apart."""
    apart = {"exercise-text", "teacher", "cover-picture"}
    return [c for c in notebook.cells if c.cell_type == "markdown" and not apart & tags(c)]


def printed(notebook):
    """All that the code cells of a notebook print, as one text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def results(notebook):
    """The results that a notebook has printed: name -> value, a float."""
    return {name: float(value) for name, value in VERDICT.findall(printed(notebook))}


def tagged(notebook, tag):
    """The one cell with this tag.

    Raises:
        ValueError: no cell has it, or several have.
    """
    cells = [cell for cell in notebook.cells if tag in tags(cell)]
    if len(cells) != 1:
        raise ValueError(f"{len(cells)} cells have the tag {tag!r}; exactly one must have it")
    return cells[0]


def cover(notebook):
    """The figure of the cell tagged `cover`: a PNG in base64.

    Raises:
        ValueError: the cell shows no figure, or several.
    """
    shown = [output.get("data", {}) for output in tagged(notebook, "cover").outputs]
    figures = [data["image/png"] for data in shown if "image/png" in data]
    if len(figures) != 1:
        raise ValueError(f"the cell tagged 'cover' shows {len(figures)} figures instead of one")
    return figures[0].replace("\n", "")
