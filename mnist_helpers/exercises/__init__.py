"""The checks behind the exercises: they diagnose an answer, and never raise on one.

The exercises of lesson 3 are in `lesson03.py`, and so on: a new file is found by its name.
Each is a function `exercise(answer, train, test)` that raises `Mistake` with a diagnosis, or
returns what there is to say about a right answer. What is right is worked out from the data at
hand, so that it holds for MNIST and for the stand-in. A check may draw random numbers: they start
from the same seed every time, and those of the lesson stay as they were.
"""

import re
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from math import isfinite

import numpy as np
import torch

from mnist_helpers.exercises.verdicts import count, show, watch_cells
from mnist_helpers.randomness import own_randomness

LATE = 4  # the try from which on a check says more
STARTER = "A `...` of the starter is still at work in your answer. What belongs in its place?"

_exercises = {}  # "3.2" -> function (answer, train, test) -> text


class Mistake(Exception):
    """What is wrong with an answer, in words for the learner, with the question that leads on.

    Args:
        text: what was seen and what it suggests.
        known: False if this is no mistake that the exercise knows by name.
        late: what is said too from the fourth try on: more of a hint than one should start with.
    """

    def __init__(self, text, known=True, late=""):
        super().__init__(text)
        self.known = known
        self.late = late


def exercise(number):
    """Decorator: this function is the check of the exercise of that number, such as "3.2"."""

    def register(function):
        _exercises[number] = function
        return function

    return register


def numbers(lesson):
    """The numbers of a lesson's exercises, in order.

    Args:
        lesson: two digits, such as "03".

    Returns:
        A list such as ["3.1", "3.2"]; an empty one if there is no such lesson.
    """
    if find_spec(module := f"{__name__}.lesson{lesson}"):
        import_module(module)
    own = [number for number in _exercises if number.split(".")[0].zfill(2) == lesson]
    return sorted(own, key=lambda number: int(number.split(".")[1]))


def checks(train, test):
    """The function that checks answers on these data.

    Args:
        train, test: the two `Digits` of the lesson.

    Returns:
        A function `check(number, answer)`. It shows one of: not answered yet; ✓ and a remark;
        ✗ and a diagnosis. An answer of `...` is not answered yet. The verdict also goes into
        the output's metadata, for `python -m mnist_helpers.handout --collect`. It raises
        ValueError when there is no exercise of that number, and never on an answer.
    """
    watch_cells()

    def check(number, answer):
        examine = _find(number)
        tries = count(number, answered=answer is not ...)
        if answer is ...:
            state, text = "not answered", "not answered yet."
        else:
            state, text = _verdict(examine, answer, train, test, tries)
        show(number, state, tries, text)

    return check


def _find(number):
    numbers(str(number).split(".")[0].zfill(2))
    if number not in _exercises:
        raise ValueError(f"no exercise {number!r}; give a number as a text, such as '3.2'")
    return _exercises[number]


def _verdict(examine, answer, train, test, tries):
    """State and text for an answer, whatever it is and whatever it does."""
    try:
        with own_randomness(seed=0):
            return "right", f"✓ {examine(answer, train, test)}"
    except Mistake as mistake:
        # On a line of its own, for the table of the teacher leaves it out: a class may see that.
        late = f"\n{mistake.late}" if mistake.late and tries >= LATE else ""
        return "known mistake" if mistake.known else "wrong", f"✗ {mistake}{late}"
    except Exception as error:
        if "ellipsis" in str(error):
            return "known mistake", f"✗ {STARTER}"
        text = f"✗ Your answer ran into {type(error).__name__}: {error}"
        return "wrong", text[:500]


# ---- what several exercises need -----------------------------------------------------------


def number(answer):
    """The answer as one float: a Python number, a NumPy one, or a tensor with one element."""
    if isinstance(answer, (torch.Tensor, np.ndarray)) and np.prod(answer.shape) == 1:
        answer = answer.item()
    if isinstance(answer, (bool, np.bool_)) or not isinstance(answer, (int, float, np.number)):
        raise Mistake(f"This needs one number; you gave {describe(answer)}.", known=False)
    return float(answer)


def tensor(answer, shape):
    """The answer as a float tensor of this shape; lists and arrays will do."""
    try:
        answer = torch.as_tensor(answer).detach().float().cpu()
    except Exception:
        raise Mistake(f"This needs a tensor; you gave {describe(answer)}.", known=False) from None
    if answer.shape != tuple(shape):
        raise Mistake(
            f"This needs the shape {tuple(shape)}; yours is {tuple(answer.shape)}.", known=False
        )
    return answer


def function(answer):
    """The answer itself, if it can be called; it may not give back the `...` of the starter."""
    if not callable(answer):
        raise Mistake(
            f"This needs a function; you gave {describe(answer)}. Give its name, without "
            "parentheses behind it.",
            known=False,
        )

    @wraps(answer, updated=())  # a network keeps its own attributes
    def finished(*inputs, **options):
        if (result := answer(*inputs, **options)) is ...:
            raise Mistake(STARTER)
        return result

    return finished


def returned(
    result, missing="Your function returns nothing. Which line should begin with `return`?"
):
    """What a learner's function gave back; a Mistake with the text `missing` if that is nothing."""
    if result is None:
        raise Mistake(missing)
    return result


def is_number(answer):
    """Whether a learner gave one bare number where several things are asked for."""
    try:
        number(answer)
    except Mistake:
        return False
    return True


def compare(value, right, mistakes, tolerance=0.01):
    """Raise the diagnosis of a number that is not right.

    Args:
        value: the learner's number.
        right: the true one.
        mistakes: list of (wrong value, diagnosis); the first that fits is raised.
        tolerance: how far from `right`, or from a wrong value, still counts as it, relative.

    Raises:
        Mistake: a known one, or one that says how far off the value is; late, the range too.
    """
    width = tolerance * abs(right)
    if abs(value - right) <= width:
        return
    for wrong, diagnosis in mistakes:
        if abs(value - wrong) <= tolerance * abs(wrong):
            raise Mistake(diagnosis)
    low, high = f"{right - width:.4g}", f"{right + width:.4g}"
    range_ = f"is about {low}" if low == high else f"lies between {low} and {high}"
    raise Mistake(
        f"You have {value:.4g}, and that is {_off(value, right)}.",
        known=False,
        late=f"What is asked for {range_}.",
    )


def _off(value, right):
    """In which direction a value is off, and by about how much."""
    if not isfinite(value):
        return "no finite number"
    if value * right <= 0:
        return f"{'above' if value > right else 'below'} what it should be, beyond zero or at it"
    direction = "large" if value > right else "small"
    factor = max(value / right, right / value)
    if factor < 1.1:
        return f"too {direction}, by less than a tenth"
    if factor < 2:
        return f"too {direction}, by less than a factor of 2"
    return f"too {direction}, by a factor {'between 2 and 10' if factor < 10 else 'of 10 or more'}"


def describe(answer):
    """What an answer is, in a few words."""
    if answer is ...:
        return "the `...` of the starter"
    if isinstance(answer, (torch.Tensor, np.ndarray)):
        return f"a {type(answer).__name__} of shape {tuple(answer.shape)}"
    text = re.sub(r" at 0x[0-9a-f]+", "", str(answer))  # an address helps nobody
    return f"{type(answer).__name__} ({text[:40]})"
