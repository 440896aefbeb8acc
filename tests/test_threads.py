"""How many cores a run takes: those that are free, unless the learner says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mnist_helpers import threads
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.models import ConvAutoencoder, DenseAutoencoder
from mnist_helpers.training import fit, reconstruction


@pytest.fixture
def no_wish(monkeypatch):
    """A learner who has asked for no number of threads, on a machine of four free cores."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "DEFAULT", torch.get_num_threads())
    monkeypatch.setattr(threads, "free_cores", lambda: 4)


@pytest.mark.parametrize(
    "model, device, images, taken",
    [
        (ConvAutoencoder(2), "cpu", 60_000, 4),
        (ConvAutoencoder(2), "cpu", 10, 1),
        (ConvAutoencoder(2), "cuda", 60_000, 1),
        (DenseAutoencoder(2), "cpu", 60_000, 2),
        (DenseAutoencoder(2), "cpu", 10_000, 1),
    ],
)
def test_a_run_takes_what_it_gains_from(no_wish, model, device, images, taken):
    assert threads.pick_threads(model, device, images) == taken


def test_nobody_takes_more_than_is_free(no_wish, monkeypatch):
    monkeypatch.setattr(threads, "free_cores", lambda: 1)
    assert threads.pick_threads(DenseAutoencoder(2), "cpu", 60_000) == 1
    assert threads.pick_threads(ConvAutoencoder(2), "cpu", 60_000) == 1


def test_the_learners_wish_wins(no_wish, monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        assert threads.pick_threads(DenseAutoencoder(2), "cpu", 10) == before + 1
    finally:
        torch.set_num_threads(before)
    monkeypatch.setenv("OMP_NUM_THREADS", str(before))
    assert threads.pick_threads(ConvAutoencoder(2), "cpu", 10**6) == before


def test_a_run_keeps_its_threads_and_takes_them_again(digits, no_wish, tmp_path, monkeypatch):
    def run(epochs):
        counts = set()

        def objective(model, images, labels):
            counts.add(torch.get_num_threads())
            return reconstruction(model, images, labels)

        monkeypatch.setattr(threads, "MANY_CONVOLVED", 10)
        model = ConvAutoencoder(2, channels=(4, 4), strides=(2, 2))
        saved = Checkpoint(tmp_path / "run.pt")
        fit(model, digits, objective, epochs=epochs, valid=digits, callbacks=[saved])
        return counts

    monkeypatch.setattr(threads, "free_cores", lambda: 2)
    assert run(1) == {2}
    monkeypatch.setattr(threads, "free_cores", lambda: 1)
    assert run(2) == {2}


@pytest.fixture
def unmeasured(monkeypatch):
    monkeypatch.setattr(threads, "_measured", (-threads.FRESH, 1))
    monkeypatch.setattr(threads, "DEFAULT", 8)


@pytest.mark.parametrize(
    "idle, cores", [(4.0, 4), (3.6, 4), (3.4, 3), (1.5, 2), (0.3, 1), (-0.2, 1), (99, 8)]
)
def test_what_others_are_busy_with_is_left_to_them(unmeasured, monkeypatch, idle, cores):
    monkeypatch.setattr(threads, "_idle_cores", lambda: idle)
    monkeypatch.setattr("joblib.cpu_count", lambda: 16)
    assert threads.free_cores() == cores
    monkeypatch.setattr(threads, "_idle_cores", lambda: 1)
    assert threads.free_cores() == cores  # it holds for a while


def test_a_process_that_computes_beside_this_one_is_seen():
    """Measured on one core, so that the machine's other cores do not matter."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot bind processes to a core")
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})  # and the other process with this one
    other = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"],
                             stdout=subprocess.PIPE)  # fmt: skip
    try:
        other.stdout.readline()
        assert min(threads._idle_cores() for _ in range(3)) < 0.75
    finally:
        other.kill()
        os.sched_setaffinity(0, allowed)


def test_only_the_cores_of_this_process_count(unmeasured):
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot bind processes to a core")
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert threads._allowed() == [min(allowed)] and threads.free_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.fixture
def one_core_group():
    """Folders of all control groups, and of a new one with a quota of one core of the machine."""
    every, old = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu")
    every = old if (old / "cpu.cfs_quota_us").exists() else every
    quota = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"}
    quota = quota if every == old else {"cpu.max": "100000 100000"}
    group = every / f"test-{os.getpid()}"
    try:
        group.mkdir()
        for name, value in quota.items():
            (group / name).write_text(value, encoding="ascii")
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no group with a quota can be made here: {error}")
    yield every, group
    group.rmdir()


def test_the_quota_of_a_container_counts(one_core_group):
    """A container's processes see the files of their own group as those of the machine."""
    every, group = one_core_group
    code = "from mnist_helpers import threads; threads.DEFAULT = 8; print(threads.free_cores())"
    enter = (
        f"echo $$ > {group}/cgroup.procs && mount --bind {group} {every} && "
        f"exec {sys.executable} -c '{code}'"
    )
    environment = {k: x for k, x in os.environ.items() if k != "OMP_NUM_THREADS"}
    run = subprocess.run(
        ["unshare", "--mount", "sh", "-c", enter], env=environment, capture_output=True, text=True
    )
    assert run.stdout.strip() == "1", run.stderr


def test_scikit_learn_takes_them_too():
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads as openmp
    from threadpoolctl import threadpool_info

    with threads.share_cores(1):
        counts = {pool["num_threads"] for pool in threadpool_info()}
        assert counts == {1} and openmp() == 1 and torch.get_num_threads() == 1
