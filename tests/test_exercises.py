"""The answer bank: right answers in several styles, and wrong ones with their diagnosis.

The bank of a lesson is `tests/answers/lesson0N.py`: a function `bank(train, test)` that returns
a dict from the number of an exercise to (right answers, wrong answers); a wrong answer is a pair
(answer, words of the diagnosis that it must get).
"""

from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch

from mnist_helpers import exercises
from mnist_helpers.data import load_mnist
from mnist_helpers.exercises import Mistake, checks, compare, exercise
from tests.regenerate import lessons

LESSONS = [path.name[:2] for path in lessons()]


@cache
def digits(source):
    return load_mnist(source=source)


@pytest.fixture
def verdict(monkeypatch):
    """Check an answer on a source; its state and its text, as the output holds them."""
    shown = []
    monkeypatch.setattr(exercises, "display", lambda *a, **k: shown.append((a, k)))

    def ask(number, answer, source="standin"):
        checks(*digits(source))(number, answer)
        (output,), options = shown.pop()
        state = options["metadata"]["mnist_helpers"]["state"]
        return state, output["text/plain"].removeprefix(f"Exercise {number}: ")

    return ask


@pytest.mark.parametrize("source", ["mnist", "standin"])
@pytest.mark.parametrize("lesson", LESSONS)
def test_answer_bank(lesson, source, verdict):
    try:
        data = digits(source)
    except OSError as error:
        pytest.skip(str(error))
    bank = import_module(f"tests.answers.lesson{lesson}").bank(*data)
    import_module(f"mnist_helpers.exercises.lesson{lesson}")
    numbers = [n for n in exercises._exercises if n.split(".")[0] == str(int(lesson))]
    assert set(bank) == set(numbers) and len(numbers) >= 5
    for number, (right, wrong) in bank.items():
        assert verdict(number, ...)[0] == "not answered"
        assert len(right) >= 2, number
        for answer in right:
            state, text = verdict(number, answer, source)
            assert state == "right", (number, text)
            assert text.startswith("✓ ") and len(text) > 10
        known = set()
        for answer, words in wrong:
            state, text = verdict(number, answer, source)
            assert state != "right" and words in text, (number, words, text)
            known |= {text} if state == "known mistake" else set()
        assert len(known) >= 3, (number, known)
        for nonsense in (None, "seven", [], {}, object(), print, torch.zeros(0), float("nan")):
            assert verdict(number, nonsense, source)[0] in ("wrong", "known mistake"), nonsense


def test_check_never_raises_on_an_answer_and_counts_the_tries(verdict, monkeypatch):
    def strict(answer, train, test):
        return {7: "seven"}[answer]

    monkeypatch.setitem(exercises._exercises, "3.99", strict)
    assert verdict("3.99", 7) == ("right", "✓ seven")
    state, text = verdict("3.99", 8)
    assert state == "wrong" and "KeyError: 8" in text


def test_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="no exercise '9.1'"):
        checks(None, None)("9.1", 0)


@pytest.mark.parametrize("one", [2, 2.0, np.float32(2), torch.tensor(2.0), np.array([2]), [2]])
def test_numbers_in_any_dress(one):
    if isinstance(one, list):
        with pytest.raises(Mistake, match="needs one number; you gave list"):
            exercises.number(one)
    else:
        assert exercises.number(one) == 2.0


def test_compare_names_the_mistake_or_the_range():
    compare(2.001, 2.0, [])
    with pytest.raises(Mistake, match="twice") as caught:
        compare(4.0, 2.0, [(4.0, "twice as much")])
    assert caught.value.known
    with pytest.raises(Mistake, match="You have 3; it should lie between 1.98 and 2.02") as caught:
        compare(3.0, 2.0, [(4.0, "twice as much")])
    assert not caught.value.known


def test_exercises_are_registered_by_number():
    assert exercise("0.0")(len) is len and exercises._exercises.pop("0.0") is len
