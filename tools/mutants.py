"""Break the helpers in classic ways, one at a time, and see which lessons notice.

    python -m tools.mutants               # every mutant against every lesson: docs/mutants.md
    python -m tools.mutants 02 03         # against some lessons; nothing is written

A mutant that no lesson notices means that a green `pytest --nbval` says too little. As many
lessons run at a time as there are cores, each on one thread.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mnist_helpers.course import COURSE, PACKAGE, data_folder, lessons

PAGE = COURSE / "docs" / "mutants.md"
SCHEDULE = "    schedule = _make_schedule("


def scaled(factor):
    """Edits that multiply every learning rate, constant or scheduled."""
    slip = f"    for group in optimizer.param_groups:\n        group['lr'] *= {factor}\n"
    return [
        ("training.py", SCHEDULE, slip + SCHEDULE),
        ("training.py", "optimizer, max_lr,", f"optimizer, max_lr * {factor},"),
    ]


# name -> edits (file, text, replacement); every text stands in exactly one place of its file.
MUTANTS = {
    "nothing broken": [],
    "no zero_grad": [("training.py", "optimizer.zero_grad()", "pass")],
    "no optimizer step": [("training.py", "optimizer.step()", "pass")],
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
            "    return tuple(Digits(images, labels, source) for images, labels in parts)",
            "    train = Digits(*parts[0], source)\n    return train, train.subset(slice(10_000))",
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


def break_copy(package, edits):
    """Make the edits to a copy of the package.

    Raises:
        ValueError: a text stands in no place of its file, or in several.
    """
    for name, text, replacement in edits:
        before = (package / name).read_text(encoding="utf-8")
        if (count := before.count(text)) != 1:
            raise ValueError(f"{name} has {text!r} {count} times: mend this mutant")
        (package / name).write_text(before.replace(text, replacement), encoding="utf-8")


def notices(edits, lesson):
    """Whether `pytest --nbval` of this lesson goes red with these edits made to a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(PACKAGE, Path(folder) / PACKAGE.name)
        break_copy(copy, edits)
        environment = os.environ | {
            "PYTHONPATH": folder,
            "MNIST_HELPERS_DATA": str(data_folder()),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "pytest", "--nbval", "-x", str(lesson.path)]
        run = subprocess.run(command, cwd=COURSE, env=environment, capture_output=True, text=True)
    if run.returncode not in (0, 1):  # neither green nor red: pytest itself failed
        raise RuntimeError(run.stdout + run.stderr)
    return run.returncode == 1


def rows(chosen):
    """Every mutant and the numbers of the lessons that it turns red, as soon as they are known."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {
            name: [(lesson.number, pool.submit(notices, edits, lesson)) for lesson in chosen]
            for name, edits in MUTANTS.items()
        }
        for name, verdicts in running.items():
            yield name, [number for number, red in verdicts if red.result()]


def page(table, minutes):
    """What docs/mutants.md says."""
    lines = [
        "# What the lessons notice",
        "",
        "`python -m tools.mutants` breaks the helpers in classic ways, one at a time, and runs",
        "`pytest --nbval` over every lesson. A lesson that goes red has noticed. With nothing",
        "broken, none may.",
        "",
        "| broken | lessons that go red |",
        "|---|---|",
        *(f"| {name} | {', '.join(red) or 'none'} |" for name, red in table),
        "",
        f"All of it took {minutes:.0f} minutes on {os.cpu_count()} cores.",
    ]
    return "\n".join(lines) + "\n"


def main(numbers):
    start, table = time.perf_counter(), []
    for name, red in rows(lessons(numbers)):
        table.append((name, red))
        print(f"{name:32s} red: {', '.join(red) or 'none'}", flush=True)
    if not numbers:
        PAGE.write_text(page(table, (time.perf_counter() - start) / 60), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
