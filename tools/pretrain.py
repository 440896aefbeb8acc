"""Train the full network of lab 11 to its end, and put its weights into the package.

    python -m tools.pretrain                   # up to epoch 200: an hour on 2 fast cores
    python -m tools.pretrain --epochs 80

It begins with the weights after 61 epochs, `conv-2d-61`, and goes on from its checkpoint where
there is one. Whenever it ends, after all epochs or because it was stopped with Ctrl-C, the weights
of the last finished step and the story of the run are written to mnist_helpers/weights/.
"""

import argparse
import hashlib
import json
import platform
from pathlib import Path

import torch

from mnist_helpers import data, training
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.course import WEIGHTS
from mnist_helpers.devices import pick_precision
from mnist_helpers.models import pretrained, provenance
from mnist_helpers.objectives import reconstruction
from mnist_helpers.sources.mnist import MNIST_MD5
from tools.benchmarks.stopwatch import machine

NAME, START = "conv-2d", "conv-2d-61"
EPOCHS, BATCH_SIZE, RATE = 200, 64, 5e-4
# The epochs before START ended were shuffled with seed 0, and so are the images held out.
SPLIT_SEED, SEED = 0, 1
CHECKPOINT = Path(__file__).with_name(f"{NAME}.checkpoint.pt")


def train_network(epochs, checkpoint, images):
    """START after so many more epochs of its recipe, and the `History` of those."""
    learn, valid = data.split(images, 0.2, seed=SPLIT_SEED)
    model = pretrained(START)
    history = training.fit(
        model, learn, reconstruction, epochs=epochs, batch_size=BATCH_SIZE,
        valid=valid.subset(slice(2000)), seed=SEED,
        optimizer=torch.optim.Adam(model.parameters(), lr=RATE, fused=True),
        callbacks=[Checkpoint(checkpoint, every=250)],
    )  # fmt: skip
    return model, history


def story(model, history, test):
    """Everything that somebody needs to know who uses the weights."""
    before = provenance(START)
    begun = before["epochs"]
    valid_loss = next(key for key in before if key.startswith("valid_loss"))
    precision = pick_precision(model, training.pick_device())
    return before | {
        "stages": f"epochs 1 to {begun} with seed {before['seed']}; then, from epoch {begun + 1} "
        f"on, with a fresh Adam, whose moments began at 0 again, and seed {SEED} for the order "
        f"of the images; matrix products and convolutions of this second stage in {precision}",
        "seed": f"{before['seed']}, then {SEED}",
        "data": before["data"] | {"source": test.source, "md5": MNIST_MD5},
        "versions": {"torch": torch.__version__.split("+")[0], "python": platform.python_version()},
        "machine": machine(),
        "epochs": begun + len(history.train_loss),
        "epochs of the full recipe": EPOCHS,
        "test_mse": training.evaluate(model, test, reconstruction)["reconstruction"],
        "train_loss": before["train_loss"] + [round(loss, 5) for loss in history.train_loss],
        valid_loss: before[valid_loss] + [round(loss, 5) for loss in history.valid_loss],
    }


def store(name, model, told):
    """Put weights and their story into the package, as what `pretrained(name)` gives."""
    weights = WEIGHTS / f"{name}.pt"
    torch.save({key: x.contiguous() for key, x in model.state_dict().items()}, weights)
    told["sha256 of the weights"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="python -m tools.pretrain")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="in all; default: %(default)s")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    options = parser.parse_args()
    if (left := options.epochs - provenance(START)["epochs"]) < 1:
        parser.error(f"{START} has had {provenance(START)['epochs']} epochs already")
    train, test = data.load_mnist(source="mnist")
    model, history = train_network(left, options.checkpoint, train)
    if not history.train_loss:
        raise SystemExit("not one epoch is finished: nothing was written")
    told = story(model, history, test)
    store(NAME, model, told)
    print(f"{NAME}: {told['epochs']} epochs, test MSE {told['test_mse']:.4f}")


if __name__ == "__main__":
    main()
