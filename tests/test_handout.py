"""Copies of lessons for students and teachers."""

import ast
import os
import re
import subprocess
import sys

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mnist_helpers import exercises, files
from mnist_helpers.course import COURSE, PACKAGE, lessons
from mnist_helpers.handout import main
from mnist_helpers.teaching.collect import collect
from mnist_helpers.teaching.editions import STUDENT, edition

LESSONS = {lesson.path.stem: lesson.path for lesson in lessons()}

EXERCISE = """\
from mnist_helpers.exercises import Mistake, checks, exercise

@exercise("98.1")
def six_times_seven(answer, train, test):
    if answer != 42:
        raise Mistake("6 times 7 is more than that")
    return "the answer"

check = checks(None, None)"""


MIXED = ["out", "--repository", "--solutions"]


def cell(source, *tags, **more):
    make = new_markdown_cell if source.startswith("#") else new_code_cell
    return make(source, metadata={"tags": list(tags)} if tags else {}, **more)


@pytest.fixture
def notebooks(tmp_path):
    """A folder with two small lessons. The first has an exercise, its solution and notes."""
    printed = {"outputs": [new_output("stream", text="42\n")], "execution_count": 3}
    lesson = [
        cell("# 98 · A lesson"),
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


def execute(path):
    """Run a notebook where it lies, on the stand-in."""
    notebook = nbformat.read(path, as_version=4)
    settings = {"PYTHONPATH": str(COURSE), "MNIST_HELPERS_SOURCE": "standin", "TQDM_DISABLE": "1"}
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where)
    client.execute(env=os.environ | settings)
    nbformat.write(notebook, path)


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
    notebooks, tmp_path, monkeypatch
):
    """The kernel has registered the exercise of the small lesson; so does this process."""
    monkeypatch.setitem(exercises._exercises, "98.1", None)
    out = tmp_path / "out"
    main([str(out), "98"], notebooks)
    lesson = out / "98_small.ipynb"
    execute(lesson)  # raises if a cell does
    (row,) = collect(out)
    assert (row.exercise, row.state, row.tried) == ("98.1", "not answered", 0)
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells[2].source = "answer = 41"
    notebook.cells[3].source = 'check("98.1", answer)\ncheck("98.1", 42)'
    nbformat.write(notebook, lesson)
    execute(lesson)
    (row,) = collect(out)
    assert (row.exercise, row.state, row.tried) == ("98.1", "right", 2)


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


def on_what_is_missing(text):
    """Words on cells that a student does not get."""
    return re.findall(r"\b(?:solutions?|teachers?)\b.{0,40}", text, re.IGNORECASE)


@pytest.mark.parametrize(
    "old",
    [
        "The solution is folded up in the cell below it.",
        "Commit to both numbers before you open the solution, which lets torch count.",
        "The SOLUTIONS follow.",
        "See the teacher's note.",
    ],
)
def test_words_on_what_is_missing_are_seen(old):
    assert on_what_is_missing(f"Look at it. {old} And so on.")


def test_cells_of_11_student_copies_mention_no_solutions_and_no_notes():
    copies = [read(edition(path, STUDENT)) for path in LESSONS.values()]
    assert len(copies) >= 11
    assert [
        line for copy in copies for c in copy.cells for line in on_what_is_missing(c.source)
    ] == []


def test_cells_of_11_copies_of_learners_mention_no_notes():
    copies = [read(edition(path, {"teacher"})) for path in LESSONS.values()]
    assert not [c.source for copy in copies for c in copy.cells if re.search("teacher", c.source)]


