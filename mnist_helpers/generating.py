"""Flow matching: a network learns the way from noise to codes, and new codes are walked to.

Lipman et al., "Flow Matching for Generative Modeling" (2023), and Liu et al., "Flow Straight and
Fast" (2023), section 2.1; in codes instead of pixels: Rombach et al., "High-Resolution Image
Synthesis with Latent Diffusion Models" (2022).
"""

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.modes import evaluating

ANY = 10  # the label that asks for any digit
FORGOTTEN = 0.1  # share of labels that training replaces by ANY


class Velocity(nn.Module):
    """Which way to go, and how fast, at a place z on the way from noise to a code of a digit.

    Args:
        latent_dim: numbers in a code.
        width: of the hidden layers.
        depth: number of hidden layers.
    """

    def __init__(self, latent_dim, width=256, depth=3):
        super().__init__()
        sizes = [latent_dim + 1 + 11, *[width] * depth]
        layers = [part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(width, latent_dim))

    def forward(self, z, t, labels):
        """Velocity, (N, latent_dim), at places z, (N, latent_dim), and times t, (N, 1), 0 to 1.

        `labels`, (N,) int64, are the digits asked for; ANY leaves it open.
        """
        return self.layers(torch.cat([z, t, F.one_hot(labels, 11)], dim=1))


def flow_matching(model, codes, labels):
    """Mean squared error between the model's velocity and that of a straight path.

    A path leads from noise, at time 0, to a code, at time 1. Equation 23 of Lipman et al. with
    no noise left at the end.

    Args:
        model: a `Velocity`.
        codes: (N, latent_dim), each number with mean 0 and deviation 1.
        labels: (N,) int64; one in ten is replaced by ANY, so that the model learns both.
    """
    noise, t = torch.randn_like(codes), torch.rand_like(codes[:, :1])
    labels = labels.where(torch.rand_like(codes[:, 0]) >= FORGOTTEN, ANY)
    return F.mse_loss(model(noise.lerp(codes, t), t, labels), codes - noise)


def walk(model, start, labels, steps=20, guidance=1.0):
    """The places on the way from noise to codes, (steps + 1, N, latent_dim): Euler steps.

    Args:
        model: a trained `Velocity`.
        start: (N, latent_dim) standard normal noise.
        labels: (N,) int64, the digits asked for, or ANY.
        steps: how many, at least 1.
        guidance: 1 follows the model; more exaggerates what the label changes. Ho & Salimans,
            "Classifier-Free Diffusion Guidance" (2022), where w + 1 stands for it.

    Raises:
        ValueError: steps is below 1, a label is no digit, or guidance is below 0.
    """
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps is {steps!r}; it must be a whole number, at least 1")
    if not ((labels >= 0) & (labels <= ANY)).all():
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}; give digits 0 to 9")
    if not 0 <= guidance < float("inf"):
        raise ValueError(f"guidance is {guidance!r}; it must be a finite number, at least 0")
    z, places = start, [start]
    anything = torch.full_like(labels, ANY)
    with evaluating(model):
        for step in range(steps):
            t = z.new_full((len(z), 1), step / steps)
            velocity = model(z, t, labels)
            if guidance != 1:
                free = model(z, t, anything)
                velocity = free + guidance * (velocity - free)
            z = z + velocity / steps
            places.append(z)
    return torch.stack(places)
