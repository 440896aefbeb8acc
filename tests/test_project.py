"""The project's own files agree with each other."""

import json
import re
import subprocess

import nbformat
import pytest

from mnist_helpers.course import COURSE, PACKAGE, lessons
from tools import results
from tools.benchmarks import page
from tools.benchmarks.__main__ import RESULTS
from tools.benchmarks.parts import PARTS


def test_no_data_is_committed():
    listed = subprocess.run(["git", "ls-files"], cwd=COURSE, capture_output=True, text=True)
    assert not [name for name in listed.stdout.splitlines() if name.endswith((".gz", "-ubyte"))]


def readme():
    return (COURSE / "README.md").read_text(encoding="utf-8")


def unlisted(text):
    """The lessons without a row in this README that says their number, title and path."""
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \| .+ \| .+ \|$", text, re.MULTILINE)
    listed = {number.zfill(2): (title, path) for number, title, path in rows}
    return [
        lesson.path.name
        for lesson in lessons()
        if not lesson.title.startswith(listed.get(lesson.number, ["no row"])[0])
        or listed[lesson.number][1] != lesson.path.relative_to(COURSE).as_posix()
    ]


def test_readme_lists_every_lesson():
    assert unlisted(readme()) == []


@pytest.mark.parametrize("slip", [r"^\| 3 \|.*\n", "A dense", "notebooks/03_"])
def test_missing_row_wrong_title_and_wrong_path_are_noticed(slip):
    text = re.sub(slip, "", readme(), flags=re.MULTILINE)
    assert [name[:2] for name in unlisted(text)] == ["03"]


def test_readme_is_short_and_its_links_lead_somewhere():
    assert len(readme().splitlines()) <= 200
    for path in [*COURSE.glob("*.md"), *(COURSE / "docs").glob("*.md")]:
        text = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))  # code has brackets too
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert link.startswith("https://") or (path.parent / link).exists(), (path.name, link)


def test_map_for_maintainers_names_every_module_of_the_package():
    text = (COURSE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## Which file do I change")[1].split("## ")[0]
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        known = re.match(r"(teaching/)?__init__|sources/|exercises/(lesson|probes)\d+", name)
        assert known or f"`{name}`" in section, name
    assert "`sources/`" in section and "`exercises/lesson02.py`" in section


def test_reference_results_are_the_measured_ones():
    text = results.PAGE.read_text(encoding="utf-8")
    assert len(results.ROW.findall(text)) >= 10
    assert results.page(text) == text
    assert results.page(text.replace("| 0.", "| 1.")) == text


def test_speed_on_the_pages_is_the_measured_one():
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert {entry["part"] for entry in measured["rows"]} >= set(PARTS) - {"gpu"}
    assert set(page.FIVE) <= {entry["what"] for entry in measured["rows"]}
    for path, text in page.pages(measured).items():
        assert path.read_text(encoding="utf-8") == text


def test_each_word_of_the_glossary_is_in_the_section_that_it_names():
    text = (COURSE / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\*\*.+?) \| .+ \| \[(\d+)\.(\d+)\]\((.+)\) \|$", text, re.MULTILINE)
    assert len(rows) >= 50 and len(rows) == text.count("\n| **")
    words = [re.findall(r"\*\*(.+?)\*\*", cell) for cell, *_ in rows]
    assert [w[0].lower() for w in words] == sorted(w[0].lower() for w in words)
    for names, (_, lesson, section, path) in zip(words, rows):
        notebook = nbformat.read(COURSE / "docs" / path, as_version=4)
        prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        found = re.search(
            rf"^## {lesson}\.{section} .*?(?=^## |\Z)", prose, re.MULTILINE | re.DOTALL
        )
        assert found, (names, lesson, section)
        for name in names:
            assert name.lower() in found[0].lower(), (name, lesson, section)
