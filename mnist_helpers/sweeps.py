"""The same run many times, with other choices and other seeds, on all cores or on a cluster."""

import io
import os
from contextlib import redirect_stderr
from functools import cache
from unittest.mock import patch

from joblib import Parallel, delayed
from tqdm.auto import tqdm

from mnist_helpers.data import load_mnist
from mnist_helpers.threads import share_cores


def sweep(run, settings, seeds):
    """Call `run(seed, **choices)` for every setting and every seed.

    joblib says where the runs go. Inside `with joblib.parallel_config(backend="loky", n_jobs=-1)`
    each core gets a process of its own; with `backend="dask"` they go to the workers of the Dask
    client that was made last; with neither they run here, one after the other. Every run has one
    thread, so its result is the same everywhere.

    Args:
        run: function (seed, **choices) -> anything that can be pickled.
        settings: name -> dict of choices, the arguments of `run`.
        seeds: whole numbers.

    Returns:
        A dict: name -> list of what `run` returned, in the order of the seeds.
    """
    tasks = [delayed(_alone)(run, seed, setting) for setting in settings.values() for seed in seeds]
    done = Parallel(return_as="generator")(tasks)
    results = iter(
        tqdm(done, total=len(tasks), unit="run", leave=False, disable="TQDM_DISABLE" in os.environ)
    )
    return {name: [next(results) for _ in seeds] for name in settings}


@cache
def small_data(source, train_images, valid_images):
    """Training and validation digits for short runs, both taken from the training images.

    Each process reads them once and keeps them. So they need not travel to a worker with every
    run; a worker on another machine needs the data set there (MNIST_HELPERS_DATA).

    Args:
        source: one of `course.SOURCES`.
        train_images: how many of the first training images are trained on.
        valid_images: how many of the last training images are measured on.

    Returns:
        (train, valid), two `Digits`.

    Raises:
        ValueError: there are not so many images.
    """
    with redirect_stderr(io.StringIO()):  # the lesson itself has shown the stand-in's notice
        digits, _ = load_mnist(source=source)
    if train_images + valid_images > len(digits):
        raise ValueError(f"{train_images:,} + {valid_images:,} images; there are {len(digits):,}")
    order = list(range(len(digits)))  # to index with a list copies, and lets go of the others
    return digits.subset(order[:train_images]), digits.subset(order[-valid_images:])


def _alone(run, seed, choices):
    """One run with one thread and no bar of its own."""
    with share_cores(1), patch.dict(os.environ, {"TQDM_DISABLE": "1"}):
        return run(seed, **choices)
