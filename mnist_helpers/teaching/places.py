"""What all names hold at the places of a lesson where its exercises stand: stored, and loaded.

These functions run inside kernels: `store` in the one that runs the teacher's lesson, `load` and
`examine` in that of a learner.
"""

import io
from pathlib import Path

import cloudpickle
import torch
from IPython import get_ipython

from mnist_helpers.randomness import random_states, set_random_states

LARGE = 1_000_000  # bytes: from here on a tensor has a file of its own

_stored = {}  # id of a tensor -> (the tensor, which keeps its id; its version; name of its file)


class _Pickler(cloudpickle.Pickler):
    """Stores large tensors once, however many places they are needed at."""

    def __init__(self, file, folder):
        super().__init__(file)
        self.folder = folder

    def persistent_id(self, thing):
        if type(thing) is not torch.Tensor or thing.requires_grad or thing.is_inference():
            return None
        if thing.device.type != "cpu" or thing.untyped_storage().nbytes() < LARGE:
            return None
        tensor, version, name = _stored.get(id(thing), (None, None, None))
        if tensor is not thing or version != thing._version:
            name = f"{len(list(self.folder.glob('*.pt')))}.pt"
            torch.save(thing.clone(), self.folder / name)  # a view would save all it is a view of
            _stored[id(thing)] = thing, thing._version, name
        return name


class _Unpickler(cloudpickle.pickle.Unpickler):
    """Maps large tensors into memory: kernels share them, until one writes into its own copy."""

    def __init__(self, file, folder):
        super().__init__(file)
        self.folder = folder

    def persistent_load(self, name):
        return torch.load(self.folder / name, mmap=True, weights_only=True)


def store(folder, number):
    """Store all names of this kernel, the random states, and the check, for one exercise.

    Args:
        folder: its path, a text.
        number: of the exercise, such as "3.2".

    Returns:
        The names whose values cannot be stored; a learner's answer must do without them.
    """
    folder, names = Path(folder), _names()
    lost = [name for name, value in names.items() if not _can_be_stored(value, folder)]
    kept = {name: value for name, value in names.items() if name not in lost}
    for kind, thing in ("names", (kept, random_states())), ("check", names["check"]):
        with open(folder / f"{number}.{kind}", "wb") as file:
            _Pickler(file, folder).dump(thing)
    return lost


def load(folder, number):
    """Give this kernel the names and random states of that place, and an `answer` of `...`."""
    kept, states = _read(folder, f"{number}.names")
    for name in _names():
        del get_ipython().user_ns[name]
    get_ipython().user_ns.update(kept, answer=...)
    set_random_states(states)


def examine(folder, number):
    """Let the teacher's check look at the `answer` of this kernel; it displays its verdict."""
    check = _read(folder, f"{number}.check")
    check(number, get_ipython().user_ns.get("answer", ...))


def _names():
    """What a notebook has defined, without what IPython puts there."""
    shell = get_ipython()
    own = {name for name in shell.user_ns if not name.startswith("_")} - set(shell.user_ns_hidden)
    return {name: shell.user_ns[name] for name in sorted(own)}


def _can_be_stored(value, folder):
    try:
        _Pickler(io.BytesIO(), folder).dump(value)
        return True
    except Exception:  # what refuses to be pickled raises almost anything
        return False


def _read(folder, name):
    with open(Path(folder, name), "rb") as file:
        return _Unpickler(file, Path(folder)).load()
