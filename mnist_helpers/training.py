"""Training any model of the course on any objective: fit and evaluate."""

from contextlib import ExitStack, contextmanager

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from mnist_helpers.arguments import (
    check_digits,
    check_loss,
    check_measure,
    check_optimizer,
    check_task,
)
from mnist_helpers.callbacks import Progress
from mnist_helpers.data import Digits, batches
from mnist_helpers.devices import at_precision, device_of, pick_device, pick_precision
from mnist_helpers.modes import evaluating, in_mode
from mnist_helpers.objectives import (  # noqa: F401  lessons take them from here
    accuracy,
    classification,
    pixel_accuracy,
    reconstruction,
    reconstruction_bce,
    stop_after,
)
from mnist_helpers.randomness import own_randomness
from mnist_helpers.recipes import names_of, recipe_of
from mnist_helpers.runs import Run
from mnist_helpers.threads import pick_threads, share_cores


def fit(
    model, train, objective, *, epochs, valid=None, metrics=(), batch_size=64, optimizer=None,
    scheduler=None, callbacks=(), seed=0, device=None, precision=None, verbose=True,
):  # fmt: skip
    """Train a model, and print one line per epoch.

    The weights change in place. Data and model move to `device` for the training, and the
    model comes back to where it was; its mode and all random states are as before. Jupyter's
    stop button (or Ctrl-C) ends training cleanly.

    Args:
        model: any `nn.Module` that the objective can use.
        train: `Digits`, images (N, 1, 28, 28) float32 in [0, 1].
        objective: function (model, images, labels) -> scalar loss.
        epochs: passes over `train`, at least 1.
        valid: `Digits` that are measured after each epoch and never trained on.
        metrics: functions like objectives, measured on `valid`, shown and recorded by name.
        batch_size: images per optimizer step.
        optimizer: a `torch.optim` optimizer over the model's parameters, any but LBFGS;
            default Adam(lr=1e-3).
        scheduler: function (optimizer, steps) -> learning-rate schedule that is stepped after
            every batch, such as `one_cycle(0.01)`; any but ReduceLROnPlateau. Default: a
            constant rate.
        callbacks: objects that are called as the run goes on: `Checkpoint("runs/mine.pt")`
            saves it and goes on with it, `TensorBoard("runs/mine")` draws it.
        seed: of the shuffling, and of any randomness inside the model or the objective.
        device: default `pick_device()`.
        precision: "float32", or "bfloat16" for faster convolutions; default: what is fastest.
        verbose: print the lines; the bar shows either way.

    Returns:
        A `History` of the finished epochs, those before a checkpoint included.

    Raises:
        TypeError, ValueError: an argument cannot be trained with, or a checkpoint belongs to
            another run; no step has been taken then.
        RuntimeError: another run is saving to the same checkpoint.
        FloatingPointError: the loss became NaN or infinite.
        torch.OutOfMemoryError: the GPU's memory is too small for this.
    """
    check_task(model, train, valid, objective, metrics, epochs, callbacks)
    device = device or pick_device()
    precision = precision or pick_precision(model, device)
    loss_of = at_precision(precision, device, objective)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    check_optimizer(optimizer, model)
    train, valid = _on(device, train), _on(device, valid)
    loader = batches(train, batch_size, seed=seed)
    schedule = _make_schedule(scheduler, optimizer, epochs * len(loader))
    recipe = recipe_of(
        model, optimizer, schedule, train, valid, objective, metrics, batch_size, seed, precision,
        epochs * len(loader),
    )  # fmt: skip
    threads = pick_threads(model, device, epochs * len(train))
    run = Run(model, optimizer, schedule, loader, epochs, valid, recipe, threads)
    callbacks = sorted([Progress(verbose), *callbacks], key=lambda callback: callback.saves)
    try:
        with _at_work(run, device, seed, callbacks):
            for _ in range(len(run.history.train_loss), epochs):
                for images, labels in run.rest_of_epoch():
                    optimizer.zero_grad()
                    loss = check_loss(loss_of(model, images, labels))
                    loss.backward()
                    optimizer.step()
                    if schedule:
                        schedule.step()
                    run.count(loss, images)
                    for callback in callbacks:
                        callback.after_step(run)
                run.finish_epoch(valid and _means(model, valid, (objective, *metrics)), metrics)
                for callback in callbacks:
                    callback.after_epoch(run)
    except KeyboardInterrupt:
        for callback in callbacks:
            callback.interrupted(run)
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(_too_large(batch_size)) from error
    return run.history


