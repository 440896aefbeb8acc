"""The checks of lab 11: long runs."""

import tempfile
from copy import deepcopy
from pathlib import Path

import torch

from mnist_helpers.callbacks import Callback
from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number
from mnist_helpers.exercises.probes import patient
from mnist_helpers.exercises.probes11 import (
    Run,
    attempt,
    check_file,
    copied,
    flush,
    rehearse,
    scalars,
)
from mnist_helpers.models import DenseAutoencoder, provenance
from mnist_helpers.training import fit, reconstruction


@exercise("11.1")
def save_and_load(answer, train, test):
    """A pair (save, load): with it, an interrupted run ends like an undisturbed one."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Mistake(
            f"This needs two functions, (save, load); you gave {describe(answer)}.", known=False
        )
    save, load = map(function, answer)
    run = Run(train, seed=1)
    run.epoch()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.pt"
        attempt(save, path, *run.parts)
        if not path.exists():
            raise Mistake("`save` left no file at `path`. What outlives the kernel?")
        check_file(path)
        at_the_seam = deepcopy(run.parts)
        run.epoch()
        resumed = Run(train, seed=2)
        attempt(load, path, *resumed.parts)
    _compare_parts(resumed.parts, at_the_seam)
    resumed.epoch()
    if not _equal(resumed.parts[0].state_dict(), run.parts[0].state_dict()):
        raise Mistake(
            "All three are back, and yet the next epoch ends elsewhere. Does `load` change "
            "something else?",
            known=False,
        )
    return "The interrupted run and the undisturbed one agree to the last bit."


def _compare_parts(found, right):
    (model, adam, generator), (old_model, old_adam, old_generator) = found, right
    if not _equal(model.state_dict(), old_model.state_dict()):
        raise Mistake("After `load` the network still has its new weights. Who fills them in?")
    averages, old = adam.state_dict(), old_adam.state_dict()
    if not averages["state"]:
        raise Mistake(
            "The weights are back. But Adam is as good as new: it holds averages for 0 of "
            f"{len(old['state'])} tensors of weights. Which object holds them?"
        )
    if averages["param_groups"][0]["lr"] != old["param_groups"][0]["lr"]:
        raise Mistake("Adam has its averages back, and not its learning rate. Where is that kept?")
    if not torch.equal(generator.get_state(), old_generator.get_state()):
        start = torch.Generator().manual_seed(old_generator.initial_seed())
        if torch.equal(generator.get_state(), start.get_state()):
            raise Mistake(
                "The generator is back at its seed, so the order of the first epoch comes again. "
                "Which method gives the place that it has reached?"
            )
        raise Mistake(
            "Weights and Adam are back. But the images of the next epoch come in another order "
            "than they would have. Who draws that order?"
        )


def _equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in other)


# ---- 11.2 ----------------------------------------------------------------------------------


@exercise("11.2")
def log_the_gap(answer, train, test):
    """A callback class whose objects write valid loss / train loss to TensorBoard."""
    if isinstance(answer, Callback):
        raise Mistake("That is one callback, already made. Give the class: without parentheses.")
    if not (isinstance(answer, type) and issubclass(answer, Callback)):
        raise Mistake(f"This needs a class of callbacks; you gave {describe(answer)}.", known=False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        callback = answer(folder)
        torch.manual_seed(0)
        history = fit(
            DenseAutoencoder(2, hidden=()), train.subset(slice(256)), reconstruction, epochs=3,
            valid=train.subset(slice(256, 320)), batch_size=32, callbacks=[callback],
            verbose=False, device="cpu",
        )  # fmt: skip
        flush(callback)
        points = scalars(folder)
    _compare_points(points, history.train_loss, history.valid_loss)
    return "One point per epoch. TensorBoard shows it under loss, beside the two curves."


def _compare_points(points, train_loss, valid_loss):
    if not points:
        raise Mistake("After three epochs the folder holds no scalar. Which method writes one?")
    if "loss/gap" not in points:
        raise Mistake(f"You write {', '.join(map(repr, points))}. Which name is asked for?")
    steps, values = zip(*points["loss/gap"], strict=True)
    if len(values) != 3:
        raise Mistake(f"Three epochs left {len(values)} points. Which method is called how often?")
    if values == (1, 2, 3):
        raise Mistake("The values are 1, 2, 3. In which order does `add_scalar` take its three?")
    if set(steps) == {0}:
        raise Mistake("All points have the step 0, one above the other. Who counts the epochs?")
    if steps == (0, 1, 2):
        raise Mistake("Your first point is at step 0, and belongs to epoch 1. Where do you count?")
    pairs = list(zip(valid_loss, train_loss, strict=True))
    texts = {
        "This is training loss / validation loss: above 1 it would be good news. Which way round?":
            [t / v for v, t in pairs],
        "This is the difference. It shrinks whenever both losses do. What does not?":
            [v - t for v, t in pairs],
        "Every epoch gets the ratio of the first one. Which entry of the list is the newest?":
            [valid_loss[0] / train_loss[0]] * 3,
        "This is the validation loss alone. What do you divide it by?": valid_loss,
    }  # fmt: skip
    for text, wrong in texts.items():
        if torch.allclose(torch.tensor(values), torch.tensor(wrong), rtol=1e-4):
            raise Mistake(text)
    right = [v / t for v, t in pairs]
    if not torch.allclose(torch.tensor(values), torch.tensor(right), rtol=1e-4):
        raise Mistake("These values are no ratio of the two newest losses.", known=False)
    if steps != (1, 2, 3):
        raise Mistake(f"The ratios are right, their steps are {steps}. What counts epochs?")


# ---- 11.3 ----------------------------------------------------------------------------------


@exercise("11.3")
def count_in_bfloat16(answer, train, test):
    """The whole number at which a counter in bfloat16 stops."""
    right, value = 256, number(answer)
    mistakes = [
        (255, "255 is eight ones. Write down the next number, and round it to 8 digits. And then?"),
        (257, "257 is the first number that it misses. Where does it stand then?"),
        (128, "129 is 10000001 in binary. How many digits are that, and how many are there?"),
        (129, "129 is 10000001 in binary. How many digits are that, and how many are there?"),
        (512, "From there on only every fourth number exists. Which are missing before it?"),
        (8, "It has 8 binary digits. Which numbers can you write with them?"),
        (2048, "That is where float16 stops, with 11 binary digits. How many has bfloat16?"),
        (2**24, "That is where float32 stops, with 24 binary digits. How many has bfloat16?"),
        (32_768, "Not all of the 16 bits are digits; some say where the point is. How many are?"),
        (65_536, "Not all of the 16 bits are digits; some say where the point is. How many are?"),
        (65_504, "That is the largest float16. The counter stops long before the range ends. Why?"),
        (torch.finfo(torch.bfloat16).max, "That is the largest bfloat16. Has it a neighbour + 1?"),
    ]
    compare(value, right, mistakes, tolerance=1e-4)
    return "257 has nine binary digits, one too many, and is rounded back to 256."


# ---- 11.4 ----------------------------------------------------------------------------------


@exercise("11.4")
def patience(answer, train, test):
    """(epoch to stop after, epoch whose weights are kept) for a patience of five epochs."""
    losses = provenance("conv-2d")["valid_loss, first 2,000 of 12,000"]
    answer = answer.tolist() if hasattr(answer, "tolist") else answer
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Mistake(
            f"This needs two epochs, (stop, keep); you gave {describe(answer)}.", known=False
        )
    found = tuple(map(number, answer))
    stop, keep = patient(losses, 5)
    best = losses.index(min(losses)) + 1
    texts = {
        (keep, stop): "Those are the right two, the other way round. You stop after you have kept.",
        (stop - 1, keep - 1): "Python counts from 0, and epochs from 1. Which did you write?",
        (stop - 1, keep): "Five epochs without a better one: count those after the best again.",
        (stop + 1, keep): "That is six epochs without a better one. When are five over?",
        (stop, stop): "These weights are five epochs past their best. Which ones were best?",
        patient(losses, 10): "That is a patience of ten. When are five over?",
    }
    if found == (stop, keep):
        spared = len(losses) - stop
        return f"You spare {spared} epochs. The best of all came later, in epoch {best}."
    for wrong, text in texts.items():
        if found == wrong:
            raise Mistake(text)
    if found[1] == keep:
        raise Mistake("You keep the right weights. After how many more epochs do you give up?")
    if found[1] == best:
        raise Mistake("You keep the best of all. Would you ever have come so far?")
    if not all(epoch in range(1, len(losses) + 1) for epoch in found):
        raise Mistake(f"Epochs are whole numbers, here from 1 to {len(losses)}.")
    lowest = patient(losses[: int(found[0])], len(losses))[1]
    if found[1] != lowest:
        raise Mistake(
            f"Up to epoch {found[0]:.0f}, the loss of epoch {found[1]:.0f} is not the lowest. "
            "`valid_loss[0]` belongs to epoch 1: did you count so?"
        )
    raise Mistake(f"Epoch {lowest} is the best until then. But when is a patience of five over?")


# ---- 11.5 ----------------------------------------------------------------------------------


@exercise("11.5")
def keep_the_best(answer, train, test):
    """A function (model, train_epoch, measure, epochs) -> the model of the best epoch."""
    for losses in ([5.0, 3.0, 7.0, 4.0, 2.0, 6.0], [2.0, 6.0, 4.0, 5.0], [4.0, 5.0, 3.0]):
        _compare_age(*rehearse(answer, losses), losses, copied(answer))
    return "A copy of the weights stays what it was, whatever the optimizer does to the network."


def _compare_age(age, seen, losses, copied):
    best = losses.index(min(losses)) + 1
    seen_text = f"For the losses {losses} you give back the weights of epoch {age}"
    if age == best == seen:
        return
    if age == best:
        raise Mistake(f"{seen_text}, with the buffers of epoch {seen}. What belongs together?")
    if age == len(losses) and copied:
        raise Mistake(
            f"{seen_text}, the last one. You hold a copy, and of too late an epoch. What is the "
            "newest loss compared with, and who notes the best so far?"
        )
    if best == len(losses):
        raise Mistake(f"{seen_text}. The last epoch is the best here. Is it measured, too?")
    if age == len(losses):
        raise Mistake(
            f"{seen_text}, the last one. You noted the best. But the tensors that you hold: are "
            "they a copy, or the very ones that the next epoch changes?"
        )
    if age == losses.index(max(losses)) + 1:
        raise Mistake(f"{seen_text}, the worst. In which direction is a loss better?")
    if age == next(e for e in range(1, len(losses)) if losses[e] > losses[e - 1]):
        raise Mistake(f"{seen_text}. You stop at the first rise. Can the loss not fall again?")
    if age == 0:
        raise Mistake("You give back a network that was never trained. Where do you copy?")
    if losses[age - 1] < losses[age - 2]:
        raise Mistake(f"{seen_text}: better than the one before it. Better than the best?")
    raise Mistake(f"{seen_text}.", known=False)
