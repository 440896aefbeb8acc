"""Random numbers that belong to one run, and leave those of the notebook where they were."""

import random
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def own_randomness(seed):
    """Inside the `with` block all generators start from `seed`; afterwards they are as before.

    All means those of PyTorch (on the CPU and on every GPU), of NumPy and of Python.

    Args:
        seed: a whole number from 0 to 2**32 - 1.
    """
    before = random_states()
    try:
        torch.manual_seed(seed)  # on every device
        np.random.seed(seed)
        random.seed(seed)
        yield
    finally:
        set_random_states(before)


def random_states():
    """The states of all random number generators that training may draw from.

    Returns:
        A dict of tensors, numbers, texts and lists, which a checkpoint can hold.
    """
    name, keys, *rest = np.random.get_state()
    states = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": (name, keys.tolist(), *rest),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(states):
    """Put back what `random_states` returned; generators of devices that are gone stay away."""
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"][: torch.cuda.device_count()])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
