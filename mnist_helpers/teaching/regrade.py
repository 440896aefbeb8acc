"""Run the answers that learners have handed in, and mark them with the teacher's own checks.

The command line is `python -m mnist_helpers.handout --regrade FOLDER`. `docs/marks.md` says what
this protects against, and what not.
"""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import nbformat
from tqdm import tqdm

from mnist_helpers.course import NOTEBOOKS, lessons
from mnist_helpers.exercises.verdicts import CHECK
from mnist_helpers.files import on_one_line, say
from mnist_helpers.teaching.answers import Exercise, essence, to_look_at, without_check, words
from mnist_helpers.teaching.collect import GIVEN, UNREADABLE
from mnist_helpers.teaching.hand_ins import hand_ins
from mnist_helpers.teaching.marks import Mark, refuse_marks, tables, write
from mnist_helpers.teaching.sandbox import Stopped, isolation, kernel

SECONDS = 120  # for one answer
ALL_SECONDS = 600  # for all answers of a hand-in
LESSON = 1800  # for a cell of the teacher
PLACES = "from mnist_helpers.teaching import places as _places\n"
OPEN = "the network and your files are open to the answers: this system cannot shut them off"


def regrade(folder, out, force=False, notebooks=NOTEBOOKS):
    """Run all answers in a folder, and write marks.

    Args:
        folder: of the returned lessons, a `Path`.
        out: the folder for the marks, a `Path`.
        force: overwrite marks that are there already.
        notebooks: the folder of the lessons.

    Raises:
        OSError: there is no such folder, or marks are there already or cannot be written.
        ValueError: a lesson of the course itself fails.
    """
    refuse_marks(out, force)
    write(tables(marks(folder, notebooks)), out)


def marks(folder, notebooks=NOTEBOOKS):
    """The marks of all that lies in a folder.

    Returns:
        A list of `Mark`, sorted by learner and exercise; of several hand-ins of one learner the
        better answer counts.

    Raises:
        OSError: there is no such folder.
    """
    known = {lesson.number: lesson for lesson in lessons((), notebooks)}
    readable, found = [], {}
    for hand_in in hand_ins(folder):
        if hand_in.problem or hand_in.lesson not in known:
            reason = hand_in.problem or "it is no lesson of this course"
            detail = f"{on_one_line(hand_in.place)}: {reason}"
            whose = hand_in.learner, hand_in.account, hand_in.lesson
            found[*whose, 0, detail] = Mark(*whose, "", UNREADABLE, detail)
        else:
            readable.append(hand_in)
    if not isolation():
        say(f"handout: {OPEN}", sys.stderr)
    for mark in _all_marks(readable, known):
        exercise = int(mark.exercise.split(".")[1])
        key = mark.learner, mark.account, mark.lesson, exercise, ""
        if key not in found or mark.points:
            found[key] = mark
    return [found[key] for key in sorted(found)]


def _all_marks(readable, known):
    """Run each lesson once, then each hand-in: as many at a time as there are cores."""
    with tempfile.TemporaryDirectory(prefix="regrade-", ignore_cleanup_errors=True) as folder:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            bar = tqdm(total=len(readable), unit="hand-in", disable=None)
            numbers = sorted({hand_in.lesson for hand_in in readable})
            folders = {number: Path(folder, number) for number in numbers}
            wanted = [known[number] for number in numbers]
            exercises = dict(zip(numbers, pool.map(prepare, wanted, folders.values())))

            def mark(hand_in):
                of = exercises[hand_in.lesson]
                found = mark_hand_in(hand_in, of, folders[hand_in.lesson], Path(folder))
                bar.update()
                return found

            found = list(pool.map(mark, readable))
            bar.close()
    return [mark for of_one in found for mark in of_one]


# ---- the teacher's lesson ------------------------------------------------------------------


def prepare(lesson, folder):
    """Run a lesson once, and store what all names hold at the place of each exercise.

    Args:
        lesson: a `Lesson`. Its exercises, solutions and teacher's cells are not run.
        folder: for what is stored, a `Path`; it is made.

    Returns:
        The list of its `Exercise`s.

    Raises:
        ValueError: a cell of the lesson itself fails.
    """
    cells = nbformat.read(lesson.path, as_version=4).cells
    (folder / "work").mkdir(parents=True)
    exercises = []
    with kernel(folder / "work", trusted=True) as run:
        for position, cell in enumerate(cells):
            tags = set(cell.metadata.get("tags", []))
            if cell.cell_type != "code" or tags & {"solution", "teacher", "nbval-skip"}:
                continue
            try:
                if "exercise" in tags and (found := CHECK.search(cell.source)):
                    solution = _solution(cells[position + 1 : position + 2])
                    exercise = Exercise(found[1], cell.get("id"), cell.source, solution)
                    exercises.append(exercise)
                    _store(run, folder, exercise)
                elif "exercise" not in tags:
                    run(cell.source, LESSON)
            except Stopped as stopped:
                raise ValueError(f"{lesson.path.name} itself fails: {stopped.detail}") from None
    return exercises


