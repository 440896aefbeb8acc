"""A new lesson, made as CONTRIBUTING.md says, in a copy of the course: does the course take it in?

The lesson brings a model, an objective and exercises of its own. Nothing in the copy is changed
but what "A new lesson" names: a notebook, its results, its exercises and their answers, one row.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from mnist_helpers.course import COURSE, SOURCES, data_folder, lessons
from mnist_helpers.sources.mnist import MNIST_MD5
from tools.notebooks import tags

NUMBER = 1 + max(int(lesson.number) for lesson in lessons())
NAME = f"{NUMBER:02d}_counting_and_copying"
NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", "__pycache__"),
    *("data", "runs", "checkpoints", "screenshots", "*.egg-info", "*.checkpoint.pt"),
)

# What the sections of the lesson show; each checks one result, named beside its hint.
SECTIONS = {
    "A share": (
        """dark = (test.images == 0).float().mean().item()
_ = expect("share of black pixels", dark)""",
        {"share of black pixels": "Are these the test images, with pixels from 0 to 1?"},
    ),
    "A count that is always 0": (
        """_ = expect("pixels below black", (test.images < 0).sum().item())""",
        {"pixels below black": "A pixel cannot be darker than black. Were the images shifted?"},
    ),
    "A model": (
        """class Copier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(16, 784), nn.Sigmoid())

    def forward(self, images):
        return self.decoder(self.encoder(images)).view(-1, 1, 28, 28)""",
        {},
    ),
    "An objective": (
        """def distance(model, images, labels):
    return F.l1_loss(model(images), images)

torch.manual_seed(SEED)
model, few = Copier(), train.subset(slice(2000))
before = training.evaluate(model, test, distance)["distance"]
_ = expect("distance before training", before)""",
        {"distance before training": "An untrained network draws grey. Was this one trained?"},
    ),
    "Training": (
        """history = training.fit(model, few, distance, epochs=3, seed=SEED)
