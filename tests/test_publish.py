"""The badges and the install line name one place, or none; and the install line installs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest

from mnist_helpers import handout, publish
from mnist_helpers.course import COURSE, lessons
from mnist_helpers.teaching.editions import STUDENT, edition

ADDRESSES = [
    r"colab\.research\.google\.com/github/([^/]+/[^/]+)/blob/([^/]+)/",
    r"mybinder\.org/v2/gh/([^/]+/[^/]+)/([^?/]+)\?",
    r"git\+https://github\.com/([^/@\s]+/[^/@\s]+)@([^\"\\\s]+)",
]


def git(folder, *words):
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def files(course):
    paths = [course / "README.md", *sorted(course.glob("notebooks/*.ipynb"))]
    return {path.name: path.read_bytes() for path in paths}


def places(content):
    """The places that a file names, for each kind of address."""
    return [re.findall(address, content.decode()) for address in ADDRESSES]


def agree(course, place, students=False):
    """README and every lesson name this place in all their addresses; or nothing, for None."""
    for name, content in files(course).items():
        badge, install = ([], []) if place is None else ([place], [place])
        lesson = name != "README.md"
        assert places(content) == [badge, badge, install if lesson else []], name
        assert content.decode().count("badge_logo") == (place is not None), name
        if lesson:
            notebook = nbformat.reads(content.decode(), as_version=4)
            first = next(cell for cell in notebook.cells if cell.cell_type == "code")
            assert first.source.startswith(publish.guard(place, students) + "import "), name
        if lesson and place:
            assert notebook.cells[1].id == "badges" and "# " not in notebook.cells[1].source
            assert f"/blob/{place[1]}/notebooks/{name})" in notebook.cells[1].source
            assert f"?labpath=notebooks%2F{name})" in notebook.cells[1].source


@pytest.fixture(scope="module")
def unpublished(tmp_path_factory):
    """README and lessons in a Git repository of their own, published nowhere."""
    folder = tmp_path_factory.mktemp("pixels")
    (folder / "notebooks").mkdir()
    for path in [Path("README.md"), *(x.path.relative_to(COURSE) for x in lessons())]:
        shutil.copy(COURSE / path, folder / path)
    git(folder, "init", "--quiet")
    git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
    git(folder, "remote", "add", "origin", "https://github.com/ada/pixels.git")
    publish.main(["--undo"], folder)
    return folder


@pytest.fixture
def course(unpublished, tmp_path):
    return shutil.copytree(unpublished, tmp_path / "course")


@pytest.fixture
def refused(course, capsys):
    """What the command says when it refuses these arguments, and changes nothing."""

    def run(*arguments):
        before = files(course)
        with pytest.raises(SystemExit) as exit:
            publish.main(list(arguments), course)
        assert exit.value.code == 2 and files(course) == before
        return capsys.readouterr().err

    return run


# ---- all places ------------------------------------------------------------------------------


def test_this_checkout_agrees_with_itself():
    named = [found for content in files(COURSE).values() for found in sum(places(content), [])]
    agree(COURSE, named[0] if named else None)


def test_publish_move_and_undo(course, capsys):
    before = files(course)
    agree(course, None)

    publish.main([], course)
    assert capsys.readouterr().out == f"ada/pixels@main: {len(before)} files changed.\n"
    agree(course, ("ada/pixels", "main"))
    once = files(course)
    publish.main([], course)
    assert "0 files changed" in capsys.readouterr().out and files(course) == once

    publish.main(["Grace-H/from.pixels_2", "--ref", "v1.0"], course)
    agree(course, ("Grace-H/from.pixels_2", "v1.0"))
    assert not any(b"ada/pixels" in content for content in files(course).values())

    publish.main(["--undo"], course)
    assert files(course) == before
    publish.main(["--undo"], course)
    assert "0 files changed" in capsys.readouterr().out and files(course) == before


def test_outputs_other_cells_and_windows_line_ends_stay(course):
    for path in [course / "README.md", next(course.glob("notebooks/*.ipynb"))]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = files(course)
    publish.main([], course)
    for name, content in files(course).items():
        assert (b"\r\n" in content) == (b"\r\n" in before[name])
        assert content.count(b"\r\n") in (0, content.count(b"\n"))
        if name != "README.md":
            old, new = (nbformat.reads(x.decode(), 4) for x in (before[name], content))
            setup = next(cell for cell in old.cells if cell.cell_type == "code")
            (kept,) = [cell for cell in new.cells if cell.id == setup.id]
            assert kept.source.partition("\n\n")[2] == setup.source.partition("\n\n")[2]
            setup.source = kept.source
            assert old.cells == [cell for cell in new.cells if cell.id != "badges"]
            assert old.metadata == new.metadata and old.nbformat_minor == new.nbformat_minor
    publish.main(["--undo"], course)
    assert files(course) == before


def test_lessons_without_a_guard_get_one(course):
    after = files(course)
    for path in course.glob("notebooks/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
        setup.source = setup.source.removeprefix(publish.guard())
        nbformat.write(notebook, path)
    assert files(course) != after
    publish.main(["--undo"], course)
    assert files(course) == after


def test_block_that_was_moved_stays_where_it_is(course):
    publish.main([], course)
    readme = course / "README.md"
    block = publish.BLOCK.search(readme.read_text(encoding="utf-8"))[0]
    moved = readme.read_text(encoding="utf-8").replace(block, "").rstrip() + block + "\n"
    readme.write_text(moved, encoding="utf-8")
    publish.main(["grace/pixels"], course)
    expected = moved.replace("ada/", "grace/")
    assert readme.read_text(encoding="utf-8") == expected


# ---- what it is given ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/ada/pixels",
        "https://github.com/ada/pixels.git",
        "https://ada:secret@github.com/ada/pixels/",
        "git@github.com:ada/pixels.git",
        "ssh://git@github.com/ada/pixels.git",
        "ssh://git@github.com:22/ada/pixels",
    ],
)
def test_remote_is_read(course, url):
    git(course, "remote", "set-url", "origin", url)
    git(course, "symbolic-ref", "HEAD", "refs/heads/spring")
    assert publish.find_place(course, None, None) == ("ada/pixels", "spring")


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:secret@gitlab.com/ada/pixels.git",
        "https://github.com.example.org/ada/pixels",
        "https://example.org/github.com/ada/pixels",
        "https://github.com/ada",
        "https://github.com/ada/pixels/tree/main",
        "/srv/git/ada/pixels",
        "ada/pixels",
    ],
)
def test_remote_elsewhere_is_refused(course, refused, url):
    git(course, "remote", "set-url", "origin", url)
    message = refused()
    assert "the remote `origin` is" in message and "give OWNER/REPO" in message
    assert "secret" not in message


def test_no_remote_no_branch_no_git(course, refused, monkeypatch):
    git(course, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-mx")
    git(course, "checkout", "--quiet", "--detach")
    assert "give --ref" in refused()
    git(course, "remote", "remove", "origin")
    assert "`origin` is missing; give OWNER/REPO" in refused("--ref", "main")
    (course / ".git").rename(course / "no longer a repository")
    git(course.parent, "init", "--quiet")  # the repository around a course is not its own
    git(course.parent, "remote", "add", "origin", "https://github.com/ada/wrong")
    assert "`origin` is missing" in refused("--ref", "main")
    monkeypatch.setenv("PATH", str(course))
    assert "`origin` is missing" in refused()
    publish.main(["ada/pixels", "--ref", "main"], course)
    agree(course, ("ada/pixels", "main"))


BAD = ["", "a b", "a'b", 'a"b', "a;b", "$(a)", "`a`", "a&b", "a\nb", "a\n", "a](b", "ä", ".."]


@pytest.mark.parametrize("part", [*BAD, "a..b", "a@b", "a#b", "a%b", "x/y", "."])
def test_bad_names_are_refused(refused, part):
    for name in (f"ada/{part}", f"{part}/pixels"):
        message = refused(name, "--ref", "main")
        assert repr(name) in message and "expected one like ada/pixels" in message


@pytest.mark.parametrize("ref", [*BAD, "a..b", "feature/x", "a@b", "a#b", "a?b", "a{b}", "a\\b"])
def test_bad_refs_are_refused(refused, ref):
    message = refused("ada/pixels", "--ref", ref)
    assert repr(ref) in message and "one like v1.0 or main" in message


def test_other_mistakes_are_refused(course, refused):
    assert "https://github.com/a/b" in refused("https://github.com/a/b")
    assert "ada/pixels.git" in refused("ada/pixels.git")
    assert "goes with no place" in refused("--undo", "ada/pixels")


def test_nothing_is_written_when_one_file_is_not_as_expected(course, refused):
    path = max(course.glob("notebooks/*.ipynb"))
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("except ModuleNotFoundError", "except ImportError"), "utf-8")
    assert f"{path.name} does not begin with the set-up cell" in refused()
    path.unlink()
    readme = course / "README.md"
    readme.write_text("no heading\n", encoding="utf-8")
    assert "README.md needs a heading" in refused()
    readme.write_text("# A\n\n<!-- badges -->\n", encoding="utf-8")
    assert "README.md needs a heading and no badge comments" in refused("--undo")
    readme.unlink()
    (course / "README.md").mkdir()
    with pytest.raises(ValueError, match="not the folder of the course"):
        publish.changes(course, None)


def test_command_explains_itself():
    command = [sys.executable, "-m", "mnist_helpers.publish"]
    shown = subprocess.run([*command, "--help"], cwd=COURSE, capture_output=True, text=True)
    assert shown.returncode == 0 and publish.__doc__ in shown.stdout
    before = files(COURSE)
    bad = subprocess.run([*command, "a b/c"], cwd=COURSE, capture_output=True, text=True)
    assert bad.returncode == 2 and "'a b/c'" in bad.stderr and files(COURSE) == before


# ---- students' copies, and their edition -----------------------------------------------------


def test_11_student_copies_name_no_place_that_has_solutions(course):
    publish.main([], course)
    paths = [lesson.path for lesson in lessons((), course / "notebooks")]
    assert len(paths) >= 11
    for path in paths:
        assert places(path.read_bytes()) == [[("ada/pixels", "main")]] * 3
        text = edition(path, STUDENT)
        assert places(text.encode()) == [[], [], []] and "ada/pixels" not in text
        cells = nbformat.reads(text, as_version=4).cells
        assert sum(c.source.startswith(publish.guard(students=True)) for c in cells) == 1
        assert places(edition(path, {"teacher"}).encode()) == [[("ada/pixels", "main")]] * 3
        assert places(edition(path, outputs=True).encode()) == [[("ada/pixels", "main")]] * 3


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    """The students' edition as a repository of its own, published nowhere."""
    folder = tmp_path_factory.mktemp("handed") / "students"
    handout.main([str(folder), "--repository"])
    git(folder, "init", "--quiet")
    git(folder, "symbolic-ref", "HEAD", "refs/heads/students")
    git(folder, "remote", "add", "origin", "https://github.com/ada/pixels.git")
    return folder


