"""The exercises of lesson 10, a lab: design choices judged by several runs."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers import training
from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number, returned
from mnist_helpers.models import DenseAutoencoder


@exercise("10.1")
def runs_needed(answer, train, test):
    """Compute: runs per setting that make a gap of 1 % three standard errors; one run: 2 %."""
    value, right = number(answer), 72
    known = [
        (36, "counts the scatter of one mean, and a difference has two. How do their squares add?"),
        (144, "counts the runs of both settings together. How many are for each?"),
        (8, "brings the gap to one standard error. How many are asked for?"),
        (4, "brings one mean to one standard error of 1 %. What about the other, and the 3?"),
        (18, "belongs to a gap of 2 %, as large as the scatter. How large is the gap here?"),
        (4.5, "belongs to a run that scatters by 1 %, and a gap of 2 %. Which is which?"),
        (12, "would do if the standard error fell with n. With what does it fall?"),
        (6, "is 3 · 2 % / 1 %. That is a root: with what does the standard error fall?"),
        (72**0.5, "is the root of it. What is the square of the standard error?"),
        (3, "is how many standard errors there should be. From how many runs?"),
    ]
    mistakes = [(wrong, f"You have {value:.4g}: that {text}") for wrong, text in known]
    compare(value, right, mistakes, tolerance=0.012)
    return (
        "Half the gap costs four times the runs. So decide first which difference would matter to "
        "you, and leave the smaller ones alone."
    )


@exercise("10.2")
def fresh_runs(answer, train, test):
    """Find the bug: a function (few, valid, seeds) -> errors, whose runs go on from each other."""
    few, valid = train.subset(slice(320)), train.subset(slice(320, 480))
    seeds = [5, 3, 5]
    errors = _errors(function(answer), few, valid, seeds)
    first, other, again = errors
    seen = f"With the seeds 5, 3 and 5 your errors are {first:.4f}, {other:.4f} and {again:.4f}."
    if first == other == again:
        raise Mistake(f"{seen} Whatever the seed, one result: what should it change?")
    if again < other < first:
        raise Mistake(
            f"{seen} Each run is better than the one before, and seed 5 comes twice. With which "
            "weights did the third run begin?"
        )
    if first != again:
        raise Mistake(
            f"{seen} The first and the third have the same seed. What is drawn at random before "
            "the seed is set?"
        )
    if _errors(answer, few, valid, seeds) != errors:
        raise Mistake(
            f"{seen} Called once more, your function gives other errors. Which random numbers are "
            "drawn before the first seed is set?"
        )
    if errors == [_short_run(few, valid, seed, weights=0) for seed in seeds]:
        raise Mistake(
            f"{seen} They differ only in the order of the images: all start from one set of "
            "weights. Which seed should the weights have?"
        )
    if errors == [_short_run(few, few, seed) for seed in seeds]:
        raise Mistake(f"{seen} These are errors on the training images. Who should judge a choice?")
    expected = [_short_run(few, valid, seed) for seed in seeds]
    if max(abs(a - b) for a, b in zip(errors, expected)) > 0.02 * max(expected):
        raise Mistake(
            f"{seen} They repeat, as they should; but one epoch of this network gives "
            "something else. What did you change beside the bug?",
            known=False,
        )
    return (
        "A seed now gives the same run, whatever ran before. The scatter between seeds is chance, "
        "and nothing else."
    )


def _errors(answer, few, valid, seeds):
    """What the learner's function returns, if that is one number for each seed."""
    nothing = "Your function gives nothing back. Does it end with `return errors`?"
    errors = returned(answer(few, valid, list(seeds)), nothing)
    if not isinstance(errors, (list, tuple, torch.Tensor)) or len(errors) != len(seeds):
        raise Mistake(
            f"For {len(seeds)} seeds there should be a list of {len(seeds)} errors; yours gives "
            f"{describe(errors)}. Where is the list filled?",
            known=isinstance(errors, (float, list, tuple)),
        )
    return [number(error) for error in errors]


