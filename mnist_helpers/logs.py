"""What TensorBoard shows of a run: curves, and pictures that get better."""

import torch


class EpochLog:
    """Writes one point per epoch into a folder that `tensorboard --logdir` reads.

    Args:
        folder: such as "runs/dense"; None writes nothing.
    """

    def __init__(self, folder):
        self.folder = folder
        self.writer = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.writer:
            self.writer.close()

    def write(self, history, model, digits):
        """Write the newest epoch of a History.

        An autoencoder also shows eight of the digits above their reconstructions.
        """
        if self.folder is None:
            return
        epoch = len(history.train_loss)
        writer = self._open(epoch)
        writer.add_scalar("loss/train", history.train_loss[-1], epoch)
        if history.valid_loss:
            writer.add_scalar("loss/valid", history.valid_loss[-1], epoch)
        for name, values in history.metrics.items():
            writer.add_scalar(f"metrics/{name}", values[-1], epoch)
        writer.add_scalar("learning rate", history.learning_rate[-1], epoch)
        if (strip := _reconstructions(model, digits.tensors[0][:8])) is not None:
            writer.add_image("reconstructions", strip, epoch)
        writer.flush()

    def _open(self, epoch):
        """The writer; a run that goes on or starts over replaces what it had written from here."""
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            self.writer = SummaryWriter(self.folder, purge_step=epoch)
        return self.writer


@torch.no_grad()
def _reconstructions(model, images):
    """Images (N, 1, 28, 28) above what the model draws, as one (1, 56, 28 N); None if it does not.

    A model that gives anything but images, such as a classifier, draws nothing.
    """
    model.eval()
    drawn = model(images.to(next(model.parameters()).device)).cpu()
    if drawn.shape != images.shape:
        return None
    rows = [torch.cat(list(row), dim=2) for row in (images, drawn)]
    return torch.cat(rows, dim=1)
