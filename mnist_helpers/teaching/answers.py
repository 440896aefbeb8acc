"""The code of an answer: without its check, and what a teacher should know of it."""

import ast
import re
from collections import namedtuple
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

# An answer that names one of these could be after the check, and not after the exercise.
SUSPECT = set(
    "builtins check compile ctypes display eval exec exercises gc get_ipython getattr globals "
    "importlib inspect mnist_helpers modules nbformat open os pathlib places runpy signal socket "
    "subprocess sys teaching threading types vars".split()
)
HONEST = {"__init__", "__name__", "__getitem__", "__len__", "__call__"}  # of all names like these
LONG = 20_000  # characters of an answer that is run
MAGIC = re.compile(r"[%!?]|^\s*[,;/]", re.MULTILINE)  # what IPython may make Python of, one by one
MAGICS = 100

# An exercise: its number, its cell in the lesson and the course's solution, or "".
Exercise = namedtuple("Exercise", "number id starter solution")


def answer_to(exercise, cells):
    """The code that answers an `Exercise`, or None.

    Args:
        cells: of a hand-in, a list of `Cell`. Those with the check count, before one that only has
            the starter's id; of several with the check the one with that id, else the last.
    """
    cells = [cell for cell in cells if not cell.is_solution]
    checked = [cell for cell in cells if cell.exercise == exercise.number]
    same = [cell for cell in cells if cell.id and cell.id == exercise.id]
    both = [cell for cell in same if cell.exercise == exercise.number]
    chosen = both or checked or [cell for cell in same if not cell.exercise]
    return chosen[-1].source if chosen else None


def solution(cells):
    """The code of those of a lesson's cells that are solutions, as `essence` has it."""
    found = [cell for cell in cells if "solution" in cell.metadata.get("tags", [])]
    return "".join(essence(cell.source) for cell in found)


def too_long(source):
    """Why it could take minutes, in the teacher's own process, to take this code apart; or ""."""
    if len(source) > LONG:
        return f"too long: {len(source)} characters; at most {LONG} are run"
    if (magics := len(MAGIC.findall(source))) > MAGICS:
        return f"too long: {magics} magics; at most {MAGICS} are run"
    return ""


@lru_cache(maxsize=100)
def without_check(source, number):
    """The code of an answer, with `answer = ...` in place of `check("3.2", ...)`.

    What stands below the check is cut off. Code that is no Python stays as it is.
    """
    try:
        kept = []
        for statement in ast.parse(TransformerManager().transform_cell(source)).body:
            if checked := _checked(statement, number):
                kept.append(ast.Assign([ast.Name("answer", ast.Store())], checked, lineno=1))
                break
            kept.append(statement)
        return ast.unparse(ast.Module(kept, []))
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return source


def _checked(statement, number):
    """The answer, if the statement is `check("3.2", answer)`."""
    match statement:
        case ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(text), *answers], keywords)):
            answers += [keyword.value for keyword in keywords]
            return answers[0] if answers and text == number else None
    return None


def to_look_at(source, exercise):
    """Why a teacher should read this answer by eye, or "".

    Args:
        source: its code.
        exercise: an `Exercise`.
    """
    solution = exercise.solution
    if len(solution) > 60 and solution in essence(source):
        return "it holds the course's solution, word for word"
    own, given = (without_check(code, exercise.number) for code in (source, exercise.starter))
    if names := sorted(filter(_is_suspect, words(own) - words(given))):
        return f"it names {', '.join(names)}"
    return ""


def _is_suspect(name):
    return name in SUSPECT or re.fullmatch("__.+__", name) and name not in HONEST


def words(source):
    """The names and words in code, a set."""
    return set(re.findall(r"\w+", source))


def essence(source):
    """Code without comments, checks and white space."""
    lines = [re.sub(r"#.*|^\s*check\(.*", "", line) for line in source.splitlines()]
    return re.sub(r"\s+", "", "".join(lines))
