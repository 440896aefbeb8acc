"""How many processor cores a run takes, so that many learners can share one machine.

Left alone, PyTorch starts a thread for every core and lets each spin while it waits. That is
right for one learner; with four on two cores everybody waits for everybody. So a run takes the
cores that are free when it begins, and gives them back when it ends.
"""

import os
import time
from contextlib import contextmanager

import psutil
import torch

from mnist_helpers.devices import has_convolutions

DEFAULT = torch.get_num_threads()  # what PyTorch takes by itself
# For fewer images than this, a second thread costs more than it brings.
MANY_CONVOLVED, MANY = 1000, 50_000
SAMPLE = 0.1  # seconds
FRESH = 10.0  # seconds that a measurement holds

_measured = (-FRESH, 1)  # when, and how many cores were free


def pick_threads(model, device, images):
    """How many threads to take for this model now.

    Convolutions take the cores that are free. Dense networks of the size that the course has
    gain a little from a second thread, and nothing from a third; networks on a GPU gain nothing.

    Args:
        model: the network.
        device: where it computes.
        images: how many it will see.

    Returns:
        A whole number. OMP_NUM_THREADS and `torch.set_num_threads` win.
    """
    if number := chosen():
        return number
    convolutional = has_convolutions(model)
    few = images < (MANY_CONVOLVED if convolutional else MANY)
    if few or torch.device(device).type != "cpu":
        return 1
    return free_cores() if convolutional else min(2, free_cores())


def chosen():
    """The number of threads that the learner has asked for, or None."""
    now = torch.get_num_threads()
    return now if "OMP_NUM_THREADS" in os.environ or now != DEFAULT else None


def free_cores():
    """Cores that this process may use and nobody uses now; at least 1, at most PyTorch's default.

    Affinity (`taskset`) and the quota of a container count; processes with a positive *nice*
    value do not, since they make room. It takes 0.1 seconds, and holds for 10.
    """
    global _measured
    when, cores = _measured
    if time.monotonic() - when > FRESH:
        from joblib import cpu_count  # knows quotas; slow to import

        cores = max(1, min(DEFAULT, cpu_count(), round(_idle_cores())))
        _measured = (time.monotonic(), cores)
    return cores


@contextmanager
def share_cores(threads=None):
    """Inside the `with` block PyTorch and scikit-learn take so many threads; then as before.

    Args:
        threads: their number; default: what the learner has asked for, else `free_cores()`.
    """
    from threadpoolctl import threadpool_limits

    threads, before = threads or chosen() or free_cores(), torch.get_num_threads()
    with threadpool_limits(threads):  # scikit-learn's, and those of NumPy and SciPy
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _idle_cores():
    """Cores of this process that others leave idle, such as 1.7, over a short while."""
    cores = _allowed()
    busy, own, start = _busy(cores), time.process_time(), time.perf_counter()
    while (passed := time.perf_counter() - start) < SAMPLE:
        pass  # not asleep: runs that begin at the same moment must see each other
    others = _busy(cores) - busy - (time.process_time() - own)
    return len(cores) - others / passed


def _allowed():
    """Numbers of the cores that this process may run on."""
    every = range(psutil.cpu_count())
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else every


def _busy(cores):
    """Seconds that these cores have worked for processes that do not make room for this one."""
    times = psutil.cpu_times(percpu=True)
    busy = sum(times[core].user + times[core].system for core in cores)
    if hasattr(os, "getpriority") and os.getpriority(os.PRIO_PROCESS, 0) > 0:
        busy += sum(times[core].nice for core in cores)  # this one is nice itself
    return busy
