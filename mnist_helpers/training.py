"""Training any model of the course on any objective: fit, evaluate, History.

An *objective* is a function `objective(model, images, labels) -> scalar loss`. A *metric* has
the same three arguments and returns a share between 0 and 1. Both are means over a batch.
"""

import math
import os
import time
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from mnist_helpers.data import Digits, batches, check_digits

# ---- objectives ----------------------------------------------------------------------------


def classification(model, images, labels):
    """Cross-entropy between the model's ten scores and the true digits, in nats.

    Zero is perfect; ln 10 = 2.303 is a guess that gives every digit the same probability.

    Args:
        model: maps images (N, 1, 28, 28) to scores (N, 10).
        images: (N, 1, 28, 28) float32.
        labels: (N,) int64.
    """
    return F.cross_entropy(model(images), labels)


def reconstruction(model, images, labels):
    """Mean squared error per pixel between images and their reconstructions.

    The target is the input itself, and `labels` are not used. In squared pixel units: zero is
    perfect, and on MNIST 0.114 is an all-black output.

    Args:
        model: maps images (N, 1, 28, 28) in [0, 1] to reconstructions of the same shape.
        images: (N, 1, 28, 28) float32.
        labels: (N,) int64, unused; every objective has the same three arguments.
    """
    return F.mse_loss(model(images), images)


def reconstruction_bce(model, images, labels):
    """Binary cross-entropy per pixel, in nats: each pixel is a probability of ink.

    The reconstruction term of Kingma & Welling, "Auto-Encoding Variational Bayes" (2014),
    appendix C.1. Grey pixels keep it above zero even where the reconstruction is perfect.
    The model's output must lie in [0, 1].
    """
    return F.binary_cross_entropy(model(images), images)


# ---- metrics -------------------------------------------------------------------------------


def accuracy(model, images, labels):
    """Share of images whose largest score belongs to the true digit."""
    return (model(images).argmax(dim=1) == labels).float().mean()


def pixel_accuracy(model, images, labels, tolerance=0.1):
    """Share of pixels that are reconstructed to within `tolerance` of their true brightness."""
    return ((model(images) - images).abs() <= tolerance).float().mean()


# ---- training ------------------------------------------------------------------------------


@dataclass
class History:
    """What `fit` measured, one entry per finished epoch in each list.

    Attributes:
        train_loss: objective per training image, averaged while the weights move.
        valid_loss: objective per validation image after the epoch; empty without `valid`.
        metrics: name of each metric -> its values on the validation images.
        steps: optimizer steps taken so far.
        learning_rate: at the end of the epoch.
        seconds: time the epoch took, validation included.
    """

    train_loss: list = field(default_factory=list)
    valid_loss: list = field(default_factory=list)
    metrics: dict = field(default_factory=dict)
    steps: list = field(default_factory=list)
    learning_rate: list = field(default_factory=list)
    seconds: list = field(default_factory=list)

    def last_line(self):
        """The newest epoch as one line of text."""
        parts = [f"epoch {len(self.train_loss):2d}", f"train loss ≈ {self.train_loss[-1]:.4f}"]
        if self.valid_loss:
            parts.append(f"valid loss ≈ {self.valid_loss[-1]:.4f}")
        parts += [f"{name} ≈ {values[-1]:.3f}" for name, values in self.metrics.items()]
        return "   ".join([*parts, f"≈ {self.seconds[-1]:.1f} s"])


