"""A run: everything that training changes, and what it has measured so far."""

import copy
import math
import time
from dataclasses import asdict, dataclass, field

import torch
from torch import nn

from mnist_helpers.data import Digits
from mnist_helpers.devices import device_of
from mnist_helpers.randomness import random_states, set_random_states
from mnist_helpers.recipes import names_of
from mnist_helpers.threads import chosen

MANY_THREADS = 1024  # more than any machine of a learner takes


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
    """A training on its way: save its `state_dict`, load it, and training goes on exactly.

    Attributes:
        model, optimizer, schedule: as in `fit`; the schedule may be None.
        loader: the batches, with the random generator behind their order.
        epochs: how many there shall be.
        valid: the `Digits` that are measured after each epoch, or None.
        recipe: what tells this run from another, a flat dict (see `recipes`).
        threads: how many the CPU takes; kept for the whole run, since another number adds up
            in another order.
        history: the epochs that are finished.
        step: optimizer steps done in the epoch that has begun.
        loss: sum of the loss over the images of those steps.
        seconds: time that those steps took.
        began: when the epoch began, on a clock that a break does not move on.
        order: state of the loader's generator when the epoch began.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler | None
    loader: torch.utils.data.DataLoader
    epochs: int
    valid: Digits | None
    recipe: dict
    threads: int
    history: History = field(default_factory=History)
    step: int = 0
    loss: float | torch.Tensor = 0.0
    seconds: float = 0.0
    began: float = 0.0
    order: torch.Tensor | None = None

    @property
    def steps(self):
        """Optimizer steps in an epoch."""
        return len(self.loader)

    def rest_of_epoch(self):
        """The batches of this epoch, less those that a checkpoint has done already."""
        done = self.step
        self.began = time.perf_counter() - self.seconds
        self.order = self.loader.generator.get_state()
        for step, batch in enumerate(self.loader, start=1):
            if step > done:
                yield batch
        self.check_finite()

    def count(self, loss, images):
        """Take note of a step: its loss, a scalar tensor, and its images."""
        self.loss = self.loss + loss.detach().float() * len(images)
        self.seconds = time.perf_counter() - self.began
        self.step += 1

    def finish_epoch(self, measured, metrics):
        """Put the epoch into the history.

        Args:
            measured: validation loss and metrics, floats in that order; None without them.
            metrics: the functions behind all but the first.
        """
        history = self.history
        if measured:
            loss, *values = measured
            history.valid_loss.append(loss)
            for name, value in zip(names_of(metrics), values, strict=True):
                history.metrics.setdefault(name, []).append(value)
        history.train_loss.append(float(self.loss) / len(self.loader.dataset))
        history.steps.append(self.steps * len(history.train_loss))
        history.learning_rate.append(self.optimizer.param_groups[0]["lr"])
        history.seconds.append(time.perf_counter() - self.began)
        self.step, self.loss, self.seconds = 0, 0.0, 0.0

    def check_finite(self):
        """Raise FloatingPointError, with advice, if the loss became NaN or infinite."""
        if math.isfinite(loss := float(self.loss)):
            return
        rate = self.optimizer.param_groups[0]["lr"]
        raise FloatingPointError(
            f"the loss became {loss} in epoch {len(self.history.train_loss) + 1}. The steps were "
            f"probably too large: make the model anew and try a learning rate of {rate / 10:g} "
            f"instead of {rate:g}. If that does not help, look for a division by zero or a "
            "logarithm of zero in the objective."
        )

    def state_dict(self):
        """All that training changes, as tensors, numbers, texts, lists and dicts."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule and self.schedule.state_dict(),
            "history": asdict(self.history),
            "step": self.step,
            "loss": self.loss,
            "seconds": self.seconds,
            "order": self.order if self.step else self.loader.generator.get_state(),
            "random": random_states(),
            "threads": self.threads,
        }

    def load_state_dict(self, state):
        """Go back to where `state_dict` was called.

        Raises:
            ValueError: this is no state of such a run, which is afterwards what it was before.
        """
        before = copy.deepcopy(self.state_dict())
        if not isinstance(state, dict) or state.keys() != before.keys():
            raise ValueError("its state is none of a run")
        try:
            self._set(state)
        except (MemoryError, torch.OutOfMemoryError):
            raise  # there is nothing wrong with the state
        except Exception as error:  # what a file holds can raise almost anything
            self._set(before)
            raise ValueError(f"its state does not fit this run: {error}") from error

    def _set(self, state):
        if state["step"] not in range(self.steps):
            raise ValueError(f"it is at step {state['step']} of {self.steps}")
        if state["threads"] not in range(1, MANY_THREADS):
            raise ValueError(f"it takes {state['threads']} threads")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        self.history = History(**state["history"])
        curves = self.history.train_loss, self.history.steps, self.history.seconds
        if len(set(map(len, curves))) > 1:
            raise ValueError("its curves differ in length")
        self.step, self.seconds = state["step"], state["seconds"]
        self.loss = torch.as_tensor(state["loss"], device=device_of(self.model))
        self.loader.generator.set_state(state["order"])
        self.threads = chosen() or state["threads"]
        set_random_states(state["random"])
