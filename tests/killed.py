"""A short training run for `test_checkpoints`, in a process of its own that can be killed."""

import os
import random
import signal
import sys
import threading

import numpy as np
import torch
import torch._dynamo  # noqa: F401  the first optimizer imports it; imported here, none waits
from tqdm import tqdm

from mnist_helpers import checkpoints, training
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.data import Digits, split
from mnist_helpers.models import DenseAutoencoder

EPOCHS = 4


def noisy(model, images, labels):
    """A reconstruction from a disturbed image: it draws from every random number generator."""
    noise = 0.1 * torch.randn_like(images) + 0.05 * random.random() + 0.05 * np.random.rand()
    return training.reconstruction(model, (images + noise).clamp(0, 1), labels)


def train(path=None, objective=noisy, fresh=False, **options):
    """The run: 4 epochs of 10 steps, saved at `path`; returns the model and its History."""
    generator = torch.Generator().manual_seed(0)
    digits = Digits(torch.rand(200, 1, 28, 28, generator=generator), torch.arange(200) % 10)
    learn, valid = split(digits)
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model = DenseAutoencoder(4, hidden=(16,))
    settings = dict(
        epochs=EPOCHS, valid=valid, metrics=(training.pixel_accuracy,), batch_size=16,
        scheduler=training.one_cycle(1e-2), device="cpu",
        callbacks=[Checkpoint(path, every=3, fresh=fresh)] if path else [],
    )  # fmt: skip
    history = training.fit(model, learn, objective, **settings | options)
    return model, history


def train_and_tell(path, result, die_at_line=None):
    """Train, and store weights and curves in the file `result`."""
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # its own lock would outlive a killed process
    sys.stdout = open(os.devnull, "w", encoding="utf-8")
    if die_at_line:
        sys.settrace(killer(die_at_line))
    model, history = train(path)
    torch.save({"weights": model.state_dict(), "curves": curves(history)}, result)


def curves(history):
    return [history.train_loss, history.valid_loss, history.metrics, history.steps]


def killer(countdown):
    """A trace function that kills this process at the n-th line of saving that it executes."""

    def at_line(frame, event, _):
        nonlocal countdown
        countdown -= event == "line"
        if countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return at_line

    def at_call(frame, *_):
        saving = frame.f_code.co_filename == checkpoints.__file__
        return at_line if saving and frame.f_code.co_name in ("save", "write") else None

    return at_call
