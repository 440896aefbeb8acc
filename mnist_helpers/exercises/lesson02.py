"""The checks of lesson 2: a classifier and its weight filters."""

import math
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector

from mnist_helpers import models
from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number


@exercise("2.1")
def complete_cross_entropy(answer, train, test):
    """A function (logits, labels) -> the mean cross-entropy of the batch, a scalar tensor."""
    function(answer)
    generator = torch.Generator().manual_seed(0)
    for images, classes, size in ((12, 10, 2), (10, 10, 2), (5, 3, 2), (12, 10, 200)):
        logits = size * torch.randn(images, classes, generator=generator)
        labels = torch.randint(classes, (images,), generator=generator)
        loss = answer(logits.clone().requires_grad_(), labels.clone())
        _compare_cross_entropy(loss, logits, labels)
    return "It holds for large logits too, where exp() alone overflows, as in F.cross_entropy."


def _compare_cross_entropy(loss, logits, labels):
    if isinstance(loss, torch.Tensor) and loss.shape == labels.shape:
        raise Mistake(f"You return {len(labels)} losses. What makes one number of them?")
    value = number(loss)
    if not math.isfinite(value):
        raise Mistake(
            f"You have {value} for logits up to {logits.max():.0f}. Which exp() overflows?"
        )
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_total, true = shifted.logsumexp(dim=1).mean().item(), shifted[range(len(labels)), labels]
    right = F.cross_entropy(logits, labels).item()
    table = log_total - shifted[:, labels].mean().item()
    twice = F.cross_entropy(logits.softmax(dim=1), labels).item()
    seen = f"You have {value:.3f} for {len(labels)} images"
    mistakes = [
        (-right, f"{seen}: a loss below zero. Which of the two terms is the larger one?"),
        (right * len(labels), f"{seen}: it grows with the batch. Sum or mean?"),
        (table, f"{seen}: scores[:, labels] is a whole table. How do you take one from each row?"),
        (log_total, f"{seen}: the labels play no part in it. Whose score is missing?"),
        (log_total - shifted.mean().item(), f"{seen}: every class counts. Where are the labels?"),
        (-true.mean().item(), f"{seen}: only the true scores count. Where is the total?"),
        (twice, f"{seen}: two softmaxes in a row give that. Which one is too many?"),
    ]
    compare(value, right, mistakes, tolerance=1e-3)
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        raise Mistake(
            f"{seen}. The value is right, but backward() cannot walk back from it. What cuts the "
            "result off from the logits?"
        )


@exercise("2.2")
def predict_parameters(answer, train, test):
    """How many numbers `models.Classifier(hidden=(128, 64))` has to learn."""
    value = number(answer)
    old, weights = 27882, 784 * 128 + 128 * 64 + 64 * 10
    right = weights + 128 + 64 + 10
    mistakes = [
        (weights, "these are the weights alone. What else does each unit have?"),
        (weights + 784 + 128 + 64, "one bias for each input. Or is it one for each unit?"),
        (weights + 3, "one bias for each layer. How many numbers does 1.bias hold above?"),
        (4 * old, "four times everything. Does the table of the ten logits grow?"),
        (right - 96 * 64, "the second table still has 32 columns. What do its units look at now?"),
        (right - 65 * 10, "the hidden layers alone. Which layer gives the ten logits?"),
        (785 * 128, "the first layer alone. What comes behind it?"),
        (785 * 128 + 129 * 10, "one hidden layer and the logits. Where are the 64 units?"),
        (785 * 32 + 33 * 128 + 129 * 10, "that is hidden=(32, 128). Which layer sees the pixels?"),
        (old, "that is the old network. Which of its three tables change their shape?"),
        (right - old, "the numbers that come on top. How many are there altogether?"),
    ]
    for wrong, diagnosis in mistakes:
        if value == wrong:
            raise Mistake(f"You have {value:,.0f}: {diagnosis}")
    if value != right:
        between = "it should lie between 105,000 and 115,000, and be exact"
        raise Mistake(f"You have {value:,.10g}; {between}. Count layer by layer.", known=False)
    return (
        "Each of the 96 new filters costs 784 weights and a bias, and 64 weights more in the "
        "layer that looks at it: 849 numbers."
    )


@exercise("2.3")
def repair_loop(answer, train, test):
    """A function (model, images, labels, steps) that trains on one batch by SGD with lr=0.1."""
    function(answer)
    model = models.Classifier()
    for steps, batch in ((1, slice(64)), (2, slice(64)), (8, slice(64, 96))):
        images, labels = test[batch]
        trained = deepcopy(model)
        answer(trained, images.clone(), labels.clone(), steps)
        _compare_steps(trained, model, images, labels, steps)
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
        "SGD takes it; that should lie between 0 and 1e-05. Change only what is broken.",
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


@exercise("2.4")
def worth_of_the_bias(answer, train, test):
    """Accuracy on the test images with the means as filters: with minus without the bias."""
    value = number(answer)
    means = torch.stack([train.images[train.labels == k].mean(dim=0).flatten() for k in range(10)])
    bias = -means.square().sum(dim=1) / 2
    with_bias, without, pushed_up, doubled = _shares(test, means, (bias, 0 * bias, -bias, 2 * bias))
    train_with, train_without = _shares(train, means, (bias, 0 * bias))
    right = with_bias - without
    seen = f"You have {value:.4g}"
    mistakes = [
        (-right, f"{seen}, so the bias would do harm. Which share comes first?"),
        (100 * right, f"{seen}: these are percentage points. What is that as a share?"),
        (right * len(test), f"{seen}: a number of images. What share of all is it?"),
        (with_bias, f"{seen}: the share with the bias. How much of it is left without?"),
        (without, f"{seen}: the share without the bias. How much more is it with the bias?"),
        (
            train_with - train_without,
            f"{seen}: that is on the training images. Which were asked for?",
        ),
        (pushed_up - without, f"{seen}: is a mean with much ink pushed up here, or down?"),
        (doubled - without, f"{seen}: your bias is too large. What does the formula divide by?"),
    ]
    compare(value, right, mistakes)
    return (
        "A mean with much ink has a large dot product with almost any image. The bias takes "
        "this head start away."
    )


def _shares(digits, means, biases):
    """Share of right answers with each of these biases behind the ten dot products."""
    scores = digits.images.flatten(1) @ means.T
    return [((scores + b).argmax(1) == digits.labels).double().mean().item() for b in biases]


@exercise("2.5")
def remove_units(answer, train, test):
    """A function (model, units) -> a copy whose first layer says 0 at these units."""
    function(answer)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(100, 1, 28, 28, generator=generator)  # ink in every pixel
    for hidden, units in (((32, 64), [3, 17, 30]), ((32, 64), [5]), ((40,), [0, 1, 17, 39])):
        torch.manual_seed(len(units))
        model = models.Classifier(hidden)
        torch.nn.init.constant_(model.layers[1].bias, 0.5)  # a bias left over must show
        before = _weights(model)
        cut = _call(answer, model, list(units))
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
        "one; that should lie between 0 and 0.0001. Which layer looks at the pixels?",
        known=False,
    )


def _zeroed(model, rows, biases):
    """A copy with zeros at these rows of the first layer's weight, and at these biases."""
    model = deepcopy(model)
    model.layers[1].weight[rows] = 0
    model.layers[1].bias[biases] = 0
    return model
