"""What training can aim at: objectives, and the metrics that are shown beside them.

An *objective* is a function `objective(model, images, labels) -> scalar loss`. A *metric* has
the same three arguments and returns a share between 0 and 1. Both are means over a batch.
"""

import functools
import itertools

import torch
import torch.nn.functional as F


def classification(model, images, labels):
    """Cross-entropy between the model's ten scores and the true digits, in nats.

    Zero is perfect; ln 10 = 2.303 is a guess that gives every digit the same probability.

    Args:
        model: maps images (N, 1, 28, 28) to scores (N, 10).
        images: (N, 1, 28, 28) float32.
        labels: (N,) int64.
    """
    return F.cross_entropy(model(images), labels)


def reconstruction(model, images, labels):
    """Mean squared error per pixel between images and their reconstructions.

    The target is the input itself, and `labels` are not used. In squared pixel units: zero is
    perfect, and on MNIST 0.114 is an all-black output.

    Args:
        model: maps images (N, 1, 28, 28) in [0, 1] to reconstructions of the same shape.
        images: (N, 1, 28, 28) float32.
        labels: (N,) int64, unused; every objective has the same three arguments.
    """
    return F.mse_loss(model(images), images)


def reconstruction_bce(model, images, labels):
    """Binary cross-entropy per pixel, in nats: each pixel is a probability of ink.

    The reconstruction term of Kingma & Welling, "Auto-Encoding Variational Bayes" (2014),
    appendix C.1. Grey pixels keep it above zero even where the reconstruction is perfect.
    The model's output must lie in [0, 1].
    """
    x_hat = model(images).float()
    # Logarithms of numbers near 0 and 1 need all the digits, whatever the model computes in.
    with torch.autocast(images.device.type, enabled=False):
        return F.binary_cross_entropy(x_hat, images)


def stop_after(steps, objective):
    """The objective, with the stop button pressed after so many steps; None never presses it.

    With a checkpoint, a long run can so be trained a sitting at a time.
    """
    calls = itertools.count()

    @functools.wraps(objective)  # the same name: for `fit` it is the same objective
    def stopping(model, images, labels):
        if model.training and next(calls) == steps:
            raise KeyboardInterrupt
        return objective(model, images, labels)

    return stopping


# ---- metrics -------------------------------------------------------------------------------


def accuracy(model, images, labels):
    """Share of images whose largest score belongs to the true digit."""
    return (model(images).argmax(dim=1) == labels).float().mean()


def pixel_accuracy(model, images, labels, tolerance=0.1):
    """Share of pixels that are reconstructed to within `tolerance` of their true brightness."""
    return ((model(images) - images).abs() <= tolerance).float().mean()
