"""Train the judge of MNIST and put its weights into the package: a minute and a half.

    python -m tools.judge

Each batch is shifted by up to a pixel in each direction, so that the judge reads digits wherever
they stand. What it learned on, how, and how well it reads is written beside the weights.
"""

import hashlib
import json
import platform

import torch

from mnist_helpers import data, judging, training
from mnist_helpers.course import JUDGES
from mnist_helpers.objectives import accuracy, classification
from mnist_helpers.sources.mnist import MNIST_MD5

EPOCHS, SHIFT = 12, 1


def shifted(model, images, labels):
    """Cross-entropy of a batch that is moved by up to SHIFT pixels."""
    move = torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist()
    return classification(model, images.roll(move, dims=(2, 3)), labels)


def main():
    train, test = data.load_mnist(source="mnist")
    judge = judging.train_judge(train, EPOCHS, shifted)
    weights = JUDGES / f"{train.source}.pt"
    torch.save(judge.state_dict(), weights)
    _, chances = judging.look(judge, test.images)
    told = {
        "recipe": f"judging.train_judge: cross-entropy, {EPOCHS} epochs, each batch shifted by up "
        f"to {SHIFT} pixel in each direction, Adam with one-cycle to 0.005, batches of 128",
        "seed": 0,
        "data": {"source": train.source, "images": len(train), "md5": MNIST_MD5},
        "test_accuracy": training.evaluate(judge, test, accuracy)["accuracy"],
        "share of test images read with 90 % confidence": round(
            (chances.max(dim=1).values >= judging.CONFIDENT).float().mean().item(), 4
        ),
        "versions": {"torch": torch.__version__.split("+")[0], "python": platform.python_version()},
        "sha256 of the weights": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    weights.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"test accuracy {told['test_accuracy']:.4f}")


if __name__ == "__main__":
    main()
