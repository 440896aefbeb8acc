"""What a learner waits for, measured against what they would otherwise run.

    python -m tests.benchmarks                  # everything; half an hour on 2 cores
    python -m tests.benchmarks dense small      # some parts

Run it with nothing else running. It needs MNIST. It prints a table, and writes it to
tests/benchmarks.json and to the README; parts that are not run keep what was measured. Machines
differ, and one machine differs from minute to minute: rows that are compared are measured in
turn, several times, in the same process. Read the ratios.
"""

import argparse
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from nbclient import NotebookClient
from torch import nn
from torch.utils.data import DataLoader, Subset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms import ToTensor

from mnist_helpers import checkpoints, data, latent
from mnist_helpers.models import ConvAutoencoder, DenseAutoencoder, UpConv2d
from mnist_helpers.standin import make_standin
from mnist_helpers.training import evaluate, fit, one_cycle, pick_device, reconstruction
from tests.regenerate import COURSE, lessons

RESULTS = Path(__file__).with_name("benchmarks.json")
README, START, END = COURSE / "README.md", "<!-- benchmarks -->\n", "<!-- end of benchmarks -->\n"


# ---- the scripts that are compared ---------------------------------------------------------


def plain_dense(folder, epochs=10):
    """The recipe of lesson 3 as people write it, image by image."""
    torch.manual_seed(0)
    dataset = torchvision.datasets.MNIST(folder, train=True, transform=ToTensor())
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 32),
        nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    return plain_loop(model, dataset, 1e-3, epochs)


def plain_conv(folder, count=6400):
    """The full network of lesson 4, in float32, over the first `count` images."""
    dataset = torchvision.datasets.MNIST(folder, train=True, transform=ToTensor())
    model = with_plain_layers(full_network())
    return plain_loop(model, Subset(dataset, range(count)), 5e-4, epochs=1)


def plain_loop(model, dataset, rate, epochs):
    loader = DataLoader(dataset, batch_size=64, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    criterion = nn.MSELoss()
    for _ in range(epochs):
        total = 0.0
        for images, _ in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), images)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
    return model


def dense(train, epochs=10, device="cpu", fused=True, **options):
    """The same recipe through `fit`."""
    torch.manual_seed(0)
    model = DenseAutoencoder(32)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    options = {"objective": reconstruction, "device": device, "verbose": False} | options
    history = fit(model, train, epochs=epochs, optimizer=adam, **options)
    model.seconds = statistics.median(history.seconds)
    return model


def dense_quick(train):
    """The shortest training found that is as good as ten epochs of the plain recipe."""
    torch.manual_seed(0)
    model = DenseAutoencoder(32)
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.97), fused=True)
    schedule = one_cycle(0.015)
    fit(model, train, reconstruction, epochs=3, batch_size=128, optimizer=adam,
        scheduler=schedule, device="cpu", verbose=False)  # fmt: skip
    return model


def conv(train, count=6400, device="cpu", precision=None, change=lambda model: model):
    """The full network of lesson 4 through `fit`, over the first `count` images."""
    model = change(full_network())
    adam = torch.optim.Adam(model.parameters(), lr=5e-4, fused=True)
    fit(model, train.subset(slice(count)), reconstruction, epochs=1, optimizer=adam,
        device=device, precision=precision, verbose=False)  # fmt: skip
    return model


def thirty(train, epochs=4, channels=(16, 32, 64)):
    """The code of 30 numbers of lesson 4."""
    torch.manual_seed(0)
    model = starting_black(ConvAutoencoder(30, channels, strides=(2, 2, 1)))
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98), fused=True)
    fit(model, train, reconstruction, epochs=epochs, optimizer=adam,
        scheduler=one_cycle(8e-3), device="cpu", verbose=False)  # fmt: skip
    return model


def full_network():
    torch.manual_seed(0)
    return starting_black(ConvAutoencoder(2, channels=(64, 64, 64, 64)))


def starting_black(model):
    nn.init.constant_(model.decoder[-2].bias, -2.0)
    return model


def with_plain_layers(model):
    return with_separate_outputs(with_plain_biases(model))


def with_plain_biases(model):
    """PyTorch's own transposed convolutions in the place of the course's quicker ones."""
    for layer in model.modules():
        if isinstance(layer, UpConv2d):
            layer.__class__ = nn.ConvTranspose2d
    return model


def with_separate_outputs(model):
    """Activations that do not overwrite their inputs."""
    for layer in model.modules():
        if isinstance(layer, nn.LeakyReLU):
            layer.inplace = False
    return model


def read_at_once(model, images, labels):
    """The objective, with its value read in every step."""
    loss = reconstruction(model, images, labels)
    loss.item()
    return loss


# ---- measuring -----------------------------------------------------------------------------


def in_turn(repeats, *functions):
    """Run the functions one after the other, `repeats` times: all seconds, and last results."""
    seconds, results = [[] for _ in functions], [None] * len(functions)
    for _ in range(repeats):
        for number, function in enumerate(functions):
            start = time.perf_counter()
            results[number] = function()
            seconds[number].append(time.perf_counter() - start)
    return seconds, results


def row(number, what, seconds, **more):
    """One line of the table: the median and the range of the seconds, and what else is known."""
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    return {"row": number, "what": what, "seconds": middle, "low": low, "high": high,
            "repeats": len(seconds)} | more  # fmt: skip


def product_rate(size=2048):
    """Floating-point operations per second of a large float32 matrix product."""
    a = torch.rand(size, size)
    seconds, _ = in_turn(5, lambda: a @ a)
    return 2 * size**3 / min(seconds[0])


