"""Run the answers that learners have handed in, and mark them with the teacher's own checks.

The command line is `python -m mnist_helpers.handout --regrade FOLDER`. `docs/marks.md` says what
this protects against, and what not.
"""

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress

import joblib
import nbformat
import psutil
from tqdm import tqdm

from mnist_helpers.course import NOTEBOOKS, lessons
from mnist_helpers.exercises.verdicts import CHECK
from mnist_helpers.files import on_one_line, say
from mnist_helpers.teaching import answers
from mnist_helpers.teaching.answers import Exercise, without_check
from mnist_helpers.teaching.collect import GIVEN, UNREADABLE
from mnist_helpers.teaching.hand_ins import hand_ins
from mnist_helpers.teaching.marks import Mark, best_of, refuse_marks, tables, write
from mnist_helpers.teaching.sandbox import MEMORY, Stopped, isolation, kernel, own_folder

SECONDS = 120  # for one answer
ALL_SECONDS = 600  # for all answers of a hand-in
LESSON = 1800  # for a cell of the teacher
MOST = 5  # hand-ins of one lesson by one learner
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
    """
    refuse_marks(out, force)
    write(tables(marks(folder, notebooks)), out, force)


def marks(folder, notebooks=NOTEBOOKS):
    """The marks of all that lies in a folder.

    Args:
        folder: of the returned lessons, a `Path`, or a zip of them.
        notebooks: the folder of the lessons.

    Returns:
        A list of `Mark`, sorted by learner and exercise; of several hand-ins of one learner the
        better answer counts.

    Raises:
        OSError: there is no such folder, nothing in it, or no lessons.
    """
    known = {lesson.number: lesson for lesson in lessons((), notebooks)}
    readable, found, times = [], [], Counter()
    for hand_in in hand_ins(folder):
        place = on_one_line(hand_in.place)
        whose = _whose(hand_in)
        if hand_in.problem or hand_in.lesson not in known:
            reason = hand_in.problem or "it is no lesson of this course"
            found.append(Mark(*whose, "", UNREADABLE, f"{place}: {reason}"))
        elif times[whose] == MOST:
            say(f"{place}: not run, for {MOST} of this lesson and learner are", sys.stderr)
        else:
            times[whose] += 1
            readable.append(hand_in)
    if not isolation():
        say(f"handout: {OPEN}", sys.stderr)
    return best_of(found + _all_marks(readable, known))


def _whose(hand_in):
    return hand_in.learner, hand_in.account, hand_in.lesson


def _all_marks(readable, known):
    """Run each lesson once, then each hand-in: as many at a time as there is room for."""
    numbers = sorted({hand_in.lesson for hand_in in readable})
    room = min(joblib.cpu_count(), psutil.virtual_memory().available // MEMORY)
    with (
        own_folder() as folder,
        ThreadPoolExecutor(max(room, 1)) as pool,
        tqdm(total=len(readable), desc="your lessons run", unit="hand-in", disable=None) as bar,
    ):
        run = {n: pool.submit(prepare, known[n], folder / n) for n in numbers}
        wait(run.values())
        for number, lesson in run.items():
            if error := lesson.exception():
                say(f"lesson {number}: {error}; its hand-ins get no marks", sys.stderr)
        bar.set_description("answers run")

        def mark(hand_in):
            try:
                exercises = run[hand_in.lesson].result()
                return mark_hand_in(hand_in, exercises, folder / hand_in.lesson, folder)
            except Exception as error:  # it must cost nobody else's marks
                reason = f"{hand_in.place}: {str(error) or type(error).__name__}"
                return [Mark(*_whose(hand_in), "", "not run", on_one_line(reason[:300]))]
            finally:
                bar.update()

        return [mark for of_one in pool.map(mark, readable) for mark in of_one]


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
                    solution = answers.solution(cells[position + 1 : position + 2])
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
    if used := set(printed.split()) & answers.words(exercise.starter):
        names = ", ".join(sorted(used))
        say(
            f"exercise {exercise.number}: an answer that needs {names} ends with an error, "
            "for that cannot be stored; read it yourself",
            sys.stderr,
        )


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
            source = answers.answer_to(exercise, hand_in.cells)
            left = min(SECONDS, int(deadline - time.monotonic()))
            known = _not_run(source, exercise)
            state, detail = known or runner.verdict(source, exercise.number, folder, left)
            look = "" if known else answers.to_look_at(source, exercise)
            detail = on_one_line(str(detail)[:300])
            found.append(Mark(*_whose(hand_in), exercise.number, state, detail, look))
    return found


def _not_run(source, exercise):
    """State and detail of an answer that is not to be run; else None."""
    if source is None:
        return "not run", "there is no such cell"
    if source.strip() == exercise.starter.strip():
        return "not answered", "the cell is unchanged"
    if reason := answers.too_long(source):
        return "error", reason
    return None


class _Runner:
    """Runs answers in one kernel after the other: a new one whenever the last one was stopped."""

    def __init__(self, work):
        self.work, self.kernels, self.run = work, ExitStack(), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run = None
        with suppress(Exception):  # who has broken a kernel may have broken its end, too
            self.kernels.close()

    def verdict(self, source, number, folder, seconds):
        """State and detail of one answer."""
        if seconds <= 0:
            return "out of time", f"all answers together ran for more than {ALL_SECONDS} seconds"
        place = f'({str(folder)!r}, "{number}")'
        try:
            self.run = self.run or self._start(folder)
            self.run(f"{PLACES}_places.load{place}", SECONDS)
            self.run(without_check(source, number), seconds)
            return _state(self.run(f"{PLACES}_places.examine{place}", SECONDS))
        except Stopped as stopped:
            if stopped.is_over:
                self.__exit__()
            return stopped.state, stopped.detail
        except Exception as error:  # a kernel that no answer has tampered with does not raise these
            self.__exit__()
            return "error", f"its kernel cannot be understood: {type(error).__name__}: {error}"

    def _start(self, lesson):
        folder = self.kernels.enter_context(own_folder(self.work))
        return self.kernels.enter_context(kernel(folder, [lesson]))


def _state(outputs):
    """The verdict in the outputs of a check; anything but exactly one is none."""
    verdicts = [output for output in outputs if "mnist_helpers" in output.get("metadata", {})]
    if len(verdicts) != 1:
        return "error", f"the check has given {len(verdicts)} verdicts instead of one"
    state = verdicts[0].metadata["mnist_helpers"].get("state")
    if state not in GIVEN:
        return "error", "the check has given no valid verdict"
    return state, verdicts[0].get("data", {}).get("text/plain", "")
