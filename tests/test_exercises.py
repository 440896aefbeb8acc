"""The answer bank: right answers in several styles, and wrong ones with their diagnosis.

The bank of a lesson is `tests/answers/lesson0N.py`: a function `bank(train, test)` that returns
a dict from the number of an exercise to (right answers, wrong answers); a wrong answer is a pair
(answer, words of the diagnosis that it must get).
"""

import os
import random
import subprocess
import sys
from collections import Counter
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from mnist_helpers import exercises
from mnist_helpers.course import COURSE, SOURCES, lessons
from mnist_helpers.data import load_mnist
from mnist_helpers.exercises import Mistake, checks, compare, exercise, verdicts
from mnist_helpers.models import DenseAutoencoder
from mnist_helpers.randomness import random_states

LESSONS = [lesson.number for lesson in lessons()]


@pytest.fixture(autouse=True)
def no_tries(monkeypatch):
    """Each test is a kernel that nobody has answered in."""
    monkeypatch.setattr(verdicts, "_tries", Counter())
    monkeypatch.setattr(verdicts, "_latest", {})


@cache
def digits(source):
    return load_mnist(source=source)


def surroundings(answer):
    """All that a check finds and has to leave as it was: random states, settings, the answer."""
    states = random_states().items()
    states = {k: v.tolist() if isinstance(v, torch.Tensor) else str(v) for k, v in states}
    settings = [torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype()]
    settings += [torch.is_inference_mode_enabled(), torch.are_deterministic_algorithms_enabled()]
    network = answer if isinstance(answer, nn.Module) else nn.Identity()
    modes = [module.training for module in network.modules()]
    weights = [(p.tolist(), p.grad, p.requires_grad) for p in network.parameters()]
    return states, settings, modes, weights


@pytest.fixture
def verdict(monkeypatch):
    """Check an answer on a source; its state and its text, as the output holds them.

    No check may leave a trace, so each of the many answers of the bank is a test of that too.
    """
    shown = []
    monkeypatch.setattr(verdicts, "display", lambda *a, **k: shown.append((a, k)))

    def ask(number, answer, source="standin"):
        check, before = checks(*digits(source)), surroundings(answer)
        check(number, answer)
        assert surroundings(answer) == before, number
        (output,), options = shown.pop()
        state = options["metadata"]["mnist_helpers"]["state"]
        return state, output["text/plain"].removeprefix(f"Exercise {number}: ")

    return ask


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("lesson", LESSONS)
def test_answer_bank(lesson, source, verdict):
    try:
        data = digits(source)
    except OSError as error:
        if os.environ.get("MNIST_HELPERS_SOURCE") == source:
            raise  # asked for and missing
        pytest.skip(str(error))
    bank = import_module(f"tests.answers.lesson{lesson}").bank(*data)
    import_module(f"mnist_helpers.exercises.lesson{lesson}")
    numbers = [n for n in exercises._exercises if n.split(".")[0] == str(int(lesson))]
    assert set(bank) == set(numbers) and len(numbers) >= 4
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


def draw_from_everywhere(*_):
    numbers = torch.rand(1).item(), random.random(), np.random.rand()
    return f"drawn {numbers}"


def test_a_check_draws_the_same_numbers_every_time_and_none_of_the_lessons(verdict, monkeypatch):
    monkeypatch.setitem(exercises._exercises, "3.99", draw_from_everywhere)
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    expected = draw_from_everywhere()
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    assert verdict("3.99", 0) == verdict("3.99", 0) != ("right", f"✓ {expected}")
    assert draw_from_everywhere() == expected


def test_an_answer_that_draws_or_fails_leaves_the_random_states_too(verdict, monkeypatch):
    def failing(answer, train, test):
        raise Mistake(answer())

    monkeypatch.setitem(exercises._exercises, "3.99", failing)
    assert verdict("3.99", draw_from_everywhere)[0] == "known mistake"
    monkeypatch.setitem(exercises._exercises, "3.99", lambda answer, *_: answer() / 0)
    assert verdict("3.99", draw_from_everywhere)[0] == "wrong"


@pytest.mark.parametrize("training", [True, False])
def test_a_network_as_answer_keeps_its_mode_and_weights(verdict, training):
    """The fixture compares them; each of these checks lets the network work."""
    decoder = nn.Sequential(
        nn.Dropout(), DenseAutoencoder(32).decoder, nn.Unflatten(1, (1, 28, 28))
    )
    tied = import_module("tests.answers.lesson03").Tied()
    for number, network in {"3.5": tied, "3.3": decoder, "4.4": decoder}.items():
        verdict(number, network.train(training))


