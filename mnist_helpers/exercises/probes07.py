"""What the checks of lesson 7 try answers with: networks that remember, and looks at noise."""

import torch
from torch import nn

from mnist_helpers.exercises import Mistake, returned, tensor


class Recorder(nn.Module):
    """A network that remembers what it saw and what it drew: its input, pale and a little off."""

    def __init__(self):
        super().__init__()
        self.seen, self.drawn = [], []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        self.drawn.append((0.4 * images.detach() + 0.1).clamp(0, 1))
        return self.drawn[-1].clone()

    encode = decode = forward


class Bright(nn.Module):
    """A network that multiplies every image by its number."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, images):
        return (self.factor * images).detach()


def called(call):
    """What a learner's function gives back, without gradients."""
    with torch.no_grad():
        return returned(call())


def tries_of(call, shape):
    """What it gives back, if it is a tensor of that shape."""
    return tensor(called(call), shape)


def variances_of(images):
    """Variances along the principal directions of images, the largest first, (784,)."""
    return torch.linalg.eigvalsh(torch.cov(images.flatten(1).T)).flip(0)


def looks_gaussian(added):
    """Raise what is wrong with noise, (N, 1, 28, 28), that should be normal with deviation 0.5."""
    spread, mean = added.std().item(), added.mean().item()
    if added.std(dim=0).mean() < 0.1 * spread:
        raise Mistake("All images of a batch get the same noise. Which shape has your `randn`?")
    if added.flatten(1).std(dim=1).mean() < 0.5 * spread:
        raise Mistake("All pixels of an image get the same number. Which shape has your `randn`?")
    if abs(mean) > 0.05 and added.min() >= 0:
        raise Mistake("Your noise is never below 0: `rand` is even, from 0 to 1. Which one is the "
                      "bell curve?")  # fmt: skip
    if abs(spread - 0.25) < 0.01:
        raise Mistake("Your noise has the deviation 0.25: that is the *variance* asked for.")
    if added.abs().max() <= 1:
        raise Mistake("Your noise stays below 1, or its sum is cut. Is it a bell curve that nobody "
                      "has cut?")  # fmt: skip
    if abs(spread - 1) < 0.05:
        raise Mistake("Your noise has the deviation 1. By what is it to be multiplied?")
    if abs(spread - 0.5) > 0.02 or abs(mean) > 0.02:
        raise Mistake(
            f"Your noise has the mean {mean:.2f} and the deviation {spread:.2f}. Which ones has "
            "that of the lesson?",
            known=False,
        )
