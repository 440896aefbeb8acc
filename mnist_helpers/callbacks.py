"""What happens around training: callbacks, objects that `fit` calls as the run goes on.

`Progress` prints the lines that every run shows, `TensorBoard` writes curves and pictures, and
`Checkpoint`, in `checkpoints.py`, saves the run. A learner's own is a class of a few lines:

    class Rates(Callback):
        def after_epoch(self, run):
            print(run.history.learning_rate[-1])
"""

import os
from pathlib import Path

import torch
from tqdm.auto import tqdm

from mnist_helpers.devices import device_of
from mnist_helpers.files import printable, say
from mnist_helpers.modes import evaluating


class Callback:
    """Something that `fit(..., callbacks=[...])` calls; override what you need.

    Each method is given the `Run`: its model, optimizer and schedule, its `History`, and how far
    it has come.

    Attributes:
        saves: True for what is to be called after all others: then nothing that is saved has
            yet to be shown.
    """

    saves = False

    def begin(self, run):
        """Before the first step, with the model on its device."""

    def after_step(self, run):
        """After each step of the optimizer; `run.step` of `run.steps` are done in this epoch."""

    def after_epoch(self, run):
        """After each epoch, when it is in `run.history`."""

    def interrupted(self, run):
        """After Jupyter's stop button, or Ctrl-C."""

    def end(self, run):
        """Last of all, also after an error."""


class Progress(Callback):
    """A bar that moves with every batch, and a line for every epoch.

    Args:
        lines: whether the lines are printed; the bar shows either way.
    """

    def __init__(self, lines=True):
        self.lines = lines
        self.bar = None

    def begin(self, run):
        done = len(run.history.train_loss)
        self.bar = tqdm(
            total=run.epochs * run.steps, initial=done * run.steps + run.step, unit="batch",
            leave=False, disable="TQDM_DISABLE" in os.environ,  # notebooks' bars ignore it
        )  # fmt: skip
        self._name_epoch(run)

    def after_step(self, run):
        self.bar.update()

    def after_epoch(self, run):
        if self.lines:
            self.bar.write(printable(run.history.last_line()))
        self._name_epoch(run)

    def interrupted(self, run):
        done = len(run.history.train_loss)
        say(f"Stopped by you; {done} of {run.epochs} epochs are complete.")

    def end(self, run):
        if self.bar is not None:
            self.bar.close()

    def _name_epoch(self, run):
        epoch = min(len(run.history.train_loss) + 1, run.epochs)
        self.bar.set_description(f"epoch {epoch}/{run.epochs}")


class TensorBoard(Callback):
    """Curves of a run, and for an autoencoder pictures, for `tensorboard --logdir`.

    Every epoch it writes the losses, the metrics and the learning rate, and eight images above
    their reconstructions.

    Args:
        folder: where to, such as "runs/dense"; `~` is your home.
    """

    def __init__(self, folder):
        self.folder = Path(folder).expanduser()
        self.writer = None

    def after_epoch(self, run):
        history, epoch = run.history, len(run.history.train_loss)
        writer = self._open(epoch)
        writer.add_scalar("loss/train", history.train_loss[-1], epoch)
        if history.valid_loss:
            writer.add_scalar("loss/valid", history.valid_loss[-1], epoch)
        for name, values in history.metrics.items():
            writer.add_scalar(f"metrics/{name}", values[-1], epoch)
        writer.add_scalar("learning rate", history.learning_rate[-1], epoch)
        digits = run.valid or run.loader.dataset
        if (strip := _reconstructions(run.model, digits.images[:8])) is not None:
            writer.add_image("reconstructions", strip, epoch)
        writer.flush()

    def end(self, run):
        if self.writer:
            self.writer.close()
        self.writer = None

    def _open(self, epoch):
        """The writer; a run that goes on or starts over replaces what it had written from here."""
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            self.writer = SummaryWriter(self.folder, purge_step=epoch)
        return self.writer


def _reconstructions(model, images):
    """Images (N, 1, 28, 28) above what the model draws, as one (1, 56, 28 N); None if it does not.

    A model that gives anything but images, such as a classifier, draws nothing.
    """
    with evaluating(model):
        drawn = model(images.to(device_of(model)))
    if not isinstance(drawn, torch.Tensor) or drawn.shape != images.shape:
        return None
    rows = [torch.cat(list(row.float().cpu()), dim=2) for row in (images, drawn)]
    return torch.cat(rows, dim=1)
