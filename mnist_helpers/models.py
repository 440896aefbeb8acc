"""The networks of the course: a classifier and three kinds of autoencoder.

Every model takes images (N, 1, 28, 28) in [0, 1] and flattens them inside itself.
"""

import json
from itertools import pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.course import WEIGHTS
from mnist_helpers.files import read_plain
from mnist_helpers.stored import stored_weights

PIXELS = 28 * 28


class Classifier(nn.Module):
    """Fully connected classifier, 784 -> hidden -> 10, with ReLU between the layers.

    Args:
        hidden: widths of the hidden layers; () gives softmax regression, 784 -> 10.

    The output is (N, 10): one score (logit) for each digit. The largest is the answer;
    `softmax` turns the ten into probabilities.

    Raises:
        ValueError: a width is below 1.
    """

    def __init__(self, hidden=(32, 64)):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), *_dense((PIXELS, *hidden, 10), nn.ReLU))

    def forward(self, images):
        return self.layers(images)


class Autoencoder(nn.Module):
    """An encoder and a decoder, trained together to give back what goes in.

    Args:
        encoder: module that maps images (N, 1, 28, 28) to codes (N, latent_dim).
        decoder: module that maps codes (N, latent_dim) to images (N, 1, 28, 28).
    """

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x):
        """Codes z, (N, latent_dim), of images x, (N, 1, 28, 28)."""
        return self.encoder(x)

    def decode(self, z):
        """Reconstructions x_hat, (N, 1, 28, 28), of codes z, (N, latent_dim)."""
        return self.decoder(z)

    def forward(self, x):
        return self.decode(self.encode(x))


class DenseAutoencoder(Autoencoder):
    """Fully connected autoencoder, 784 -> hidden -> latent_dim and the mirror image back.

    The code itself has no activation: its numbers may take any value. The shape is that of
    Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
    Science 313 (2006), figure 1, with fewer layers.

    Args:
        latent_dim: numbers in the code, at least 1.
        hidden: widths between pixels and code; () gives one layer each way.
        activation: class of the activation between the layers.
        output: class of the last activation; `nn.Sigmoid` keeps pixels in (0, 1),
            `nn.Identity` leaves them free.

    Raises:
        ValueError: latent_dim or a width is below 1.
    """

    def __init__(self, latent_dim=32, hidden=(128,), activation=nn.ReLU, output=nn.Sigmoid):
        sizes = (PIXELS, *hidden, latent_dim)
        super().__init__(
            nn.Sequential(nn.Flatten(), *_dense(sizes, activation)),
            nn.Sequential(*_dense(sizes[::-1], activation), output(), nn.Unflatten(1, (1, 28, 28))),
        )


class ConvAutoencoder(Autoencoder):
    """Convolutional autoencoder: 3x3 convolutions down to a code, transposed ones back up.

    Strides shrink the image on the way down (28 -> 14 -> 7) and transposed convolutions with
    the same strides grow it again: Dumoulin & Visin, "A guide to convolution arithmetic for
    deep learning" (2016), chapter 4. LeakyReLU follows every layer but the code and the output.

    Args:
        latent_dim: numbers in the code, at least 1.
        channels: feature maps after each convolution.
        strides: step of each convolution; their product must divide 28.
        hidden: widths of dense layers between the last feature maps and the code.

    Raises:
        ValueError: a size is below 1, the strides do not fit, or the lengths differ.
    """

    def __init__(self, latent_dim=32, channels=(8, 16, 16, 16), strides=(1, 2, 2, 1), hidden=()):
        if len(channels) != len(strides) or min(channels) < 1 or min(strides) < 1:
            raise ValueError(
                f"channels={channels}, strides={strides}: "
                "give as many strides as channels, all at least 1"
            )
        if 28 % prod(strides):
            raise ValueError(
                f"strides={strides} shrink 28 pixels {prod(strides)} times, which leaves a rest"
            )
        side = 28 // prod(strides)
        maps = (channels[-1], side, side)
        sizes = (prod(maps), *hidden, latent_dim)
        steps = list(zip(pairwise((1, *channels)), strides, strict=True))
        down, up = [], []
        for (fine, coarse), stride in steps:
            down += [nn.Conv2d(fine, coarse, 3, stride, padding=1), _leaky()]
        for (fine, coarse), stride in reversed(steps):
            # output_padding picks, of the two sizes that stride 2 maps to the same one, the even.
            grow = UpConv2d(coarse, fine, 3, stride, padding=1, output_padding=stride - 1)
            up += [_leaky(), grow]
        super().__init__(
            nn.Sequential(*down, nn.Flatten(), *_dense(sizes, _leaky)),
            nn.Sequential(*_dense(sizes[::-1], _leaky), nn.Unflatten(1, maps), *up, nn.Sigmoid()),
        )
        self.to(memory_format=torch.channels_last)  # the order in memory that is fast on a CPU


