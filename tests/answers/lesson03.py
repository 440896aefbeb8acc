"""Right and wrong answers to the exercises of lesson 3."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers import latent, models


def parts(width=64, end=nn.Sigmoid, flat=True, image=True, activation=nn.Identity):
    """Encoder and decoder of section 3.3, or with a fault."""
    encoder = nn.Sequential(*[nn.Flatten()] * flat, nn.Linear(784, width), activation())
    decoder = nn.Sequential(nn.Linear(width, 784), end(), *[nn.Unflatten(1, (1, 28, 28))] * image)
    return encoder, decoder


class Net(nn.Module):
    """The solution of 3.1; the classes below it change one thing each."""

    faults = {}

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = parts(**self.faults)

    def encode(self, images):
        return self.encoder(images)

    def decode(self, codes):
        return self.decoder(codes)

    def forward(self, images):
        return self.decode(self.encode(images))


def net(**changes):
    """The class of 3.1 with other parts, methods or attributes."""
    return type("Net", (Net,), changes)


class InOneGo(models.Autoencoder):
    def __init__(self):
        super().__init__(*parts())


class ByHand(nn.Module):
    """Without Sequential: layers and functions."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(784, 64), nn.Linear(64, 784)

    def encode(self, images):
        return self.down(images.flatten(1))

    def decode(self, codes):
        return self.up(codes).sigmoid().view(-1, 1, 28, 28)

    def forward(self, images):
        return self.decode(self.encode(images))


class WithoutSuper(Net):
    def __init__(self):
        self.encoder, self.decoder = parts()


class InAList(Net):
    def __init__(self):
        nn.Module.__init__(self)
        self.layers = parts()

    def encode(self, images):
        return self.layers[0](images)

    def decode(self, codes):
        return self.layers[1](codes)


SHARED = parts()


class FromOutside(Net):
    def __init__(self):
        nn.Module.__init__(self)
        self.encoder, self.decoder = SHARED


class Headless(nn.Module):
    """Only `forward`."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = parts()

    def forward(self, images):
        return self.decoder(self.encoder(images))


class WithoutBias(Net):
    def __init__(self):
        super().__init__()
        self.encoder[1] = nn.Linear(784, 64, bias=False)


class Starter(nn.Module):
    """The starter of 3.1, as it is; then one with layers, and its methods left as they are."""

    def encode(self, images):
        return ...

    decode = forward = encode


class StarterWithLayers(Net):
    encode = Starter.encode


class Tied(nn.Module):
    """The starter of 3.5."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(784, 32)
        self.bias = nn.Parameter(torch.zeros(784))

    def draw(self, z):
        return ...

    def forward(self, images):
        return self.draw(self.encoder(images.flatten(1))).view_as(images)


def tied(draw):
    """The class of 3.5 with this in the missing line: draw(self, z) -> (N, 784)."""
    return type("Tied", (Tied,), {"draw": draw})


