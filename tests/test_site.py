"""The sources of the site, and what its command says to bad input. No browser, no Sphinx."""

import shutil
import sys

import nbformat
import pytest

from mnist_helpers import publish
from mnist_helpers.course import COURSE, lessons
from tools.notebooks import tags
from tools.site import __main__ as command
from tools.site import pages

LESSON = lessons(["03"])[0]
PLACE = ("ada/pixels", "v1.0")


def readme():
    return (COURSE / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def page():
    """Lesson 3 as its page has it."""
    return pages.lesson_page(nbformat.read(LESSON.path, as_version=4), LESSON.path)


@pytest.fixture
def course(tmp_path):
    """A small course: README.md, one lesson, its picture and one page."""
    for name in ("README.md", "docs/results.md", f"pictures/{LESSON.path.stem}.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(COURSE / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    shutil.copy(LESSON.path, tmp_path / "notebooks")
    return tmp_path


def test_place_is_the_one_that_publish_has_written(course):
    publish.main([PLACE[0], "--ref", PLACE[1]], course)
    assert pages.place(course) == PLACE
    publish.main(["--undo"], course)
    assert pages.place(course) is None


@pytest.mark.parametrize(
    "target, where, expected",
    [
        ("results.md", None, "[it](results.md)"),
        ("results.md", PLACE, "[it](results.md)"),
        ("https://example.org/a", None, "[it](https://example.org/a)"),
        ("../.ci/run", None, "it"),
        ("../.ci/run", PLACE, "[it](https://github.com/ada/pixels/blob/v1.0/.ci/run)"),
        ("../tools", PLACE, "[it](https://github.com/ada/pixels/tree/v1.0/tools)"),
    ],
)
def test_links_lead_to_pages_or_to_github_or_are_none(target, where, expected):
    docs = COURSE / "docs"
    text = pages.links(f"See [it]({target}).", docs, {docs / "results.md"}, COURSE, where)
    assert text == f"See {expected}."


def test_code_is_no_link(course, tmp_path):
    text = "`networks[0](images)` and [`tools`](tools)"
    assert pages.links(text, COURSE, {}, COURSE, None) == "`networks[0](images)` and `tools`"
    path = course / "notebooks" / LESSON.path.name
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-2:-2] = [nbformat.v4.new_code_cell("networks[0](images)", id="brackets")]
    nbformat.write(notebook, path)
    pages.write(course, tmp_path / "source")
    written = nbformat.read(tmp_path / "source" / "notebooks" / path.name, as_version=4)
    assert [c.source for c in written.cells if c.id == "brackets"] == ["networks[0](images)"]


def test_badges_become_buttons_without_pictures_of_other_sites():
    text = pages.links(publish.badges(PLACE, LESSON.path.name), COURSE, {}, COURSE, PLACE)
    assert text.count("{.button}") == 2 and "!" not in text
    assert "[Open in Colab](https://colab.research.google.com/github/ada/pixels/blob/v1.0/" in text
    assert "[Open in Binder](https://mybinder.org/v2/gh/ada/pixels/v1.0?labpath=" in text


def test_solutions_of_a_page_are_folded_and_named(page):
    solutions = [cell for cell in page.cells if "solution" in tags(cell)]
    names = [cell.metadata["mystnb"]["code_prompt_show"] for cell in solutions]
    assert names == [f"Solution 3.{number}" for number in range(1, len(solutions) + 1)]
    assert all("hide-cell" in tags(cell) for cell in solutions)
    assert not any("#@title" in cell.source for cell in page.cells)


def test_a_page_has_no_teachers_note_no_guard_and_no_picture_inside(page):
    text = nbformat.writes(page)
    for unwanted in ("For the teacher", "ModuleNotFoundError", "data:image"):
        assert unwanted not in text
        assert unwanted in LESSON.path.read_text(encoding="utf-8")


def test_every_figure_of_a_page_has_its_text(page):
    shown = [
        cell
        for cell in page.cells
        if any("image/png" in o.get("data", {}) for o in cell.get("outputs", []))
    ]
    assert len(shown) > 10
    assert all(cell.metadata["mystnb"]["image"]["alt"] for cell in shown)


def test_teachers_page_has_the_note_of_every_lesson():
    notebooks = {lesson: nbformat.read(lesson.path, as_version=4) for lesson in lessons()}
    text = pages.teachers_page(readme(), notebooks)
    assert text.count("**What learners get wrong**") == len(notebooks)
    assert "## For maintainers" not in text and "mnist_helpers.handout" in text
    assert "mnist_helpers.collect" not in pages.front_page(readme(), False)


def test_front_page_names_the_playground_only_if_there_is_one():
    assert 'href="playground/index.html"' in pages.front_page(readme(), True)
    assert "playground" not in pages.front_page(readme(), False)


def test_lesson_that_was_never_run_is_refused(course, tmp_path):
    path = next(course.glob("notebooks/*"))
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match=r"03_dense.* no outputs; .*tools\.regenerate 03"):
        pages.write(course, tmp_path / "source")


def test_other_files_are_not_overwritten(tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary", encoding="utf-8")
    with pytest.raises(SystemExit, match="holds other files; give a folder"):
        command.main([str(tmp_path)])
    with pytest.raises(SystemExit, match=r"diary\.txt is a file; give a folder"):
        command.main([str(tmp_path / "diary.txt")])
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_missing_sphinx_is_named_with_the_command_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sphinx", None)
    with pytest.raises(SystemExit, match=r'sphinx is missing; run  pip install -e "\.\[site\]"'):
        command.main([str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