class VariationalAutoencoder(Autoencoder):
    """Dense autoencoder whose code is a cloud: a mean and a variance for each of its numbers.

    Kingma & Welling, "Auto-Encoding Variational Bayes" (2014), section 3. `encode` gives the mean
    of the cloud, so `forward` draws no random numbers; only `draw` does.

    Args:
        latent_dim: numbers in the code, at least 1.
        hidden: widths between pixels and code.

    Raises:
        ValueError: latent_dim or a width is below 1.
    """

    def __init__(self, latent_dim=20, hidden=(400,)):
        sizes = (PIXELS, *hidden, latent_dim)
        super().__init__(
            nn.Sequential(nn.Flatten(), *_dense((*sizes[:-1], 2 * latent_dim), nn.ReLU)),
            nn.Sequential(
                *_dense(sizes[::-1], nn.ReLU), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))
            ),
        )

    def posterior(self, x):
        """Mean and log variance, (N, latent_dim) each, of the cloud of codes of images x."""
        return self.encoder(x).chunk(2, dim=1)

    def encode(self, x):
        """The mean of the cloud of codes, (N, latent_dim), of images x, (N, 1, 28, 28)."""
        return self.posterior(x)[0]

    @staticmethod
    def draw(mean, log_variance):
        """One code, (N, latent_dim), out of each cloud; in every call another one.

        The noise is scaled and shifted, so gradients reach mean and variance: the
        *reparametrisation trick*, section 2.4 of the same paper.
        """
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)


class UpConv2d(nn.ConvTranspose2d):
    """The same layer, quicker to train on a CPU: it adds its bias by itself.

    PyTorch's CPU code for transposed convolutions (oneDNN) takes longer for the gradient of the
    64 biases than for those of the 36,864 weights.
    """

    def forward(self, x):
        x = F.conv_transpose2d(
            x, self.weight, None, self.stride, self.padding, self.output_padding, self.groups,
            self.dilation,
        )  # fmt: skip
        if self.bias is not None:
            x += self.bias.to(x.dtype).view(-1, 1, 1)  # in place: nobody has seen this x yet
        return x


def pretrained(name):
    """A network that the course has trained for you, on the CPU.

    Args:
        name: "conv-2d", the full network of lab 11: 64 maps in each of four layers, and a
            code of two numbers, after 200 epochs; "conv-2d-5" and "conv-2d-61", the same
            after 5 and after 61. `provenance(name)` tells how each was trained.

    Raises:
        ValueError: there is no such network.
        OSError: its file is damaged.
    """
    architecture = provenance(name)["architecture"]
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced
        model = ConvAutoencoder(**architecture)
    model.load_state_dict(stored_weights(WEIGHTS / f"{name}.pt"), assign=True)
    return model.to(memory_format=torch.channels_last).eval()


def provenance(name):
    """How a pretrained network was made: recipe, seed, data, epochs, losses, test error; a dict.

    Raises:
        ValueError: there is no such network.
    """
    path = WEIGHTS / f"{name}.json"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in WEIGHTS.glob("*.json")))
        raise ValueError(f"no pretrained network {name!r}; there are: {known}")
    return json.loads(read_plain(path))


def count_parameters(model):
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _leaky():
    # Not in place: it would overwrite what a hook, or `encoder[0](x)`, has just shown you.
    return nn.LeakyReLU(0.01)


def _dense(sizes, activation):
    """Linear layers from each size to the next, with an activation between them."""
    if min(sizes) < 1:
        raise ValueError(f"layer sizes {sizes}: latent_dim and every width must be at least 1")
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return layers[:-1]