def _store(run, folder, exercise):
    code = f'print(*_places.store({str(folder)!r}, "{exercise.number}"))'
    printed = "".join(output.get("text", "") for output in run(PLACES + code, LESSON))
    if used := set(printed.split()) & words(exercise.starter):
        names = ", ".join(sorted(used))
        say(
            f"exercise {exercise.number}: an answer that needs {names} ends with an error, "
            "for that cannot be stored; read it yourself",
            sys.stderr,
        )


def _solution(cells):
    """The code of the solution if that is the next cell, as `essence` has it."""
    return "".join(essence(cell.source) for cell in cells if _is_solution(cell))


def _is_solution(cell):
    return "solution" in cell.metadata.get("tags", [])


# ---- one learner's hand-in -----------------------------------------------------------------


def mark_hand_in(hand_in, exercises, folder, work):
    """Run the answers of one hand-in, each at its place of the lesson.

    Args:
        hand_in: a `HandIn`.
        exercises: those of its lesson, as `prepare` returns them.
        folder: where `prepare` has stored the lesson.
        work: a `Path` below which the kernel gets a folder of its own.

    Returns:
        A list of `Mark`, one for each exercise.
    """
    found, deadline = [], time.monotonic() + ALL_SECONDS
    with _Runner(work) as runner:
        for exercise in exercises:
            mark = Mark(hand_in.learner, hand_in.account, hand_in.lesson, exercise.number, "")
            source = _answer(hand_in, exercise)
            if source is None:
                found.append(replace(mark, state="not run", detail="there is no such cell"))
            elif source.strip() == exercise.starter.strip():
                found.append(replace(mark, state="not answered", detail="the cell is unchanged"))
            else:
                left = min(SECONDS, int(deadline - time.monotonic()))
                state, detail = runner.verdict(source, exercise.number, folder, left)
                detail = on_one_line(detail)[:300]
                found.append(
                    replace(mark, state=state, detail=detail, look=to_look_at(source, exercise))
                )
    return found


def _answer(hand_in, exercise):
    """The code of the cell that answers an exercise: of several, the starter's or the last."""
    cells = [c for c in hand_in.cells if exercise.number == c.exercise and not c.is_solution]
    same = [c for c in hand_in.cells if c.id and c.id == exercise.id and not c.is_solution]
    both = [cell for cell in cells if cell in same]
    chosen = both or cells or [cell for cell in same if cell.exercise is None]
    return chosen[-1].source if chosen else None


class _Runner:
    """Runs answers in one kernel after the other: a new one whenever the last one was stopped."""

    def __init__(self, work):
        self.work, self.kernels, self.run = work, ExitStack(), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kernels.close()
        self.run = None

    def verdict(self, source, number, folder, seconds):
        """State and detail of one answer."""
        if seconds <= 0:
            return "out of time", f"all answers together ran for more than {ALL_SECONDS} seconds"
        place = f'({str(folder)!r}, "{number}")'
        try:
            self.run = self.run or self._start()
            self.run(f"{PLACES}_places.load{place}", SECONDS)
            self.run(without_check(source, number), seconds)
            return _state(self.run(f"{PLACES}_places.examine{place}", SECONDS))
        except Stopped as stopped:
            if stopped.is_over:
                self.__exit__()
            return stopped.state, stopped.detail

    def _start(self):
        folder = tempfile.TemporaryDirectory(dir=self.work, ignore_cleanup_errors=True)
        return self.kernels.enter_context(kernel(Path(self.kernels.enter_context(folder))))


def _state(outputs):
    """The verdict in the outputs of a check; anything but exactly one is none."""
    verdicts = [output for output in outputs if "mnist_helpers" in output.get("metadata", {})]
    if len(verdicts) != 1:
        return "error", f"the check has given {len(verdicts)} verdicts instead of one"
    state = verdicts[0].metadata["mnist_helpers"].get("state")
    if state not in GIVEN:
        return "error", "the check has given no valid verdict"
    return state, verdicts[0].get("data", {}).get("text/plain", "")
