"""What the `TensorBoard` callback writes, read back as TensorBoard reads it."""

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_helpers.callbacks import TensorBoard
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.data import split
from mnist_helpers.models import Classifier, DenseAutoencoder
from mnist_helpers.training import (
    accuracy,
    classification,
    fit,
    one_cycle,
    pixel_accuracy,
    reconstruction,
)


def read(folder):
    """All points in a folder of event files: tag -> [(epoch, value)], and the picture tags."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    tags = events.Reload().Tags()
    points = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    return points, {tag: events.Images(tag) for tag in tags["images"]}


def numbered(values):
    return [(epoch, pytest.approx(value)) for epoch, value in enumerate(values, start=1)]


def train(digits, *callbacks, **options):
    train, valid = split(digits)
    torch.manual_seed(0)
    settings = dict(
        epochs=3, valid=valid, metrics=(pixel_accuracy,), scheduler=one_cycle(1e-2),
        callbacks=callbacks, verbose=False,
    )  # fmt: skip
    return fit(DenseAutoencoder(4), train, reconstruction, **settings | options)


def test_event_file_holds_the_history(digits, tmp_path):
    history = train(digits, TensorBoard(tmp_path))
    points, pictures = read(tmp_path)
    assert points == {
        "loss/train": numbered(history.train_loss),
        "loss/valid": numbered(history.valid_loss),
        "metrics/pixel_accuracy": numbered(history.metrics["pixel_accuracy"]),
        "learning rate": numbered(history.learning_rate),
    }
    assert list(pictures) == ["reconstructions"]
    sizes = [(event.step, event.width, event.height) for event in pictures["reconstructions"]]
    assert sizes == [(epoch, 8 * 28, 2 * 28) for epoch in (1, 2, 3)]


def test_classifier_has_curves_and_no_pictures(digits, tmp_path):
    history = fit(
        Classifier(), digits, classification, epochs=1, valid=digits, metrics=(accuracy,),
        callbacks=[TensorBoard(tmp_path)], verbose=False,
    )  # fmt: skip
    points, pictures = read(tmp_path)
    assert points["metrics/accuracy"] == numbered(history.metrics["accuracy"]) and not pictures


@pytest.mark.parametrize("order", [tuple, reversed])
def test_run_that_goes_on_has_every_epoch_once(digits, tmp_path, monkeypatch, order):
    """Stopped after an epoch was written and before it was saved, which is the worst moment."""

    def stop(self, run):
        if len(run.history.train_loss) == 2:
            raise KeyboardInterrupt
        save(self, run)

    save = Checkpoint.save
    monkeypatch.setattr(Checkpoint, "save", stop)
    callbacks = (Checkpoint(tmp_path / "run.pt"), TensorBoard(tmp_path / "log"))
    train(digits, *order(callbacks))
    assert len(read(tmp_path / "log")[0]["loss/train"]) == 2
    monkeypatch.undo()
    history = train(digits, *order(callbacks))
    assert read(tmp_path / "log")[0]["loss/train"] == numbered(history.train_loss)


def test_run_that_starts_over_replaces_the_curves(digits, tmp_path):
    for seed in (0, 1):
        history = train(digits, TensorBoard(tmp_path), seed=seed)
    assert read(tmp_path)[0]["loss/train"] == numbered(history.train_loss)


def test_logging_changes_no_weight(digits, tmp_path):
    assert train(digits, TensorBoard(tmp_path)).train_loss == train(digits).train_loss


def test_folder_may_begin_with_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # the same on Windows
    assert TensorBoard("~/runs").folder == tmp_path / "runs"
    assert Checkpoint("~/mine.pt").path == tmp_path / "mine.pt"
