"""What counts as another run, and what does not."""

import functools
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from mnist_helpers import recipes
from mnist_helpers.recipes import differences, fingerprint, name_of
from mnist_helpers.training import classification, pixel_accuracy, reconstruction, stop_after

BETA = 4


def written(source, **names):
    """The function `objective` of a piece of source, as a cell of a notebook defines it."""
    space = {"F": F, "torch": torch} | names
    exec(source, space)
    return space["objective"]


LINE = "def objective(model, images, labels): return F.mse_loss(model(images), images)"

SAME = {
    "a comment and another layout": """
def objective(model, images, labels):
    # the mean over all pixels
    return F.mse_loss(
        model(images),
        images,
    )
""",
    "other things in the notebook": LINE + "\nbeta = 7",
}
OTHER = {
    "a factor": LINE + " * 2",
    "another function": LINE.replace("mse_loss", "l1_loss"),
    "another argument": LINE.replace("(images), images", "(images), labels"),
    "a default": LINE.replace("labels)", "labels, beta=1)"),
    "a function inside": """
def objective(model, images, labels):
    def error(x): return F.mse_loss(x, images)
    return error(model(images))
""",
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_objective(case):
    assert fingerprint(written(LINE)) == fingerprint(written(SAME[case]))


@pytest.mark.parametrize("case", OTHER)
def test_another_objective(case):
    assert fingerprint(written(LINE)) != fingerprint(written(OTHER[case]))


def test_numbers_texts_tensors_and_functions_that_it_uses_count():
    source = LINE.replace("images)", "images) * helper(beta)", 1)
    one = dict(beta=1, helper=lambda x: x + 1)
    first = fingerprint(written(source, **one))
    assert first == fingerprint(written(source, **one))
    for change in (dict(beta=2), dict(helper=lambda x: x + 2), dict(beta=torch.ones(2))):
        assert fingerprint(written(source, **one | change)) != first
    assert fingerprint(written(source, **one, unused=3)) == first


def weighted(beta):
    return lambda model, images, labels: beta * reconstruction(model, images, labels)


def test_what_it_closes_over_and_what_is_filled_in_count():
    assert fingerprint(weighted(1)) == fingerprint(weighted(1)) != fingerprint(weighted(2))
    strict, loose = (functools.partial(pixel_accuracy, tolerance=t) for t in (0.1, 0.2))
    assert fingerprint(strict) != fingerprint(loose) and name_of(strict) != name_of(loose)


def test_an_object_with_settings_counts_by_them():
    class Weighted:
        def __init__(self, beta):
            self.beta = beta

        def __call__(self, model, images, labels):
            return self.beta * reconstruction(model, images, labels)

    assert fingerprint(Weighted(1)) == fingerprint(Weighted(1)) != fingerprint(Weighted(2))


def test_counters_lists_and_networks_that_change_do_not_count():
    calls, count, network = [], 0, torch.nn.Linear(2, 2)

    def objective(model, images, labels):
        nonlocal count
        count += 1
        calls.append(network)
        return reconstruction(model, images, labels)

    before = fingerprint(objective)
    objective(torch.nn.Identity(), torch.rand(1, 1, 28, 28), None)
    network.eval()
    assert (count, fingerprint(objective)) == (1, before)


def test_a_stop_button_is_no_difference():
    assert fingerprint(stop_after(5, classification)) == fingerprint(classification)


def test_functions_that_call_each_other_or_are_written_in_c_can_be_fingerprinted():
    def even(model, images, labels):
        return odd(model, images, labels)

    def odd(model, images, labels):
        return even(model, images, labels)

    assert fingerprint(even) and fingerprint(print) and fingerprint("abc".join)
    assert fingerprint(torch.nn.Linear(2, 2)) and fingerprint(lambda *_: torch.float32)


def test_the_next_session_finds_the_same_fingerprint():
    """Hashes of texts differ from process to process; fingerprints must not."""
    code = "from tests.test_recipes import *; print(fingerprint(chooses), fingerprint(weighted(3)))"
    runs = {subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)}
    here = f"{fingerprint(chooses)} {fingerprint(weighted(3))}"
    assert {run.decode().strip() for run in runs} == {here}


def chooses(model, images, labels):
    return BETA if model in {"a", "b", "c", "d"} else 0


def test_differences_are_named_and_code_is_not_compared_between_pythons(monkeypatch):
    there = {"seed": 0, "code of the objective": "1a", recipes.PYTHON: "11", "epochs": 3}
    assert differences(there, there | {"seed": 1, "epochs": 4}) == [
        "seed is 0 there and 1 here",
        "epochs is 3 there and 4 here",
    ]
    assert differences(there, there | {"code of the objective": "2b"}) == [
        "the code of the objective is not the same"
    ]
    assert differences(there, there | {"code of the objective": "2b", recipes.PYTHON: "12"}) == []
