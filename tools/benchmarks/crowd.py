"""Several learners on one machine, who begin to train at the same moment."""

import os
import subprocess
import sys

from mnist_helpers.course import COURSE

LEARNER = """
import time
from mnist_helpers import data, models, training
train, _ = data.load_mnist(source="mnist")
{model}
print("ready", flush=True)
input()  # until all the others are
start = time.perf_counter()
training.fit(model, train.subset(slice({images})), training.reconstruction, epochs={epochs},
             device="cpu", verbose=False)
print(time.perf_counter() - start)
"""
TASKS = {
    "2 dense epochs": LEARNER.format(
        model="model = models.DenseAutoencoder(32)", images=60_000, epochs=2
    ),
    "a convolutional epoch on 12,000 images": LEARNER.format(
        model="model = models.ConvAutoencoder(32, (16, 32), (2, 2), (128,))",
        images=12_000, epochs=1,
    ),
}  # fmt: skip
HOW = {"the cores that are free": {}, "one thread each": {"OMP_NUM_THREADS": "1"}}


def slowest(learners, task, settings):
    """Seconds of the slowest of so many learners who do the task at once.

    Args:
        learners: their number; each is a process.
        task: one of `TASKS`.
        settings: environment variables; OMP_NUM_THREADS is only set if it is among them.
    """
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"} | settings
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TASKS[task]], cwd=COURSE, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(learners)
    ]  # fmt: skip
    for process in processes:
        while process.stdout.readline() != "ready\n":
            pass
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    return max(float(process.communicate()[0].split()[-1]) for process in processes)
