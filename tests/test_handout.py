"""Copies of lessons for students, teachers and Colab; and what is read from returned ones."""

import ast
import io
import os
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mnist_helpers.course import COURSE, JUDGES, WEIGHTS, lessons
from mnist_helpers.handout import main
from mnist_helpers.teaching import collect as collecting
from mnist_helpers.teaching import editions
from mnist_helpers.teaching.editions import edition

LESSONS = {lesson.path.stem: lesson.path for lesson in lessons()}
FIRST = lessons()[0]
STUDENT = {"solution", "teacher"}  # what a student's copy lacks

EXERCISE = """\
from mnist_helpers.exercises import Mistake, checks, exercise

@exercise("98.1")
def six_times_seven(answer, train, test):
    if answer != 42:
        raise Mistake("6 times 7 is more than that")
    return "the answer"

check = checks(None, None)"""

# What a kernel runs at its start, so that no installed mnist_helpers is found.
HIDE = """\
import os, sys
sys.meta_path[:] = [f for f in sys.meta_path if "__editable__" not in getattr(f, "__module__", "")]
sys.path[:] = [p for p in sys.path if not os.path.isdir(os.path.join(p, "mnist_helpers"))]
"""
IS_HIDDEN = """\
import importlib.util
assert importlib.util.find_spec("mnist_helpers") is None"""


def cell(source, *tags, **more):
    make = new_markdown_cell if source.startswith("#") else new_code_cell
    return make(source, metadata={"tags": list(tags)} if tags else {}, **more)


@pytest.fixture
def notebooks(tmp_path):
    """A folder with two small lessons. The first has an exercise, its solution and notes."""
    printed = {"outputs": [new_output("stream", text="42\n")], "execution_count": 3}
    lesson = [
        cell("# 9 · A lesson"),
        cell(EXERCISE),
        cell("# Note: ask them first", "teacher"),
        cell("answer = ...  # your turn", "exercise"),
        cell("answer = 6 * 7\nprint(answer)", "solution", **printed),
        cell("print('wait for them')", "teacher"),
        cell('check("98.1", answer)'),
        cell("1 + 1", outputs=[new_output("execute_result", {"text/plain": "2"})]),
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    folder = tmp_path / "course" / "notebooks"
    folder.mkdir(parents=True)
    for name, cells in (("08_short", [cell("1 + 1")]), ("98_small", lesson)):
        notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def execute(path, hidden=False):
    """Run a notebook where it lies: with the course installed, or where no one has it."""
    notebook = nbformat.read(path, as_version=4)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MNIST_HELPERS")}
    environment |= {"MNIST_HELPERS_SOURCE": "standin", "TQDM_DISABLE": "1"}
    environment["PYTHONPATH"] = str(COURSE)
    if hidden:
        start = path.parent / "start"
        start.mkdir()
        (start / "sitecustomize.py").write_text(HIDE, encoding="utf-8")
        environment |= {"PYTHONPATH": str(start), "TMPDIR": str(start)}
        notebook.cells.insert(0, new_code_cell(IS_HIDDEN))
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where)
    client.execute(env=environment)
    nbformat.write(notebook, path)
    return notebook


def make_links(links):
    """Make symbolic links to files and folders; skip the test where the system permits none."""
    for link, target in links.items():
        try:
            link.symlink_to(target, target_is_directory=target.is_dir())
        except OSError:
            if os.name != "nt":
                raise
            pytest.skip("Windows makes links for administrators only")


def read(text):
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code(notebook):
    return [c for c in notebook.cells if c.cell_type == "code"]


def tags(notebook):
    return {tag for c in notebook.cells for tag in c.metadata.get("tags", [])}


def shown(notebook, source):
    """What the one cell that begins like this prints."""
    (found,) = [c for c in code(notebook) if c.source.startswith(source)]
    return "".join(output.get("text", "") for output in found.outputs)


# ---- students' copies ----------------------------------------------------------------------


def test_a_student_gets_starters_and_neither_solutions_nor_notes_nor_outputs(notebooks, tmp_path):
    main([str(tmp_path / "out")], notebooks)
    copy = read((tmp_path / "out" / "98_small.ipynb").read_text(encoding="utf-8"))
    source = nbformat.read(notebooks / "98_small.ipynb", as_version=4)
    kept = [source.cells[number] for number in (0, 1, 3, 6, 7)]
    assert [(c.id, c.source) for c in copy.cells] == [(c.id, c.source) for c in kept]
    assert tags(copy) == {"exercise"}
    assert not any(c.outputs or c.execution_count for c in code(copy))
    assert (tmp_path / "out" / "08_short.ipynb").exists()


