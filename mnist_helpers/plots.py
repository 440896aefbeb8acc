"""Every figure that the lessons share. They draw what they are given and train nothing.

Images and weights are tensors, (N, 1, 28, 28), (N, 784) or (N, side, side). Each function
makes one figure, with a title that should state the finding, and shows it.
"""

from itertools import cycle
from math import ceil, isqrt

import matplotlib.pyplot as plt
import torch
from matplotlib.ticker import LogLocator, MaxNLocator

# Ten colours, one for each digit in every lesson. Each has a contrast of at least 3:1 against
# white, and they stay apart for all three kinds of colour blindness (tests/test_plots.py).
DIGIT_COLORS = (
    "#003FFE", "#31323B", "#118986", "#055539", "#849D00",
    "#7C6211", "#F21979", "#690003", "#8C0D85", "#0097FE",
)  # fmt: skip


def show_images(images, title, captions=None, columns=10, size=0.9, vmax=1):
    """A grid of grey images, black paper and white ink, with an optional caption over each.

    Args:
        images: N square images; brightness 0 is black and `vmax` is white.
        title: the finding, as the title of the figure.
        captions: N strings or numbers, or None.
        columns: images in a row.
        size: side of one image in inches.
        vmax: brightness that is drawn white.
    """
    _, axes = _grid(len(images), columns, size, title, captions)
    for ax, image in zip(axes, _square(images)):
        _draw(ax, image, cmap="gray", vmin=0, vmax=vmax)
    plt.show()


