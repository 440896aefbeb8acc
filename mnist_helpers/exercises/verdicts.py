"""The verdicts of the checks: counted, shown, and left in the output for the teacher's table."""

import re
from collections import Counter

from IPython import get_ipython
from IPython.display import display

from mnist_helpers.files import printable

CHECK = re.compile(r"""^[ \t]*check\([ \t]*["']([0-9]{1,2}\.[0-9]{1,2})["']""", re.MULTILINE)

# They live as long as the kernel: running the set-up cell again starts no new count.
_tries = Counter()
_latest = {}  # "3.2" -> what `show` was given last
_shown = set()  # the exercises whose verdict the running cell has shown


def count(number, answered=True):
    """How often an exercise has been answered, with this time if it is answered now."""
    _tries[number] += answered
    return _tries[number]


def show(number, state, tries, text, when=""):
    """Show a verdict as the output of the running cell.

    Args:
        number: of the exercise, such as "3.2".
        state: "right", "known mistake", "wrong" or "not answered"; for the table of the teacher.
        tries: how often it has been answered.
        text: for the learner.
        when: what the line says of the time of the verdict.
    """
    _latest[number] = state, tries, text
    _shown.add(number)
    verdict = {"exercise": number, "state": state, "tries": tries}
    shown = {"text/plain": printable(f"Exercise {number}{when}: {text}")}
    display(shown, metadata={"mnist_helpers": verdict}, raw=True)


def watch_cells():
    """Let no error erase an answer: a cell that fails before its check shows the last verdict."""
    if shell := get_ipython():
        shell.events.register("post_run_cell", _after_cell)


def _after_cell(result):
    found = CHECK.search(result.info.raw_cell or "")
    if found and not result.success and found[1] in _latest.keys() - _shown:
        show(found[1], *_latest[found[1]], when=", before this error")
    _shown.clear()
