"""`pytest --nbval` as this course sets it up: what makes it red, and what does not."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from mnist_helpers.course import COURSE

TRAINING = """
import torch
from mnist_helpers import data, models, training
digits = data.Digits(torch.rand(20, 1, 28, 28), torch.arange(20) % 10)
_ = training.fit(models.Classifier(), digits, training.classification, epochs=1)
"""

# name -> (code of the cell, output that is stored in the notebook, whether it should pass)
CELLS = {
    "another approximate number": ("print('loss ≈ 0.1')", "loss ≈ 0.2\n", True),
    "another exact number": ("print('epochs 4')", "epochs 5\n", False),
    "a band set by hand since": (
        "print('loss ≈ 1   expected ≈ 1 to 2 (set by hand)   ✓')",
        "loss ≈ 1   expected ≈ 0 to 3   ✓\n",
        True,
    ),
    "another verdict": ("print('loss ≈ 0.1   ✗')", "loss ≈ 0.1   ✓\n", False),
    "not a number": ("print('loss ≈ nan')", "loss ≈ 0.1\n", False),
    "a notice on stderr": ("import sys; print('hm', file=sys.stderr); print('ok')", "ok\n", True),
    "an error": ("1 / 0", "", False),
    "a line too many": ("print('a'); print('b')", "a\n", False),
    "a progress bar": (TRAINING, "epoch  1   train loss ≈ 9.9999   ≈ 9.9 s\n", True),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """One run of pytest over a notebook with all these cells: the verdict on each."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "tests").mkdir()
    shutil.copy(COURSE / "conftest.py", folder)
    shutil.copy(COURSE / "tests" / "sanitise.cfg", folder / "tests")
    cells = []
    for code, text, _ in CELLS.values():
        stored = [new_output("stream", name="stdout", text=text)] if text else []
        cells.append(new_code_cell(code, outputs=stored, execution_count=1))
    nbformat.write(new_notebook(cells=cells), folder / "lesson.ipynb")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-v", "lesson.ipynb"],
        cwd=folder, env=os.environ, capture_output=True, text=True,
    )  # fmt: skip
    return dict(re.findall(r"Cell (\d+) (PASSED|FAILED)", run.stdout))


@pytest.mark.parametrize("number, name", list(enumerate(CELLS)))
def test_cell(verdicts, number, name):
    assert verdicts[str(number)] == ("PASSED" if CELLS[name][2] else "FAILED")