@pytest.fixture
def students(handed_out, tmp_path):
    return shutil.copytree(handed_out, tmp_path / "students")


def test_12_files_of_the_students_edition_lead_to_it_and_never_to_the_full_one(
    course, students, capsys
):
    publish.main([], course)
    before = files(students)
    agree(students, None, students=True)
    publish.main(["--students", str(students)], course)
    assert "ada/pixels@students: 12 files changed.\n" in capsys.readouterr().out
    agree(students, ("ada/pixels", "students"), students=True)
    publish.main(["--students", str(students), "grace/digits", "--ref", "v1"], course)
    agree(students, ("grace/digits", "v1"), students=True)
    agree(course, ("ada/pixels", "main"))
    publish.main(["--students", str(students), "--undo"], course)
    assert files(students) == before


def test_the_students_repository_holds_lessons_helpers_and_0_solutions(students):
    found = {p.relative_to(students) for p in students.rglob("*") if p.is_file()}
    found = {path for path in found if path.parts[0] != ".git"}
    listed = subprocess.run(["git", "ls-files"], cwd=COURSE, capture_output=True, text=True)
    package = {Path(x) for x in listed.stdout.split() if x.startswith("mnist_helpers/")}
    project = {"README.md", "pyproject.toml", "environment.yml", ".gitignore", ".gitattributes"}
    licences = {path.name for path in publish.licences(COURSE)}
    copies = {lesson.path.relative_to(COURSE) for lesson in lessons()}
    assert found >= package  # and what is not committed yet
    assert {p for p in found if p.parts[0] != "mnist_helpers"} == {
        *map(Path, project | licences),
        *copies,
    }
    for path in copies:
        cells = nbformat.read(students / path, as_version=4).cells
        assert not [c for c in cells if STUDENT & {*c.metadata.get("tags", [])}]


