"""The checks of lesson 9: a Fréchet distance, a game, a straight path, guidance, a fair judge."""

import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector

from mnist_helpers.exercises import Mistake, compare, exercise, function, number, returned, tensor
from mnist_helpers.exercises.probes09 import (
    Pixel,
    Recorder,
    Two,
    compare_steps,
    gradients,
    noisy_patterns,
    share_read,
)


@exercise("9.1")
def frechet_of_numbers(answer, train, test):
    """Fréchet distance of two clouds of numbers: means 2 and 5, variances 1 and 9."""
    value = number(answer)
    compare(value, 13.0, [
        (73.0, "You have 73: the gap of the *variances*, squared. In the formula a product of "
         "covariances stands under a root. What is the root of 1 times 9?"),
        (5.0, "You have 5. Both gaps are there, 3 and 2, but one is not squared, or both. What "
         "does |m - m'| have above it?"),
        (7.0, "You have 7: the gap of the means is not squared. What does it have above it?"),
        (19.0, "You have 19: squared gap of the means, and both variances. Which term is missing?"),
        (16.0, "You have 16: is the root taken once or twice? The formula subtracts *two* roots."),
        (9.0, "You have 9: the squared gap of the means alone. What do the variances add?"),
        (4.0, "You have 4: the squared gap of the deviations alone. What do the means add?"),
        (1.0, "You have 1: under the root stands the product of the variances. Did you take it?"),
        (13**0.5, "You have the root of it. This distance is printed without a last root."),
        (25.0, "You have 25: the root is added. Which sign does the formula give it?"),
    ], tolerance=0.001)  # fmt: skip
    return (
        "For single numbers it is the squared gap of the means plus that of the deviations. Two "
        "clouds with the same mean and spread are at distance 0, whatever their shapes."
    )


@exercise("9.2")
def one_step(answer, train, test):
    """Repair a step of a GAN whose discriminator's loss reaches the generator too."""
    step = function(answer)
    torch.manual_seed(0)
    generator = Pixel()
    discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 1))
    discriminator[1].bias.data.fill_(-1.5)  # an undecided one would hide which loss is at work
    networks, rates = (generator, discriminator), (1.0, 1e-4)  # both move only a little
    optimizers = [torch.optim.SGD(m.parameters(), lr) for m, lr in zip(networks, rates)]
    images = test.images[:32]
    for _ in range(2):  # what is left of the first step must not enter the second
        want = gradients(generator, discriminator, images)
        before = [parameters_to_vector(m.parameters()).detach() for m in networks]
        step(*networks, *optimizers, images.clone())
        after = [parameters_to_vector(m.parameters()).detach() for m in networks]
        moved = [(b - a) / lr for b, a, lr in zip(before, after, rates)]
        compare_steps(moved, want)
    return (
        "Now each loss moves one network. What was wrong: where the discriminator is undecided, "
        "the two gradients in the generator are equal and opposite, so it stood still."
    )


@exercise("9.3")
def straight_path(answer, train, test):
    """Repair a flow matching loss: a time for each code, noise at time 0."""
    matching = function(answer)
    torch.manual_seed(1)
    codes, labels = 3 + 2 * torch.randn(4000, 6), torch.arange(4000) % 10
    model = Recorder()
    loss = returned(matching(model, codes.clone(), labels.clone()))
    if model.places is None:
        raise Mistake("Your function never asks the model. Whose guess does the loss judge?")
    places, t = tensor(model.places, codes.shape), model.times
    if t.shape != (4000, 1):
        raise Mistake(
            f"Your times have the shape {tuple(t.shape)}, and the model wants one for each code: "
            "(N, 1). Which shape must `torch.rand` get?"
        )
    if len(t.unique()) < 2:
        raise Mistake(
            f"All {len(t)} codes of the batch have the time {t[0].item():.2f}. How many times must "
            "`torch.rand` draw, so that one batch speaks of all moments?"
        )
    if t.min() < 0 or t.max() > 1 or not 0.45 < t.mean() < 0.55 or t.std() < 0.25:
        raise Mistake("Your times are not spread evenly from 0 to 1. Which function draws such?")
    start, end = t[:, 0] < 0.02, t[:, 0] > 0.98
    far = [F.mse_loss(places[part], codes[part]).item() for part in (start, end)]
    if far[0] < 1 < far[1]:
        raise Mistake(
            "At time 0 your places are codes, and at time 1 they are noise. A walk starts at noise "
            "with time 0. Which of the two belongs to `1 - t`?"
        )
    if far[1] > 1:
        raise Mistake("At time 1 your places are not the codes. What is the share of each at t?")
    noise = (places - t * codes) / (1 - t).clamp(min=1e-3)
    noise = noise[~end]
    if not (abs(noise.mean()) < 0.1 and 0.9 < noise.std() < 1.1):
        raise Mistake(
            "At time 0 your places are not standard normal noise. Which of `torch.randn` and "
            "`torch.rand` has mean 0 and deviation 1, and are the shares `1 - t` and `t`?"
        )
    if noise.std(dim=0).max() < 0.5:
        raise Mistake("All codes of a batch get the same noise. Which shape must it have?")
    if not torch.equal(model.labels, labels):
        raise Mistake("The model gets other labels than the codes have. Why?", known=False)
    _compare_targets(loss, model.guess, places, t, codes)
    return (
        "A time for each code, and noise at time 0. A network that is trained with the swap has as "
        "low a loss, since from code to noise the path is as straight. Only its walk shows it."
    )


