"""Small data for the unit tests: digits made in milliseconds, and MNIST files made of them."""

import gzip
import hashlib
import struct

import matplotlib
import pytest
import torch

from mnist_helpers import data

matplotlib.use("agg")


@pytest.fixture
def digits():
    """200 images that can be learned: digit d is a bright row at height 2 d + 4, with noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 10
    images = torch.rand(200, 1, 28, 28, generator=generator) * 0.2
    images[torch.arange(200), 0, 2 * labels + 4] += 0.8
    return data.Digits(images, labels)


@pytest.fixture
def small_mnist(monkeypatch):
    """The four files of a made-up MNIST, 30 + 10 images: name -> uncompressed bytes.

    The md5 sums that the loader checks are set to theirs.
    """
    generator = torch.Generator().manual_seed(0)
    files = {}
    for part, count in (("train", 30), ("t10k", 10)):
        pixels = torch.randint(256, (count, 28, 28), dtype=torch.uint8, generator=generator)
        labels = torch.arange(count, dtype=torch.uint8) % 10
        header = struct.pack(">IIII", 2051, count, 28, 28)
        files[f"{part}-images-idx3-ubyte"] = header + pixels.numpy().tobytes()
        files[f"{part}-labels-idx1-ubyte"] = (
            struct.pack(">II", 2049, count) + labels.numpy().tobytes()
        )
    for name, content in files.items():
        monkeypatch.setitem(data.MNIST_MD5, name, hashlib.md5(content).hexdigest())
    for variable in ("MNIST_HELPERS_DATA", "MNIST_HELPERS_SOURCE"):
        monkeypatch.delenv(variable, raising=False)
    return files


@pytest.fixture
def no_network(monkeypatch):
    """Point torchvision at a port of this machine where nobody listens."""
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])


@pytest.fixture
def put(tmp_path):
    """Write files, compressed or not, where `load_mnist(tmp_path)` looks; returns that folder."""

    def write(files, compressed=True):
        raw = tmp_path / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = raw / (f"{name}.gz" if compressed else name)
            path.write_bytes(gzip.compress(content, mtime=0) if compressed else content)
        return raw

    return write
