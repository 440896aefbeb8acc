"""Read the verdicts out of lessons that learners have returned; run none of them.

The command line is `python -m mnist_helpers.handout --collect FOLDER`. Verdicts are self-reported:
who can edit a file can forge them.
"""

import csv
import io
import re
import sys
from dataclasses import astuple, dataclass, fields

from mnist_helpers.exercises import numbers
from mnist_helpers.files import on_one_line
from mnist_helpers.teaching.cells import Verdict
from mnist_helpers.teaching.hand_ins import hand_ins

GIVEN = ("right", "known mistake", "wrong", "not answered")  # by a check
UNREADABLE = "not readable"
# Where a learner hands a lesson in twice, the first of these counts.
STATES = (
    "right", "solution opened", "known mistake", "wrong", "error", "not answered", "not run",
    UNREADABLE,
)  # fmt: skip
MOST_TRIES = 9_999
BEGIN = re.compile(r"Exercise [\d.]+(, before this error)?: ")  # of what a check says
NEVER = Verdict("", "", 0, "")
FORMULA = set("=+-@＝＋－＠")  # what a spreadsheet runs begins so


@dataclass(frozen=True)
class Row:
    """Where a learner stands with an exercise.

    Attributes:
        learner: a name.
        lesson: two digits, or "".
        exercise: such as "3.2"; "" where a hand-in cannot be read.
        state: one of `STATES`.
        tried: how often the learner has answered.
        detail: of an opened solution, what the learner had before; of an error, its type; else
            what the check said, or why nothing can be read.
    """

    learner: str
    lesson: str
    exercise: str
    state: str
    tried: int = 0
    detail: str = ""


def table(rows):
    """The table of the rows as CSV, from a list of `Row`."""
    return as_csv([[field.name for field in fields(Row)], *map(astuple, rows)])


def as_csv(rows):
    """Rows of values as the text of a CSV file, in which no spreadsheet runs a text like =1+1."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue()


def _harmless(value):
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA else value


def collect(folder):
    """Where each learner stands with each exercise of the lessons that were handed in.

    What cannot be read has one row, and is named on stderr.

    Args:
        folder: of the returned lessons, a `Path`.

    Returns:
        A list of `Row`, sorted by learner, lesson and exercise.

    Raises:
        OSError: there is no such folder, or nothing in it.
    """
    best = {}
    for one in hand_ins(folder):
        rows, complaint = _rows(one)
        if complaint:
            print(f"{on_one_line(one.place)}: {complaint}", file=sys.stderr)
        for row in rows:
            key = row.learner, row.lesson, row.exercise or one.place
            best[key] = min(best.get(key, row), row, key=lambda row: STATES.index(row.state))
    return sorted(best.values(), key=_order)


def _rows(one):
    """A row for each exercise of a hand-in, and what the teacher should know of it, or ""."""
    known = numbers(one.lesson)
    problem = one.problem or "nothing in it tells which lesson of the course it is"
    if one.problem or not known:
        return [Row(one.learner, one.lesson, "", UNREADABLE, detail=problem)], problem
    own, opened, invalid = _verdicts(one.cells, known)
    rows = [
        Row(one.learner, one.lesson, number, *_standing(number, own, opened, one.cells))
        for number in known
    ]
    if invalid:
        return rows, f"{invalid} of its verdicts are invalid and do not count"
    return rows, "" if own or opened else "it holds no verdicts; was it run, and saved after that?"


def _verdicts(cells, known):
    """The last verdict on each exercise: of the learner's cells, and of the solutions.

    Returns:
        Two dicts from the number to a `Verdict`, and how many verdicts there are that no check of
        this lesson can have left.
    """
    own, opened, invalid = {}, {}, 0
    for cell in cells:
        latest = opened if cell.is_solution else own
        for verdict in cell.verdicts:
            is_known = verdict.exercise in known and verdict.state in GIVEN
            if not is_known or not 0 <= verdict.tries <= MOST_TRIES:
                invalid += 1
            elif verdict.tries >= latest.get(verdict.exercise, NEVER).tries:
                latest[verdict.exercise] = verdict
    return own, opened, invalid


def _standing(number, own, opened, cells):
    """State, times tried and detail of one exercise."""
    cells = [cell for cell in cells if cell.exercise == number and not cell.is_solution]
    _, state, tried, said = own.get(number, NEVER)
    error = next((cell.error for cell in cells if cell.error), "")
    if not state:
        state = "error" if error else "not run"
        said = error or _why_not_run(cells)
    if number not in opened:
        return state, tried, BEGIN.sub("", said)
    # The solution counts as a try: a learner's verdict with more tries than that came after it.
    before = state if tried < opened[number].tries else "not known"
    return "solution opened", tried, f"before: {before}"


def _why_not_run(cells):
    if not cells:
        return "its cell is missing"
    return "its check was not reached" if any(cell.was_run for cell in cells) else ""


def _order(row):
    return row.learner, row.lesson, order(row.exercise)


def order(exercise):
    """Numbers to sort by, for exercise 3.10 comes after 3.9; an empty tuple for ""."""
    return tuple(int(part) for part in exercise.split(".") if part)