def _short_run(few, valid, seed, weights=None):
    """The run of exercise 10.2 as it should be; `weights` is a seed for the weights alone."""
    torch.manual_seed(seed if weights is None else weights)
    model = DenseAutoencoder(8, hidden=())
    training.fit(model, few, training.reconstruction, epochs=1, seed=seed, verbose=False)
    return training.evaluate(model, valid, training.reconstruction)["reconstruction"]


@exercise("10.3")
def dead_units(answer, train, test):
    """Complete: a function outputs -> how many units are 0 for every image."""
    counts = []
    for dead, images, units in ((7, 50, 30), (0, 40, 20), (12, 30, 30)):
        outputs = torch.randn(images, units).relu()
        outputs[:, torch.randperm(units)[:dead]] = 0
        outputs[0] = 0  # an image to which no unit responds
        alive = (outputs > 0).any(dim=0).nonzero()[0]
        outputs[:, alive] = 0
        outputs[1, alive] = 0.01  # a unit that responds to one image, and weakly
        counts.append((dead, _count(function(answer)(outputs.clone()), outputs), outputs))
    for right, value, outputs in counts:
        if value == right:
            continue
        zero, units = outputs == 0, outputs.shape[1]
        seen = f"Of {units} units {right} are dead, and you find {value:g}."
        known = [
            (units - right, "Those are the others. Which are always 0?"),
            (right + 1, "One of those responds to a single image, and weakly. Is it dead?"),
            (zero.any(dim=0).sum(), "How many images must a unit miss to be dead: one, or all?"),
            (
                zero.all(dim=1).sum(),
                "Those are images without any response. Which axis is theirs?",
            ),
            (
                zero.any(dim=1).sum(),
                "That counts images. Along which axis do you look?",
            ),
            (zero.sum(), "Those are zeros. A unit has one for each image; when is it dead?"),
            (zero.float().mean(), "That is the share of zeros. Live units have some, too."),
            (right / units, "That is the share of units. How many are they?"),
            (zero[1].sum(), "That is one image. What if another one wakes the unit?"),
            (zero[0].sum(), "That is one image. What if another one wakes the unit?"),
        ]
        for wrong, text in known:
            if abs(value - float(wrong)) < 1e-6:
                raise Mistake(f"{seen} {text}")
        raise Mistake(f"{seen} Which value has a dead unit, and for which images?", known=False)
    return "Zero for every image: no gradient comes back through it, so it stays dead."


def _count(value, outputs):
    """The learner's count, as a number."""
    returned(value, "Your function gives no count back. What stands behind its `return`?")
    if isinstance(value, torch.Tensor) and value.numel() > 1:
        if value.shape == outputs.shape[1:]:
            raise Mistake("You give a verdict for each unit. How many of them are True?")
        raise Mistake(f"You give {describe(value)}. Over which axes do you still have to count?")
    return number(value)


