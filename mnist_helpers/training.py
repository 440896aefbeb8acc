"""Training any model of the course on any objective: fit, evaluate, History."""

import math
import os
import time

import torch
from tqdm.auto import tqdm

from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.data import Digits, batches, check_digits
from mnist_helpers.devices import at_precision, pick_device, pick_precision
from mnist_helpers.logs import EpochLog
from mnist_helpers.objectives import (
    accuracy,
    classification,
    pixel_accuracy,
    reconstruction,
    reconstruction_bce,
    stop_after,
)
from mnist_helpers.runs import History, Run, name_of, recipe_of

__all__ = [
    "History", "accuracy", "classification", "evaluate", "fit", "one_cycle", "pick_device",
    "pixel_accuracy", "reconstruction", "reconstruction_bce", "stop_after",
]  # fmt: skip


def one_cycle(max_lr):
    """A `scheduler` for `fit`: the learning rate climbs to `max_lr` and falls to almost zero.

    Source: Smith & Topin, "Super-Convergence" (2018).
    """
    return lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr, total_steps=steps
    )


def fit(
    model, train, objective, *, epochs, valid=None, metrics=(), batch_size=64,
    optimizer=None, scheduler=None, seed=0, device=None, precision=None, verbose=True,
    checkpoint=None, checkpoint_every=None, fresh=False, log_dir=None,
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
        precision: "float32", or "bfloat16" for faster convolutions; default: what is fastest.
        verbose: print the lines; the bar shows either way.
        checkpoint: file to save the run to, after each epoch. If it holds this run already,
            training goes on exactly where it was saved. Without a schedule, `epochs` may grow.
        checkpoint_every: save after every so many steps as well.
        fresh: start over; what `checkpoint` holds is kept under another name.
        log_dir: folder for TensorBoard: losses, metrics, learning rate, reconstructions.

    Returns:
        A `History` of the finished epochs, those before a checkpoint included.

    Raises:
        TypeError, ValueError: the data, epochs, batch_size or precision cannot be trained
            with, or the checkpoint belongs to another run.
        RuntimeError: another run is saving to the same checkpoint.
        FloatingPointError: the loss became NaN or infinite.
        torch.OutOfMemoryError: the GPU's memory is too small for this.
    """
    _check(train, valid, metrics, epochs, checkpoint_every)
    home, device = next(model.parameters()).device, device or pick_device()
    lower = at_precision(precision or pick_precision(model, device), device, objective)
    torch.manual_seed(seed)
    model.to(device, memory_format=torch.channels_last)  # the fast layout for convolutions
    loader, held_out = batches(_on(device, train), batch_size, seed=seed), _on(device, valid)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    optimizer.load_state_dict(optimizer.state_dict())  # its own tensors follow the model's
    schedule = scheduler and scheduler(optimizer, epochs * len(loader))
    run = Run(model, optimizer, schedule, loader.generator)
    recipe = checkpoint and recipe_of(
        run, train, valid, objective, batch_size, seed, epochs * len(loader)
    )
    try:
        with (
            Checkpoint(checkpoint, recipe, fresh) as saved,
            EpochLog(log_dir) as log,
            _bar(epochs * len(loader)) as bar,
        ):
            if state := saved.load():
                run.load_state_dict(state)
                print(_going_on(run, saved.path, epochs, len(loader)))
            bar.initial = bar.n = len(run.history.train_loss) * len(loader) + run.step
            for epoch in range(len(run.history.train_loss) + 1, epochs + 1):
                bar.set_description(f"epoch {epoch}/{epochs}")
                _train_epoch(run, loader, lower, bar, saved, checkpoint_every)
                _finish_epoch(run, loader, objective, held_out, metrics)
                if verbose:
                    bar.write(run.history.last_line())
                log.write(run.history, model, valid or train)
                saved.save(run)
    except KeyboardInterrupt:
        print(f"Stopped by you; {len(run.history.train_loss)} of {epochs} epochs are complete.")
        if checkpoint:
            print("Call fit in the same way to go on from the last save.")
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(_too_large(batch_size)) from error
    finally:
        model.to(home)
    return run.history


def _check(train, valid, metrics, epochs, checkpoint_every):
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; it must be at least 1")
    if checkpoint_every is not None and checkpoint_every < 1:
        raise ValueError(f"checkpoint_every is {checkpoint_every}; it must be at least 1 step")
    if metrics and valid is None:
        raise ValueError("metrics are measured on validation images: give valid=... too")
    for digits in (train, valid):
        if digits is not None:
            check_digits(digits)


def _bar(steps):
    """A progress bar that disappears when done; the one in notebooks ignores TQDM_DISABLE."""
    return tqdm(total=steps, unit="batch", leave=False, disable="TQDM_DISABLE" in os.environ)


def _train_epoch(run, loader, objective, bar, saved, every):
    """One pass over the images, or the rest of one that a checkpoint has begun."""
    start = time.perf_counter() - run.seconds
    run.model.train()
    run.order = loader.generator.get_state()
    for step, (images, labels) in enumerate(loader, start=1):
        if step <= run.step:
            continue  # the checkpoint has done this one
        run.optimizer.zero_grad()
        loss = objective(run.model, images, labels)
        loss.backward()
        run.optimizer.step()
        if run.schedule:
            run.schedule.step()
        run.loss = run.loss + loss.detach() * len(images)
        run.step = step
        bar.update()
        if every and step % every == 0 and step < len(loader):
            _check_finite(run)
            run.seconds = time.perf_counter() - start
            saved.save(run)
    _check_finite(run)
    run.seconds = time.perf_counter() - start


def _finish_epoch(run, loader, objective, valid, metrics):
    """Put the epoch into the history: mean losses per image, metrics, and the rest."""
    start = time.perf_counter()
    measured = {} if valid is None else evaluate(run.model, valid, objective, *metrics)
    history = run.history
    if measured:
        history.valid_loss.append(measured.pop(name_of(objective)))
    for name, value in measured.items():
        history.metrics.setdefault(name, []).append(value)
    history.train_loss.append(float(run.loss) / len(loader.dataset))
    history.steps.append(len(loader) * len(history.train_loss))
    history.learning_rate.append(run.optimizer.param_groups[0]["lr"])
    history.seconds.append(run.seconds + time.perf_counter() - start)
    run.step, run.loss, run.seconds = 0, 0.0, 0.0


def _check_finite(run):
    if not math.isfinite(loss := float(run.loss)):
        epoch = len(run.history.train_loss) + 1
        raise FloatingPointError(_diverged(loss, epoch, run.optimizer))


def _going_on(run, path, epochs, steps):
    done = len(run.history.train_loss)
    if done >= epochs:
        return f"{path.name} holds all {epochs} epochs: nothing is left to train."
    step = f"after step {run.step} of {steps}"
    return f"Going on from {path.name}: epoch {done + 1} of {epochs}, {step}."


def _too_large(batch_size):
    smaller = f"batch_size={batch_size // 2}, " if batch_size > 1 else ""
    return (
        f"the GPU's memory is too small for batches of {batch_size} images with this model. "
        f"Try {smaller}a smaller model, or device='cpu'; in a notebook, restart the kernel "
        "first if other models are still on the GPU."
    )


def evaluate(model, digits, *measures, batch_size=250):
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
    totals = dict.fromkeys(map(name_of, measures), 0.0)
    model.eval()
    with torch.no_grad():
        for images, labels in batches(_on(device, digits), batch_size, shuffle=False):
            for measure in measures:
                totals[name_of(measure)] += measure(model, images, labels) * len(images)
    return {name: float(total) / len(digits) for name, total in totals.items()}


def _on(device, digits):
    """The digits on that device, whatever `TensorDataset` they came in."""
    return digits and Digits(*digits.tensors).to(device)


def _diverged(loss, epoch, optimizer):
    rate = optimizer.param_groups[0]["lr"]
    return (
        f"the loss became {loss} in epoch {epoch}. The steps were probably too large: make the "
        f"model anew and try a learning rate of {rate / 10:g} instead of {rate:g}. If that "
        "does not help, look for a division by zero or a logarithm of zero in the objective."
    )