def test_the_full_edition_and_its_place_are_refused_for_students(course, students, refused):
    publish.main([], course)
    assert "has the full edition" in refused("--students", str(students), "--ref", "main")
    other = shutil.copytree(course, students.parent / "other")
    assert "has solutions" in refused("--students", str(other), "--ref", "students")
    assert "no lessons in" in refused(
        "--students", str(students / "notebooks"), "a/b", "--ref", "c"
    )
    assert not places((students / "README.md").read_bytes())[0]


def test_1_hard_link_to_the_full_edition_is_not_followed(course, students):
    before = files(course)
    (students / "README.md").unlink()
    os.link(course / "README.md", students / "README.md")
    publish.main(["--students", str(students)], course)
    assert files(course) == before
    agree(students, ("ada/pixels", "students"), students=True)


def test_nothing_is_published_when_1_of_12_files_cannot_be_written(disk, students, refused):
    folder = shutil.copytree(students, disk("size=64m") / "students")
    before = files(folder)
    disk("ro,size=64m")
    assert "Read-only file system" in refused("--students", str(folder))
    disk("rw,size=64m")
    assert files(folder) == before


WORKFLOW = COURSE / ".github" / "workflows" / "students.yml"


@pytest.mark.skipif(os.name != "posix", reason="the workflow runs on Linux")
def test_workflow_pushes_1_commit_and_overwrites_nobodys_branch(handed_out, tmp_path):
    """Its last step as it is, with a folder in the place of github.com."""
    script = textwrap.dedent(WORKFLOW.read_text(encoding="utf-8").rpartition("run: |\n")[2])
    github = tmp_path / "github" / "ada" / "pixels"
    github.mkdir(parents=True)
    git(github, "init", "--quiet", "--bare")
    settings = {"GITHUB_SERVER_URL": github.parents[1].as_uri(), "GITHUB_REPOSITORY": "ada/pixels"}

    def push(folder):
        copy = shutil.copytree(handed_out, folder, ignore=shutil.ignore_patterns(".git"))
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        environment = os.environ | settings | {"TOKEN": "none"}
        return subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, encoding="utf-8"
        )

    for number in ("first", "second"):
        assert (done := push(tmp_path / number)).returncode == 0, done.stderr
        commits = publish.git(github, "log", "--all", "--format=%s").splitlines()
        assert commits == ["The students' edition"]
    git(tmp_path / "first", "commit", "--quiet", "--amend", "--message", "Somebody's own")
    git(tmp_path / "first", "push", "--quiet", "--force", "origin", "students")
    done = push(tmp_path / "third")
    assert done.returncode == 1 and "rename that one" in done.stdout
    assert publish.git(github, "log", "--all", "--format=%s") == "Somebody's own"


