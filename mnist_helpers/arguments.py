"""What `fit` cannot train with, said before the first step: what was given, and what to do."""

import inspect

import torch
from torch import nn
from torch.utils.data import TensorDataset

from mnist_helpers.callbacks import Callback
from mnist_helpers.data import Codes
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


def check_digits(digits):
    """Raise TypeError or ValueError, with advice, unless a model of the course can use these.

    They are images, or `Codes`.
    """
    if not isinstance(digits, TensorDataset) or len(digits.tensors) != 2:
        raise TypeError(
            f"got {type(digits).__name__}; put your tensors into Digits(images, labels) first"
        )
    inputs, labels = digits.tensors
    if len(inputs) == 0:
        raise ValueError("the dataset is empty: it has no images to use")
    (check_codes if isinstance(digits, Codes) else check_images)(inputs)
    if labels.shape != inputs.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; expected torch.int64 "
            f"of shape ({len(inputs)},): try labels.long()"
        )


def check_images(images):
    """Raise ValueError, with advice, unless these are images as the course has them."""
    if images.shape[1:] != (1, 28, 28):
        raise ValueError(
            f"images have shape {tuple(images.shape)}; expected (N, 1, 28, 28): "
            "try images.view(-1, 1, 28, 28)"
        )
    if images.dtype != torch.float32:
        raise ValueError(f"images are {images.dtype}; expected torch.float32: try images.float()")
    low, high = images.min().item(), images.max().item()
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise ValueError(
            f"pixels run from {low:g} to {high:g}; expected 0 to 1: "
            "divide bytes by 255, and look for NaN"
        )


def check_codes(codes):
    """Raise ValueError, with advice, unless these are codes, (N, latent_dim) float32, finite."""
    if codes.dim() != 2 or codes.dtype != torch.float32:
        raise ValueError(
            f"codes are {codes.dtype} of shape {tuple(codes.shape)}; expected torch.float32 of "
            "shape (N, latent_dim): try codes.float().flatten(1)"
        )
    if not codes.isfinite().all():
        raise ValueError("codes hold NaN or infinite numbers: did they come out of a model that "
                         "was trained?")  # fmt: skip


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