@exercise("9.4")
def guided(answer, train, test):
    """A function (model, z, t, labels, guidance): the velocity with guidance."""
    velocity = function(answer)
    torch.manual_seed(2)
    model = Two()
    z, t, labels = torch.randn(20, 6), torch.rand(20, 1), torch.arange(20) % 10
    with torch.no_grad():
        free, told = model(z, t, torch.full_like(labels, 10)), model(z, t, labels)
        zero = model(z, t, torch.zeros_like(labels))
        for g in (2.5, 1.0, 0.0):  # at 1 and 0 several mistakes look the same
            given = labels.clone()
            value = tensor(returned(velocity(model, z.clone(), t.clone(), given, g)), z.shape)
            if not torch.equal(given, labels):
                raise Mistake("After your function the `labels` are others. Did you copy them?")
            for wrong, diagnosis in [
                (told + g * (told - free), "Your strength is off by one: with guidance 1 you go "
                 "further than the label's direction. Which of the two do you start from?"),
                (told + g * (free - told), "You start from the label's direction and go *back*. "
                 "Which direction should guidance 0 give?"),
                (free - g * (told - free), "You go away from the digit. Which difference is it?"),
                (g * told, "You make the velocity longer. Where is the direction of *any* digit?"),
                (g * (told - free), "Only the difference is left. What is it added to?"),
                (zero + g * (told - zero), "You take the digit 0 for *any digit*. Which label "
                 "leaves it open?"),
                (told, "Your guidance changes nothing. Which two directions do you need?"),
                (free, "You ask for nothing. Where does the digit come in?"),
            ]:  # fmt: skip
                right = free + g * (told - free)
                if torch.allclose(value, wrong, atol=1e-4) and not torch.allclose(
                    wrong, right, atol=1e-4
                ):
                    raise Mistake(diagnosis)
            if not torch.allclose(value, right, atol=1e-4):
                raise Mistake(
                    f"With guidance {g} your velocity is off. Write down what guidance 0 and "
                    "guidance 1 must give, and compare.",
                    known=False,
                )
    return (
        "Guidance 0 asks for any digit, 1 follows the label, and more goes beyond. It costs a "
        "second look at the network in each step, and no training."
    )


@exercise("9.5")
def fair_judge(answer, train, test):
    """Repair `asked_is_read`, whose judge learned from the drawn images."""
    asked_is_read = function(answer)
    real, labels = test.images[:2000], test.labels[:2000]
    for drawn, asked in ((train.images[:500], train.labels[:500]), noisy_patterns()):
        value = number(returned(asked_is_read(drawn, asked, real, labels)))
        right, own, told = (
            share_read(*four)
            for four in (
                (drawn, asked, real, labels),
                (drawn, asked, drawn, asked),
                (real, labels, real, labels),
            )
        )
        compare(value, right, [
            (own, f"You have {value:.3f}. Your judge still learned from the drawings that it "
             "judges. Which images show what a digit looks like?"),
            (share_read(drawn, asked, torch.cat([drawn, real]), torch.cat([asked, labels])),
             f"You have {value:.3f}. Drawings and real images teach together. Whose language may "
             "the judge learn?"),
            (told, f"You have {value:.3f}: the share of *real* images that are read rightly. Which "
             "ones are to be judged?"),
            (share_read(real, labels, drawn, asked), f"You have {value:.3f}: the drawings teach, "
             "and the real images are judged. Which way round should it be?"),
            (1 - right, f"You have {value:.3f}: the share of *wrong* readings. Which is wanted?"),
            (100 * right, f"You have {value:.4g}; a share is never above 1. Is this per cent?"),
            (right * len(drawn), f"You have {value:.4g}: a count. What share of them is that?"),
        ], tolerance=0.001)  # fmt: skip
    return (
        "A judge that learns from the drawings learns their language, and reads it well. So the "
        "judge must learn on real digits only, and never be trained against."
    )


def _compare_targets(loss, guess, places, t, codes):
    """Raise the diagnosis of a loss whose target is not the code minus the noise."""
    inner = t[:, 0] < 0.98
    noise = (places - t * codes) / (1 - t)
    part = guess[inner], noise[inner], codes[inner]
    value, error = number(loss), lambda target: F.mse_loss(part[0], target).item()
    # the few codes with a time near 1 are left out, so losses agree only roughly
    compare(value, error(part[2] - part[1]), [
        (error(part[1] - part[2]), "The way leads from the code to the noise: the sign of your "
         "target is turned. In which direction does a walk go?"),
        (error(part[2]), "Your target is the code itself. The network is to say how to *move*: "
         "what is the end of the line minus its start?"),
        (error(part[1]), "Your target is the noise. The network is to say how to *move*: what is "
         "the end of the line minus its start?"),
        (6 * error(part[2] - part[1]), "You sum over the numbers of a code. What is the mean?"),
    ], tolerance=0.03)  # fmt: skip