def test_a_student_runs_it_answers_returns_it_and_the_teacher_reads_the_verdict(
    notebooks, tmp_path, capsys
):
    out = tmp_path / "out"
    main([str(out), "98"], notebooks)
    lesson = out / "98_small.ipynb"
    execute(lesson)  # raises if a cell does
    assert collecting.collect(out) == [("98_small", "98.1", "not answered", 0)]
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells[2].source = "answer = 41"
    notebook.cells[3].source = 'check("98.1", answer)\ncheck("98.1", 42)'
    nbformat.write(notebook, lesson)
    execute(lesson)
    capsys.readouterr()
    main(["--collect", str(out)])
    assert capsys.readouterr().out.splitlines()[1:] == ['"98_small","98.1","right",2']


@pytest.mark.parametrize("name", LESSONS)
def test_student_copy_of_a_lesson(name):
    source = nbformat.read(LESSONS[name], as_version=4)
    copy = read(edition(LESSONS[name], STUDENT))
    assert not tags(copy) & {"solution", "teacher"}
    assert not any(c.outputs or c.execution_count for c in code(copy))
    removed = [c for c in source.cells if {"solution", "teacher"} & {*c.metadata.get("tags", [])}]
    assert [c.id for c in copy.cells] == [c.id for c in source.cells if c not in removed]


def names(cells, kind):
    """The names that these code cells assign, import or define (Store), or use (Load)."""
    transform = TransformerManager().transform_cell
    found = set()
    for node in (n for c in cells for n in ast.walk(ast.parse(transform(c.source)))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, kind):
            found.add(node.id)
        elif kind is ast.Store and isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif kind is ast.Store and isinstance(node, ast.alias):
            found.add(node.asname or node.name.split(".")[0])
    return found


@pytest.mark.parametrize("name", LESSONS)
def test_no_cell_of_a_student_copy_needs_what_only_a_solution_defines(name):
    kept = code(read(edition(LESSONS[name], STUDENT)))
    ids = {c.id for c in kept}
    removed = [c for c in code(read(edition(LESSONS[name], outputs=True))) if c.id not in ids]
    only_there = names(removed, ast.Store) - names(kept, ast.Store)
    assert not only_there & names(kept, ast.Load)


# ---- the teacher's edition -----------------------------------------------------------------


@pytest.mark.parametrize("name", LESSONS)
def test_the_teacher_gets_everything(name):
    assert read(edition(LESSONS[name], outputs=True)) == nbformat.read(LESSONS[name], 4)


def test_the_teacher_gets_the_notes(notebooks, tmp_path):
    main([str(tmp_path), "--solutions", "98"], notebooks)
    copy = read((tmp_path / "98_small.ipynb").read_text(encoding="utf-8"))
    assert tags(copy) == {"exercise", "solution", "teacher"}
    assert shown(copy, "answer = 6") == "42\n"
    assert not (tmp_path / "08_short.ipynb").exists()


# ---- lessons that stand alone --------------------------------------------------------------


def test_standalone_lesson_runs_to_its_end_where_no_one_has_the_package(tmp_path):
    main([str(tmp_path), "--standalone", FIRST.number])
    (lesson,) = tmp_path.glob("*.ipynb")
    notebook = nbformat.read(lesson, as_version=4)
    where = (
        "import mnist_helpers.course as c\n"
        "print(mnist_helpers.__file__, c.data_folder(), sep='\\n')"
    )
    checks = "from mnist_helpers import exercises\nprint(exercises.__file__)"
    notebook.cells += [new_code_cell(where), new_code_cell(checks)]
    nbformat.write(notebook, lesson)
    done = execute(lesson, hidden=True)
    package, data = map(Path, shown(done, "import mnist_helpers.course").splitlines())
    assert package.parent.parent.name.startswith("mnist_helpers-")
    assert COURSE not in package.parents
    assert data.resolve() == (tmp_path / "data").resolve()
    assert shown(done, checks).startswith(str(package.parent))