def pick_device():
    """The fastest device here: an NVIDIA GPU ("cuda"), an Apple GPU ("mps"), or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def one_cycle(max_lr):
    """A `scheduler` for `fit`: the learning rate climbs to `max_lr` and falls to almost zero.

    Source: Smith & Topin, "Super-Convergence" (2018).
    """
    return lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr, total_steps=steps
    )


def fit(
    model, train, objective, *, epochs, valid=None, metrics=(), batch_size=64,
    optimizer=None, scheduler=None, seed=0, device=None, verbose=True,
):  # fmt: skip
    """Train a model, and print one line per epoch.

    The weights change in place. Data and model move to `device` for the training, and the
    model comes back to where it was. Jupyter's stop button (or Ctrl-C) ends training cleanly.

    Args:
        model: any `nn.Module` that the objective can use.
        train: `Digits`, images (N, 1, 28, 28) float32 in [0, 1].
        objective: function (model, images, labels) -> scalar loss.
        epochs: passes over `train`, at least 1.
        valid: `Digits` that are measured after each epoch and never trained on.
        metrics: functions like objectives, measured on `valid`, shown and recorded by name.
        batch_size: images per optimizer step.
        optimizer: any `torch.optim` optimizer over the model's parameters; default Adam(lr=1e-3).
        scheduler: function (optimizer, steps) -> learning-rate scheduler, stepped after every
            batch, such as `one_cycle(0.01)`; default: a constant rate.
        seed: of the shuffling, and of any randomness inside the model or the objective.
        device: default `pick_device()`.
        verbose: print the lines; the bar shows either way.

    Returns:
        A `History` of the finished epochs.

    Raises:
        TypeError, ValueError: the data, epochs or batch_size cannot be trained with.
        FloatingPointError: the loss became NaN or infinite.
    """
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; it must be at least 1")
    if metrics and valid is None:
        raise ValueError("metrics are measured on validation images: give valid=... too")
    for digits in (train, valid):
        if digits is not None:
            check_digits(digits)
    home, device = next(model.parameters()).device, device or pick_device()
    torch.manual_seed(seed)
    model.to(device)
    train, valid = _on(device, train), _on(device, valid)
    loader = batches(train, batch_size, seed=seed)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3)
    optimizer.load_state_dict(optimizer.state_dict())  # its own tensors follow the model's
    schedule = scheduler and scheduler(optimizer, epochs * len(loader))
    history = History()
    try:
        with _bar(epochs * len(loader)) as bar:
            for epoch in range(1, epochs + 1):
                bar.set_description(f"epoch {epoch}/{epochs}")
                start = time.perf_counter()
                loss = _train_epoch(model, loader, objective, optimizer, schedule, bar)
                if not math.isfinite(loss):
                    raise FloatingPointError(_diverged(loss, epoch, optimizer))
                _record(
                    history, model, loss, optimizer, len(loader), objective, valid, metrics, start
                )
                if verbose:
                    bar.write(history.last_line())
    except KeyboardInterrupt:
        print(f"Stopped by you; {len(history.train_loss)} of {epochs} epochs are complete.")
    finally:
        model.to(home)
    return history


def _bar(steps):
    """A progress bar that disappears when done; the one in notebooks ignores TQDM_DISABLE."""
    return tqdm(total=steps, unit="batch", leave=False, disable="TQDM_DISABLE" in os.environ)


def _train_epoch(model, loader, objective, optimizer, schedule, bar):
    """One pass over the loader; the mean loss per image, also when the last batch is smaller."""
    model.train()
    total = count = 0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = objective(model, images, labels)
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        total += loss.detach() * len(images)
        count += len(images)
        bar.update()
    return float(total) / count


def _record(history, model, loss, optimizer, steps, objective, valid, metrics, start):
    history.train_loss.append(loss)
    history.steps.append(steps * len(history.train_loss))
    history.learning_rate.append(optimizer.param_groups[0]["lr"])
    if valid is not None:
        measured = evaluate(model, valid, objective, *metrics)
        history.valid_loss.append(measured.pop(_name(objective)))
        for name, value in measured.items():
            history.metrics.setdefault(name, []).append(value)
    history.seconds.append(time.perf_counter() - start)


def evaluate(model, digits, *measures, batch_size=1000):
    """Measure a model without training it.

    Args:
        model: any model that the measures can use.
        digits: `Digits` to measure on.
        measures: objectives and metrics.
        batch_size: images at a time; it changes the memory used, not the result.

    Returns:
        A dict: the name of each measure -> its mean per image, a float.

    Raises:
        TypeError, ValueError: the data cannot be used; the message says why.
    """
    check_digits(digits)
    device = next(model.parameters()).device
    totals = dict.fromkeys(map(_name, measures), 0.0)
    model.eval()
    with torch.no_grad():
        for images, labels in batches(_on(device, digits), batch_size, shuffle=False):
            for measure in measures:
                totals[_name(measure)] += measure(model, images, labels) * len(images)
    return {name: float(total) / len(digits) for name, total in totals.items()}


def _on(device, digits):
    """The digits on that device, whatever `TensorDataset` they came in."""
    return digits and Digits(*digits.tensors).to(device)


def _name(measure):
    """The name of a function, also behind `functools.partial`."""
    measure = getattr(measure, "func", measure)
    return getattr(measure, "__name__", type(measure).__name__)


def _diverged(loss, epoch, optimizer):
    rate = optimizer.param_groups[0]["lr"]
    return (
        f"the loss became {loss} in epoch {epoch}. The steps were probably too large: make the "
        f"model anew and try a learning rate of {rate / 10:g} instead of {rate:g}. If that "
        "does not help, look for a division by zero or a logarithm of zero in the objective."
    )
