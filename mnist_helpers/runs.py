"""A run: what training changes, what it measures, and what tells one run from another."""

import zlib
from dataclasses import asdict, dataclass, field

import torch
from torch import nn

from mnist_helpers.checkpoints import random_states, set_random_states


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


@dataclass
class Run:
    """Everything that training changes: save it, load it, and training goes on exactly.

    Attributes:
        model, optimizer, schedule: as in `fit`; the schedule may be None.
        shuffling: the random generator behind the order of the images.
        history: the epochs that are finished.
        step: optimizer steps done in the epoch that has begun.
        loss: sum of the loss over the images of those steps.
        seconds: time that those steps took.
        order: state of `shuffling` when the epoch began.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler | None
    shuffling: torch.Generator
    history: History = field(default_factory=History)
    step: int = 0
    loss: float | torch.Tensor = 0.0
    seconds: float = 0.0
    order: torch.Tensor | None = None

    def state_dict(self):
        """All of it as tensors, numbers, texts, lists and dicts."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule and self.schedule.state_dict(),
            "history": asdict(self.history),
            "step": self.step,
            "loss": self.loss,
            "seconds": self.seconds,
            "order": self.order if self.step else self.shuffling.get_state(),
            "random": random_states(),
        }

    def load_state_dict(self, state):
        """Go back to where `state_dict` was called."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        self.history = History(**state["history"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.loss = torch.as_tensor(state["loss"], device=next(self.model.parameters()).device)
        self.shuffling.set_state(state["order"])
        set_random_states(state["random"])


def recipe_of(run, train, valid, objective, batch_size, seed, steps):
    """What must be the same for a checkpoint to go on, as a flat dict of texts and numbers."""
    layers = str(run.model).splitlines()
    recipe = {f"line {number} of the model": line for number, line in enumerate(layers, start=1)}
    recipe["parameters of the model"] = sum(p.numel() for p in run.model.parameters())
    for name, digits in (("training", train), ("validation", valid)):
        if digits is not None:
            images, labels = digits.tensors
            recipe[f"source of the {name} images"] = getattr(digits, "source", "custom")
            recipe[f"number of {name} images"] = len(images)
            # A checksum of all images would take longer than an epoch of a small network.
            content = images[::100].cpu().numpy().tobytes() + labels.cpu().numpy().tobytes()
            recipe[f"checksum of the {name} data"] = zlib.crc32(content)
    recipe |= {"objective": name_of(objective), "batch_size": batch_size, "seed": seed}
    recipe["optimizer"] = type(run.optimizer).__name__
    recipe |= {f"{key} of the optimizer": str(x) for key, x in run.optimizer.defaults.items()}
    if run.schedule:  # its rates depend on how many steps it has
        recipe |= {"schedule": type(run.schedule).__name__, "steps of the schedule": steps}
        rates = {key: x for key, x in run.optimizer.param_groups[0].items() if "_lr" in key}
        recipe |= {f"{key} of the schedule": rate for key, rate in rates.items()}
    return recipe


def name_of(measure):
    """The name of a function, also behind `functools.partial`."""
    measure = getattr(measure, "func", measure)
    return getattr(measure, "__name__", type(measure).__name__)