after = training.evaluate(model, test, distance)["distance"]
_ = expect("distance after training", after)
_ = expect("gain", before / after)""",
        {
            "distance after training": "Far above: nothing was learned. Is the loss a mean?",
            "gain": "About 1 means that nothing was learned. Was the model made anew?",
        },
    ),
}
SHARES = {"share of black pixels"}
ALT = "A row of eight grey images of handwritten digits, the first of the test set."

CHECKS = '''"""Checks of the exercises: how often is a digit among the first 1,000 images?"""

from mnist_helpers.exercises import compare, exercise, number


def counting(digit):
    def examine(answer, train, test):
        right = int((train.labels[:1000] == digit).sum())
        mistakes = [
            (right / 1000, "That is the share. How many images are it?"),
            (right / 10, "That is a percentage. How many images are it?"),
            (1000 - right, "Those are all the others. Which comparison did you use?"),
        ]
        compare(number(answer), right, mistakes)
        return "Every digit is there about a hundred times."

    return examine


for digit in range(1, 6):
    exercise(f"NUMBER.{digit}")(counting(digit))
'''

ANSWERS = '''"""Right and wrong answers to the exercises."""


def bank(train, test):
    return {f"NUMBER.{digit}": answers(train, digit) for digit in range(1, 6)}


def answers(train, digit):
    right = int((train.labels[:1000] == digit).sum())
    wrong = [(right / 1000, "the share"), (right / 10, "percentage"), (1000 - right, "others")]
    return [right, float(right)], wrong
'''


def notebook():
    """The cells of the lesson; those that every lesson has are copied from the first."""
    first = nbformat.read(lessons()[0].path, as_version=4)
    set_up, loading, *_ = [cell.source for cell in first.cells if cell.cell_type == "code"]
    folded = next(cell.metadata for cell in first.cells if "solution" in tags(cell))
    cells = [
        new_markdown_cell(f"# {NUMBER} · Counting and copying\n\nA lesson that a test has made."),
        new_markdown_cell("(the cover)", metadata={"tags": ["cover-picture"]}),
        new_markdown_cell(
            "**You will learn to** count.\n\n**You need** nothing.\n\n**Time:** 1 s."
        ),
        new_code_cell(set_up),
        new_code_cell(loading.replace('"01"', f'"{NUMBER:02d}"')),
    ]
    for count, (title, (code, _)) in enumerate(SECTIONS.items(), start=1):
        kind = "compute" if count < len(SECTIONS) else "find the bug"
        question = f"**Exercise {NUMBER}.{count} ({kind}).** How often is a {count} there?"
        check = f'check("{NUMBER}.{count}", answer)'
        solved = f"answer = (train.labels[:1000] == {count}).sum()"
        cells += [
            new_markdown_cell(f"## {NUMBER}.{count} {title}\n\nPredict what comes."),
            new_code_cell(code),
            new_markdown_cell(question, metadata={"tags": ["exercise-text"]}),
            new_code_cell(f"answer = ...\n{check}", metadata={"tags": ["exercise"]}),
            new_code_cell(f"#@title Solution {NUMBER}.{count}\n{solved}\n{check}", metadata=folded),
        ]
    figure = 'plots.show_images(test.images[:8], "Eight of them")'
    cells += [
        new_code_cell(figure, metadata={"tags": ["cover"], "alt": ALT}),
        new_markdown_cell(
            "## Recap\n\nYou counted.\n\nWhat to try next: more.\n\nReferences: none."
        ),
        new_markdown_cell("**For the teacher.**", metadata={"tags": ["teacher"]}),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata=first.metadata)


def add_lesson(course):
    """Steps 1 to 5 of "A new lesson"."""
    nbformat.write(notebook(), course / "notebooks" / f"{NAME}.ipynb")
    with (course / "mnist_helpers" / "expected.toml").open("a", encoding="utf-8") as file:
        for _, hints in SECTIONS.values():
            for name, hint in hints.items():
                share = "share = true\n" if name in SHARES else ""
                file.write(f'\n["{NUMBER:02d}"."{name}"]\nhint = {json.dumps(hint)}\n{share}')
    for folder, text in (("mnist_helpers/exercises", CHECKS), ("tests/answers", ANSWERS)):
        path = course / folder / f"lesson{NUMBER:02d}.py"
        path.write_text(text.replace("NUMBER", str(NUMBER)), encoding="utf-8")
    add_row(course / "README.md")


def add_row(readme):
    text = readme.read_text(encoding="utf-8")
    last = re.findall(r"^\| \d+ \| \[.+\n", text, flags=re.MULTILINE)[-1]
    row = f"| {NUMBER} | [Counting and copying](notebooks/{NAME}.ipynb) | a count | 1 s |\n"
    readme.write_text(text.replace(last, last + row), encoding="utf-8")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    raw = data_folder() / "MNIST" / "raw"
    if not all((raw / name).exists() or (raw / f"{name}.gz").exists() for name in MNIST_MD5):
        pytest.skip("MNIST is not on this computer, and the outputs of a lesson are made on it")
    folder = tmp_path_factory.mktemp("course") / "course"
    shutil.copytree(COURSE, folder, ignore=NOT_COPIED)
    add_lesson(folder)
    return folder


def run(course, *command, source=None):
    """Run Python in the copy; what it printed, and whether all was well."""
    environment = os.environ | {
        "PYTHONPATH": str(course),
        "MNIST_HELPERS_DATA": str(data_folder()),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("MNIST_HELPERS_SOURCE", None)
    if source:
        environment["MNIST_HELPERS_SOURCE"] = source
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.returncode == 0, done.stdout + done.stderr


def must(result):
    well, text = result
    assert well, text
    return text


RULES = [
    f"tests/test_{name}.py" for name in ("notebooks", "exercises", "expected", "project", "claims")
]


def test_new_lesson_becomes_a_green_one(course):
    """Steps 6 and 7."""
    number, lesson = f"{NUMBER:02d}", f"notebooks/{NAME}.ipynb"
    must(run(course, "tools.calibrate", number, "--seeds", "0", "1"))
    must(run(course, "tools.regenerate", number))
    rules = ("pytest", *RULES, "-k", f"{number} or every_result or generated_bands or readme")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checks = [pool.submit(run, course, *rules)]
        for source in SOURCES:
            checks.append(pool.submit(run, course, "pytest", "--nbval", lesson, source=source))
    for check in checks:
        assert "passed" in must(check.result())
    assert_only_its_own_bands_changed(course)


def assert_only_its_own_bands_changed(course):
    before, after = (
        json.loads((folder / "mnist_helpers" / "measured.json").read_text(encoding="utf-8"))
        for folder in (COURSE, course)
    )
    assert set(after.pop(f"{NUMBER:02d}")) == {n for _, hints in SECTIONS.values() for n in hints}
    assert after == before