@pytest.mark.parametrize("name", LESSONS)
def test_standalone_lesson_is_the_students_and_one_folded_cell(name):
    copy = read(edition(LESSONS[name], STUDENT, standalone=True))
    student = read(edition(LESSONS[name], STUDENT))
    first = code(copy)[0]
    assert first.metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}
    assert first.source.startswith("#@title ")
    assert [c for c in copy.cells if c != first] == student.cells


@pytest.mark.parametrize("name", LESSONS)
def test_standalone_cell_unpacks_the_package_with_the_networks_of_the_lesson(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    copy = read(edition(LESSONS[name], STUDENT, standalone=True))
    exec(code(copy)[0].source, {})
    (folder,) = map(Path, sys.path)
    unpacked = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    lesson = "".join(cell.source for cell in code(copy)[1:])
    unused = {p for p in WEIGHTS.iterdir() if f'"{p.stem}"' not in lesson}
    unused |= set() if "judge_for(" in lesson else set(JUDGES.iterdir())
    unused |= set(COURSE.glob("mnist_helpers/teaching/reveal/*"))
    there = {p for p in COURSE.glob("mnist_helpers/**/*.*") if "__pycache__" not in p.parts}
    assert unpacked == {p.relative_to(COURSE): p.read_bytes() for p in there - unused}
    for name in ("__init__.py", "expected.toml", "measured.json"):
        assert Path("mnist_helpers", name) in unpacked
    needed = "pretrained(" in lesson
    assert needed == (Path("mnist_helpers/weights/conv-2d.pt") in unpacked)


def test_the_same_package_gives_the_same_lesson():
    with zipfile.ZipFile(io.BytesIO(editions._zipped_package(""))) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_standalone_with_solutions_is_the_teachers(notebooks):
    copy = read(edition(notebooks / "98_small.ipynb", outputs=True, standalone=True))
    assert tags(copy) == {"exercise", "solution", "teacher"}
    assert shown(copy, "#@title") == "" and shown(copy, "answer = 6") == "42\n"


# ---- what is refused -----------------------------------------------------------------------


def refused(*arguments, notebooks):
    """The message that the command line stops with."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments], notebooks)
    return str(caught.value)


def test_a_file_that_is_there_is_not_overwritten_without_force(notebooks, tmp_path):
    there = tmp_path / "out" / "98_small.ipynb"
    there.parent.mkdir()
    there.write_text("my work", encoding="utf-8")
    assert str(there) in refused(there.parent, notebooks=notebooks)
    assert [p.name for p in there.parent.iterdir()] == [there.name]
    assert there.read_text(encoding="utf-8") == "my work"
    main([str(there.parent), "--force"], notebooks)
    assert len(read(there.read_text(encoding="utf-8")).cells) == 5


def test_the_lessons_themselves_are_never_overwritten(notebooks, tmp_path):
    before = {path: path.read_bytes() for path in notebooks.iterdir()}
    link = tmp_path / "link"
    (tmp_path / "out").mkdir()
    make_links({link: notebooks, tmp_path / "out" / "08_short.ipynb": notebooks / "08_short.ipynb"})
    for out in (notebooks, notebooks / "out", link, tmp_path / "out"):
        message = refused(out, "--force", notebooks=notebooks)
        assert "where the lessons themselves are" in message
    assert {path: path.read_bytes() for path in notebooks.iterdir()} == before


def test_wrong_arguments_are_explained(notebooks, tmp_path, capsys):
    (file := tmp_path / "file").write_text("", encoding="utf-8")
    assert "is a file; give a folder" in refused(file, notebooks=notebooks)
    message = refused(file / "out", notebooks=notebooks)
    assert "Not a directory" in message or os.name == "nt"
    message = refused(tmp_path / "out", "8", "07", "11", notebooks=notebooks)
    assert "no lesson 07, 11; there are: 08, 98" in message
    assert "no lessons in" in refused(tmp_path / "out", notebooks=tmp_path / "nowhere")
    assert "no folder" in refused("--collect", tmp_path / "nowhere", notebooks=notebooks)
    assert not (tmp_path / "out").exists()
    for arguments in ([], ["out", "--collect", "in"], ["out", "--csv", "f"]):
        assert refused(*arguments, notebooks=notebooks) == "2"
        assert "error: " in capsys.readouterr().err
