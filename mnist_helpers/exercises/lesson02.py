"""The checks of lesson 2: a classifier and its weight filters.

Those about training, 2.4, 2.5 and 2.7, are in `lesson02_training.py`, 2.8 in `lesson02_drawing.py`.
"""

import math

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mnist_helpers.exercises import Mistake, compare, exercise, function, number, returned
from mnist_helpers.exercises import lesson02_drawing as lesson02_drawing  # its exercise
from mnist_helpers.exercises import lesson02_training as lesson02_training  # its exercises


@exercise("2.1")
def complete_cross_entropy(answer, train, test):
    """A function (logits, labels) -> the mean cross-entropy of the batch, a scalar tensor."""
    answer = function(answer)
    generator = torch.Generator().manual_seed(0)
    for images, classes, size in ((12, 10, 2), (10, 10, 2), (5, 3, 2), (12, 10, 200)):
        logits = size * torch.randn(images, classes, generator=generator)
        labels = torch.randint(classes, (images,), generator=generator)
        loss, tables = _watched(answer, logits.clone().requires_grad_(), labels.clone())
        _compare_cross_entropy(loss, logits, labels)
        if images != classes and (images, images) in tables:
            raise Mistake(
                f"The value is right, by luck: you average a table of {images} x {images} numbers "
                f"for {images} images. Which shapes do your two terms have?"
            )
    return "It holds for large logits too, where exp() alone overflows, as in F.cross_entropy."


def _watched(answer, logits, labels):
    """What the answer returns, and the shapes of all that it sums or averages."""
    try:
        with _Sums() as sums:
            return returned(answer(logits, labels)), sums.shapes
    except (RuntimeError, IndexError) as error:
        if "size" not in str(error) and "shape" not in str(error) and "bounds" not in str(error):
            raise
        if "bounds" in str(error):
            raise Mistake(
                f"{str(error)[:1].upper()}{str(error).splitlines()[0][1:120]}. A row of s belongs "
                "to an image, a column to a class: which of your two indices comes first?"
            ) from None
        if "indexing" in str(error):
            raise Mistake(
                f"{len(labels)} labels need {len(labels)} row numbers, and you give others. "
                "`arange(2)` was for two images: how many are there here?"
            ) from None
        raise Mistake(
            f"Shapes that do not fit: {str(error).splitlines()[0][:120]}. log_total has the shape "
            f"({len(labels)},). And s[labels] takes whole rows of s: which index is still missing?"
        ) from None


