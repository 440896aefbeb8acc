"""Saving a run and going on with it, so that a lost session does not lose the training.

A checkpoint is one file that `torch.save` wrote, and the one before it beside it, under the
same name with `.previous` at the end. The newest file only takes its place when it is whole.
"""

import io
import os
import pickle
import random
import sys
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout

from mnist_helpers.data import free_name


class Checkpoint:
    """The file that holds one run. Use it in a `with` block: it is locked for other runs.

    Args:
        path: where to save, such as "runs/dense.pt"; None saves and loads nothing.
        recipe: flat dict that describes the run; a file with another one is refused.
        fresh: do not go on with what `path` holds, but keep it aside under another name.

    Raises:
        ValueError: `path` is a folder.
        RuntimeError: another run is using `path` right now.
    """

    def __init__(self, path, recipe, fresh=False):
        self.path = path and Path(path).expanduser()
        self.recipe = recipe
        self.fresh = fresh
        self.warned = False

    def __enter__(self):
        if self.path:
            if self.path.is_dir():
                raise ValueError(f"{self.path} is a folder; give a file, {self.path / 'run.pt'}")
            self._lock()
            if self.fresh:
                for path in (self.path, self._beside("previous")):
                    set_aside(path, "kept")
        return self

    def __exit__(self, *_):
        if self.path:
            self.lock.release()

    def load(self):
        """The state that was saved last, a dict; None when there is none yet.

        A damaged file is named and kept aside, and the one before it is loaded. Nothing in
        the file is ever run as code (`weights_only=True`).

        Raises:
            ValueError: the file belongs to another run (the message names the differences),
                or neither it nor the one before it can be read.
        """
        if not self.path:
            return None
        found = [p for p in (self.path, self._beside("previous")) if p.exists()]
        reasons = []
        for path in found:
            try:
                content = read(path)
            except Exception as error:  # a damaged file can raise almost anything
                reasons.append(f"{path} cannot be read as a checkpoint ({error or 'it is empty'})")
                continue
            if differences := _differences(content["recipe"], self.recipe):
                raise ValueError(
                    f"{path} holds another run: {'; '.join(differences)}. Give another path, "
                    "or fresh=True to start over; what the file holds is kept either way."
                )
            if reasons:
                print(f"{reasons[0]}. Going back to {path.name}.", file=sys.stderr)
                with suppress(OSError):  # a folder that can only be read: it stays where it is
                    set_aside(self.path, "damaged")
            return content["state"]
        if reasons:
            raise ValueError(
                f"{', and '.join(reasons)}. Nothing was changed. Give another path, or "
                "fresh=True to start over; the file is kept under another name."
            )
        return None

    def save(self, run):
        """Save `run.state_dict()`: written beside, flushed to the disk, and only then in place.

        Where that fails (disk full, folder read-only) training can go on: the reason is
        given once, as a warning, and the next call tries again.
        """
        if not self.path:
            return
        fresh = self._beside("new")
        try:
            write(fresh, {"recipe": self.recipe, "state": run.state_dict()})
            if self.path.exists():
                os.replace(self.path, self._beside("previous"))
            os.replace(fresh, self.path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            self._warn(f"the run cannot be saved to {self.path}: {error}")

    def _beside(self, ending):
        return self.path.with_name(f"{self.path.name}.{ending}")

    def _lock(self):
        self.lock = FileLock(self._beside("lock"), timeout=0)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.lock.acquire()
        except Timeout:
            raise RuntimeError(
                f"another run is saving to {self.path} right now. Wait for it, stop it, "
                "or give this run a path of its own."
            ) from None
        except (OSError, NotImplementedError) as error:  # such as a folder that is read-only
            self._warn(f"{self.path} cannot be locked: {error}")

    def _warn(self, reason):
        if not self.warned:
            warnings.warn(f"{reason}. Training goes on without saving.", stacklevel=4)
        self.warned = True


def write(path, content):
    """Write tensors, numbers, texts, lists and dicts to a file, and flush it to the disk."""
    packed = io.BytesIO()  # first into memory: there a full disk cannot interfere
    torch.save(content, packed)
    with open(path, "wb") as file:
        file.write(packed.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def read(path):
    """What `write` wrote, on the CPU. A file of anything else raises an exception."""
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():  # torch.load itself checks no checksums
            raise ValueError(f"the checksum of {damaged} is wrong")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError("it would run code, which is never done") from error
    if not isinstance(content, dict) or set(content) != {"recipe", "state"}:
        raise ValueError("it holds something else")
    return content


def random_states():
    """The states of all random number generators that training may draw from."""
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


def folder(drive=False):
    """The folder for checkpoints that outlive a session.

    Args:
        drive: on Colab, keep them on your Google Drive (it asks for permission); anywhere
            else this changes nothing.

    Returns:
        The environment variable MNIST_HELPERS_CHECKPOINTS if set, else the folder
        `checkpoints` on the Drive or where Python was started, as a `Path`.
    """
    if named := os.environ.get("MNIST_HELPERS_CHECKPOINTS"):
        return Path(named).expanduser()
    if drive and "google.colab" in sys.modules:
        from google.colab import drive as google_drive

        google_drive.mount("/content/drive")
        return Path("/content/drive/MyDrive/checkpoints")
    return Path("checkpoints")


def set_aside(path, ending):
    """Rename a file, if it is there, to the first free name of `path.ending-1`, `-2`, ..."""
    if path.exists():
        path.rename(free_name(path, ending))


def _differences(there, here):
    """One phrase for each entry of two recipes that is not the same, three at most."""
    names = [n for n in there | here if there.get(n, "missing") != here.get(n, "missing")]
    phrases = [
        f"{n} is {there.get(n, 'missing')!r} there and {here.get(n, 'missing')!r} here"
        for n in names[:3]
    ]
    return phrases + ([f"and {len(names) - 3} more"] if len(names) > 3 else [])
