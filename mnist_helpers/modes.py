"""Looking at a model, or training it, and leaving it as it was."""

from contextlib import contextmanager

import torch

from mnist_helpers.randomness import own_randomness


@contextmanager
def evaluating(model):
    """Look at a model without leaving a trace.

    Inside the `with` block the model is in evaluation mode (no dropout, for example), without
    gradients, and draws random numbers of its own, the same ones every time. Afterwards modes
    and random states are what they were before.
    """
    with in_mode(model, training=False), torch.no_grad(), own_randomness(0):
        yield


@contextmanager
def in_mode(model, training):
    """Inside the `with` block the model is in training or in evaluation mode; then as before.

    Each of its layers gets its own mode back.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before
