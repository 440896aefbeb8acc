"""What training can aim at: objectives, and the metrics that are shown beside them.

An *objective* is a function `objective(model, images, labels) -> scalar loss`. A *metric* has
the same three arguments and returns a share between 0 and 1. Both are means over a batch. Some
objectives have a setting of their own: a function makes them, such as `negative_elbo(beta=4)`.
"""

import functools
import itertools
import math

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


def denoising(noise, objective=reconstruction):
    """The objective of a denoiser: the model sees noisy images, the target stays clean.

    Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders" (2008).

    Args:
        noise: function images -> noisy images, such as `noise.gaussian(0.5)`. It is called in
            every step, so no image has the same noise twice.
        objective: what is asked of the drawing of a noisy image; it sees the clean images.

    Raises:
        TypeError: noise is no function.
    """
    if not callable(noise):
        raise TypeError(
            f"noise is {noise!r}; give a function images -> noisy images, such as "
            "noise.gaussian(0.5), noise.salt_and_pepper(0.3) or noise.cut_out(12)"
        )

    def denoising(model, images, labels):
        return objective(lambda clean: model(noise(clean)), images, labels)

    return denoising


def negative_elbo(beta=1.0):
    """The objective of a variational autoencoder, in nats per image: error + beta * divergence.

    The bound of Kingma & Welling, "Auto-Encoding Variational Bayes" (2014), equation 3, with the
    sign turned round; beta as in Higgins et al., "beta-VAE" (2017). The model has
    `posterior`, `draw` and `decode`, as `VariationalAutoencoder` has.

    Args:
        beta: weight of the divergence, at least 0; with 1 it is the bound on -log p(x).

    Raises:
        ValueError: beta is below 0, or no finite number.
    """
    if not 0 <= beta < math.inf:
        raise ValueError(f"beta is {beta!r}; it must be a finite number, at least 0")

    def negative_elbo(model, images, labels):
        mean, log_variance = model.posterior(images)
        x_hat = model.decode(model.draw(mean, log_variance))
        return bernoulli(x_hat, images) + beta * divergence(mean, log_variance)

    return negative_elbo


def bernoulli(x_hat, images):
    """-log p(x | z) in nats per image, if each pixel of x_hat is a probability of ink.

    A sum over the pixels of an image, and the mean over images. Appendix C.1 of the same paper.
    """
    return F.binary_cross_entropy(x_hat, images, reduction="sum") / len(images)


def divergence(mean, log_variance):
    """KL(q(z | x) || p(z)) in nats per image, from a cloud of codes to the standard normal one.

    A sum over the numbers of a code, and the mean over images. Appendix B of the same paper.

    Args:
        mean, log_variance: (N, latent_dim) each.
    """
    return (log_variance.exp() + mean**2 - 1 - log_variance).sum() / (2 * len(mean))


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
