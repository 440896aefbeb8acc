"""Marks as tables: one of all exercises, and those that Moodle and Canvas read in."""

import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import count

from mnist_helpers.files import refuse_existing, refuse_file, say, write_and_say
from mnist_helpers.teaching.collect import STATES, as_csv, order

OURS = re.compile(r"(marks|canvas|moodle-\d\d)\.csv")  # the names of the tables


@dataclass(frozen=True)
class Mark:
    """What came of one learner's answer to one exercise.

    Attributes:
        learner, account, lesson: as in `HandIn`.
        exercise: its number, such as "3.2"; "" where a hand-in cannot be read or marked.
        state: "right", "known mistake", "wrong", "not answered", "error", "out of time",
            "out of memory"; "not run" if the cell is missing, or the lesson itself fails; or
            "not readable".
        detail: what the check said, the error, or why nothing can be read or run; in one line.
        look: why a teacher should read this answer, or "".
    """

    learner: str
    account: str
    lesson: str
    exercise: str
    state: str
    detail: str = ""
    look: str = ""

    @property
    def points(self):
        """1 if the answer is right, else 0."""
        return int(self.state == "right")

    @property
    def rank(self):
        """The better the state, the lower: of several answers of one learner the lowest counts."""
        stopped = self.state in ("out of time", "out of memory")
        return STATES.index("error" if stopped else self.state)


def best_of(marks):
    """Of several marks for one exercise of a learner the best; what has no exercise stays.

    Args:
        marks: list of `Mark`.

    Returns:
        Such a list, sorted by learner and exercise.
    """
    best = {}
    for mark in marks:
        key = _place(mark)
        best[key] = min(best.get(key, mark), mark, key=lambda mark: mark.rank)
    return [best[key] for key in sorted(best)]


def _place(mark):
    """Where a mark belongs."""
    number = order(mark.exercise)
    return mark.learner, mark.account, mark.lesson, number, "" if number else mark.detail


def tables(marks):
    """The files to write: their names -> rows.

    Args:
        marks: list of `Mark`, in the order of the rows.

    Returns:
        `marks.csv`, with a row for each exercise. `moodle-03.csv` for each lesson that came from
        Moodle, since Moodle numbers participants anew in each assignment. `canvas.csv` with a
        column for each lesson, and one row for each learner. Points are the number of right
        answers.
    """
    names = ["learner", "lesson", "exercise", "state", "detail", "points", "look"]
    found = {"marks.csv": [names, *([getattr(mark, n) for n in names] for mark in marks)]}
    points, most = defaultdict(dict), {}
    for mark in (mark for mark in marks if mark.exercise):
        whose = points[mark.learner, mark.account]
        whose[mark.lesson] = whose.get(mark.lesson, 0) + mark.points
        most.setdefault(mark.lesson, set()).add(mark.exercise)
    lessons = sorted(most)
    for lesson in lessons:
        rows = [
            [f"Participant {account}", learner, of[lesson], len(most[lesson]), ""]
            for (learner, account), of in points.items()
            if account and lesson in of
        ]
        head = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]
        found |= {f"moodle-{lesson}.csv": [head, *rows]} if rows else {}
    head = ["Student", "ID", "Section", *(f"Lesson {lesson}" for lesson in lessons)]
    possible = ["    Points Possible", "", "", *(len(most[lesson]) for lesson in lessons)]
    rows = [
        [learner, account, "", *(of.get(lesson, "") for lesson in lessons)]
        for learner, account, of in _people(points)
    ]
    return found | {"canvas.csv": [head, possible, *rows]}


def _people(points):
    """Learner, account and points by lesson, where accounts that never meet in a lesson are one."""
    learners = defaultdict(dict)
    for (learner, account), of in points.items():
        learners[learner][account] = of
    for learner, accounts in learners.items():
        together = {lesson: n for of in accounts.values() for lesson, n in of.items()}
        if len(together) == sum(map(len, accounts.values())):
            known = [account for account in accounts if account]
            accounts = {known[0] if len(known) == 1 else "": together}
        yield from ((learner, account, of) for account, of in accounts.items())


def refuse_marks(folder, force=False):
    """Raise an OSError if marks cannot be written into this folder.

    Args:
        folder: a `Path`.
        force: overwrite marks that are there already.
    """
    refuse_file(folder)
    refuse_existing(_ours(folder), force)


def _ours(folder):
    """The tables in a folder."""
    return [path for path in sorted(folder.glob("*.csv")) if OURS.fullmatch(path.name)]


def write(found, folder, force=False):
    """Write such tables into a folder, for spreadsheets too: none of them is left half written.

    Where that fails, they go into a new folder beside it, and stderr says so: what they tell took
    minutes. Tables of an earlier run that have no successor are deleted.

    Args:
        found: names of files -> rows.
        folder: a `Path`; it is made if it is missing.
        force: overwrite marks that are there already.

    Raises:
        OSError: nor can they be written beside it.
    """
    try:
        refuse_marks(folder, force)
        _write(found, folder)
    except OSError as error:
        folder = folder.resolve()
        names = (folder.with_name(f"{folder.name}-{number}") for number in count(1))
        beside = next(name for name in names if not name.exists())
        say(f"handout: {error}; the marks are in {beside}", sys.stderr)
        _write(found, beside)


def _write(found, folder):
    files = {folder / name: as_csv(rows).encode("utf-8-sig") for name, rows in found.items()}
    write_and_say(files)  # Excel needs the mark at the beginning
    for path in set(_ours(folder)) - set(files):
        try:
            path.unlink()
        except OSError as error:
            say(f"handout: {path} is of an earlier run, and stays: {error}", sys.stderr)