def evaluate(model, digits, *measures, batch_size=250):
    """Measure a model without training it, and without leaving a trace in it.

    Args:
        model: any model that the measures can use.
        digits: `Digits` to measure on.
        measures: objectives and metrics. What is random in them is the same in every call.
        batch_size: images at a time; it changes the memory used, not the result.

    Returns:
        A dict: the name of each measure -> its mean per image, a float.

    Raises:
        TypeError, ValueError: the data or a measure cannot be used, or two different measures
            have the same name; the message says why.
    """
    check_digits(digits)
    for measure in measures:
        check_measure(measure)
    names = names_of(measures)
    with share_cores(pick_threads(model, device_of(model), len(digits))):
        return dict(zip(names, _means(model, digits, measures, batch_size), strict=True))


def one_cycle(max_lr):
    """A `scheduler` for `fit`: the learning rate climbs to `max_lr` and falls to almost zero.

    Source: Smith & Topin, "Super-Convergence" (2018).
    """
    return lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr, total_steps=steps
    )


# ---- details -------------------------------------------------------------------------------


def _make_schedule(scheduler, optimizer, steps):
    """The learning-rate schedule that `scheduler(optimizer, steps)` makes; None without one.

    Raises:
        TypeError: `scheduler` is no such function, or what it makes is no schedule.
        ValueError: it makes a ReduceLROnPlateau, which waits for a loss after each epoch.
    """
    if scheduler is None:
        return None
    example = "scheduler=lambda optimizer, steps: CosineAnnealingLR(optimizer, steps)"
    if isinstance(scheduler, LRScheduler) or not callable(scheduler):
        raise TypeError(
            f"scheduler is {type(scheduler).__name__}, which is made already; give a function "
            f"that makes it, since `fit` knows how many steps there are: {example}"
        )
    schedule = scheduler(optimizer, steps)
    if isinstance(schedule, ReduceLROnPlateau):
        raise ValueError(
            "ReduceLROnPlateau must be told the loss, and `fit` steps a schedule after every "
            f"batch without one. Take another: {example}"
        )
    if not isinstance(schedule, LRScheduler):
        raise TypeError(f"scheduler made {schedule!r}; it must make a schedule: {example}")
    return schedule


@contextmanager
def _at_work(run, device, seed, callbacks):
    """The run on its device, with random numbers and threads of its own; afterwards as before."""
    home = device_of(run.model)
    with ExitStack() as stack:
        stack.enter_context(own_randomness(seed))
        stack.enter_context(in_mode(run.model, training=True))
        stack.callback(run.model.to, home)
        run.model.to(device)
        run.optimizer.load_state_dict(run.optimizer.state_dict())  # its tensors follow the model's
        for callback in reversed(callbacks):  # what was saved is there before the others begin
            stack.callback(callback.end, run)
            callback.begin(run)
        stack.enter_context(share_cores(run.threads))
        yield


def _means(model, digits, measures, batch_size=250):
    """The mean of each measure over the digits, floats."""
    totals = [0.0] * len(measures)
    with evaluating(model):
        for images, labels in batches(_on(device_of(model), digits), batch_size, shuffle=False):
            for place, measure in enumerate(measures):
                # In float32 whatever the model computes in: a long sum needs all its digits.
                value = torch.as_tensor(measure(model, images, labels), dtype=torch.float32)
                totals[place] += value * len(images)
    return [float(total) / len(digits) for total in totals]


def _on(device, digits):
    """The digits on that device, whatever `TensorDataset` they came in."""
    if digits is None:
        return None
    return Digits(*digits.tensors, getattr(digits, "source", "custom")).to(device)


def _too_large(batch_size):
    smaller = f"batch_size={batch_size // 2}, " if batch_size > 1 else ""
    return (
        f"the GPU's memory is too small for batches of {batch_size} images with this model. "
        f"Try {smaller}a smaller model, or device='cpu'; in a notebook, restart the kernel "
        "first if other models are still on the GPU."
    )
