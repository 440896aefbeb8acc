"""What is compared: scripts as people usually write them, and the same recipes through `fit`."""

import statistics

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision.transforms import ToTensor

from mnist_helpers.models import ConvAutoencoder, DenseAutoencoder, UpConv2d
from mnist_helpers.objectives import reconstruction
from mnist_helpers.training import fit, one_cycle


def plain_dense(folder, epochs=10):
    """The recipe of lesson 3 as people write it, image by image."""
    torch.manual_seed(0)
    dataset = torchvision.datasets.MNIST(folder, train=True, transform=ToTensor())
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 32),
        nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    return plain_loop(model, dataset, 1e-3, epochs)


def plain_conv(folder, count=6400):
    """The full network of lesson 4, in float32, over the first `count` images."""
    dataset = torchvision.datasets.MNIST(folder, train=True, transform=ToTensor())
    model = with_plain_layout(with_plain_biases(full_network()))
    return plain_loop(model, Subset(dataset, range(count)), 5e-4, epochs=1)


def plain_loop(model, dataset, rate, epochs):
    loader = DataLoader(dataset, batch_size=64, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    criterion = nn.MSELoss()
    for _ in range(epochs):
        total = 0.0
        for images, _ in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), images)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
    return model


def dense(train, epochs=10, device="cpu", fused=True, **options):
    """The same recipe through `fit`."""
    torch.manual_seed(0)
    model = DenseAutoencoder(32)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    options = {"objective": reconstruction, "device": device, "verbose": False} | options
    history = fit(model, train, epochs=epochs, optimizer=adam, **options)
    model.seconds = statistics.median(history.seconds)
    return model


def dense_quick(train):
    """The shortest training found that is as good as ten epochs of the plain recipe."""
    torch.manual_seed(0)
    model = DenseAutoencoder(32)
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.97), fused=True)
    schedule = one_cycle(0.015)
    fit(model, train, reconstruction, epochs=3, batch_size=128, optimizer=adam,
        scheduler=schedule, device="cpu", verbose=False)  # fmt: skip
    return model


def conv(train, count=6400, device="cpu", precision=None, change=lambda model: model):
    """The full network of lesson 4 through `fit`, over the first `count` images."""
    model = change(full_network())
    adam = torch.optim.Adam(model.parameters(), lr=5e-4, fused=True)
    fit(model, train.subset(slice(count)), reconstruction, epochs=1, optimizer=adam,
        device=device, precision=precision, verbose=False)  # fmt: skip
    return model


def thirty(train, epochs=4, channels=(16, 32, 64)):
    """The code of 30 numbers of lesson 4."""
    torch.manual_seed(0)
    model = starting_black(ConvAutoencoder(30, channels, strides=(2, 2, 1)))
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98), fused=True)
    fit(model, train, reconstruction, epochs=epochs, optimizer=adam,
        scheduler=one_cycle(8e-3), device="cpu", verbose=False)  # fmt: skip
    return model


def full_network():
    torch.manual_seed(0)
    return starting_black(ConvAutoencoder(2, channels=(64, 64, 64, 64)))


def starting_black(model):
    nn.init.constant_(model.decoder[-2].bias, -2.0)
    return model


def with_plain_biases(model):
    """PyTorch's own transposed convolutions in the place of the course's quicker ones."""
    for layer in model.modules():
        if isinstance(layer, UpConv2d):
            layer.__class__ = nn.ConvTranspose2d
    return model


def with_plain_layout(model):
    """Weights, and so feature maps, in PyTorch's usual order in memory, channel by channel."""
    return model.to(memory_format=torch.contiguous_format)


def with_overwritten_inputs(model):
    """Activations that write their outputs over their inputs."""
    for layer in model.modules():
        if isinstance(layer, nn.LeakyReLU):
            layer.inplace = True
    return model


def read_at_once(model, images, labels):
    """The objective, with its value read in every step."""
    loss = reconstruction(model, images, labels)
    loss.item()
    return loss
