"""What is measured, part by part: each yields the rows of the table that belong to it."""

import inspect
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import torch
from nbclient import NotebookClient

from mnist_helpers import checkpoints, data, latent
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.course import lessons
from mnist_helpers.models import DenseAutoencoder
from mnist_helpers.objectives import reconstruction
from mnist_helpers.sources.standin import make_standin
from mnist_helpers.training import fit, pick_device
from tools.benchmarks.crowd import HOW, TASKS, slowest
from tools.benchmarks.recipes import (
    conv,
    dense,
    dense_quick,
    plain_conv,
    plain_dense,
    read_at_once,
    thirty,
    with_overwritten_inputs,
    with_plain_biases,
    with_plain_layout,
)
from tools.benchmarks.stopwatch import (
    cell_seconds,
    in_turn,
    mse,
    operations,
    peak,
    peak_of,
    product_rate,
    row,
)
from tools.benchmarks.ways import four_ways
from tools.notebooks import tags


def measure_dense(folder, train, test):
    rate = product_rate()
    seconds, models = in_turn(
        3, lambda: plain_dense(folder), lambda: dense(train), lambda: dense_quick(train)
    )
    plain = statistics.median(seconds[0])
    texts = (
        ("1", "plain script, 10 epochs", 10),
        ("2", "the same recipe through `fit`", 10),
        ("3", "the same quality through `fit` (3 epochs, one-cycle, batches of 128)", 3),
    )
    for (number, what, epochs), times, model in zip(texts, seconds, models):
        middle = statistics.median(times)
        share = operations(model) * epochs * len(train) / middle / rate
        yield row(number, what, times, mse=mse(model, test), faster=plain / middle, share=share)
    yield row("4", "a matrix product of 2048 x 2048, for rows 1 to 3", [2 * 2048**3 / rate],
              gigaflops=rate / 1e9)  # fmt: skip
    with tempfile.TemporaryDirectory() as runs:
        path = Path(runs) / "dense.pt"
        fit(DenseAutoencoder(32), train, reconstruction, epochs=1, device="cpu", verbose=False,
            callbacks=[Checkpoint(path)])  # fmt: skip
        content = checkpoints.read(path)
        saving, _ = in_turn(20, lambda: checkpoints.write(path, content))
    epoch = statistics.median(seconds[1]) / 10
    yield row("2", "saving the checkpoint of row 2 once, against an epoch", saving[0],
              share=statistics.median(saving[0]) / epoch)  # fmt: skip


def measure_conv(folder, train, test):
    seconds, models = in_turn(
        3,
        lambda: plain_conv(folder),
        lambda: conv(train),
        lambda: conv(train, precision="float32"),
    )
    plain = statistics.median(seconds[0])
    texts = ("plain float32 loop", "`fit`", '`fit(..., precision="float32")`')
    for what, times, model in zip(texts, seconds, models):
        yield row("5", f"64 channels, 100 steps: {what}", times, mse=mse(model, test, 2000),
                  faster=plain / statistics.median(times))  # fmt: skip


def measure_thirty(folder, train, test):
    for what, repeats, recipe in (
        ("code of 30 numbers, 4 epochs", 3, {}),
        ("code of 30 numbers, wider, 6 epochs", 1, {"epochs": 6, "channels": (32, 64, 64)}),
    ):
        seconds, models = in_turn(repeats, partial(thirty, train, **recipe))
        yield row("6", what, seconds[0], mse=mse(models[0], test))


def measure_small(folder, train, test):
    model, images = DenseAutoencoder(32), torch.cat([train.images, test.images])
    python = [sys.executable, "-c"]
    importing = ("import torch", "import torch; import mnist_helpers",
                 "from mnist_helpers import data, expected, latent, models, training")  # fmt: skip
    with tempfile.TemporaryDirectory() as nowhere:
        seconds, _ = in_turn(
            5,
            lambda: latent.encode(model, images),
            lambda: data.load_mnist(folder, "mnist"),
            lambda: make_standin(),
            *(lambda code=code: subprocess.run([*python, code], cwd=nowhere) for code in importing),
        )
    texts = ("encoding 70,000 images (dense, 32 numbers)", "loading MNIST",
             "building the stand-in", *(f"`{code}`" for code in importing))  # fmt: skip
    for what, times in zip(texts, seconds):
        yield row("7", what, times)


