"""What the checks of lab 11 put answers to the test with: runs cut short or watched."""

import pickle

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake, describe, function


class Run:
    """A small network in training; it takes its batches in an order of its own."""

    def __init__(self, train, seed):
        torch.manual_seed(seed)
        self.images = train.images[:256].flatten(1)
        model = nn.Sequential(nn.Linear(784, 8), nn.ReLU(), nn.Linear(8, 784))
        adam = torch.optim.Adam(model.parameters(), lr=1e-2 * seed)
        self.parts = model, adam, torch.Generator().manual_seed(seed)

    def epoch(self):
        model, adam, generator = self.parts
        for part in torch.randperm(len(self.images), generator=generator).split(32):
            adam.zero_grad()
            F.mse_loss(model(self.images[part]), self.images[part]).backward()
            adam.step()


def attempt(step, path, *parts):
    """Call what the learner wrote; the errors that people meet here get words of their own."""
    try:
        step(path, *parts)
    except FileNotFoundError:
        raise Mistake(
            "The first of your two functions looks for a file that is not there yet. Which of "
            "them comes first: save or load?"
        ) from None
    except pickle.UnpicklingError:
        raise Mistake(
            "The file holds a whole object, and with it the name of code to run; `torch.load` "
            "refuses that. Which method of each of the three gives its state as plain tensors?"
        ) from None
    except KeyError as error:
        raise Mistake(f"The file has no {error}. What does `save` call it?") from None
    except (TypeError, AttributeError, RuntimeError) as error:
        if "Missing key" in str(error):
            raise Mistake(
                "`load_state_dict` of the network found none of its weights in what it was given. "
                "The file holds more than they: under which name are they?"
            ) from None
        if not any(word in str(error) for word in ("Generator", "state_dict", "manual_seed")):
            raise
        raise Mistake(
            f"Python says: {error}. A generator is no network: it has `get_state()`, which gives "
            "a tensor for the file, and what else?"
        ) from None


def check_file(path):
    """Raise a Mistake if of several `torch.save` to the same path only the last one is left."""
    try:
        alone = isinstance(torch.load(path, weights_only=True), torch.Tensor)
    except Exception:  # `load` will meet it, and have words for it
        return
    if alone:
        raise Mistake(
            "The file holds a single tensor. A second `torch.save` to the same path replaces what "
            "the first one wrote. How do three things get into one file?"
        )


def scalars(folder):
    """What TensorBoard reads in a folder: tag -> [(step, value)]."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(folder).Reload()
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def flush(callback):
    """Bring to the disk what the callback's writers still hold."""
    for value in vars(callback).values():
        if hasattr(value, "add_scalar"):
            value.flush()


class Ageing(nn.Module):
    """A network that is only as old as its weight says; `seen` is a buffer, as BatchNorm has."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("seen", torch.zeros(1))

    def train_epoch(self):
        with torch.no_grad():
            self.weight += 1  # in place, as every optimizer does it
            self.seen += 1


def rehearse(answer, losses):
    """Age of the weight and of the buffer that the learner's function gives back."""

    def measure(model):
        age = int(model.weight)
        return losses[age - 1] if 0 < age <= len(losses) else float("inf")

    try:
        kept = function(answer)(Ageing(), Ageing.train_epoch, measure, len(losses))
    except AttributeError as error:
        if not any(word in str(error) for word in ("clone", "detach", "copy")):
            raise
        raise Mistake(
            f"Python says: {error}. A state_dict is a dict of tensors. What in it can be cloned? "
            "Or how did section 11.5 copy Adam's?"
        ) from None
    except TypeError as error:
        if "dict-like" not in str(error):
            raise
        raise Mistake(
            "`load_state_dict` takes a dict of tensors, and you give it something else. What did "
            "you put into `weights`?"
        ) from None
    except RuntimeError as error:
        if "Missing key" not in str(error):
            raise
        raise Mistake(
            "Your copy has the parameters, and no buffers. Which dict of the network has both?"
        ) from None
    if not isinstance(kept, nn.Module):
        raise Mistake(f"You give back {describe(kept)}. What was asked for is the network.")
    return int(kept.weight), int(kept.seen)


def copied(answer):
    """Whether the learner's function holds copies: with an infinite last loss these win."""
    return rehearse(answer, [2.0, 6.0, float("inf")])[0] < 3
