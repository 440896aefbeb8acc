"""Saving a run and going on with it, so that a lost session does not lose the training.

A checkpoint is one file that `torch.save` wrote, and the one before it beside it, under the
same name with `.previous` at the end. The newest file only takes its place when it is whole.
"""

import io
import os
import pickle
import sys
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from mnist_helpers.callbacks import Callback
from mnist_helpers.course import setting
from mnist_helpers.files import refuse_oddity, say, set_aside
from mnist_helpers.recipes import differences, is_recipe

MANY_PARTS = 1_000_000  # numbers, texts and tensors; a run of 1000 epochs has about 10,000


class Checkpoint(Callback):
    """Saves a run after each epoch; the same `fit` with the same file goes on exactly there.

        fit(model, train, objective, epochs=10, callbacks=[Checkpoint("runs/dense.pt")])

    Without a schedule, `epochs` may grow from one call to the next.

    Args:
        path: the file, such as "runs/dense.pt"; `~` is your home.
        every: save after every so many steps as well.
        fresh: start over; what `path` holds is kept under another name.

    Raises:
        ValueError: `path` is a folder, or `every` is below 1. From `fit`: the file belongs to
            another run (the message names the differences), or neither it nor the one before
            it can be read.
        RuntimeError: from `fit`: another run is saving to the same file.
        OSError: from `fit`: the file, or one of those beside it, is a named pipe or the like.
    """

    saves = True

    def __init__(self, path, every=None, fresh=False):
        self.path = Path(path).expanduser()
        self.every = every
        self.fresh = fresh
        self.warned = set()  # kinds of trouble
        if self.path.is_dir():
            raise ValueError(f"{self.path} is a folder; give a file, {self.path / 'run.pt'}")
        if every is not None and every < 1:
            raise ValueError(f"every is {every}; it must be at least 1 step")

    def begin(self, run):
        """Lock the file, and go on with the run that it holds."""
        self.warned.clear()
        self._lock()
        if self.fresh:
            for path in (self.path, self._beside("previous")):
                set_aside(path, "kept")
        if self._load(run):
            say(self._going_on(run))

    def after_step(self, run):
        if self.every and run.step % self.every == 0 and run.step < run.steps:
            run.check_finite()
            self.save(run)

    def after_epoch(self, run):
        self.save(run)

    def interrupted(self, run):
        if not self.path.exists():
            return say(f"Nothing is saved in {self.path.name} yet.")
        but = ", without fresh=True," if self.fresh else ""
        say(f"Call fit in the same way{but} to go on from the last save.")

    def end(self, run):
        self.lock.release()

    def save(self, run):
        """Save `run.state_dict()`: written beside, flushed to the disk, and only then in place.

        Where that fails (disk full, folder read-only) training can go on: the reason is
        given once, as a warning, and the next call tries again.
        """
        fresh = self._beside("new")
        try:
            write(fresh, {"recipe": run.recipe, "state": run.state_dict()})
            if self.path.exists():
                os.replace(self.path, self._beside("previous"))
            os.replace(fresh, self.path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            self._warn(
                f"the run cannot be saved to {self.path}: {error}. Training goes on without "
                "saving, and tries again at the next save."
            )

    def _load(self, run):
        """Put the run where it was saved last; returns whether it was.

        A damaged file is named and kept aside, and the one before it is loaded. Nothing in
        the file is ever run as code (`weights_only=True`).
        """
        found = [p for p in (self.path, self._beside("previous")) if p.exists()]
        reasons = [] if self.path in found or not found else [f"{self.path} is missing"]
        for path in found:
            try:
                content = read(path)
                if not (others := differences(content["recipe"], run.recipe)):
                    run.load_state_dict(content["state"])
            except (MemoryError, torch.OutOfMemoryError):
                raise  # there is nothing wrong with the file
            except Exception as error:  # a damaged file can raise almost anything
                reasons.append(f"{path} cannot be read as a checkpoint ({_in_short(error)})")
                continue
            if others:
                raise ValueError(
                    f"{path} holds another run: {'; '.join(others)}. Give another path, "
                    "or fresh=True to start over; what the file holds is kept either way."
                )
            if reasons:
                say(f"{reasons[0]}. Going back to {path.name}.", sys.stderr)
                with suppress(OSError):  # a folder that can only be read: it stays where it is
                    set_aside(self.path, "damaged")
            return True
        if reasons:
            raise ValueError(
                f"{', and '.join(reasons)}. Nothing was changed. Give another path, or "
                "fresh=True to start over; the file is kept under another name."
            )
        return False

    def _going_on(self, run):
        done = len(run.history.train_loss)
        if done >= run.epochs:
            return f"{self.path.name} holds all {run.epochs} epochs: nothing is left to train."
        step = f"after step {run.step} of {run.steps}"
        return f"Going on from {self.path.name}: epoch {done + 1} of {run.epochs}, {step}."

    def _beside(self, ending):
        return self.path.with_name(f"{self.path.name}.{ending}")

    def _lock(self):
        self.lock = FileLock(self._beside("lock"), timeout=0)
        for path in (self.path, *map(self._beside, ("previous", "new", "lock"))):
            refuse_oddity(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.lock.acquire()
        except Timeout:
            raise RuntimeError(
                f"another run is saving to {self.path} right now. Wait for it, stop it, "
                "or give this run a path of its own."
            ) from None
        except (OSError, NotImplementedError) as error:  # such as a folder that is read-only
            self._warn(f"{self.path} cannot be locked: {error}. Let no other run save there.")

    def _warn(self, reason):
        """Warn, once in a run for each kind of trouble."""
        kind = reason.split(":")[0]
        if kind not in self.warned:
            warnings.warn(reason, stacklevel=4)
        self.warned.add(kind)


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
    refuse_oddity(path := Path(path))
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed, and unpacking it might fill the memory")
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError(f"it has {size} bytes, and says that it holds more")
        if damaged := archive.testzip():  # torch.load itself checks no checksums
            raise ValueError(f"the checksum of {damaged} is wrong")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError) as error:
        runs_code = "GLOBAL" in str(error)  # the name of something to call
        reason = "it would run code, which is never done" if runs_code else "it is damaged"
        raise ValueError(reason) from error
    if not isinstance(content, dict) or set(content) != {"recipe", "state"}:
        raise ValueError("it holds something else")
    _check_size(content)
    if not is_recipe(content["recipe"]):
        raise ValueError("its recipe is no dict of texts and numbers")
    return content


def _check_size(content):
    """Raise ValueError for lists in lists, each named many times, that never end if followed."""
    waiting, seen = [content], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, (dict, list, tuple)):
            seen += len(part)
            if seen > MANY_PARTS:
                raise ValueError(f"it has over {MANY_PARTS} parts")
            waiting += part.values() if isinstance(part, dict) else part


def _in_short(error):
    """The first line of an error's message, at most 200 characters; its name if it has none."""
    return str(error).partition("\n")[0][:200] or type(error).__name__


def folder(drive=False):
    """The folder for checkpoints that outlive a session.

    Args:
        drive: on Colab, keep them on your Google Drive (it asks for permission); anywhere
            else this changes nothing.

    Returns:
        The environment variable MNIST_HELPERS_CHECKPOINTS if set, else the folder
        `checkpoints` on the Drive or where Python was started, as a `Path`.
    """
    if named := setting("MNIST_HELPERS_CHECKPOINTS"):
        return Path(named).expanduser()
    if drive and "google.colab" in sys.modules:
        from google.colab import drive as google_drive

        google_drive.mount("/content/drive")
        return Path("/content/drive/MyDrive/checkpoints")
    return Path("checkpoints")
