"""Right and wrong answers to the exercises of lesson 3."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers import latent, models


class Tied(nn.Module):
    """The starter of 3.1."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(784, 32)
        self.bias = nn.Parameter(torch.zeros(784))

    def draw(self, z):
        return ...

    def forward(self, images):
        return self.draw(self.encoder(images.flatten(1))).view_as(images)


def tied(draw):
    """The class of 3.1 with this in the missing line: draw(self, z) -> (N, 784)."""
    return type("Tied", (Tied,), {"draw": draw})


class TwoMatrices(Tied):
    def __init__(self):
        super().__init__()
        self.decoder = nn.Linear(32, 784)

    def draw(self, z):
        return self.decoder(z).sigmoid()


def decoder(*end, unflatten=True, hidden=nn.ReLU):
    """A function latent_dim -> decoder with these layers at its end."""

    def build(latent_dim):
        layers = [nn.Linear(latent_dim, 128), hidden(), nn.Linear(128, 784), *end]
        return nn.Sequential(*layers, *[nn.Unflatten(1, (1, 28, 28))] * unflatten)

    return build


class Untrainable(nn.Module):
    """A decoder through which no gradient gets."""

    def __init__(self, latent_dim):
        super().__init__()
        self.layer = nn.Linear(latent_dim, 784)

    def forward(self, z):
        steps = (self.layer(z) > 0).float() + 0 * self.layer(z)
        return steps.view(-1, 1, 28, 28)


def errors_of(model, images):
    return (latent.reconstruct(model, images) - images).square().mean(dim=(1, 2, 3))


def alarm(model, known, images):
    return errors_of(model, images) > errors_of(model, known).quantile(0.99)


def alarm_by_sorting(model, known, images):
    limit = sorted(errors_of(model, known).tolist())[int(0.99 * len(known))]
    return [error > limit for error in errors_of(model, images).tolist()]


def alarm_in_numpy(model, known, images):
    model.eval()
    with torch.no_grad():
        drawn, drawn_known = model(images).flatten(1).numpy(), model(known).flatten(1).numpy()
    limit = np.percentile(((drawn_known - known.flatten(1).numpy()) ** 2).sum(axis=1), 99)
    return ((drawn - images.flatten(1).numpy()) ** 2).sum(axis=1) > limit


def alarm_one_by_one(model, known, images):
    limit = torch.quantile(errors_of(model, known), 0.99, interpolation="lower")
    return torch.stack([errors_of(model, image[None])[0] > limit for image in images]).int()


def limited(limit):
    """An alarm whose limit is a function of the known errors and of the new ones."""
    return lambda m, known, x: errors_of(m, x) > limit(errors_of(m, known), errors_of(m, x))


def misses(model, images):
    return (latent.reconstruct(model, images) - images).abs().mean(dim=(1, 2, 3))


