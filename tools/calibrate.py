"""Measure the bands of the lessons' results.

    python -m tools.calibrate                       # every lesson; hours
    python -m tools.calibrate 02 --sources mnist    # one lesson, on one data source
    python -m tools.calibrate 06 --seeds 0 1        # quickly, while a lesson is being written

Every lesson is run with eight seeds, some of them on 2 threads, some with convolutions in
float32, on every data source. Each run is stored in `calibration.json` as soon as it ends, so
that a stopped calibration goes on where it was. A run counts as long as nothing that its results
depend on has changed: the lesson's code, the helpers that it uses, the data source. Older ones
stay in the file as history.

A band is a tolerance interval around the mean of all runs that count: if results scatter like a
normal distribution, it holds 99.9 % of them, with a confidence of 95 % although so few runs were
made. It reaches at least 2 % of the mean to either side, for what did not scatter by luck. It
goes into mnist_helpers/measured.json. Lessons, sources and results that were not measured keep
their bands, and so does whatever is set by hand in expected.toml.

    python -m tools.calibrate --further 11 12 13    # other seeds: which results leave the bands?
"""

import argparse
import json
import os
import re
import statistics
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import product
from math import ceil, floor, log10, sqrt
from pathlib import Path

import nbformat
import torch
from scipy.stats import chi2, norm

import tools.results
from mnist_helpers import expected
from mnist_helpers.course import SOURCES, lessons
from tools.fingerprint import fingerprint
from tools.notebooks import execute, results

RUNS = Path(__file__).with_name("calibration.json")
# seed -> threads of its run, and the precision of convolutions
SETTINGS = {
    0: (1, "bfloat16"),
    1: (1, "bfloat16"),
    2: (2, "bfloat16"),
    3: (1, "bfloat16"),
    4: (1, "bfloat16"),
    5: (2, "bfloat16"),
    6: (1, "float32"),
    7: (1, "float32"),
}
COVERAGE, CONFIDENCE = 0.999, 0.95
LEAST = 0.02


def measure(lesson, source, seed, threads, precision):
    """Run one lesson; the value of every result that it checks, whatever the verdict."""
    notebook = nbformat.read(lesson.path, as_version=4)
    for cell in notebook.cells:
        cell.source = re.sub(r"^SEED = \d+", f"SEED = {seed}", cell.source, flags=re.MULTILINE)
    execute(
        notebook,
        MNIST_HELPERS_SOURCE=source,
        OMP_NUM_THREADS=str(threads),
        MNIST_HELPERS_PRECISION=precision,
    )
    return results(notebook)


def spreads(runs):
    """How many standard deviations a tolerance interval of so many runs reaches to either side.

    Source: Howe, "Two-sided tolerance limits for normal populations" (1969), equation 1.
    """
    certain = sqrt((runs - 1) * (1 + 1 / runs) / chi2.ppf(1 - CONFIDENCE, runs - 1))
    return float(norm.ppf((1 + COVERAGE) / 2) * certain)


def band(values):
    """Mean, spread and bounds of repeated measurements, the bounds rounded outwards."""
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    width = max(spreads(len(values)) * spread, LEAST * abs(mean))
    scale = max(abs(mean), width) or 1.0  # a result that is always 0 has a band of 0 to 0
    unit = 10.0 ** (floor(log10(scale)) - 3)
    return {
        "mean": float(f"{mean:.4g}"),
        "spread": float(f"{spread:.2g}"),
        "low": float(f"{floor((mean - width) / unit) * unit:.5g}"),
        "high": float(f"{ceil((mean + width) / unit) * unit:.5g}"),
    }


def new_bands(lesson, runs):
    """The bands of a lesson after these runs of it: result -> source -> band."""
    before = read(expected.MEASURED, {}).get(lesson, {})
    after = {name: dict(before.get(name, {})) for name in expected.by_hand().get(lesson, {})}
    for name, by_source in after.items():
        for source in SOURCES:
            values = [
                run["values"][name]
                for run in runs
                if run["source"] == source and name in run["values"]
            ]
            if len(values) > 1:
                by_source[source] = band(values)
    return after