def show_rows(rows, title, captions=None, size=0.9):
    """Rows of images under each other, such as originals and reconstructions.

    Args:
        rows: name of each row -> its images; a row may hold images of another size, such as
            codes drawn as 4x8 images, (N, h, w). Values outside [0, 1] are drawn like weights.
        title: the finding.
        captions: one for each column, above the first row.
        size: side of one image in inches.
    """
    columns = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows), columns, squeeze=False, layout="constrained",
        figsize=(size * columns + 1, size * len(rows) + 0.7),
    )  # fmt: skip
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for row, (name, images) in zip(axes, rows.items()):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        images = images.detach().cpu()
        pixels = images.min() >= 0 and images.max() <= 1
        limit = images.abs().max()
        for ax, image in zip(row, images.numpy() if images.dim() == 3 else _square(images)):
            if pixels:
                _draw(ax, image, cmap="gray", vmin=0, vmax=1)
            else:
                _draw(ax, image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for ax, caption in zip(axes[0], captions if captions is not None else []):
        ax.set_title(str(caption), fontsize=9, pad=3)
    figure.suptitle(title, fontsize=11)
    plt.show()


def show_weights(weights, title, captions=None, columns=8, size=0.9, limit=None):
    """Weights as images on one scale: red adds, blue subtracts, white ignores the pixel.

    Args:
        weights: one row or image per unit, (N, 784) or (N, ..., side, side).
        title: the finding.
        captions: N strings or numbers, or None.
        columns: images in a row.
        size: side of one image in inches.
        limit: weight that gets the full colour; default: the largest that there is. Give the
            same limit to two figures that are to be compared.
    """
    limit = limit or weights.abs().max().item()
    figure, axes = _grid(len(weights), columns, size, title, captions)
    figure.set_figwidth(figure.get_figwidth() + 1)  # room for the scale
    for ax, image in zip(axes, _square(weights)):
        drawn = _draw(ax, image, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(drawn, ax=axes, label="weight", shrink=0.8)
    plt.show()


def plot_curves(histories, title, ylabel, log=True):
    """Loss against epoch: solid for training images, dashed for those held out of the training.

    Args:
        histories: name of each run -> its `History`; up to ten have colours of their own, and
            the next ten other markers.
        title: the finding.
        ylabel: what the loss is, with its unit.
        log: logarithmic loss axis; equal steps down are then equal factors.
    """
    figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
    colors = DIGIT_COLORS[::2] + DIGIT_COLORS[1::2]  # neighbours that are easy to tell apart
    styles = [{"color": color, "marker": marker} for marker in ".x^sv*" for color in colors]
    for (name, history), style in zip(histories.items(), cycle(styles)):
        epochs = range(1, len(history.train_loss) + 1)
        style["markevery"] = ceil(len(epochs) / 12)  # more markers would hide the dashes
        ax.plot(epochs, history.train_loss, label=f"{name}, training", **style)
        if history.valid_loss:
            ax.plot(epochs, history.valid_loss, "--", label=f"{name}, held out", **style)
    ax.set(title=title, xlabel="epoch", ylabel=ylabel, yscale="log" if log else "linear")
    ax.xaxis.get_major_locator().set_params(integer=True)
    if log:  # 0.02 reads better than 2 x 10^-2
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("")
    ax.grid(alpha=0.3, which="both")
    ax.legend(fontsize=8)
    plt.show()


def plot_confusion(matrix, title):
    """How often each digit is taken for each other one.

    Args:
        matrix: (10, 10) counts; row is the true digit, column the answer.
        title: the finding.
    """
    figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
    mistakes = matrix.clone().fill_diagonal_(0)  # or the right answers drown the mistakes
    drawn = _draw(ax, mistakes.numpy(), cmap="Blues")
    for true in range(10):
        for answer in range(10):
            count = int(matrix[true, answer])
            dark = true != answer and mistakes[true, answer] > mistakes.max() / 2
            ax.text(
                answer, true, count or "", ha="center", va="center", fontsize=8,
                color="w" if dark else "k",
            )  # fmt: skip
    ax.set(title=title, xlabel="answer", ylabel="true digit", xticks=range(10), yticks=range(10))
    figure.colorbar(
        drawn, label="mistakes (the diagonal is right)", ticks=MaxNLocator(integer=True)
    )
    plt.show()


def plot_maps(maps, labels, title, size=4.2, marked=None):
    """Points in the plane, coloured by digit, with each digit's name beside its points.

    A line leads from each name to where the points of that digit lie closest together.

    Args:
        maps: name of each map -> its points, (N, 2).
        labels: (N,) digits, the same for all maps.
        title: the finding.
        size: side of one map in inches.
        marked: (N,) True for points that get a black rim, in every map; or None.
    """
    figure, axes = plt.subplots(
        1, len(maps), squeeze=False, layout="constrained", figsize=(size * len(maps), size + 0.4)
    )
    colors = [DIGIT_COLORS[digit] for digit in labels.tolist()]
    area = min(max(15000 / len(labels) * (size / 4.2) ** 2, 3), 36)  # the fewer, the larger
    for ax, (name, points) in zip(axes[0], maps.items()):
        ax.margins(0.08)
        ax.scatter(*points.T, s=area, c=colors, linewidths=0, snap=True)  # snap: smaller files
        if marked is not None:  # black discs below the points leave their colours visible
            ax.scatter(*points[marked].T, s=3 * area, color="black", snap=True, lw=0, zorder=0.9)
        corner = torch.tensor([ax.get_xlim(), ax.get_ylim()])
        low, width = corner[:, 0], corner.diff().flatten()
        named = _names((points - low) / width, labels, radius=0.15 / size)
        for digit, (place, heart) in named.items():
            box = {"boxstyle": "circle,pad=0.15", "fc": "white", "ec": DIGIT_COLORS[digit]}
            ax.annotate(
                digit, low + heart * width, low + place * width, ha="center", va="center",
                weight="bold", bbox=box, arrowprops={"arrowstyle": "-", "shrinkB": 0, "lw": 0.8},
            )  # fmt: skip
        ax.set(title=name, xticks=[], yticks=[])
    figure.suptitle(title, fontsize=11)
    plt.show()


def _names(points, labels, radius):
    """digit -> (place of its name, heart of its points): names cover few points, and no name.

    All are in shares of the axes, 0 to 1; `radius` is that of the circle around a name.
    """
    ticks = torch.linspace(radius, 1 - radius, 40)
    grid = torch.cartesian_prod(ticks, ticks)  # places for names, (1600, 2)
    covered = (torch.cdist(grid, points.to(grid)) < radius).sum(dim=1) / len(points)
    named = {}
    for digit in labels.unique().tolist():
        own = points[labels == digit].to(grid)
        heart = own[(torch.cdist(own, own) < 0.08).sum(dim=1).argmax()]
        cost = (grid - heart).norm(dim=1) + 25 * covered
        for place, _ in named.values():
            cost[(grid - place).norm(dim=1) < 2 * radius] = float("inf")
        named[digit] = grid[cost.argmin()], heart
    return named


def _draw(ax, image, **scale):
    return ax.imshow(image, interpolation="nearest", **scale)


def _grid(count, columns, size, title, captions):
    columns = min(columns, count)
    rows = ceil(count / columns)
    height = size + (0.22 if captions is not None else 0)
    figure, axes = plt.subplots(
        rows, columns, squeeze=False, layout="constrained",
        figsize=(max(size * columns, 4.5), height * rows + 0.4),
    )  # fmt: skip
    for ax in axes.flat:
        ax.axis("off")
    for ax, caption in zip(axes.flat, captions if captions is not None else []):
        ax.set_title(str(caption), fontsize=9, pad=3)
    figure.suptitle(title, fontsize=11)
    return figure, axes.ravel()


def _square(images):
    """(N, ...) tensor as (N, side, side) array."""
    pixels = images.detach().cpu().flatten(1)
    side = isqrt(pixels.shape[1])
    return pixels.view(-1, side, side).numpy()