def test_checks_of_11_lessons_say_nothing_on_solutions():
    paths = sorted(PACKAGE.glob("exercises/*.py"))
    nodes = (n for path in paths for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert len(texts) > 1000 and [text for text in texts if re.search(r"\bsolution", text)] == []


def test_6_lessons_have_widgets_and_no_copy_without_outputs_keeps_their_state():
    sources = [nbformat.read(path, as_version=4) for path in LESSONS.values()]
    assert sum("widgets" in source.metadata for source in sources) >= 6
    for path in LESSONS.values():
        copies = [read(edition(path, without)) for without in (STUDENT, {"teacher"})]
        assert not [copy for copy in copies if "widgets" in copy.metadata]


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


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("stop", [OSError("disk full"), KeyboardInterrupt()])
def test_all_or_none_whichever_of_4_steps_fails(tmp_path, monkeypatch, force, stop):
    """Two files, put in place one after the other; with --force each moves an old one aside."""
    out, steps = tmp_path / "new" / "out", 4 if force else 2
    if force:
        out.mkdir(parents=True)
        (out / "a").write_bytes(b"old a")
        (out / "b").write_bytes(b"old b")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    replace = os.replace
    for last in range(1, steps + 1):
        calls = []

        def failing(*paths, calls=calls, last=last):
            calls.append(paths)
            if len(calls) == last:
                raise stop
            replace(*paths)

        monkeypatch.setattr(files.os, "replace", failing)
        with pytest.raises(type(stop)):
            files.write_together({out / "a": b"new a", out / "b": b"new b"})
        after = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
        assert after == before
    monkeypatch.setattr(files.os, "replace", replace)
    files.write_together({out / "a": b"new a", out / "b": b"new b"})
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "a": b"new a",
        "b": b"new b",
    }


def all_or_none(out, notebooks):
    """The message, where copies into this folder fail, new ones as well as with --force."""
    (out / "98_small.ipynb").write_text("my work", encoding="utf-8")
    messages = [refused(out, *more, notebooks=notebooks) for more in (["08"], ["--force"])]
    assert [path.name for path in out.iterdir()] == ["98_small.ipynb"]
    assert (out / "98_small.ipynb").read_text(encoding="utf-8") == "my work"
    return messages


def test_2_lessons_on_a_full_disk_leave_nothing(disk, notebooks):
    out = disk("size=16k")
    lesson = nbformat.read(notebooks / "08_short.ipynb", as_version=4)
    lesson.cells[0].source = "1" * 20_000
    nbformat.write(lesson, notebooks / "08_short.ipynb")
    assert all("No space left" in message for message in all_or_none(out, notebooks))


def test_2_lessons_on_a_disk_that_is_read_only_leave_nothing(disk, notebooks):
    out = disk("size=1m")
    (out / "98_small.ipynb").write_text("my work", encoding="utf-8")
    disk("ro,size=1m")
    message = refused(out, "--force", notebooks=notebooks)
    assert "Read-only file system" in message
    assert [path.name for path in out.iterdir()] == ["98_small.ipynb"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no limit on the size of a file")
def test_2_lessons_of_which_the_2nd_is_too_large_leave_nothing(notebooks, tmp_path):
    sizes = [len(edition(path, STUDENT)) for path in sorted(notebooks.iterdir())]
    assert sizes[0] < sizes[1]
    program = (
        "import resource, signal, sys, pathlib\n"
        "from mnist_helpers.handout import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))\n"
        "main([sys.argv[2]], pathlib.Path(sys.argv[3]))"
    )
    command = [sys.executable, "-B", "-c", program, str(sizes[1] - 1)]
    command += [str(tmp_path / "out"), str(notebooks)]
    environment = os.environ | {"PYTHONPATH": str(COURSE)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and done.stderr.startswith("handout: "), done.stderr
    assert "File too large" in done.stderr and not (tmp_path / "out").exists()


def test_2_lessons_of_which_the_2nd_meets_a_folder_leave_nothing(notebooks, tmp_path):
    (tmp_path / "out" / "98_small.ipynb").mkdir(parents=True)
    message = refused(tmp_path / "out", "--force", notebooks=notebooks)
    assert "98_small.ipynb is a folder" in message
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["98_small.ipynb"]


def test_2_hard_links_to_lessons_are_replaced_and_never_followed(notebooks, tmp_path):
    (out := tmp_path / "out").mkdir()
    before = {path: path.read_bytes() for path in notebooks.iterdir()}
    for path in before:
        os.link(path, out / path.name)
    main([str(out), "--force"], notebooks)
    assert {path: path.read_bytes() for path in notebooks.iterdir()} == before
    assert len(read((out / "98_small.ipynb").read_text(encoding="utf-8")).cells) == 5
    assert len(list(out.iterdir())) == 2


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
    same = ["--collect", "in", "--csv", "x", "--summary", "x"]
    for arguments in ([], ["out", "--collect", "in"], ["out", "--csv", "f"], MIXED, ["01"], same):
        assert refused(*arguments, notebooks=notebooks) == "2"
        assert "error: " in capsys.readouterr().err
