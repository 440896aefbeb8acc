"""Marks as tables: one of all exercises, and those that Moodle and Canvas read in."""

from collections import defaultdict
from dataclasses import dataclass

from mnist_helpers.files import refuse_existing, refuse_file, say, write_together
from mnist_helpers.teaching.collect import as_csv


@dataclass(frozen=True)
class Mark:
    """What came of one learner's answer to one exercise.

    Attributes:
        learner, account, lesson: as in `HandIn`.
        exercise: its number, such as "3.2"; "" where a hand-in cannot be read.
        state: "right", "known mistake", "wrong", "not answered", "error", "out of time",
            "out of memory"; "not run" if the cell is missing; or "not readable".
        detail: what the check said, the error, or why nothing can be read; in one line.
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


def tables(marks):
    """The files to write: their names -> rows.

    Args:
        marks: list of `Mark`, in the order of the rows.

    Returns:
        `marks.csv`, with a row for each exercise. `moodle-03.csv` for each lesson that came from
        Moodle, since Moodle numbers participants anew in each assignment. `canvas.csv` with a
        column for each lesson. Points are the number of right answers.
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
        for (learner, account), of in points.items()
    ]
    return found | {"canvas.csv": [head, possible, *rows]}


def refuse_marks(folder, force=False):
    """Raise an OSError if marks cannot be written into this folder.

    Args:
        folder: a `Path`.
        force: overwrite marks that are there already.
    """
    refuse_file(folder)
    refuse_existing(sorted(folder.glob("*.csv")), force)


def write(found, folder):
    """Write such tables into a folder, for spreadsheets too: none of them is left half written.

    Args:
        found: names of files -> rows.
        folder: a `Path`; it is made if it is missing.
    """
    files = {folder / name: as_csv(rows).encode("utf-8-sig") for name, rows in found.items()}
    write_together(files)  # Excel needs the mark at the beginning
    for path in files:
        say(str(path))
