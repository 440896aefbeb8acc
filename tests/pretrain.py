"""Train the full network of lesson 4 and put its weights into the package.

    python -m tests.pretrain                   # all 200 epochs: 1.5 hours on 2 fast cores
    python -m tests.pretrain --epochs 20

It goes on from its checkpoint. Whenever it ends, after all epochs or because it was stopped with
Ctrl-C, the weights of the last finished step and the story of the run are written to
mnist_helpers/weights/.
"""

import argparse
import hashlib
import json
import platform
from pathlib import Path

import torch
from torch import nn

from mnist_helpers import data, training
from mnist_helpers.devices import pick_precision
from mnist_helpers.models import WEIGHTS, ConvAutoencoder
from tests.benchmarks import machine

NAME = "conv-2d"
ARCHITECTURE = {"latent_dim": 2, "channels": (64, 64, 64, 64)}
EPOCHS, BATCH_SIZE, RATE, SEED = 200, 64, 5e-4, 0


def train_network(epochs, checkpoint, images):
    """The network after so many epochs of its recipe, and the `History` of the run."""
    learn, valid = data.split(images, 0.2, seed=SEED)
    torch.manual_seed(SEED)
    model = ConvAutoencoder(**ARCHITECTURE)
    nn.init.constant_(model.decoder[-2].bias, -2.0)  # start black, as in lesson 4
    history = training.fit(
        model, learn, training.reconstruction, epochs=epochs, batch_size=BATCH_SIZE,
        valid=valid.subset(slice(2000)), seed=SEED,
        optimizer=torch.optim.Adam(model.parameters(), lr=RATE, fused=True),
        checkpoint=checkpoint, checkpoint_every=250,
    )  # fmt: skip
    return model, history


def story(model, history, test):
    """Everything that somebody needs to know who uses the weights."""
    return {
        "architecture": ARCHITECTURE,
        "recipe": "lesson 4, section 4.12: mean squared error, Adam, constant learning rate, the "
        "first part of data.split(train, 0.2, seed=0), last bias started at -2; matrix products "
        f"and convolutions in {pick_precision(model, training.pick_device())}",
        "learning_rate": RATE,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "data": {"source": test.source, "training images": 48_000, "md5": data.MNIST_MD5},
        "versions": {"torch": torch.__version__.split("+")[0], "python": platform.python_version()},
        "machine": machine(),
        "epochs": len(history.train_loss),
        "epochs of the full recipe": EPOCHS,
        "test_mse": training.evaluate(model, test, training.reconstruction)["reconstruction"],
        "train_loss": [round(loss, 5) for loss in history.train_loss],
        "valid_loss, first 2,000 of 12,000": [round(loss, 5) for loss in history.valid_loss],
    }


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.pretrain")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints") / f"{NAME}.pt")
    options = parser.parse_args()
    train, test = data.load_mnist(source="mnist")
    model, history = train_network(options.epochs, options.checkpoint, train)
    if not history.train_loss:
        raise SystemExit("not one epoch is finished: nothing was written")
    WEIGHTS.mkdir(exist_ok=True)
    weights = WEIGHTS / f"{NAME}.pt"
    torch.save({key: x.contiguous() for key, x in model.state_dict().items()}, weights)
    told = story(model, history, test)
    told["md5 of the weights"] = hashlib.md5(weights.read_bytes()).hexdigest()
    weights.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"{told['epochs']} epochs, test MSE {told['test_mse']:.4f}: {weights}")


if __name__ == "__main__":
    main()
