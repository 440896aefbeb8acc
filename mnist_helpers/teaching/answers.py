"""The code of an answer: without its check, and what a teacher should know of it."""

import ast
import re
from collections import namedtuple

from IPython.core.inputtransformer2 import TransformerManager

# An answer that names one of these could be after the check, and not after the exercise.
SUSPECT = set(
    "builtins check ctypes display eval exec exercises gc get_ipython globals importlib inspect "
    "mnist_helpers modules open os places signal socket subprocess sys teaching threading".split()
)

# An exercise: its number, its cell in the lesson and the course's solution, or "".
Exercise = namedtuple("Exercise", "number id starter solution")


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
    except (SyntaxError, ValueError, RecursionError, MemoryError):
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
    if names := sorted((words(own) - words(given)) & SUSPECT):
        return f"it names {', '.join(names)}"
    return ""


def words(source):
    """The names and words in code, a set."""
    return set(re.findall(r"\w+", source))


def essence(source):
    """Code without comments, checks and white space."""
    lines = [re.sub(r"#.*|^\s*check\(.*", "", line) for line in source.splitlines()]
    return re.sub(r"\s+", "", "".join(lines))