def operations(model):
    """Floating-point operations per image, forward and backward."""
    images = torch.rand(64, 1, 28, 28)
    with FlopCounterMode(display=False) as counter:
        F.mse_loss(model(images), images).backward()
    return counter.get_total_flops() / len(images)


def mse(model, test, count=10_000):
    return evaluate(model, test.subset(slice(count)), reconstruction)["reconstruction"]


def peak():
    """The largest memory that this process has had, in MiB."""
    import re
    import resource
    import sys
    from pathlib import Path

    if sys.platform == "linux":  # its getrusage also counts the process that started this one
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def peak_of(workload):
    """`peak` of a process of its own that runs one of the workloads."""
    command = [sys.executable, "-m", "tests.benchmarks", "--once", workload]
    done = subprocess.run(command, cwd=COURSE, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


# ---- the parts -----------------------------------------------------------------------------


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
            checkpoint=path)  # fmt: skip
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
            "activations into new memory": partial(some, change=with_separate_outputs),
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
        times, _ = in_turn(3, lambda: dense(train, 2), lambda: conv(train, 1920))
        yield row("9", f"2 dense epochs, {number} of {threads} threads", times[0])
        yield row("9", f"64 channels, 30 steps, {number} of {threads} threads", times[1])


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
    for path in lessons():
        notebook = nbformat.read(path, as_version=4)
        skip = {"nbval-skip"}
        notebook.cells = [
            cell for cell in notebook.cells if not skip & set(cell.metadata.get("tags", []))
        ]
        code = f"{inspect.getsource(peak)}print(peak())"
        notebook.cells.append(nbformat.v4.new_code_cell(code))
        with tempfile.TemporaryDirectory() as runs:
            os.environ["MNIST_HELPERS_CHECKPOINTS"] = runs
            client = NotebookClient(notebook, timeout=600, kernel_name="python3",
                                    resources={"metadata": {"path": str(path.parent)}})  # fmt: skip
            (seconds,), _ = in_turn(1, client.execute)
        cells = [cell_seconds(cell) for cell in notebook.cells if cell.cell_type == "code"]
        most = float(notebook.cells[-1].outputs[0].text)
        yield row("10", f"lesson {path.name[:2]}", seconds, slowest_cell=max(cells), mib=most)


def cell_seconds(cell):
    times = cell.metadata.get("execution", {})
    start, end = (times.get(f"iopub.status.{state}") for state in ("busy", "idle"))
    if not (start and end):
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


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


# ---- the table -----------------------------------------------------------------------------


def with_table(readme, results):
    """The text of the README with these results in it."""
    head, rest = readme.split(START)
    _, tail = rest.split(END)
    return (
        f"{head}{START}Measured on: {results['machine']}.\n\n{table(results['rows'])}\n{END}{tail}"
    )


def table(rows):
    """Results as a table in Markdown."""
    lines = ["| row | what | seconds (range) | test MSE | |", "|---|---|---|---|---|"]
    for entry in rows:
        seconds = ""
        if "seconds" in entry:
            seconds = f"{entry['seconds']:.3g}"
            if entry["repeats"] > 1:
                seconds += f" ({entry['low']:.3g} to {entry['high']:.3g})"
        error = f"{entry['mse']:.4f}" if "mse" in entry else ""
        lines.append(
            f"| {entry['row']} | {entry['what']} | {seconds} | {error} | {remarks(entry)} |"
        )
    return "\n".join(lines)


def remarks(entry):
    texts = {
        "faster": "{:.1f} times as fast as the plain one",
        "slower": "{:.2f} times as long",
        "share": "{:.1%}" + (" of an epoch" if "saving" in entry["what"] else " of row 4's speed"),
        "gigaflops": "{:.0f} thousand million operations per second",
        "exponent": "{:.2f}",
        "slowest_cell": "slowest cell {:.0f} s",
        "mib": "{:.0f} MiB",
    }
    itself = {("faster", 1), ("slower", 1)}
    known = dict(set(entry.items()) - itself)
    return "; ".join(text.format(known[key]) for key, text in texts.items() if key in known)


def machine():
    """The computer in words: its processor, cores and GPU, and the version of PyTorch."""
    name = torch.cpu.get_capabilities().get("cpu_name", "CPU")
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{gpu}, PyTorch {torch.__version__.split('+')[0]}"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; default: all")
    parser.add_argument("--once", choices=WORKLOADS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    os.environ["TQDM_DISABLE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        train, test = data.load_mnist(source="mnist")
        unpack(Path(folder) / "MNIST" / "raw")
        if options.once:
            WORKLOADS[options.once](folder, train)
            print(peak())
            return
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": []}
        for part in options.parts or PARTS:
            rows = [entry | {"part": part} for entry in PARTS[part](folder, train, test)]
            kept = [entry for entry in results["rows"] if entry["part"] != part]
            order = list(PARTS)
            kept = sorted(kept + rows, key=lambda entry: order.index(entry["part"]))
            results = {"machine": machine(), "rows": kept}
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            README.write_text(with_table(README.read_text(encoding="utf-8"), results), "utf-8")
            print(table(rows), flush=True)


def unpack(raw):
    """The files of MNIST without their compression, as torchvision's own class wants them."""
    raw.mkdir(parents=True)
    for name in data.MNIST_MD5:
        (raw / name).write_bytes(data._find(data._data_root(None) / "MNIST" / "raw", name))


if __name__ == "__main__":
    main()
