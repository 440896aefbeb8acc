"""The overview for teachers in docs/overview.md: what lessons need, how long they take, plans.

    python -m tools.overview

All of it is read from the lessons: words are counted, the seconds of a section and the minutes for
exercises are in the teacher's notes, needs in the lines "You need"; README.md has the seconds of a
whole lesson. By hand are only the plans, in plans.toml.
"""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass

import nbformat

from mnist_helpers.course import COURSE, lessons
from tools.notebooks import prose, tagged, tags

PAGE = COURSE / "docs" / "overview.md"
PLANS = COURSE / "tools" / "plans.toml"
SPEED = 130  # words a minute; a word of code counts half
SECTION = re.compile(r"^(?=## (?:\d+\.\d+|Recap)\b)", re.MULTILINE)
NAME = re.compile(r"## (\d+\.\d+|Recap)")
NOTED = re.compile(r"^\| (\d+\.\d+|Recap)(?: .*)? \| \d+ \| (\d+) \|$", re.MULTILINE)
LESSON = re.compile(r"[Ll]essons? (\d+)(?: and (\d+))?")
IN_README = re.compile(r"^\| (\d+) \| \[.+ \| (\d+) s \|$", re.MULTILINE)
NUMBERS = {"five": 5, "ten": 10}


@dataclass(frozen=True)
class Overview:
    """What there is to say about a lesson.

    Attributes:
        number: of the lesson, an int.
        title: its title.
        path: of its notebook.
        words: of its prose, without exercises and teacher's note.
        reading: section, such as "3.2" or "Recap" -> minutes.
        waiting: section -> seconds that its code runs.
        kinds: number of an exercise -> its kind.
        minutes: number of an exercise -> its minutes.
        needs, helps: the numbers of the lessons before it, ints.
    """

    number: int
    title: str
    path: object
    words: int
    reading: dict
    waiting: dict
    kinds: dict
    minutes: dict
    needs: set
    helps: set


def overview(lesson):
    """Read a `Lesson` into an `Overview`."""
    notebook = nbformat.read(lesson.path, as_version=4)
    note = tagged(notebook, "teacher").source
    texts = [cell.source for cell in notebook.cells if "exercise-text" in tags(cell)]
    kinds = dict(re.match(r"\*\*Exercise ([\d.]+) \((.+?)\)", text).groups() for text in texts)
    needs, helps = before("\n".join(cell.source for cell in prose(notebook)))
    return Overview(
        number=int(lesson.number),
        title=lesson.title,
        path=lesson.path,
        words=sum(len(cell.source.split()) for cell in prose(notebook)),
        reading={name: words / SPEED for name, words in read_words(notebook).items()},
        waiting={name: int(seconds) for name, seconds in NOTED.findall(note)},
        kinds=kinds,
        minutes=exercise_minutes(note, kinds),
        needs=needs,
        helps=helps,
    )


def read_words(notebook):
    """Section -> how many words there are to read; one of code counts half."""
    words, section = Counter(), None
    for cell in notebook.cells:
        weight = 0.5 if cell.cell_type == "code" else 1
        apart = tags(cell) & {"exercise-text", "exercise", "solution", "teacher"}
        for part in [] if apart else SECTION.split(cell.source):
            if found := NAME.match(part):
                section = found[1]
            words[section] += weight * len(part.split())
    del words[None]  # title and promises
    return words


def exercise_minutes(note, exercises):
    """Number of an exercise -> its minutes, from "Allow five minutes ..., and ten for 3.1"."""
    usual, others = re.search(r"Allow (\w+) minutes for each exercise(.*)\.", note).groups()
    minutes = dict.fromkeys(exercises, NUMBERS[usual])
    return minutes | {n: NUMBERS[word] for word, n in re.findall(r"(\w+) for (\d+\.\d+)", others)}


def before(text):
    """The lessons that the line "You need" says are needed, and those that only help."""
    line = re.search(r"\*\*You need\*\*(.*)", text)[1]
    found = {"needs": set(), "helps": set()}
    for sentence in re.split(r"\. ", line):
        kind = "helps" if re.search(r"\bhelps?\b", sentence) else "needs"
        found[kind] |= {int(n) for pair in LESSON.findall(sentence) for n in pair if n}
    return found["needs"], found["helps"]


# ---- the page ------------------------------------------------------------------------------