def test_a_new_lesson_is_found_by_its_name(verdict, tmp_path, monkeypatch):
    text = """
from mnist_helpers.exercises import exercise

@exercise("97.1")
def twice(answer, train, test):
    return 2 * answer
"""
    (tmp_path / "lesson97.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(tmp_path)])
    assert verdict("97.1", "so ") == ("right", "✓ so so ")
    del exercises._exercises["97.1"], sys.modules["mnist_helpers.exercises.lesson97"]


@pytest.mark.parametrize("number", ["97.1", "3", "3.99", "03.1", 3.1, "", "x.1", "../a.1", None])
def test_unknown_exercise_is_named(number):
    with pytest.raises(ValueError, match="no exercise .*; give a number as a text"):
        checks(None, None)(number, 0)


TERMINAL = """
from IPython.core.interactiveshell import InteractiveShell
from mnist_helpers.exercises import checks
InteractiveShell.instance()
checks(None, None)("4.1", [608, 608])
"""


@pytest.mark.parametrize("encoding, mark", [("cp1252", "+"), ("utf-8", "✓")])
def test_a_terminal_without_a_tick_shows_the_verdict_too(encoding, mark, tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "IPYTHONDIR": str(tmp_path)}
    command = [sys.executable, "-c", TERMINAL]
    run = subprocess.run(command, cwd=COURSE, env=environment, capture_output=True)
    assert run.returncode == 0, run.stderr.decode(encoding)
    assert run.stdout.decode(encoding).startswith(f"Exercise 4.1: {mark} ")


@pytest.mark.parametrize("one", [2, 2.0, np.float32(2), torch.tensor(2.0), np.array([2]), [2]])
def test_numbers_in_any_dress(one):
    if isinstance(one, list):
        with pytest.raises(Mistake, match="needs one number; you gave list"):
            exercises.number(one)
    else:
        assert exercises.number(one) == 2.0


def test_compare_names_the_mistake():
    compare(2.001, 2.0, [])
    with pytest.raises(Mistake, match="twice") as caught:
        compare(4.0, 2.0, [(4.0, "twice as much")])
    assert caught.value.known


@pytest.mark.parametrize(
    "value, right, words",
    [
        (3.0, 2.0, "You have 3, and that is too large, by less than a factor of 2."),
        (1.9, 2.0, "too small, by less than a tenth."),
        (0.5, 2.0, "too small, by a factor between 2 and 10."),
        (20.0, 2.0, "too large, by a factor of 10 or more."),
        (-4.0, -2.0, "too small, by a factor between 2 and 10."),
        (-2.0, 2.0, "below what it should be, beyond zero or at it."),
        (1.0, 0.0, "above what it should be, beyond zero or at it."),
        (float("nan"), 2.0, "no finite number."),
    ],
)
def test_any_other_number_gets_direction_and_size(value, right, words):
    with pytest.raises(Mistake) as caught:
        compare(value, right, [(4.0, "twice as much")])
    assert str(caught.value).endswith(words) and not caught.value.known


def test_the_range_is_named_from_the_fourth_try_on(monkeypatch):
    shown = []
    monkeypatch.setattr(verdicts, "display", lambda output, **_: shown.append(str(output)))
    monkeypatch.setitem(exercises._exercises, "3.99", lambda a, *_: compare(a, 2.0, []))
    check = checks(None, None)
    for _ in range(4):
        check("3.99", 2.5)
    assert ["between 1.98 and 2.02" in text for text in shown] == [False, False, False, True]


class Unfinished(torch.utils.data.Dataset):
    def __len__(self):
        return ...


@pytest.mark.parametrize("answer", [lambda x: ..., lambda x: x + ..., lambda x: len(Unfinished())])
def test_what_is_left_of_a_starter_is_named(verdict, monkeypatch, answer):
    monkeypatch.setitem(exercises._exercises, "3.99", lambda a, *_: exercises.function(a)(1))
    state, text = verdict("3.99", answer)
    assert state == "known mistake" and "`...` of the starter" in text


def test_exercises_are_registered_by_number():
    assert exercise("0.0")(len) is len and exercises._exercises.pop("0.0") is len
