"""The overview for teachers."""

import re

import nbformat
import pytest

from mnist_helpers.course import COURSE, lessons
from tools import overview
from tools.notebooks import prose
from tools.site import pages

LESSONS = {int(lesson.number): lesson for lesson in lessons()}
FOUND = {number: overview.overview(lesson) for number, lesson in LESSONS.items()}
SITTINGS = {
    f"{name}, {number}": (plan["minutes"], sitting)
    for name, plan in overview.plans().items()
    for number, sitting in enumerate(plan["sittings"], start=1)
}


def test_the_page_is_made_from_the_lessons_as_they_are():
    stored = overview.PAGE.read_text(encoding="utf-8")
    assert overview.page(overview.plans()) == stored, "run  python -m tools.overview"


def test_eleven_lessons_and_62_exercises_are_in_the_table():
    rows = re.findall(r"^\| \d+ \| \[.+$", overview.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    counts = [int(row.split(" | ")[6]) for row in rows]
    assert (len(rows), sum(counts)) == (11, 62)


@pytest.mark.parametrize("number", LESSONS)
class TestLesson:
    def test_every_section_has_words_seconds_and_a_place_in_the_order(self, number):
        lesson = FOUND[number]
        sections = [f"{number}.{n}" for n in range(1, len(lesson.reading))] + ["Recap"]
        assert [*lesson.reading] == [*lesson.waiting] == sections
        assert all(0.2 < minutes < 10 for minutes in lesson.reading.values())

    def test_it_needs_only_what_comes_before_it_and_every_lesson_that_it_refers_to(self, number):
        above = set()
        for other in sorted(FOUND[number].needs | FOUND[number].helps, reverse=True):
            above |= {other} | FOUND[other].needs
        assert all(other < number for other in above)
        notebook = nbformat.read(LESSONS[number].path, as_version=4)
        text = "\n".join(cell.source for cell in prose(notebook))
        named = {
            int(n)
            for pair in re.findall(r"\(lesson (\d+)(?: and (\d+))?\)", text)
            for n in pair
            if n
        }
        if number < 10:  # labs come early, and point to later lessons, too
            assert {other for other in named if other < number} <= above


def test_three_plans_have_five_three_and_six_sittings():
    assert [len(plan["sittings"]) for plan in overview.plans().values()] == [5, 3, 6]
    assert [plan["minutes"] for plan in overview.plans().values()] == [45, 90, 90]


@pytest.mark.parametrize("name", SITTINGS)
class TestSitting:
    def test_it_fits_and_leaves_a_tenth_for_talk(self, name):
        minutes, planned = SITTINGS[name]
        used = sum(overview.sitting(planned["read"], planned["do"], FOUND))
        assert 0.5 * minutes < used <= 0.9 * minutes

    def test_its_exercises_stand_in_sections_that_it_reads(self, name):
        _, planned = SITTINGS[name]
        read = {place for part in planned["read"].split() for place in overview.between(part)}
        for exercise in planned["do"].split():
            lesson = int(exercise.split(".")[0])
            text = "\n".join(
                c.source for c in nbformat.read(LESSONS[lesson].path, as_version=4).cells
            )
            before = text.split(f"**Exercise {exercise} (")[0]
            section = int(re.findall(rf"^## {lesson}\.(\d+) ", before, re.MULTILINE)[-1])
            assert (lesson, section) in read, exercise


@pytest.mark.parametrize("plan", overview.plans())
def test_a_plan_reads_no_lesson_before_those_that_it_needs(plan):
    met = set()
    for sitting in overview.plans()[plan]["sittings"]:
        for lesson, _ in (
            place for part in sitting["read"].split() for place in overview.between(part)
        ):
            met.add(lesson)
            assert FOUND[lesson].needs <= met, lesson


def test_a_plan_that_is_too_long_or_names_what_there_is_not_is_refused():
    def plan(read, do):
        return {"Mine": {"minutes": 45, "sittings": [{"read": read, "do": do}]}}

    with pytest.raises(ValueError, match="Mine: sitting 1 takes 7. of 45 minutes"):
        overview.page(plan("2.1-2.16", "2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8"))
    with pytest.raises(KeyError, match="2.17"):
        overview.page(plan("2.16-2.17", ""))
    with pytest.raises(KeyError, match="2.9"):
        overview.page(plan("2.2", "2.9"))


def test_the_site_has_the_page_and_leaves_its_graph_to_github(tmp_path):
    pages.write(COURSE, tmp_path / "source")
    text = (tmp_path / "source" / "docs" / "overview.md").read_text(encoding="utf-8")
    assert "### Three times 90 minutes" in text and "mermaid" not in text
    assert "```mermaid" in overview.PAGE.read_text(encoding="utf-8")


def test_needs_and_helps_are_told_apart():
    line = "**You need** lesson 3 (codes), and from lesson 2 the loss. Lessons 4 and 5 help: maps."
    assert overview.before(f"{line}\nLesson 9 is another line.") == ({2, 3}, {4, 5})


def test_minutes_of_exercises_are_read_from_the_note():
    note = "talk. Allow five minutes for each exercise, and ten for 3.1."
    assert overview.exercise_minutes(note, ["3.1", "3.2"]) == {"3.1": 10, "3.2": 5}