class _Sums(TorchDispatchMode):
    """Notes the shape of whatever is summed or averaged while it is active."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.__name__.split(".")[0] in ("mean", "sum"):
            self.shapes.append(tuple(args[0].shape))
        return func(*args, **(kwargs or {}))


def _compare_cross_entropy(loss, logits, labels):
    if isinstance(loss, torch.Tensor) and loss.shape == labels.shape:
        raise Mistake(f"You return {len(labels)} losses. What makes one number of them?")
    value = number(loss)
    if not math.isfinite(value):
        raise Mistake(
            f"You have {value} for logits up to {logits.max():.0f}. Which exp() overflows?"
        )
    compare(value, *_cross_entropies(value, logits, labels), tolerance=1e-3)
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        raise Mistake(
            f"You have {value:.3f} for {len(labels)} images. The value is right, but backward() "
            "cannot walk back from it. What cuts the result off from the logits?"
        )


def _cross_entropies(value, logits, labels):
    """The right value, and wrong ones with their diagnosis."""
    s = logits - logits.max(dim=1, keepdim=True).values
    log_total, true = s.logsumexp(dim=1).mean().item(), s[range(len(labels)), labels]
    right = F.cross_entropy(logits, labels).item()
    raw = log_total - logits[range(len(labels)), labels].mean().item()
    table = log_total - s[:, labels].mean().item()
    twice = F.cross_entropy(logits.softmax(dim=1), labels).item()
    seen = f"You have {value:.3f} for {len(labels)} images"
    mistakes = [
        (-right, f"{seen}: a loss below zero. Which of the two terms is the larger one?"),
        (right * len(labels), f"{seen}: it grows with the batch. Sum or mean?"),
        (raw, f"{seen}: log_total belongs to s, and you subtract from logits. Which was shifted?"),
        (table, f"{seen}: s[:, labels] is a whole table. How do you take one from each row?"),
        (log_total, f"{seen}: the labels play no part in it. Whose score is missing?"),
        (log_total - s.mean().item(), f"{seen}: every class counts. Where are the labels?"),
        (-true.mean().item(), f"{seen}: only the true scores count. Where is the total?"),
        (twice, f"{seen}: two softmaxes in a row give that. Which one is too many?"),
    ]
    if len(labels) >= logits.shape[1]:
        rows = log_total - s[labels].mean().item()
        mistakes.append((rows, f"{seen}: s[labels] takes whole rows. Which index is missing?"))
    return right, mistakes


@exercise("2.2")
def nudge_weights(answer, train, test):
    """A function (loss_of, weights, h) -> the slope of the loss in each weight, from both sides."""
    answer = function(answer)
    generator = torch.Generator().manual_seed(0)
    for count, h in ((3, 0.01), (5, 0.03)):
        factors = torch.randn(count, generator=generator)

        def loss_of(weights, factors=factors):
            return (factors * weights).exp().sum() + (weights * factors.flip(0)).prod()

        weights = torch.randn(count, generator=generator)
        before = weights.clone()
        try:
            slopes = returned(answer(loss_of, weights, h))
        except ValueError as error:
            if "only one element tensors" not in str(error):
                raise
            raise Mistake(
                "You store several numbers for one weight. `nudge` is a whole row: which single "
                "number says how far the weight moves?"
            ) from None
        slopes = torch.as_tensor(slopes).detach().float().flatten()
        if not torch.equal(weights, before):
            raise Mistake("The weights that you were given have moved. What undoes a nudge?")
        _compare_slopes(slopes, loss_of, weights, h)
    return "Two losses for each weight give the gradient, of any function that you can evaluate."


def _compare_slopes(slopes, loss_of, weights, h):
    up, down = (
        torch.stack([loss_of(weights + sign * h * row) for row in torch.eye(len(weights))])
        for sign in (1, -1)
    )
    right, here = (up - down) / (2 * h), loss_of(weights)
    if slopes.shape != right.shape:
        raise Mistake(f"You give {len(slopes)} numbers for {len(weights)} weights. One for each?")
    all_up, all_down = loss_of(weights + h), loss_of(weights - h)
    mistakes = [
        (-right, "Every slope has the wrong sign. Which loss comes first, the one above?"),
        (2 * right, "Every slope is twice too large. How far apart are the two losses?"),
        (right * 2 * h / 0.02, "With h = 0.03 every slope is three times too large. Where else "
         "does h come in?"),
        (right * 2 * h, "These are differences of losses. By what do you divide, for a slope?"),
        (right * 4 * h**2, "Every slope is far too small. Do you multiply by 2 * h, or divide?"),
        (right * h**2, "Every slope is far too small: a / 2 * h is (a / 2) * h. What do you mean?"),
        (right * h, "Every slope is far too small. What do you divide by?"),
        ((up - here) / h, "Nearly: you only nudge up. Where is the other side?"),
        ((here - down) / h, "Nearly: you only nudge down. Where is the other side?"),
        ((up - here) / (2 * h), "One nudge, divided by two. How far apart are your two losses?"),
        (up, "These are losses. Which difference, divided by what, is a slope?"),
        (((all_up - all_down) / (2 * h)).expand(len(weights)), "All slopes are equal: all weights "
         "were nudged at once. How do you nudge one at a time?"),
        (right.flip(0), "The slopes stand in reverse order. Which weight comes first?"),
    ]  # fmt: skip
    exact = torch.autograd.functional.jacobian(loss_of, weights)
    tolerance = 0.1 * ((up - here) / h - right).abs().max() + 1e-4
    if min((slopes - right).abs().max(), (slopes - exact).abs().max()) <= tolerance:
        return
    for wrong, diagnosis in mistakes:
        if torch.allclose(slopes, wrong, rtol=1e-2, atol=1e-4):
            raise Mistake(diagnosis)
    raise Mistake(
        f"For weight 0 you have {slopes[0]:.3g}, and backward() says something else. What does the "
        "loss do when weight 0 alone grows by h, and when it shrinks by h?",
        known=False,
    )


@exercise("2.3")
def predict_parameters(answer, train, test):
    """How many numbers `models.Classifier(hidden=(128, 64))` has to learn."""
    value = number(answer)
    old, weights = 27882, 784 * 128 + 128 * 64 + 64 * 10
    right = weights + 128 + 64 + 10
    mistakes = [
        (weights, "these are the weights alone. What else does each unit have?"),
        (weights + 784 + 128 + 64, "one bias for each input. Or is it one for each unit?"),
        (weights + 3, "one bias for each layer. How many numbers does layers.1.bias hold above?"),
        (4 * old, "four times everything. Does the table of the ten logits grow?"),
        (right - 96 * 64, "the second table still has 32 columns. What do its units look at now?"),
        (right - 65 * 10, "the hidden layers alone. Which layer gives the ten logits?"),
        (785 * 128, "the first layer alone. What comes behind it?"),
        (785 * 128 + 129 * 10, "one hidden layer and the logits. Where are the 64 units?"),
        (785 * 32 + 33 * 128 + 129 * 10, "that is hidden=(32, 128). Which layer sees the pixels?"),
        (old, "that is the old network. Which of its three tables change their shape?"),
        (right - old, "the numbers that come on top. How many are there altogether?"),
    ]
    for missing in ((128,), (64,), (10,), (128, 64), (128, 10), (64, 10)):
        told = " and ".join(f"{n}" for n in missing)
        diagnosis = f"the layer(s) of {told} units have no bias. Which layers do have one above?"
        mistakes.append((right - sum(missing), diagnosis))
    seen = f"You have {value:,.10g}"
    compare(value, right, [(wrong, f"{seen}: {why}") for wrong, why in mistakes], tolerance=0)
    return (
        "Each of the 96 new filters costs 784 weights and a bias, and 64 weights more in the "
        "layer that looks at it: 849 numbers."
    )


@exercise("2.6")
def worth_of_the_bias(answer, train, test):
    """Accuracy on the test images with the means as filters: with minus without the bias."""
    value = number(answer)
    means = torch.stack([train.images[train.labels == k].mean(dim=0).flatten() for k in range(10)])
    bias = -means.square().sum(dim=1) / 2
    length = means.norm(dim=1)
    biases = (bias, 0 * bias, -bias, 2 * bias, -length / 2)
    with_bias, without, pushed_up, doubled, rooted = _shares(test, means, biases)
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
        (rooted - without, f"{seen}: your bias is too small. Is |m|^2 a length, or its square?"),
        (0, f"{seen}: the bias decides nothing. Has each of the ten digits one of its own?"),
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
