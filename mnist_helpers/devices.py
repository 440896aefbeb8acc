"""Where a model is trained, and how precisely it computes: picked here, open to override."""

import functools

import torch
from torch import nn

from mnist_helpers.course import setting
from mnist_helpers.files import say


def pick_device():
    """The fastest device here: an NVIDIA GPU ("cuda"), an Apple GPU ("mps"), or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_of(model):
    """Where a model is: the device of its first parameter; one without any is on the CPU."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def pick_precision(model, device):
    """The precision that trains this model fastest on this device: "float32" or "bfloat16".

    A bfloat16 has the range of a float32 and 8 of its 24 binary digits. Where the hardware
    multiplies such numbers by itself, convolutions take about half the time; the dense layers
    of the course, all of them small, gain nothing. The first convolutional model gets a note.
    The environment variable MNIST_HELPERS_PRECISION decides for convolutions, where it is set.
    """
    if not has_convolutions(model):
        return "float32"
    fastest = "bfloat16" if _has_bfloat16(torch.device(device)) else "float32"
    precision = setting("MNIST_HELPERS_PRECISION") or fastest
    _say_once(f"Convolutions are trained in {precision} here. precision=... overrides it.")
    return precision


def has_convolutions(model):
    """Whether a model has a convolution, ordinary or transposed."""
    return any(isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) for layer in model.modules())


def at_precision(precision, device, objective):
    """The objective, with the model's matrix products and convolutions at that precision.

    Weights, their gradients and losses stay float32 (PyTorch calls this *autocast*).

    Raises:
        ValueError: `precision` is neither "float32" nor "bfloat16".
    """
    if precision == "float32":
        return objective
    if precision != "bfloat16":
        raise ValueError(f'precision is {precision!r}; it must be "float32" or "bfloat16"')
    return torch.autocast(torch.device(device).type, torch.bfloat16)(objective)


def _has_bfloat16(device):
    """Whether the hardware itself has such arithmetic; emulated, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)


@functools.cache
def _say_once(line):
    say(line)