HEAD = f"""# Overview for teachers

Made by `python -m tools.overview`. *Words* are those of the prose, without exercises and teacher's
notes. *Read* is an estimate without talk: words at {SPEED} a minute, with code counted half.
*Code runs* is measured, as in README.md. Minutes for exercises are those of the teacher's notes, as
are the seconds of each section in the plans; for lesson 8 these are estimates.

| | lesson | needs | words | read (min) | code runs (s) | exercises | for them (min) | kinds |
|---|---|---|---|---|---|---|---|---|
"""
NEEDS = """
## What depends on what

*Needs* are the lessons that a lesson builds on; those in parentheses help. Each lesson trains its
own networks, so it also works when it is opened first.

"""
PLANS_HEAD = """
## Plans

What a sitting leaves out is run, not read: *code* is the time of all cells up to its last section.
What is *left* of a sitting is for talk, and for whoever reads more slowly. Exercises that are not
named are homework.
"""


def plans():
    """plans.toml: name -> minutes of a sitting, and what is read and done in each."""
    return tomllib.loads(PLANS.read_text(encoding="utf-8"))


def page(plans):
    """The text of docs/overview.md.

    Raises:
        KeyError: a plan names a section or an exercise that there is not.
        ValueError: a plan takes longer than its sittings.
    """
    found = {int(lesson.number): overview(lesson) for lesson in lessons()}
    readme = (COURSE / "README.md").read_text(encoding="utf-8")
    seconds = {int(number): int(time) for number, time in IN_README.findall(readme)}
    table = "\n".join(row(lesson, seconds[number]) for number, lesson in found.items())
    tables = "".join(plan(name, **of, found=found) for name, of in plans.items())
    return f"{HEAD}{table}\n{NEEDS}{graph(found)}{PLANS_HEAD}{tables}"


def row(lesson, seconds):
    """One lesson in the table."""
    needs = ", ".join(map(str, sorted(lesson.needs)))
    needs += f" ({', '.join(map(str, sorted(lesson.helps)))})" if lesson.helps else ""
    kinds = Counter(lesson.kinds.values()).items()
    path = f"../{lesson.path.relative_to(COURSE).as_posix()}"
    cells = [lesson.number, f"[{lesson.title}]({path})", needs or "–", f"{lesson.words:,}"]
    cells += [f"{sum(lesson.reading.values()):.0f}", seconds, len(lesson.kinds)]
    cells += [sum(lesson.minutes.values())]
    cells += [", ".join(kind if n == 1 else f"{n} × {kind}" for kind, n in kinds)]
    return f"| {' | '.join(map(str, cells))} |"


def graph(found):
    """The needs as a graph that GitHub draws, without arrows that others already imply."""
    above = {}
    for number, lesson in found.items():
        above[number] = lesson.needs.union(*(above[other] for other in lesson.needs))
    lines = [f'  {n}["{n} · {lesson.title.split(":")[0]}"]' for n, lesson in found.items()]
    for number, lesson in found.items():
        implied = set().union(*(above[other] for other in lesson.needs))
        lines += [f"  {other} --> {number}" for other in sorted(lesson.needs - implied)]
        lines += [f"  {other} -. helps .-> {number}" for other in sorted(lesson.helps)]
    return "\n".join(["```mermaid", "graph LR", *lines, "```\n"])


def plan(name, minutes, sittings, found):
    """A plan as a table, with the minutes of each sitting."""
    lines = ["| | read | exercises | read (min) | exercises (min) | code (min) | left |"]
    lines.append("|---|---|---|---|---|---|---|")
    for number, planned in enumerate(sittings, start=1):
        parts = sitting(planned["read"], planned["do"], found)
        if (left := minutes - sum(parts)) < 0:
            raise ValueError(
                f"{name}: sitting {number} takes {sum(parts):.0f} of {minutes} minutes"
            )
        texts = [", ".join(planned[key].split()).replace("-", " to ") for key in ("read", "do")]
        texts += [f"{part:.0f}" for part in (*parts, left)]
        lines.append(f"| {number} | {' | '.join(texts)} |")
    return "\n".join([f"\n### {name}\n", *lines, ""])


def sitting(sections, exercises, found):
    """Minutes of a sitting: for reading, for exercises, and while code runs."""
    named = [place for part in sections.split() for place in between(part)]
    reading = sum(found[lesson].reading[f"{lesson}.{n}"] for lesson, n in named)
    doing = sum(found[int(name.split(".")[0])].minutes[name] for name in exercises.split())
    last = dict(sorted(named))  # of each lesson
    waiting = sum(
        found[lesson].waiting[f"{lesson}.{n}"]
        for lesson in last
        for n in range(1, last[lesson] + 1)
    )
    return reading, doing, waiting / 60


def between(part):
    """The sections of "3.2-3.8", or of "3.2", as (lesson, section)."""
    first, _, last = part.partition("-")
    (lesson, start), (_, end) = (map(int, place.split(".")) for place in (first, last or first))
    return [(lesson, n) for n in range(start, end + 1)]


def main():
    PAGE.write_text(page(plans()), encoding="utf-8")


if __name__ == "__main__":
    main()
