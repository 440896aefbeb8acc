"""The stand-in: digits that look like MNIST to a program, made without any network.

They come from scikit-learn's `load_digits`, 1,797 real handwritten digits of 8x8 pixels
(E. Alpaydin and C. Kaynak, 1998), each bent in many ways.
"""

import math
import sys

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

LINE = "=" * 78
NOTICE = f"""\
{LINE}
THIS IS NOT MNIST: a stand-in, made of scikit-learn's 8x8 digits.
Every lesson works with it, but its numbers and pictures differ from the text.
Why: {{}}.
{LINE}"""
ASKED = 'you asked for it, by source="standin" or MNIST_HELPERS_SOURCE; "mnist" gives MNIST'


def load(root=None, why=ASKED):
    """The stand-in, with a notice on stderr that nobody can overlook.

    Args:
        root: not needed, as nothing is read; every source has the same first argument.
        why: the reason that the notice gives.

    Returns:
        What `make_standin` returns.
    """
    print(NOTICE.format(why), file=sys.stderr)
    return make_standin()


def make_standin():
    """Two pairs (images, labels), of 60,000 and 10,000 digits, the same every time.

    Images are (N, 1, 28, 28) float32 in [0, 1], labels (N,) int64. The 1,797 digits are split
    into train and test before they are multiplied, so that no digit is in both.
    """
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    images = F.pad(F.interpolate(images, size=20, mode="bicubic"), (4, 4, 4, 4)).clamp(0, 1)
    numbers = train_test_split(
        torch.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    generator = torch.Generator().manual_seed(0)
    return tuple(
        _multiply(images[part], torch.tensor(labels[part]), count, generator)
        for part, count in zip(numbers, (60_000, 10_000), strict=True)
    )


def _multiply(images, labels, count, generator):
    """Make `count` digits: each base image in turn, a little turned, sheared, sized and moved."""
    which = torch.arange(count) % len(images)
    which = which[torch.randperm(count, generator=generator)]
    chance = torch.rand(5, count, generator=generator) * 2 - 1
    angle, shear = chance[0] * math.radians(12), chance[1] * 0.2
    width, (right, down) = 1 + chance[2] * 0.12, chance[3:] * 2 / 14
    # Each row of `theta` says where a pixel of the new image looks in the old one.
    theta = torch.stack(
        [
            torch.stack([angle.cos() * width, shear - angle.sin(), right], dim=1),
            torch.stack([angle.sin(), angle.cos(), down], dim=1),
        ],
        dim=1,
    )
    bent = []
    for index, move in zip(which.split(5000), theta.split(5000), strict=True):
        grid = F.affine_grid(move, (len(index), 1, 28, 28), align_corners=False)
        bent.append(F.grid_sample(images[index], grid, align_corners=False))
    # Ink is white and paper is black, as in MNIST; whole grey levels, as in a file of bytes.
    sharp = torch.cat(bent).sub_(0.25).mul_(2).clamp_(0, 1)
    return sharp.mul_(255).round_().div_(255), labels[which]
