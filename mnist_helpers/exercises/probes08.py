"""What the checks of lesson 8 try answers on, small models, and what they compare them with."""

from math import exp, log

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake, compare
from mnist_helpers.models import VariationalAutoencoder


class Sharp(nn.Module):
    """A variational autoencoder whose clouds are so narrow that dice make no difference.

    Args:
        images: (N, 1, 28, 28); the model has a code of five numbers ready for each of them.
        log_variance: of all its clouds.

    It keeps the last codes that it has decoded as `drawn`.
    """

    def __init__(self, images, log_variance=-20.0):
        super().__init__()
        generator = torch.Generator().manual_seed(len(images))
        self.mean = torch.randn(len(images), 5, generator=generator).requires_grad_()
        self.log_variance = torch.full_like(self.mean, log_variance).requires_grad_()
        self.drawn = self.mean
        self.weight = nn.Parameter(0.3 * torch.randn(5, 784, generator=generator))

    def posterior(self, x):
        return self.mean, self.log_variance

    def encode(self, x):
        return self.mean

    draw = staticmethod(VariationalAutoencoder.draw)

    def decode(self, z):
        self.drawn = z
        return (z @ self.weight).sigmoid().view(-1, 1, 28, 28)

    def forward(self, x):
        return self.decode(self.mean)


def draws_and_learns(objective, images, labels):
    """Whether a loss decodes codes out of the clouds, and the encoder hears of both its terms."""
    model = Sharp(images, log_variance=-2.0)
    objective(model, images, labels)
    if torch.equal(model.drawn, model.mean):
        raise Mistake(
            "The balance is right. But you decode the *means* of the clouds, and the bound is for "
            "codes that are drawn. Where did the draw go?"
        )
    has_spread((model.drawn - model.mean).std().item(), exp(-2.0))
    has_gradients(model.drawn, model.mean, model.log_variance)
    model = Sharp(images)  # here the widths hear from the divergence alone
    (slope,) = torch.autograd.grad(
        objective(model, images, labels), model.log_variance, allow_unused=True
    )
    if slope is None or abs(slope.sum().item() / model.mean.shape[1] + 0.5) > 0.05:
        raise Mistake(
            "The value is right, but the divergence does not tell the encoder how wide its clouds "
            "should be: no such gradient comes back. What cuts it off?"
        )


def parts_of_elbo(model, images):
    """Error and divergence of a `Sharp` model, in nats per image: two floats."""
    x_hat = model.decode(model.mean)
    error = F.binary_cross_entropy(x_hat, images, reduction="sum").item() / len(images)
    width = model.log_variance
    kl = (width.exp() + model.mean**2 - 1 - width).sum().item() / (2 * len(images))
    return error, kl


class Labelled(nn.Module):
    """A conditional autoencoder whose codes and pictures say which label it was given."""

    def posterior(self, x, labels):
        style = x.flatten(1)[:, 150:650:25]  # (N, 20)
        mean = style + F.one_hot(labels, 10).repeat(1, 2)
        return mean, torch.zeros_like(mean)

    def encode(self, x, labels):
        return self.posterior(x, labels)[0]

    draw = staticmethod(VariationalAutoencoder.draw)

    def decode(self, z, labels):
        told = torch.cat([z, 3.0 * F.one_hot(labels, 10)], dim=1)  # (N, 30)
        return F.pad(told, (0, 784 - 30)).sigmoid().view(-1, 1, 28, 28)


ROOT = "`log_variance` is the logarithm of the *variance*."


def has_spread(spread, variance):
    """Whether drawn codes have this variance; the spread is their standard deviation."""
    compare(spread, variance**0.5, [
        (variance, f"With a variance of {variance:g} your codes have a standard deviation of "
         f"{spread:.2f}. {ROOT} Which step leads from a variance to a standard deviation?"),
        (abs(log(variance)), f"With a variance of {variance:g} your codes have a standard "
         f"deviation of {spread:.2f}. {ROOT} What undoes a logarithm?"),
        (abs(log(variance)) / 2, f"With a variance of {variance:g} your codes have a standard "
         f"deviation of {spread:.2f}. {ROOT} What undoes a logarithm?"),
        (1.0, "Your codes have a standard deviation of about 1, whatever `log_variance` says. "
         "Where does it come in?"),
        ((variance / 12) ** 0.5, f"The spread is {spread:.2f}, too small by a constant factor. "
         "Are your dice `torch.randn`, with a standard deviation of 1?"),
    ], tolerance=0.06)  # fmt: skip


def has_gradients(z, mean, log_variance):
    """Whether a gradient comes back from drawn codes z to both of what they were made of."""
    if not getattr(z, "requires_grad", False):
        raise Mistake(
            "The codes are right, but no gradient comes back through them: the encoder would "
            "never learn. Write the code as a sum that `mean` stands in, with dice that are "
            "drawn on their own."
        )
    for name, given in (("mean", mean), ("log_variance", log_variance)):
        (gradient,) = torch.autograd.grad(z.sum(), given, retain_graph=True, allow_unused=True)
        if gradient is None or not gradient.any():
            raise Mistake(f"No gradient reaches `{name}`. Where is it cut off from the code?")


def wrong_spreads(mean, log_variance):
    """What people take for the variance of drawn codes, each with its diagnosis."""
    between, within = mean.var(dim=0), log_variance.exp().mean(dim=0)
    return [
        (between, "That is the spread of the *means* alone, as if each cloud were a point. How "
         "wide are the clouds themselves?"),
        (within, "That is how wide a cloud is, on average. And how far apart do the clouds lie?"),
        (between + log_variance.mean(dim=0).exp(), "Nearly: you average the *logarithms*. First "
         "make them variances, then take the mean."),
        (between + log_variance.mean(dim=0), "You add a mean of logarithms to a variance. What "
         "undoes a logarithm?"),
        (between + (log_variance / 2).exp().mean(dim=0), "You add standard deviations to "
         "variances. Which of the two may be added?"),
        (between.sqrt() + within.sqrt(), "You add standard deviations. Variances add up, their "
         "roots do not."),
        ((between + within).sqrt(), "That is the standard deviation. The variance is asked for."),
        (mean.mean(dim=0) + within, "You add the *mean* of the means. How far do they scatter?"),
    ]  # fmt: skip
