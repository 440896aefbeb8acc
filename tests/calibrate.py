"""Measure the bands of `mnist_helpers/expected.toml`.

    python -m tests.calibrate                       # every lesson; hours
    python -m tests.calibrate 02 --sources mnist    # one lesson, on one data source

Every lesson is run with several seeds, on 1 and 2 threads, on MNIST and on the stand-in. Each
run is stored in `calibration.json` as soon as it ends, so that a stopped calibration goes on
where it was; runs of a lesson whose code changed since are thrown away. A band is the mean
of all runs, 5 standard deviations or 1 % of the mean to either side, whichever is more.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import statistics
import tomllib
from concurrent.futures import ThreadPoolExecutor
from math import ceil, floor, log10
from pathlib import Path

import nbformat
import torch
from IPython.core.inputtransformer2 import TransformerManager

from mnist_helpers.expected import BANDS
from tests.regenerate import execute, lessons, printed

RUNS = Path(__file__).with_name("calibration.json")
# (seed, threads) of each run
SETTINGS = [(0, 1), (1, 1), (2, 2), (3, 1), (4, 1)]
VERDICT = re.compile(r"^(.+?) \u2248 (\S+)   expected", re.MULTILINE)
SPREADS = 5
LEAST = 0.01


def code_of(notebook):
    """A short hash of what the code does up to the last result, whatever its looks and comments."""
    cells = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code"
        and not {"exercise", "solution"} & set(cell.metadata.get("tags", []))
    ][1:]  # without the set-up, which names the place where the course is hosted
    last = max(n for n, source in enumerate(cells) if "expect(" in source)
    plain = "\n".join(TransformerManager().transform_cell(cell) for cell in cells[: last + 1])
    return hashlib.sha256(ast.dump(ast.parse(plain)).encode()).hexdigest()[:12]


def measure(path, source, seed, threads):
    """Run one lesson; the value of every result that it checks, whatever the verdict."""
    notebook = nbformat.read(path, as_version=4)
    code = code_of(notebook)
    for cell in notebook.cells:
        cell.source = re.sub(r"^SEED = \d+", f"SEED = {seed}", cell.source, flags=re.MULTILINE)
    execute(notebook, MNIST_HELPERS_SOURCE=source, OMP_NUM_THREADS=str(threads))
    return {
        "lesson": path.name[:2], "source": source, "seed": seed, "threads": threads,
        "torch": torch.__version__, "code": code,
        "values": {name: float(value) for name, value in VERDICT.findall(printed(notebook))},
    }  # fmt: skip


def band(values):
    """Mean, spread and bounds of repeated measurements, the bounds rounded outwards."""
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    width = max(SPREADS * spread, LEAST * abs(mean))
    unit = 10.0 ** (floor(log10(abs(mean))) - 3)
    return {
        "mean": float(f"{mean:.4g}"),
        "spread": float(f"{spread:.2g}"),
        "low": float(f"{floor((mean - width) / unit) * unit:.5g}"),
        "high": float(f"{ceil((mean + width) / unit) * unit:.5g}"),
    }


def write_bands(runs):
    """Put the bands of these runs into expected.toml; hints and all other bands stay."""
    table = tomllib.loads(BANDS.read_text(encoding="utf-8"))
    for lesson, results in table.items():
        for name, result in results.items():
            for source in ("mnist", "standin"):
                values = [
                    run["values"][name]
                    for run in runs
                    if (run["lesson"], run["source"]) == (lesson, source) and name in run["values"]
                ]
                if len(values) > 1:
                    result[source] = band(values)
    BANDS.write_text(as_toml(table), encoding="utf-8")


def as_toml(table):
    lines = ["# Written by `python -m tests.calibrate`; the hints are written by hand."]
    for lesson, results in sorted(table.items()):
        for name, result in results.items():
            lines += ["", f'["{lesson}"."{name}"]', f"hint = {json.dumps(result['hint'])}"]
            for source in ("mnist", "standin"):
                inside = ", ".join(f"{key} = {number!r}" for key, number in result[source].items())
                lines.append(f"{source} = {{ {inside} }}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers such as 02; default: all")
    parser.add_argument("--sources", nargs="+", default=["mnist", "standin"])
    options = parser.parse_args()

    paths = lessons(options.lessons)
    code = {path.name[:2]: code_of(nbformat.read(path, as_version=4)) for path in lessons()}
    stored = json.loads(RUNS.read_text()) if RUNS.exists() else []
    runs = [run for run in stored if run["code"] == code.get(run["lesson"])]
    done = {(run["lesson"], run["source"], run["seed"], run["threads"]) for run in runs}
    todo = [
        (path, source, seed, threads)
        for path in paths for source in options.sources for seed, threads in SETTINGS
        if (path.name[:2], source, seed, threads) not in done
    ]  # fmt: skip

    def run_one(task):
        run = measure(*task)
        runs.append(run)
        runs.sort(key=lambda run: (run["lesson"], run["source"], run["seed"], run["threads"]))
        RUNS.write_text(json.dumps(runs, indent=1) + "\n")
        print(
            run["lesson"], run["source"], "seed", run["seed"], "threads", run["threads"], flush=True
        )

    # Lessons on one thread can share the machine; those on two need it for themselves.
    for threads, workers in ((1, os.cpu_count()), (2, 1)):
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run_one, [task for task in todo if task[3] == threads]))
    write_bands(runs)


if __name__ == "__main__":
    main()