def bank(train, test):
    level, images = train.images.mean(), test.images
    black = images.square().mean().item()
    grey = F.mse_loss(torch.full_like(images, level), images)
    own = images.mean(dim=(1, 2, 3), keepdim=True)
    mean_image = train.images.mean(dim=0, keepdim=True)
    return {
        "3.1": (
            [
                tied(lambda self, z: torch.sigmoid(z @ self.encoder.weight + self.bias)),
                tied(lambda self, z: F.linear(z, self.encoder.weight.T, self.bias).sigmoid()),
                tied(lambda self, z: 1 / (1 + torch.exp(-(z @ self.encoder.weight) - self.bias)))(),
            ],
            [
                (Tied, "still says `...`"),
                (tied(lambda self, z: z @ self.encoder.weight + self.bias), "There is no sigmoid"),
                (tied(lambda self, z: z @ self.encoder.weight), "plays no part. What else"),
                (tied(lambda self, z: (z @ self.encoder.weight).sigmoid()), "Where does a layer"),
                (
                    tied(lambda self, z: (z @ self.encoder.weight).sigmoid() + self.bias),
                    "the bias comes after",
                ),
                (
                    tied(lambda self, z: (z @ self.encoder.weight + self.bias).relu()),
                    "Your pixels reach",
                ),
                (
                    tied(lambda self, z: (z @ self.encoder.weight.T + self.bias).sigmoid()),
                    "Which way round?",
                ),
                (tied(lambda self, z: self.encoder(z)), "Which way round?"),
                (TwoMatrices, "Is there a second matrix"),
                (
                    tied(lambda self, z: (z @ self.encoder.weight + self.bias).tanh()),
                    "one of your pixels is off by",
                ),
                (
                    tied(lambda self, z: (z @ self.encoder.weight - self.bias).sigmoid()),
                    "one of your pixels is off by",
                ),
                (lambda: 3, "This needs the class"),
            ],
        ),
        "3.2": (
            [[0.25, 0.01], (1 / 4, 1 / 100), np.array([0.25, 0.01]), torch.tensor([0.25, 0.01])],
            [
                ([0.5, 0.1], "these are the misses"),
                ([0.25, 0.81], "90 % is how bright"),
                ([0.5, 0.9], "how bright the pixels are"),
                ([0.75, 0.99], "what is gained"),
                ([0.707, 0.316], "Root or square?"),
                ([0.01, 0.25], "in the wrong order"),
                ([25, 1], "percent"),
                ([black / 4, black / 100], "these are the errors"),
                ([0.25, 0.1], "the second between 0 and 0.02"),
                (0.25, "needs the shape (2,)"),
            ],
        ),
        "3.3": (
            [
                decoder(nn.Sigmoid()),
                decoder(nn.Sigmoid())(32),
                lambda latent_dim: models.DenseAutoencoder(latent_dim).decoder,
                decoder(nn.Sigmoid(), hidden=nn.Tanh),
                decoder(nn.Hardsigmoid()),
            ],
            [
                (decoder(nn.Softmax(dim=1)), "Which layer makes the sums alike?"),
                (decoder(nn.Softmax(dim=1))(32), "add up to 1.00"),
                (decoder(nn.Sigmoid(), nn.Softmax(dim=1)), "add up to 1.00"),
                (
                    lambda n: nn.Sequential(decoder()(n), nn.Softmax(dim=-1)),
                    "add up to 28.00",
                ),
                (decoder(nn.Softmax(dim=0)), "depend on which others are in its batch"),
                (decoder(nn.LogSoftmax(dim=1)), "and paper is 0, ink 1"),
                (decoder(nn.ReLU()), "sets a limit at the top too"),
                (decoder(nn.ReLU(), hidden=nn.Tanh), "sets a limit at the top too"),
                (decoder(), "and paper is 0, ink 1"),
                (decoder(nn.Tanh()), "Which value is black paper?"),
                (decoder(nn.Softmax(dim=1), nn.Sigmoid()), "getting anything below 0"),
                (decoder(nn.ReLU(), nn.Sigmoid()), "getting anything below 0"),
                (decoder(nn.Sigmoid(), unflatten=False), "makes an image out of 784"),
                (Untrainable, "does a gradient get through"),
            ],
        ),
        "3.4": (
            [grey, grey.item(), float(images.var(correction=0)), grey.double().numpy()],
            [
                (level, "is the brightness of the page"),
                (black, "is the error of a black page"),
                (F.mse_loss(mean_image.expand_as(images), images), "one brightness, or 784"),
                ((images - own).square().mean(), "a page of its own"),
                ((images - 0.5).square().mean(), "a page of brightness 0.5"),
                (grey.sqrt(), "is the root"),
                ((images - level).abs().mean(), "is the mean miss"),
                (784 * grey, "is the error per image"),
                (255**2 * grey, "from 0 to 255"),
                ((mean_image - level).square().mean(), "compares the page with the mean image"),
                ((train.images - level).square().mean(), "is the error on the training images"),
                (2 * grey, "it should lie between"),
            ],
        ),
        "3.5": (
            [alarm, alarm_by_sorting, alarm_in_numpy, alarm_one_by_one],
            [
                (lambda m, known, x: ~alarm(m, known, x), "it rings for what is drawn well"),
                (limited(lambda known, new: known.mean()), "the mean error of the known"),
                (limited(lambda known, new: known.max()), "the worst of the known"),
                (limited(lambda known, new: known.quantile(0.01)), "Which end is meant?"),
                (limited(lambda known, new: new.quantile(0.99)), "Whose errors"),
                (limited(lambda known, new: 0.99), "an error, or a share of images"),
                (limited(lambda known, new: known.quantile(0.9)), "one limit from the known"),
                (
                    lambda m, known, x: misses(m, x) > misses(m, known).quantile(0.99),
                    "it judges by the misses",
                ),
                (
                    lambda m, known, x: F.mse_loss(m(x), x) > errors_of(m, known).quantile(0.99),
                    "one verdict comes out",
                ),
                (
                    lambda m, known, x: (m(x) - x).square() > errors_of(m, known).quantile(0.99),
                    "one per pixel",
                ),
                (lambda m, known, x: alarm(m, known, x).nonzero(), "places where it is True"),
                (lambda m, known, x: errors_of(m, x), "True or False"),
                (lambda m, known, x: None, "needs a tensor"),
            ],
        ),
    }