# ---- the licence -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["LICENSE", "LICENCE", "COPYING", "LICENSE.md", "licence.txt", "LICENSE-CODE", "Copying.rst"],
)
def test_7_names_of_a_licence_count(course, capsys, name):
    (course / name).write_text("You may.", encoding="utf-8")
    publish.main([], course)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["LICENSED.md", "MY-LICENSE", "licenses/MIT.txt"])
def test_without_a_licence_publish_says_so_and_writes_0_files_unasked(course, capsys, name):
    (course / name).parent.mkdir(exist_ok=True)
    (course / name).write_text("You may.", encoding="utf-8")
    there = {path for path in course.rglob("*") if ".git" not in path.parts}
    publish.main([], course)
    message = capsys.readouterr().err
    assert "There is no LICENSE file" in message and "nobody may reuse the course" in message
    assert "MIT" in message and "CC BY 4.0" in message
    assert {path for path in course.rglob("*") if ".git" not in path.parts} == there
    publish.main(["--undo"], course)
    assert capsys.readouterr().err == ""


# ---- the guard ---------------------------------------------------------------------------------


@pytest.mark.parametrize("students, first", [(False, "run `pip install -e"), (True, "is there a")])
def test_guard_says_what_to_do(students, first):
    """-I and -S: a Python without any package."""
    command = [sys.executable, "-I", "-S", "-c", publish.guard(students=students)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1 and "During handling" not in run.stderr
    message = run.stderr.splitlines()[-1]
    assert message.startswith(f"ModuleNotFoundError: mnist_helpers is missing: {first}")


SESSION = """
import sys
from importlib.machinery import PathFinder

from IPython.core.interactiveshell import InteractiveShell

folder, cell = sys.argv[1:]


class OnlyThere:  # wherever else the package is installed, it is not seen
    def find_spec(name, path=None, target=None):
        if name == "mnist_helpers":
            if spec := PathFinder.find_spec(name, [folder]):
                return spec
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, OnlyThere)
InteractiveShell.instance().run_cell(cell).raise_error()
import mnist_helpers
print(mnist_helpers.__version__)
"""

BACKEND = """
import zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = "mnist_helpers-1.0-py3-none-any.whl"
    info = "mnist_helpers-1.0.dist-info/"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.write("mnist_helpers.py")
        text = "Metadata-Version: 2.1\\nName: mnist-helpers\\nVersion: 1.0\\n"
        wheel.writestr(info + "METADATA", text + "Requires-Dist: torch>99\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def session(folder, cell, **environment):
    """Run a cell in IPython, which sees the package only if it is in this folder."""
    command = [sys.executable, "-c", SESSION, str(folder), cell]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("place", [None, ("ada/pixels", "v1")])
def test_guard_is_silent_where_the_package_is(tmp_path, place):
    (tmp_path / "mnist_helpers.py").write_text("__version__ = 'there'", encoding="utf-8")
    run = session(tmp_path, publish.guard(place), IPYTHONDIR=str(tmp_path))
    assert (run.stdout, run.stderr) == ("there\n", "")


@pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="needs pip")
def test_guard_installs_what_is_pinned_and_nothing_else(tmp_path):
    """The real pip and git, with a folder in the place of github.com: --no-deps, and the tag."""
    repository, target = tmp_path / "github" / "ada" / "pixels", tmp_path / "target"
    target.mkdir()
    repository.mkdir(parents=True)
    (repository / "backend.py").write_text(BACKEND, encoding="utf-8")
    (repository / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    git(repository, "init", "--quiet")
    for version in ("v1", "v2"):
        module = repository / "mnist_helpers.py"
        module.write_text(f"__version__ = {version!r}", encoding="utf-8")
        git(repository, "add", ".")
        git(repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", version)
        git(repository, "tag", version)
    run = session(
        target,
        publish.guard(("ada/pixels", "v1")),
        IPYTHONDIR=str(tmp_path),
        PIP_TARGET=str(target),
        PIP_NO_INDEX="1",
        PIP_CONFIG_FILE=os.devnull,
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{(tmp_path / 'github').as_uri()}/.insteadOf",
        GIT_CONFIG_VALUE_0="https://github.com/",
    )
    assert run.stdout.splitlines()[-1:] == ["v1"], run.stdout + run.stderr