@tied
@torch.no_grad()
def without_gradient(self, z):
    return (z @ self.encoder.weight + self.bias).sigmoid()


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
            [Net, InOneGo, ByHand],
            [
                (Starter, "no weights in your network"),
                (StarterWithLayers, "`encode` still says `...`"),
                (net(decode=lambda self, codes: ...), "`decode` still says `...`"),
                (net(forward=lambda self, images: ...), "`forward` still says `...`"),
                (net(encode=lambda self, images: None), "Does it end with `return`?"),
                (net(forward=lambda self, images: self.encode(images)), "Which step is missing?"),
                (net(forward=lambda self, images: images), "Which step is missing?"),
                (Net(), "without the parentheses"),
                (WithoutSuper, "`super().__init__()`"),
                (net(faults={"activation": nn.ReLU}), "cuts them off"),
                (Headless, "has no `encode`"),
                (net(encode=lambda self, x: self.encoder(x.flatten())), "keeps the first axis"),
                (net(forward=lambda self, x: self.decoder(x)), "each alone"),
                (net(forward=torch.no_grad()(Net.forward)), "no gradient reaches `encoder.1"),
                (net(encode=lambda self, x: self.encoder(x).detach()), "reaches `encoder.1.weight"),
                (InAList, "neither a plain list"),
                (FromOutside, "share their weights"),
                (WithoutBias, "without its bias"),
                (net(faults={"width": 32}), "How wide is your door?"),
                (net(faults={"flat": False}), "keeps the first axis"),
                (net(encode=lambda self, x: self.encoder[1](x.flatten())), "keeps the first axis"),
                (net(faults={"image": False}), "makes an image out of 784"),
                (net(faults={"end": nn.Identity}), "and paper is 0, ink 1"),
                (net(faults={"end": nn.ReLU}), "sets a limit at the top too"),
                (net(faults={"end": lambda: nn.Softmax(dim=1)}), "Which layer makes the sums"),
                (models.DenseAutoencoder, "How wide is your door?"),
                (lambda: Net(), "This needs the class"),
            ],
        ),
        "3.2": (
            [[0.25, 0.01], (1 / 4, 1 / 100), np.array([0.25, 0.01]), torch.tensor([0.25, 0.01])],
            [
                ([0.5, 0.1], "At 50 % of the brightness you have 0.5: that is the miss"),
                ([0.25, 0.1], "At 90 % of the brightness you have 0.1: that is the miss"),
                ([0.5, 0.01], "At 50 % of the brightness you have 0.5: that is the miss"),
                ([0.25, 0.81], "that is the brightness, squared"),
                ([0.25, 0.9], "that is how bright a pixel is drawn"),
                ([0.5, 0.9], "that is the miss"),
                ([0.75, 0.99], "what is gained"),
                ([0.25, 0.99], "what is gained"),
                ([0.707, 0.316], "Root or square?"),
                ([0.01, 0.25], "in the wrong order"),
                ([25, 1], "percent"),
                ([black / 4, black / 100], "these are the errors"),
                ([0.25, 0.05], "0.05"),
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
                (decoder(nn.Sigmoid(), hidden=nn.Identity), "its bend is gone"),
                (
                    lambda n: nn.Sequential(
                        nn.Linear(n, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))
                    ),
                    "its bend is gone",
                ),
                (decoder(nn.Sigmoid(), unflatten=False), "makes an image out of 784"),
                (Untrainable, "does a gradient get through"),
            ],
        ),
        "3.4": (
            [
                [level, grey],
                (level.item(), grey.item()),
                torch.stack([level, grey]),
                [round(level.item(), 3), round(grey.item(), 3)],
                np.array([level, grey]),
            ],
            [
                (grey, "Give both"),
                (level.item(), "Give both"),
                ([images.mean(), images.var(correction=0)], "Who may look at them"),
                ([images.mean(), grey], "Who may look at them"),
                ([grey, level], "Which of the two comes first?"),
                ([0, black], "is a black page"),
                ([mean_image, grey], "one brightness, or 784"),
                ([0.5, ((images - 0.5) ** 2).mean()], "halfway to white"),
                ([255 * level, 255**2 * grey], "from 0 to 255"),
                ([level, black], "is the error of a black page"),
                ([level, ((images - mean_image) ** 2).mean()], "one brightness, or 784"),
                ([level, ((images - own) ** 2).mean()], "a page of its own"),
                ([level, grey.sqrt()], "is the root"),
                ([level, (images - level).abs().mean()], "is the mean miss"),
                ([level, 784 * grey], "is the error per image"),
                ([level, ((mean_image - level) ** 2).mean()], "with the mean image"),
                ([level, ((train.images - level) ** 2).mean()], "on the training images"),
                ([level, 2 * grey], "You have"),
            ],
        ),
        "3.5": (
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
                (
                    tied(lambda self, z: (z @ self.encoder.weight.detach() + self.bias).sigmoid()),
                    "does not learn from both ways",
                ),
                (
                    tied(lambda self, z: (z @ self.encoder.weight.data + self.bias).sigmoid()),
                    "does not learn from both ways",
                ),
                (
                    tied(lambda self, z: (z.detach() @ self.encoder.weight + self.bias).sigmoid()),
                    "does not learn from both ways",
                ),
                (without_gradient, "does not learn from both ways"),
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
        "3.6": (
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
                (lambda m, known, x: None, "Does it end with `return`?"),
                (lambda m, known, x: ..., "`...` of the starter"),
            ],
        ),
    }
