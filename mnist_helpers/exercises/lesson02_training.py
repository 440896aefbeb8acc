"""The checks of lesson 2 whose answers train a network, stop it, or cut it."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector

from mnist_helpers import models
from mnist_helpers.exercises import Mistake, describe, exercise, function, number, returned
from mnist_helpers.exercises.probes import patient


@exercise("2.4")
def repair_loop(answer, train, test):
    """A function (model, images, labels, steps) that trains on one batch by SGD with lr=0.1.

    It returns the last loss.
    """
    answer = function(answer)
    model = models.Classifier()
    for steps, batch in ((1, slice(64)), (2, slice(64)), (8, slice(64, 96))):
        images, labels = test[batch]
        trained = deepcopy(model)
        loss = answer(trained, images.clone(), labels.clone(), steps)
        _compare_steps(trained, model, images, labels, steps)
    number(returned(loss, "The weights are right now, but your function returns nothing. Which "
                          "line of the broken loop has got lost?"))  # fmt: skip
    return "Each step now follows the slope where the weights are, and no older slope."


def _compare_steps(trained, model, images, labels, steps):
    start, end = _weights(model), _weights(trained)
    right = _descend(model, images, labels, steps, kept=0)
    if torch.allclose(end, right, atol=1e-5):
        return
    if torch.equal(start, end):
        if any(p.grad is not None and p.grad.any() for p in trained.parameters()):
            raise Mistake("The slopes are in .grad, but no weight moved. Who moves them, and when?")
        raise Mistake("No weight moved: step() found no slopes. What comes before it, and after?")
    slope = (start - right) / 0.1  # the gradient, when there is only one step
    rate = ((start - end) @ slope / (slope @ slope)).item()
    if steps == 1 and torch.allclose(end, start - rate * slope, atol=1e-5):
        raise Mistake(
            f"Your first step is {rate:.3g} times the slope; in the broken loop it was 0.1 times. "
            "Another rate can hide the bug for a while. What does it take to repair it at lr=0.1?"
        )
    if torch.allclose(end, _descend(model, images, labels, steps, kept=1), atol=1e-4):
        raise Mistake(
            f"Your first step is right, but step {steps} follows the sum of all slopes so far. "
            "What does backward() do with the slopes that are already in .grad?"
        )
    raise Mistake(
        f"After {steps} step(s) a weight is {(end - right).abs().max():.2g} away from where plain "
        "SGD takes it. Change only what is broken: which of your lines was not in the old loop?",
        known=False,
    )


def _weights(model):
    return parameters_to_vector(model.parameters()).detach().clone()


def _descend(model, images, labels, steps, kept):
    """The weights after some steps of SGD; momentum 1 keeps all old gradients in the sum."""
    model = deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=kept)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return _weights(model)


@exercise("2.5")
def stop_early(answer, train, test):
    """A function (losses, patience) -> number of the best epoch before it stops, from 1."""
    answer = function(answer)
    cases = [  # each tells some mistakes apart
        ([0.9, 0.5, 0.6, 0.7, 0.4], 2),
        ([0.9, 0.5, 0.6, 0.7, 0.4], 3),
        ([1.0, 0.9, 0.95, 0.8, 0.85, 0.7, 0.9, 0.6], 2),
        ([0.5, 0.9, 0.8, 0.7, 0.4], 3),
        ([0.5, 0.5, 0.5, 0.4], 2),
        ([0.7, 0.6, 0.5], 5),
        ([2.0, 3.0, 1.5, 1.6], 1),
        ([0.5, 0.6, 0.7, 0.8, 0.9, 0.1], 2),
    ]
    given = [returned(answer(list(losses), patience)) for losses, patience in cases]
    given = [number(value) for value in given]
    right = [patient(*case)[1] for case in cases]
    if given == right:
        return "It stops in time, and it knows which epoch was worth keeping."
    mistakes = [
        ([1] * len(cases), "You always keep epoch 1. When does `best` change?"),
        ([epoch - 1 for epoch in right], "You count the epochs from 0. From what does the text?"),
        ([losses[k - 1] for (losses, _), k in zip(cases, right)], "That is the loss of the best "
         "epoch. What is its number?"),
        ([1 + losses.index(min(losses)) for losses, _ in cases], "You always find the best of all "
         "epochs. How could you know the losses behind the stop?"),
        ([patient(*case)[0] for case in cases], "That is the epoch at which you stop. "
         "Which one was the best before it?"),
        ([patient(losses, patience + 1)[1] for losses, patience in cases], "You wait for one epoch "
         "too many. How many may pass without a new lowest loss?"),
        ([patient(losses, max(patience - 1, 1))[1] for losses, patience in cases], "You stop one "
         "epoch too early. How many may pass without a new lowest loss?"),
        ([patient(*case, forget=False)[1] for case in cases], "You count all bad epochs so far. "
         "What happens to the count at a new lowest loss?"),
        ([patient(*case, before=True)[1] for case in cases], "You compare with the epoch before. "
         "What is the lowest loss so far?"),
        ([patient(*case, ties=True)[1] for case in cases], "For you an equal loss is a new lowest "
         "one. Has anything been won?"),
    ]  # fmt: skip
    for wrong, diagnosis in mistakes:
        if given == wrong:
            raise Mistake(diagnosis)
    losses, patience, got = next((*c, g) for c, g, r in zip(cases, given, right) if g != r)
    raise Mistake(
        f"For the losses {losses} and patience {patience} you return {got:g}. Go through them by "
        "hand: after which epoch does it stop, and which was the best by then?",
        known=False,
    )


@exercise("2.7")
def remove_units(answer, train, test):
    """A function (model, units) -> a copy whose first layer says 0 at these units."""
    answer = function(answer)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(100, 1, 28, 28, generator=generator)  # ink in every pixel
    for hidden, units in (((32, 64), [3, 17, 30]), ((32, 64), [5]), ((40,), [0, 1, 17, 39])):
        torch.manual_seed(len(units))
        model = models.Classifier(hidden)
        torch.nn.init.constant_(model.layers[1].bias, 0.5)  # a bias left over must show
        before = _weights(model)
        cut = returned(_call(answer, model, list(units)))
        if not isinstance(cut, torch.nn.Module):
            raise Mistake(f"You return {describe(cut)}. Which network should stand there?")
        if not torch.equal(_weights(model), before):
            raise Mistake("The original has lost weights too. How do you get a second network?")
        with torch.no_grad():
            _compare_cut(cut, model, images, units)
    return "Several filters can now go at once, from any network, and the original stays whole."


def _call(answer, model, units):
    try:
        return answer(model, units)
    except RuntimeError as error:
        if "leaf" not in str(error):
            raise
        raise Mistake(
            "PyTorch changes no weight in place while it keeps a record for backward(). Which "
            "`with` line switches the record off?"
        ) from None


def _compare_cut(cut, model, images, units):
    """Compare the outputs with those of the right cut, and of wrong ones that are known."""
    out, right = cut(images), _zeroed(model, units, units)(images)
    if torch.allclose(out, right, atol=1e-4):
        return
    rest = [unit for unit in range(len(model.layers[1].bias)) if unit not in units]
    mistakes = [
        ([], [], "All units answer as before. Which network do you cut, and which return?"),
        (units, [], "These units say 0.5 to every image now. What is added to the dot product?"),
        ([], units, "The units have only lost their bias. What multiplies the pixels?"),
        (rest, rest, f"You removed all units but {units}. Which ones should go?"),
        (units[-1], units[-1], f"Of {units}, only {units[-1]} is gone. Where are the others?"),
        (units[0], units[0], f"Of {units}, only {units[0]} is gone. What ends your loop?"),
        ((slice(None), units), units, f"All units lost pixels {units}. Is a unit row or column?"),
    ]
    for rows, biases, diagnosis in mistakes:
        if torch.allclose(out, _zeroed(model, rows, biases)(images), atol=1e-4):
            raise Mistake(diagnosis)
    last = list(cut.parameters())[-1:]
    if not last or not torch.equal(last[0], model.layers[-1].bias):
        raise Mistake("Even the last layer has other weights than the original. Whose copy is it?")
    raise Mistake(
        f"Without units {units} a logit is {(out - right).abs().max():.2g} away from the right "
        "one. Which layer looks at the pixels, and which of its numbers belong to these units?",
        known=False,
    )


def _zeroed(model, rows, biases):
    """A copy with zeros at these rows of the first layer's weight, and at these biases."""
    model = deepcopy(model)
    model.layers[1].weight[rows] = 0
    model.layers[1].bias[biases] = 0
    return model
