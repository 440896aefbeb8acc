"""A learner's own copies: what is in them, and that nothing of theirs is ever lost."""

import os
import subprocess
import sys

import nbformat
import pytest

from mnist_helpers.course import COURSE, lessons
from mnist_helpers.learn import bring
from tools.notebooks import tags

SOURCES = [lesson.path for lesson in lessons()]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def change(path, text):
    """Another text in the first cell of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += text
    nbformat.write(notebook, path)


@pytest.fixture
def course(tmp_path):
    """A folder with a copy of the first two lessons; their paths."""
    folder = tmp_path / "course"
    folder.mkdir()
    for source in SOURCES[:2]:
        (folder / source.name).write_bytes(source.read_bytes())
    return sorted(folder.iterdir())


def test_copies_have_no_outputs_no_notes_and_folded_solutions(tmp_path):
    bring(SOURCES, tmp_path / "mine")
    assert set(contents(tmp_path / "mine")) == {source.name for source in SOURCES}
    for source in SOURCES:
        stored = nbformat.read(source, as_version=4)
        copy = nbformat.read(tmp_path / "mine" / source.name, as_version=4)
        nbformat.validate(copy)
        assert not [c for c in copy.cells if c.get("outputs") or c.get("execution_count")]
        kept = [cell.id for cell in stored.cells if "teacher" not in tags(cell)]
        assert [cell.id for cell in copy.cells] == kept
        solutions = [cell for cell in copy.cells if "solution" in tags(cell)]
        assert len(solutions) >= 4
        assert all(cell.metadata["jupyter"]["source_hidden"] for cell in solutions)


def test_a_second_time_nothing_changes(course, tmp_path, capsys):
    bring(course, tmp_path / "mine")
    change(tmp_path / "mine" / course[0].name, "My note.")
    before = contents(tmp_path / "mine")
    capsys.readouterr()
    bring(course, tmp_path / "mine")
    assert contents(tmp_path / "mine") == before
    assert capsys.readouterr().out == f"Your lessons are in {tmp_path / 'mine'}\n"


def test_a_newer_lesson_comes_beside_the_learners_once_and_says_so(course, tmp_path, capsys):
    mine = tmp_path / "mine"
    bring(course, mine)
    change(mine / course[0].name, "My note.")
    before = contents(mine)
    for number in (1, 2):
        change(course[0], "A better sentence.")
        capsys.readouterr()
        bring(course, mine)
        new = f"{course[0].stem}.new-{number}.ipynb"
        said = f"{course[0].name} has changed in the course. Yours stays; the new one is {new}\n"
        assert capsys.readouterr().out.startswith(said)
        bring(course, mine)
        after = contents(mine)
        assert set(after) - set(before) == {new} and after.items() >= before.items()
        title = nbformat.read(mine / new, as_version=4).cells[0].source
        assert title.count("A better sentence.") == number
        before = after


def test_only_what_a_learner_sees_makes_a_lesson_newer(course, tmp_path):
    bring(course, tmp_path / "mine")
    before = contents(tmp_path / "mine")
    notebook = nbformat.read(course[0], as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], 99
    notebook.cells[-1].source += "One more hint for the teacher."
    nbformat.write(notebook, course[0])
    bring(course, tmp_path / "mine")
    assert contents(tmp_path / "mine") == before


@pytest.mark.parametrize("text", ["", "no notebook", "[]", "{}", '{"metadata": 3}', "\ufeff\x00"])
def test_what_cannot_be_read_stays_too(course, tmp_path, text):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / course[0].name).write_text(text, encoding="utf-8")
    bring(course, mine)
    assert (mine / course[0].name).read_text(encoding="utf-8") == text
    assert (mine / f"{course[0].stem}.new-1.ipynb").exists()


def test_the_lessons_themselves_are_refused(course):
    before = contents(course[0].parent)
    for folder in (course[0].parent, course[0].parent / "mine"):
        with pytest.raises(ValueError, match="leads to where the lessons themselves are"):
            bring(course, folder)
    assert contents(course[0].parent) == before


def learn(*arguments):
    """The command line, up to JupyterLab's own answer to the option that it is given."""
    command = [sys.executable, "-m", "mnist_helpers.learn", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(COURSE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_file_as_folder_is_named(tmp_path):
    (tmp_path / "a file").write_text("mine", encoding="utf-8")
    run = learn(tmp_path / "a file")
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert run.stderr == f"learn: {tmp_path / 'a file'} is a file; give a folder\n"


def test_jupyterlab_gets_the_folder_and_the_other_options(tmp_path):
    run = learn(tmp_path / "mine", "--show-config")
    assert run.returncode == 0, run.stderr
    assert len(contents(tmp_path / "mine")) == len(SOURCES)
    run = learn(tmp_path / "mine", "--no-such-option=1")
    assert "no-such-option" in run.stderr and run.returncode != 0


def test_the_folder_of_the_readme_is_not_committed():
    path = COURSE / "my_lessons" / "01.ipynb"
    ignored = subprocess.run(["git", "check-ignore", "-q", str(path)], cwd=COURSE)
    assert ignored.returncode == 0
