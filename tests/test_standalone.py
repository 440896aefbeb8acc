"""Lessons that stand alone: what they bring along, and that it is enough, and gone in the end."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from mnist_helpers.course import COURSE, JUDGES, PACKAGE, WEIGHTS, lessons
from mnist_helpers.handout import main
from mnist_helpers.teaching import standalone
from mnist_helpers.teaching.editions import STUDENT, edition
from tests.test_handout import code, read

LESSONS = {lesson.path.stem: lesson for lesson in lessons()}

# What a Python runs at its start, so that no installed mnist_helpers is found.
HIDE = """\
import os, sys
sys.meta_path[:] = [f for f in sys.meta_path if "__editable__" not in getattr(f, "__module__", "")]
sys.path[:] = [p for p in sys.path if not os.path.isdir(os.path.join(p, "mnist_helpers"))]
"""
IS_HIDDEN = """\
import importlib.util
assert importlib.util.find_spec("mnist_helpers") is None"""
WHERE = "import mnist_helpers\nprint(mnist_helpers.__file__)"
DATA = "from mnist_helpers import course\nprint(course.data_folder())"

# Imports every module of each folder, with nothing of the package but what is in there.
IMPORT_ALL = """\
import importlib, pathlib, sys

for folder in sys.argv[1:]:
    for name in [name for name in sys.modules if name.split(".")[0] == "mnist_helpers"]:
        del sys.modules[name]
    sys.path[0] = folder
    importlib.invalidate_caches()
    for path in sorted(pathlib.Path(folder).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        assert pathlib.Path(module.__file__) == path, module.__file__
    print(len(list(pathlib.Path(folder).rglob("*.py"))))
"""


@pytest.fixture
def nobody_has_it(tmp_path):
    """The environment of a Python where nobody has the package; temporary folders are in there."""
    (start := tmp_path / "start").mkdir()
    (start / "sitecustomize.py").write_text(HIDE, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MNIST_HELPERS")}
    folders = dict.fromkeys(("PYTHONPATH", "TMPDIR", "TEMP", "TMP"), str(start))
    return kept | folders | {"MNIST_HELPERS_SOURCE": "standin", "TQDM_DISABLE": "1"}


@pytest.fixture
def unpack(tmp_path, monkeypatch):
    """Run the cell that brings the package: `unpack(lesson)` is the folder that it made."""

    def run(lesson):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.setattr(sys, "path", [])
        copy = read(edition(lesson.path, STUDENT, standalone=True))
        exec(code(copy)[0].source, {})
        (folder,) = map(Path, sys.path)
        monkeypatch.undo()
        return folder

    return run


def test_standalone_lesson_runs_to_its_end_where_no_one_has_the_package_and_leaves_0_folders(
    tmp_path, nobody_has_it
):
    main([str(tmp_path), "--standalone", "01"])
    (path,) = tmp_path.glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, new_code_cell(IS_HIDDEN))
    notebook.cells += [new_code_cell(WHERE), new_code_cell(DATA)]
    where = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where)
    client.execute(env=nobody_has_it)
    package, data = (Path(cell.outputs[0].text.strip()) for cell in notebook.cells[-2:])
    unpacked = package.parent.parent
    assert unpacked.name.startswith("mnist_helpers-") and COURSE not in package.parents
    assert data.resolve() == (tmp_path / "data").resolve()
    assert unpacked.parent.samefile(tmp_path / "start")
    assert [path.name for path in unpacked.parent.iterdir()] == ["sitecustomize.py"]


@pytest.mark.parametrize("name", LESSONS)
def test_standalone_lesson_is_the_students_and_1_folded_cell(name):
    copy = read(edition(LESSONS[name].path, STUDENT, standalone=True))
    student = read(edition(LESSONS[name].path, STUDENT))
    first = code(copy)[0]
    assert first.metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}
    assert first.source.startswith("#@title ")
    assert [c for c in copy.cells if c != first] == student.cells


def test_standalone_with_solutions_is_the_teachers():
    lesson = LESSONS[min(LESSONS)]
    copy = read(edition(lesson.path, outputs=True, standalone=True))
    first = code(copy)[0]
    assert [c for c in copy.cells if c != first] == nbformat.read(lesson.path, 4).cells


@pytest.mark.parametrize("name", LESSONS)
def test_standalone_lesson_brings_its_own_exercises_and_networks_and_no_others(unpack, name):
    lesson, folder = LESSONS[name], unpack(LESSONS[name])
    unpacked = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert unpacked == {path: (COURSE / path).read_bytes() for path in unpacked}
    names = {path.relative_to("mnist_helpers").as_posix() for path in unpacked}
    assert {"__init__.py", "data.py", "expected.toml", "measured.json"} <= names
    assert {f"sources/{source}.py" for source in ("mnist", "standin")} <= names
    other = {found.number for found in lessons()} - {lesson.number}
    assert f"exercises/lesson{lesson.number}.py" in names
    assert not [
        path for path in names if path.startswith("exercises/lesson") and path[16:18] in other
    ]
    assert not [
        path for path in names if path.startswith(("teaching/", "handout", "publish", "learn"))
    ]
    text = "".join(c.source for c in code(read(edition(lesson.path, STUDENT))))
    networks = {path.name for path in WEIGHTS.iterdir() if f'"{path.stem}"' in text}
    assert {path[8:] for path in names if path.startswith("weights/")} == networks
    judges = {path.name for path in JUDGES.iterdir() if "judge_for(" in text}
    assert {path[7:] for path in names if path.startswith("judges/")} == judges
    assert ("drawing.js" in names) == ("DrawPad(" in text) == ("drawings/two.json" in names)


def test_all_that_11_standalone_lessons_import_is_there(unpack, nobody_has_it):
    folders = [str(unpack(lesson)) for lesson in LESSONS.values()]
    command = [sys.executable, "-c", IMPORT_ALL, *folders]
    done = subprocess.run(command, env=nobody_has_it, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counts = [int(line) for line in done.stdout.split()]
    assert len(counts) == len(LESSONS) >= 11 and min(counts) > 20


def test_each_data_file_of_the_package_is_read_by_a_module_that_brings_it():
    """Networks and judges apart: the code of a lesson names those. No lesson uses `teaching`."""
    files = {p for p in PACKAGE.rglob("*.*") if p.suffix not in (".py", ".pyc") and p.is_file()}
    files -= set((PACKAGE / "teaching").rglob("*"))
    brought = {
        p for patterns in standalone.DATA.values() for q in patterns for p in PACKAGE.glob(q)
    }
    assert files - brought == {*WEIGHTS.iterdir(), *JUDGES.iterdir()}
    for name, patterns in standalone.DATA.items():
        module = COURSE.joinpath(*name.split(".")).with_suffix(".py")
        assert module.is_file() and all([*PACKAGE.glob(pattern)] for pattern in patterns)


def test_the_same_package_gives_the_same_lesson():
    path = LESSONS[min(LESSONS)].path
    assert edition(path, STUDENT, standalone=True) == edition(path, STUDENT, standalone=True)
    paths = [PACKAGE / "files.py", PACKAGE / "course.py"]
    for path in paths:
        path.touch()
    assert standalone.zipped(paths) == standalone.zipped(paths[::-1])
