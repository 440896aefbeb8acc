"""Measuring: seconds, memory, and the operations that a computer could do in that time."""

import os
import statistics
import subprocess
import sys
import time
from datetime import datetime

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from mnist_helpers.course import COURSE
from mnist_helpers.objectives import reconstruction
from mnist_helpers.training import evaluate


def in_turn(repeats, *functions):
    """Run the functions one after the other, `repeats` times: all seconds, and last results."""
    seconds, results = [[] for _ in functions], [None] * len(functions)
    for _ in range(repeats):
        for number, function in enumerate(functions):
            start = time.perf_counter()
            results[number] = function()
            seconds[number].append(time.perf_counter() - start)
    return seconds, results


def cell_seconds(cell):
    """How long a cell of a notebook ran when nbclient executed it; 0 if it was not."""
    times = cell.metadata.get("execution", {})
    start, end = (times.get(f"iopub.status.{state}") for state in ("busy", "idle"))
    if not (start and end):
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


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
    """The largest memory that this process has had, in MiB.

    Its text also runs on its own, as a cell at the end of a lesson.
    """
    import resource
    import sys
    from pathlib import Path

    if sys.platform == "linux":  # its getrusage also counts the process that started this one
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def peak_of(workload):
    """`peak` of a process of its own that runs one of the workloads."""
    command = [sys.executable, "-m", "tools.benchmarks", "--once", workload]
    done = subprocess.run(command, cwd=COURSE, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def machine():
    """The computer in words: its processor, cores and GPU, and the version of PyTorch."""
    name = torch.cpu.get_capabilities().get("cpu_name", "CPU")
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{gpu}, PyTorch {torch.__version__.split('+')[0]}"