@exercise("10.4")
def bce_of_scores(answer, train, test):
    """Complete: BCE as an objective of a model without a sigmoid at its end."""
    images, labels = test.images[:50], test.labels[:50]
    calm, sure = (nn.Conv2d(1, 1, 3, padding=1) for _ in range(2))
    with torch.no_grad():
        sure.weight.mul_(0), sure.bias.fill_(-200.0)  # surely black, wherever ink is
        scores = calm(images)
    loss = _loss(answer, calm, images, labels)
    right = F.binary_cross_entropy_with_logits(scores, images).item()
    twice = F.binary_cross_entropy_with_logits(scores.sigmoid(), images).item()
    swapped = F.binary_cross_entropy_with_logits(images, scores).item()
    known = [
        (twice, "is what comes out when the scores go through a sigmoid twice. Where is each?"),
        (swapped, "takes the images for scores. Which argument comes first, the model's or yours?"),
        (right * images.numel(), "is a sum over pixels and images. What are all objectives here?"),
        (right * 784, "is a sum over the pixels. What are all objectives here, sum or mean?"),
        (F.mse_loss(scores, images).item(), "is a squared error. What makes it a cross-entropy?"),
        (F.mse_loss(scores.sigmoid(), images).item(), "is a squared error. Which loss is asked?"),
        (-right, "has the wrong sign. Does a good drawing have a small loss?"),
    ]
    mistakes = [(wrong, f"Your loss is {loss:.4g}: that {text}") for wrong, text in known]
    compare(loss, right, mistakes, tolerance=1e-4)
    right = F.binary_cross_entropy_with_logits(sure(images), images).item()
    loss = _loss(answer, sure, images, labels)
    if not math.isfinite(loss):
        raise Mistake(
            f"For calm scores your loss is right. For pixels that are surely black, with scores of "
            f"-200, it is {loss:.4g}: the sigmoid is 0 there, and its logarithm is infinite. Which "
            "function takes the scores as they are?"
        )
    if not abs(loss - right) < 1e-3 * right:
        raise Mistake(
            f"For calm scores your loss is right. For pixels that are surely black, with scores of "
            f"-200, it is {loss:.4g}, about half of the true one: it was clamped, and there is no "
            "gradient. Which function takes the scores as they are?"
        )
    return (
        "The sigmoid and the logarithm in one function: nothing is clamped, and a pixel that is "
        "sure and wrong keeps its gradient."
    )


def _loss(answer, model, images, labels):
    """What the learner's objective gives, if that is one number."""
    try:
        loss = function(answer)(model, images, labels)
    except (AttributeError, RuntimeError, ValueError) as error:
        for part, text in (
            (
                "between 0 and 1",
                "`binary_cross_entropy` refuses scores outside 0 to 1. Which of its sisters takes "
                "any number?",
            ),
            (
                "Boolean value of Tensor",
                "A loss with a capital letter, as `nn.BCEWithLogitsLoss`, is a module: first make "
                "it, then call it. Where is the first pair of parentheses?",
            ),
            (
                "Target size",
                "Scores and target have different shapes. What should an autoencoder give back?",
            ),
            ("has no attribute 'size'", "The loss got the model itself. What does it score?"),
        ):
            if part in str(error):
                raise Mistake(text) from None
        raise
    returned(loss, "Your objective gives no loss back. What stands behind its `return`?")
    if isinstance(loss, torch.Tensor) and loss.numel() > 1:
        raise Mistake(f"Your loss is {describe(loss)}. How does it become one number?")
    return number(loss.detach() if isinstance(loss, torch.Tensor) else loss)


@exercise("10.5")
def rate_for_a_sum(answer, train, test):
    """Compute: the rate that takes the steps of rate 5, when the loss is a sum and not a mean."""
    value, pixels, batch = number(answer), 784, 64
    known = [
        (5 / pixels, 'makes up for the pixels. Over what else does `reduction="sum"` add up?'),
        (5 / batch, 'makes up for the batch. Over what else does `reduction="sum"` add up?'),
        (5 * pixels * batch, "is larger. The gradient of a sum is larger too. And the step?"),
        (5 * pixels, "is larger. The gradient of a sum is larger too. And the step?"),
        (5, "is the old rate. How much larger is the gradient of a sum?"),
        (1 / (pixels * batch), "is the factor between the two losses. What was the old rate?"),
        (5 / (pixels * batch) ** 2, "divides twice by the count. How often does the loss grow?"),
        (5 / len(train) / pixels, "divides by all images. How many are in one loss?"),
        (5 / 10_000 / pixels, "divides by all images of a run. How many are in one loss?"),
    ]
    mistakes = [(wrong, f"You have {value:.3g}: that {text}") for wrong, text in known]
    compare(value, 5 / (pixels * batch), mistakes)
    return (
        f"5 / (784 · 64), ≈ {5 / (pixels * batch):.1e}: the same steps, and a number that looks "
        "tiny. A learning rate has no meaning without its loss."
    )
