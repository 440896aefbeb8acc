"""What `fit` cannot train with, said before the first step: what was given, and what to do."""

import inspect

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from mnist_helpers.callbacks import Callback
from mnist_helpers.data import check_digits
from mnist_helpers.recipes import names_of

EXAMPLE = "def objective(model, images, labels): return F.cross_entropy(model(images), labels)"


def check_task(model, train, valid, objective, metrics, epochs, callbacks):
    """Raise TypeError or ValueError unless there is something that can be trained and measured."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {model!r}; it must be an nn.Module object, such as Classifier()")
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs is {epochs!r}; it must be a whole number, at least 1")
    for digits in (train, valid):
        if digits is not None:
            check_digits(digits)
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            f"{type(model).__name__} has no weights that can be trained. Use `evaluate` to "
            "measure it, or set requires_grad_(True) on what should learn"
        )
    if callable(metrics):
        raise TypeError(f"metrics is one function; give a tuple: metrics=({_name(metrics)},)")
    if metrics and valid is None:
        raise ValueError("metrics are measured on validation images: give valid=... too")
    for measure in (objective, *metrics):
        check_measure(measure)
    names_of(metrics)
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks has {callback!r}; each must be a Callback object, such as "
                'Checkpoint("runs/mine.pt")'
            )


def check_measure(measure):
    """Raise TypeError unless this can be called with a model, images and labels."""
    if not callable(measure):
        raise TypeError(f"{measure!r} is no function (model, images, labels) -> loss: {EXAMPLE}")
    if str(getattr(measure, "__module__", "")).startswith("torch.nn"):
        raise TypeError(
            f"{_name(measure)} compares outputs with targets. `fit` needs a function of the "
            f"model, the images and the labels that calls it: {EXAMPLE}"
        )
    try:
        inspect.signature(measure).bind("model", "images", "labels")
    except TypeError as error:
        raise TypeError(
            f"{_name(measure)} cannot be called with (model, images, labels): {error}. "
            f"An objective looks like this: {EXAMPLE}"
        ) from None
    except ValueError:
        pass  # some functions written in C do not tell


def check_optimizer(optimizer, model):
    """Raise TypeError or ValueError unless this optimizer can train this model."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer is {optimizer!r}; it must be an object such as "
            "torch.optim.Adam(model.parameters(), lr=1e-3)"
        )
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ValueError(
            "LBFGS measures the loss several times in one step, which `fit` does not do. Take "
            "another optimizer, such as Adam or SGD, or write the loop by hand"
        )
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(
            "the optimizer holds the weights of another model, so this one would never change: "
            f"make it anew, {type(optimizer).__name__}(model.parameters(), ...), after the model"
        )


def make_schedule(scheduler, optimizer, steps):
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


def check_loss(loss):
    """The loss, if a model can learn from it: one number that depends on its weights.

    Raises:
        TypeError, ValueError: it is something else; the message says what.
    """
    if not isinstance(loss, torch.Tensor):
        raise TypeError(f"the objective returned {loss!r}; it must return a tensor, the loss")
    if loss.dim():
        raise ValueError(
            f"the objective returned a tensor of shape {tuple(loss.shape)}; it must return one "
            "number: take the mean over the batch"
        )
    if not loss.requires_grad:
        raise ValueError(
            "the loss does not depend on the weights of the model, so there is no gradient. "
            "Look for .item(), .detach(), argmax or no_grad in the objective"
        )
    return loss


def _name(measure):
    return getattr(measure, "__name__", None) or repr(measure)