def write_bands(lesson, runs):
    """Put the bands of one lesson into measured.json; those of all other lessons stay."""
    table = read(expected.MEASURED, {}) | {lesson: new_bands(lesson, runs)}
    expected.MEASURED.write_text(as_json(table), encoding="utf-8")


def as_json(table):
    """Bands as text, one line for each: what changed can be read in a diff."""
    text = json.dumps(table, indent=1, ensure_ascii=False)
    return re.sub(r"\n {4}|\n {3}(?=\})", " ", text) + "\n"


def overrides(lesson):
    """A line for every band of a lesson that was set by hand."""
    measured = read(expected.MEASURED, {}).get(lesson, {})
    for source in SOURCES:
        for name, limits in expected.bands(lesson, source).items():
            if limits and limits.by_hand:
                found = measured.get(name, {}).get(source)
                other = f"{found['low']} to {found['high']}" if found else "nothing yet"
                yield (
                    f"{lesson} {name}, {source}: set by hand to {limits.low} to {limits.high} "
                    f"in expected.toml; measured: {other}"
                )


def read(path, default):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else default


def calibrate(chosen, sources, seeds):
    """Do the runs that are missing for these lessons, and write their bands."""
    stored = read(RUNS, [])
    keys = {(lesson, source): {"lesson": lesson.number, "source": source,
                               "code": fingerprint(lesson, source)}
            for lesson, source in product(chosen, sources)}  # fmt: skip
    todo = []
    for (lesson, source), key in keys.items():
        if key["code"] is None:
            print(f"{lesson.number}: has no results to measure on {source}")
            continue
        done = {run["seed"] for run in counting(stored, key)}
        todo += [(lesson, source, seed) for seed in seeds if seed not in done]

    for lesson, source, settings, values in run_all(todo):
        about = settings | {"torch": torch.__version__, "values": values}
        stored.append(keys[lesson, source] | about)
        stored.sort(key=lambda run: (run["lesson"], run["source"], run["seed"]))
        RUNS.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    for lesson in chosen:
        counts = [run for source in sources for run in counting(stored, keys[lesson, source])]
        write_bands(lesson.number, counts)
        for line in overrides(lesson.number):
            print(line)


def run_all(tasks):
    """Run lessons, each a (lesson, source, seed).

    Yields:
        For each run, as soon as it ends: lesson, source, settings, and the results by name.
    """
    for threads, workers in ((1, os.cpu_count()), (2, 1)):  # on two threads, one at a time
        with ThreadPoolExecutor(workers) as pool:
            running = {}
            for lesson, source, seed in tasks:
                settings = dict(zip(("threads", "precision"), SETTINGS[seed % len(SETTINGS)]))
                if settings["threads"] == threads:
                    settings["seed"] = seed
                    run = pool.submit(measure, lesson, source, **settings)
                    running[run] = lesson, source, settings
            for run in as_completed(running):
                lesson, source, settings = running[run]
                print(lesson.number, source, settings, flush=True)
                yield lesson, source, settings, run.result()


def look_further(chosen, sources, seeds):
    """Run lessons with seeds that made no band, and print every result outside its band."""
    counted = 0
    for lesson, source, settings, values in run_all(list(product(chosen, sources, seeds))):
        limits = expected.bands(lesson.number, source)
        counted += len(values)
        for name, value in values.items():
            if limits[name] and value not in limits[name]:
                print(f"{lesson.number} {source} {settings}: {name} {value}, not in {limits[name]}")
    print(f"{counted} results looked at")


def counting(runs, key):
    """The runs that have this lesson, data source and code."""
    return [run for run in runs if key.items() <= run.items()]


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tools.calibrate", description=__doc__.split("\n")[0]
    )
    parser.add_argument("lessons", nargs="*", help="numbers such as 02; default: all")
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--seeds", nargs="+", type=int, choices=SETTINGS, default=list(SETTINGS),
                        help="two at least; default: all")  # fmt: skip
    parser.add_argument("--further", nargs="+", type=int, metavar="SEED",
                        help="try these seeds against the bands, and write nothing")  # fmt: skip
    options = parser.parse_args()
    if options.further:
        look_further(lessons(options.lessons), options.sources, options.further)
    else:
        calibrate(lessons(options.lessons), options.sources, options.seeds)
        tools.results.main()


if __name__ == "__main__":
    main()
