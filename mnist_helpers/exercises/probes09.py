"""What the checks of lesson 9 try answers out with: small networks, gradients, patterns."""

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake

FOUND_OUT = (
    "The generator learns to be found out, as if the discriminator's loss were its own. Should its "
    "drawings score high or low, and which of the two losses may reach it?"
)


class Pixel(nn.Module):
    """A generator that draws the same picture whatever the noise."""

    def __init__(self):
        super().__init__()
        self.picture = nn.Parameter(torch.randn(1, 1, 28, 28))

    def forward(self, noise):
        return self.picture.sigmoid().expand(len(noise), 1, 28, 28)


def gradients(generator, discriminator, images):
    """All gradients of a step of a GAN, each flat, taken apart."""
    own, other = list(generator.parameters()), list(discriminator.parameters())

    def of(loss, parameters):
        parts = torch.autograd.grad(loss, parameters, retain_graph=True)
        return torch.cat([part.flatten() for part in parts])

    with torch.enable_grad():
        drawn = generator(torch.zeros(len(images), 64))
        judged = F.softplus(discriminator(drawn)).mean()
        loss_d = F.softplus(-discriminator(images)).mean() + judged
        loss_g = F.softplus(-discriminator(drawn)).mean()
        loss_s = F.softplus(discriminator(images)).mean() + loss_g
        return SimpleNamespace(
            generator=of(loss_g, own),
            both=of(loss_g + judged, own),
            hopeless=-of(judged, own),
            discriminator=of(loss_d, other),
            swapped=of(loss_s, other),
            real_only=of(loss_d - judged, other),
            through=of(loss_g, other),
        )


class Recorder(nn.Module):
    """A velocity that writes down what it is asked."""

    def __init__(self):
        super().__init__()
        self.places = self.times = self.labels = self.guess = None

    def forward(self, places, times, labels):
        self.places, self.times, self.labels = places, times, labels
        self.guess = torch.linspace(-1, 1, places.shape[1]) + 0.1 * places + times
        return self.guess


class Two(nn.Module):
    """A velocity that depends on place, time and label, and differs for every label."""

    def forward(self, z, t, labels):
        directions = torch.sin(torch.arange(11.0)[:, None] * torch.arange(1.0, z.shape[1] + 1))
        return F.one_hot(labels, 11).float() @ directions + 0.1 * z + t


def noisy_patterns():
    """Random patterns, one for each digit, with specks on them: (500, 1, 28, 28), (500,)."""
    asked = torch.arange(500) % 10
    drawn = torch.rand(10, 1, 28, 28)[asked] + 0.1 * torch.randn(500, 1, 28, 28)
    return drawn.clamp(0, 1), asked


def share_read(images, asked, teachers, labels):
    """Share of the images whose nearest mean, of the teachers of each label, is that asked for."""
    means = torch.stack([teachers[labels == digit].mean(dim=0) for digit in range(10)])
    read = torch.cdist(images.flatten(1), means.flatten(1)).argmin(dim=1)
    return (read == asked).float().mean().item()


def _like(moved, wanted):
    return (moved - wanted).norm() < 0.1 * wanted.norm()


def compare_steps(moved, want):
    """Raise the diagnosis of a step of both networks that is not along its own gradient."""
    drawn, judged = moved
    if not drawn.any() or not judged.any():
        name = "discriminator" if drawn.any() else "generator"
        raise Mistake(
            f"The {name} does not move at all. Does its own loss still reach it, and does its "
            "optimizer step?"
        )
    for wrong, diagnosis in [
        (want.both, "The generator still follows the sum of both losses. Where must the drawing be "
         "cut out of its graph, so that the discriminator's loss does not reach the generator?"),
        (-want.generator, FOUND_OUT),
        (-want.hopeless, FOUND_OUT),
        (want.hopeless, "The generator takes the discriminator's loss with the sign turned. It can "
         "work, but it is not the loss of this lesson: what does a doubted drawing cost?"),
    ]:  # fmt: skip
        if _like(drawn, wrong):
            raise Mistake(diagnosis)
    if _like(judged, want.discriminator + want.through):
        raise Mistake(
            "The discriminator follows the sum of both losses: gradients of the generator's loss "
            "are left in it. When must they be set to zero?"
        )
    if _like(judged, want.real_only):
        raise Mistake(
            "The discriminator learns nothing from the drawings any more. What must be cut out of "
            "its graph: its answer, or the drawing that goes in?"
        )
    if _like(judged, want.swapped):
        raise Mistake("The discriminator takes real for drawn. Which score should real ones have?")
    for name, ok in (
        ("generator", _like(drawn, want.generator)),
        ("discriminator", _like(judged, want.discriminator)),
    ):
        if not ok:
            raise Mistake(
                f"The {name} does not move along the gradient of its own loss. Which gradients "
                "are in it when its optimizer steps? Is each loss a mean over the batch?",
                known=False,
            )