def measure_speedups(folder, train, test):
    """What each speed-up brings: the same training without it."""
    one, some = partial(dense, train, 1), partial(conv, train, 1920)
    for what, runs in (
        ("a dense epoch", {
            "as it is": one,
            "Adam not fused": partial(one, fused=False),
            "the loss read in every step": partial(one, objective=read_at_once),
            "in bfloat16": partial(one, precision="bfloat16"),
        }),
        ("64 channels, 30 steps", {
            "as they are": some,
            "in float32": partial(some, precision="float32"),
            "PyTorch's own gradient of biases": partial(some, change=with_plain_biases),
            "maps in PyTorch's usual order": partial(some, change=with_plain_layout),
            "activations that overwrite their input": partial(
                some, change=with_overwritten_inputs
            ),
        }),
    ):  # fmt: skip
        seconds, _ = in_turn(5, *runs.values())
        for how, times in zip(runs, seconds):
            ratio = statistics.median(times) / statistics.median(seconds[0])
            yield row("speed-ups", f"{what}: {how}", times, slower=ratio)


def measure_memory(folder, train, test):
    for workload in WORKLOADS:
        yield {"row": "8", "what": f"peak memory: {workload}", "mib": peak_of(workload)}


def measure_scaling(folder, train, test):
    shares = (8, 4, 2, 1)
    runs = [partial(dense, train.subset(slice(len(train) // n)), 2) for n in shares]
    seconds, _ = in_turn(3, *runs)
    middles = [statistics.median(times) for times in seconds]
    exponent, _ = np.polyfit(np.log([1 / n for n in shares]), np.log(middles), 1)
    for share, times in zip(shares, seconds):
        yield row("9", f"2 dense epochs, 1/{share} of the images", times)
    yield {"row": "9", "what": "seconds grow with images to the power", "exponent": exponent}
    threads = torch.get_num_threads()
    for number in (1, threads):
        torch.set_num_threads(number)
        os.environ["OMP_NUM_THREADS"] = str(number)  # then `fit` takes what is set
        times, _ = in_turn(3, lambda: dense(train, 2), lambda: conv(train, 1920))
        yield row("9", f"2 dense epochs, {number} of {threads} threads", times[0])
        yield row("9", f"64 channels, 30 steps, {number} of {threads} threads", times[1])
    del os.environ["OMP_NUM_THREADS"]


def measure_gpu(folder, train, test):
    if (device := pick_device()).type == "cpu":
        return
    dense(train, 1, device), conv(train, 640, device)  # the first call prepares the GPU
    for place in ("cpu", device):
        yield row("GPU", f"dense epoch on {place}", [dense(train, 5, place).seconds])
    times, _ = in_turn(3, lambda: conv(train, len(train), device))
    yield row("GPU", f"64 channels, an epoch on {device}", times[0])


def measure_course(folder, train, test):
    """Each lesson in a kernel of its own, as a learner runs it."""
    for lesson in lessons():
        notebook = nbformat.read(lesson.path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if "nbval-skip" not in tags(cell)]
        code = f"{inspect.getsource(peak)}print(peak())"
        notebook.cells.append(nbformat.v4.new_code_cell(code))
        with tempfile.TemporaryDirectory() as runs:
            os.environ["MNIST_HELPERS_CHECKPOINTS"] = runs
            client = NotebookClient(
                notebook, timeout=600, kernel_name="python3",
                resources={"metadata": {"path": str(lesson.path.parent)}},
            )  # fmt: skip
            (seconds,), _ = in_turn(1, client.execute)
        cells = [cell_seconds(cell) for cell in notebook.cells if cell.cell_type == "code"]
        most = float(notebook.cells[-1].outputs[0].text)
        yield row("10", f"lesson {lesson.number}", seconds, slowest_cell=max(cells), mib=most)


def measure_crowd(folder, train, test):
    for task in TASKS:
        for learners in (1, 4):
            runs = [partial(slowest, learners, task, settings) for settings in HOW.values()]
            _, results = zip(*(in_turn(1, *runs) for _ in range(3)))
            for place, how in enumerate(HOW):
                times = [result[place] for result in results]
                alone = statistics.median(result[1] for result in results)
                yield row("11", f"{learners} at once, {task}: {how}", times,
                          slower=statistics.median(times) / alone)  # fmt: skip


def measure_generating(folder, train, test):
    yield from four_ways()


PARTS = {
    name.removeprefix("measure_"): part
    for name, part in list(globals().items())
    if name.startswith("measure_")
}
# What `--once` runs in a process of its own.
WORKLOADS = {
    "plain script": lambda folder, train: plain_dense(folder, 1),
    "the same recipe through `fit`": lambda folder, train: dense(train, 1),
    "the same quality through `fit`": lambda folder, train: dense_quick(train),
    "64 channels, plain loop": lambda folder, train: plain_conv(folder, 1280),
    "64 channels, `fit`": lambda folder, train: conv(train, 1280),
    "code of 30 numbers": lambda folder, train: thirty(train, 1),
    "loading MNIST": lambda folder, train: None,
    "building the stand-in": lambda folder, train: make_standin(),
}
