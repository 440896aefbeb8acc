"""A sweep gives the same results one after the other, on all cores, and on a Dask cluster."""

import os

import joblib
import pytest
import torch
from torch import nn

from mnist_helpers.data import load_mnist
from mnist_helpers.models import DenseAutoencoder
from mnist_helpers.sweeps import small_data, sweep
from mnist_helpers.training import fit, reconstruction

SETTINGS = {"ReLU": {}, "tanh": {"activation": nn.Tanh}, "two numbers": {"latent_dim": 2}}
SEEDS = [0, 1, 2]


@pytest.fixture
def run(digits):
    """A run as a lesson writes it: a function that no worker can import."""

    def train(seed, latent_dim=4, **choices):
        torch.manual_seed(seed)
        model = DenseAutoencoder(latent_dim, hidden=(16,), **choices)
        history = fit(model, digits, reconstruction, epochs=2, seed=seed, verbose=False)
        return history.train_loss[-1], torch.get_num_threads()

    return train


@pytest.fixture
def serial(run):
    return sweep(run, SETTINGS, SEEDS)


def test_every_setting_and_every_seed_is_run(serial):
    assert list(serial) == list(SETTINGS)
    losses = [loss for runs in serial.values() for loss, _ in runs]
    assert len(set(losses)) == len(losses) == 9
    assert {threads for runs in serial.values() for _, threads in runs} == {1}


def test_a_sweep_leaves_threads_and_bars_as_they_were(run, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    before = torch.get_num_threads()
    sweep(run, {"ReLU": {}}, [0])
    assert torch.get_num_threads() == before and "TQDM_DISABLE" not in os.environ


def test_processes_of_joblib_give_the_same(run, serial):
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert sweep(run, SETTINGS, SEEDS) == serial


def test_a_dask_cluster_of_two_processes_gives_the_same(run, serial):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        assert sweep(run, SETTINGS, SEEDS) == serial


def test_a_run_that_fails_says_why():
    def fails(seed):
        raise ValueError(f"seed {seed}")

    with pytest.raises(ValueError, match="seed 3"), joblib.parallel_config("loky", n_jobs=2):
        sweep(fails, {"one": {}}, [3])


def test_small_data_are_two_parts_of_the_training_images(capfd):
    digits, _ = load_mnist(source="standin")
    capfd.readouterr()
    train, valid = small_data("standin", 300, 100)
    assert torch.equal(train.images, digits.images[:300])
    assert torch.equal(valid.images, digits.images[-100:])
    assert train.images.untyped_storage().nbytes() == 300 * 784 * 4  # not those of all 60,000
    assert small_data("standin", 300, 100)[0] is train
    assert "NOT MNIST" not in capfd.readouterr().err


def test_no_image_is_in_both_parts():
    with pytest.raises(ValueError, match="59,000 . 2,000 images; there are 60,000"):
        small_data("standin", 59_000, 2_000)
