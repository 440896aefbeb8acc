"""Break the helpers in classic ways, one at a time, and see which lessons notice.

    python -m tools.mutants               # every mutant against every lesson; hours
    python -m tools.mutants 02 03         # against some lessons; what others found stays
    python -m tools.mutants 07 --only "noise on the target"

A mutant that no lesson notices means that a green `pytest --nbval` says too little. As many
lessons run at a time as there are cores, each on one thread. A lesson whose results do not depend
on what was broken is not run. What was found is kept in mutants.json, and shown in
docs/mutants.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mnist_helpers.course import COURSE, PACKAGE, data_folder, lessons
from tools.fingerprint import fingerprint

PAGE = COURSE / "docs" / "mutants.md"
FOUND = Path(__file__).with_name("mutants.json")  # mutant -> lesson -> whether it went red
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
        ("models.py", "return self.encoder(x)\n", "return self.encoder(x * 0)\n")
    ],
    "noise on the target": [
        (
            "objectives.py",
            "return objective(lambda clean: model(noise(clean)), images, labels)",
            "return objective(model, noise(images), labels)",
        )
    ],
    "the same noise in every step": [
        (
            "noise.py",
            "    def noise(images):\n        return images + dev",
            "    def noise(images):\n        torch.manual_seed(0)\n        return images + dev",
        ),
    ],  # fmt: skip
    "divergence left out": [("objectives.py", " + beta * divergence(mean, log_variance)", "")],
    "divergence with the wrong sign": [
        ("objectives.py", "+ beta * divergence(m", "- beta * divergence(m")
    ],
    "mean over pixels, sum over the code": [
        ("objectives.py", 'reduction="sum") / len(images)', 'reduction="mean")')
    ],
    "codes are drawn without noise": [
        ("models.py", " + (log_variance / 2).exp() * torch.randn_like(mean)", "")
    ],
    "velocity with the wrong sign": [("generating.py", "codes - noise)", "noise - codes)")],
    "velocity is not told the time": [("generating.py", "cat([z, t, F", "cat([z, 0 * t, F")],
    "velocity is not told the digit": [("generating.py", "hot(labels, 11)", "hot(0 * labels, 11)")],
    "judge without its training": [
        ("judging.py", "judge.load_state_dict(stored_weights(path))", "stored_weights(path)")
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
        if edits and fingerprint(lesson, "mnist", copy) == fingerprint(lesson, "mnist"):
            return False
        environment = os.environ | {
            "PYTHONPATH": folder,
            "MNIST_HELPERS_DATA": str(data_folder()),
            "MNIST_HELPERS_SOURCE": "mnist",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "pytest", "--nbval", "-x", str(lesson.path)]
        run = subprocess.run(command, cwd=COURSE, env=environment, capture_output=True, text=True)
    if run.returncode not in (0, 1):  # neither green nor red: pytest itself failed
        raise RuntimeError(run.stdout + run.stderr)
    return run.returncode == 1


def rows(names, chosen):
    """Each of these mutants, and lesson -> whether it went red, as soon as they are known."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {
            name: {x.number: pool.submit(notices, MUTANTS[name], x) for x in chosen}
            for name in names
        }
        for name, verdicts in running.items():
            yield name, {number: red.result() for number, red in verdicts.items()}


def page(found):
    """What docs/mutants.md says about mutant -> lesson -> whether it went red."""
    lines = [
        "# What the lessons notice",
        "",
        "`python -m tools.mutants` breaks the helpers in classic ways, one at a time, and runs",
        "`pytest --nbval` over every lesson on MNIST. A lesson that goes red has noticed. With",
        "nothing broken, none may.",
        "",
        "| broken | lessons that go red | lessons that stay green |",
        "|---|---|---|",
        *(f"| {name} | {of(True, found[name])} | {of(False, found[name])} |"
          for name in MUTANTS if name in found),
        "",
        "A lesson in neither column was not tried with this mutant.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def of(verdict, verdicts):
    """The lessons with this verdict, red or not, as a text."""
    return ", ".join(lesson for lesson, red in sorted(verdicts.items()) if red == verdict) or "none"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("lessons", nargs="*", help="numbers such as 02; default: all")
    parser.add_argument("--only", nargs="+", choices=MUTANTS, default=list(MUTANTS), metavar="NAME",
                        help="some of the mutants; default: all")  # fmt: skip
    options = parser.parse_args(arguments)
    found = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    for name, verdicts in rows(options.only, lessons(options.lessons)):
        found[name] = found.get(name, {}) | verdicts
        FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(found), encoding="utf-8")
        print(f"{name:36s} red: {of(True, verdicts)}", flush=True)


if __name__ == "__main__":
    main()
