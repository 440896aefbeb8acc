"""Break the helpers in classic ways, one at a time, and see which lessons notice.

    python -m tests.mutants               # every mutant against every lesson
    python -m tests.mutants 02 03         # against some lessons

A mutant that no lesson notices means that a green `pytest --nbval` says too little.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.regenerate import lessons

COURSE = Path(__file__).resolve().parent.parent
SCHEDULE = "    schedule = scheduler and"


def scaled(factor):
    """Edits that multiply every learning rate, constant or scheduled."""
    slip = f"    for group in optimizer.param_groups:\n        group['lr'] *= {factor}\n"
    return [
        ("training.py", SCHEDULE, slip + SCHEDULE),
        ("training.py", "optimizer, max_lr,", f"optimizer, max_lr * {factor},"),
    ]


# name -> edits (file, text, replacement); every text must be there.
MUTANTS = {
    "nothing broken": [],
    "no zero_grad": [("training.py", "run.optimizer.zero_grad()", "pass")],
    "no optimizer step": [("training.py", "run.optimizer.step()", "pass")],
    "learning rate / 10": scaled(0.1),
    "learning rate x 10": scaled(10),
    "shuffled labels": [
        (
            "data.py",
            "super().__init__(images, labels)",
            "super().__init__(images, labels[torch.randperm(len(labels))])",
        )
    ],
    "validation on training images": [
        ("data.py", "return dataset.subset(order[held_out:])", "return dataset.subset(order)")
    ],
    "test on training images": [
        (
            "data.py",
            "return _mnist(root)",
            "train, _ = _mnist(root); return train, train.subset(slice(10000))",
        )
    ],
    "decoder output not bounded": [
        ("models.py", "output(), nn.Unflatten", "nn.Identity(), nn.Unflatten"),
        ("models.py", "*up, nn.Sigmoid()", "*up"),
    ],
    "encoder ignores its input": [
        ("models.py", "return self.encoder(x)", "return self.encoder(x * 0)")
    ],
}


def notices(edits, lesson):
    """Whether `pytest --nbval` of this lesson goes red with these edits made to a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "mnist_helpers"
        shutil.copytree(COURSE / "mnist_helpers", copy)
        for name, text, replacement in edits:
            before = (copy / name).read_text(encoding="utf-8")
            if text not in before:
                raise ValueError(f"{name} no longer has {text!r}: mend this mutant")
            (copy / name).write_text(before.replace(text, replacement), encoding="utf-8")
        environment = os.environ | {
            "PYTHONPATH": folder,
            "MNIST_HELPERS_DATA": os.environ.get("MNIST_HELPERS_DATA", str(COURSE / "data")),
        }
        command = [sys.executable, "-m", "pytest", "--nbval", "-x", str(lesson)]
        run = subprocess.run(command, cwd=COURSE, env=environment, capture_output=True, text=True)
    if run.returncode not in (0, 1):  # neither green nor red: pytest itself failed
        raise RuntimeError(run.stdout + run.stderr)
    return run.returncode == 1


def main(numbers):
    for name, edits in MUTANTS.items():
        red = [lesson.name[:2] for lesson in lessons(numbers) if notices(edits, lesson)]
        print(f"{name:32s} red: {', '.join(red) or 'none'}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
