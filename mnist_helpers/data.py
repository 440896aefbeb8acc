"""MNIST in memory: finding it, checking it, splitting it, feeding it in batches.

MNIST is the set of handwritten digits of LeCun, Cortes and Burges (1998): 60,000 images to
learn from and 10,000 to test on. Where it cannot be had, a *stand-in* takes its place, loudly.
"""

import gzip
import hashlib
import os
import socket
import sys
import tempfile
import zlib
from contextlib import contextmanager, redirect_stdout
from http.client import HTTPException
from pathlib import Path

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

# The four files of MNIST and the publicly known md5 of each, uncompressed.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
SOURCES = ("auto", "mnist", "standin")
PATIENCE = 10  # seconds that a download server may be silent


class Digits(TensorDataset):
    """Labelled digit images in memory, indexed one at a time or a whole batch at a time.

    Args:
        images: (N, 1, 28, 28) float32 in [0, 1]; 0 is black paper, 1 is white ink.
        labels: (N,) int64, the digit 0 to 9.
        source: where they come from: "mnist", "standin", or a name of your own.
    """

    def __init__(self, images, labels, source="custom"):
        super().__init__(images, labels)
        self.source = source

    @property
    def images(self):
        return self.tensors[0]

    @property
    def labels(self):
        return self.tensors[1]

    def __getitem__(self, index):
        if self.images.is_cuda and isinstance(index, list):
            # From pinned memory the list travels to the GPU while the GPU goes on computing.
            index = torch.tensor(index, pin_memory=True).to(self.images.device, non_blocking=True)
        return super().__getitem__(index)

    def subset(self, index):
        """The images at `index` (a slice, a list, or a tensor of numbers or booleans)."""
        return Digits(self.images[index], self.labels[index], self.source)

    def to(self, device):
        """The same digits on another device, such as "cuda"."""
        return Digits(self.images.to(device), self.labels.to(device), self.source)


def load_mnist(root=None, source="auto"):
    """Load MNIST, or the stand-in when MNIST is neither on disk nor to be downloaded.

    Every file is checked against its published md5. A damaged file is named, moved aside and
    fetched again; a folder that can only be read works too, and may hold the .gz files alone.

    Args:
        root: folder that holds `MNIST/raw/`. Default: the environment variable
            MNIST_HELPERS_DATA, else `data/` at the root of the course.
        source: "mnist" or "standin" to insist on one of them; "auto" takes MNIST if it can.
            The environment variable MNIST_HELPERS_SOURCE changes what "auto" means.

    Returns:
        (train, test), two `Digits` with 60,000 and 10,000 images.

    Raises:
        ValueError: `source` is not one of the three names.
        NotADirectoryError: `root` is a file.
        OSError: source="mnist", and MNIST can be neither read nor downloaded.
    """
    if source == "auto":
        source = os.environ.get("MNIST_HELPERS_SOURCE", "auto")
    if source not in SOURCES:
        raise ValueError(f"source is {source!r}; it must be one of {', '.join(SOURCES)}")
    if source == "standin":
        return _standin("you asked for it", _data_root(root))
    root = _data_root(root)
    try:
        return _mnist(root)
    except OSError as error:
        if source == "mnist":
            raise OSError(f"MNIST cannot be loaded: {error}. {_how_to_get(root)}") from error
        return _standin(str(error), root)


def batches(dataset, batch_size=64, shuffle=True, seed=0):
    """A `DataLoader` that takes each batch out of the tensors in one step.

    The usual loader fetches 64 images one by one and stacks them. Giving it whole lists of
    positions (a `BatchSampler` as sampler, `batch_size=None`) fetches them at once, and
    several times faster. The last batch may be smaller.

    Args:
        dataset: any dataset that can be indexed with a list, such as `Digits`.
        batch_size: images per batch, at least 1.
        shuffle: a new random order in every epoch, or the stored order.
        seed: of the order; it has a random generator to itself.

    Raises:
        ValueError: the dataset is empty, or batch_size is below 1.
    """
    if len(dataset) == 0:
        raise ValueError("the dataset is empty: there is nothing to make batches of")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    generator = torch.Generator().manual_seed(seed)
    order = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
    sampler = BatchSampler(order, batch_size, drop_last=False)
    return DataLoader(dataset, sampler=sampler, batch_size=None, generator=generator)


def split(dataset, fraction=0.2, seed=0):
    """Split digits at random into (train, valid); `fraction` of them go to valid.

    Raises:
        ValueError: one of the two parts would be empty.
    """
    held_out = round(len(dataset) * fraction)
    if not 0 < held_out < len(dataset):
        raise ValueError(
            f"fraction={fraction} of {len(dataset)} images leaves one part empty; "
            "give a fraction between 0 and 1, such as 0.2"
        )
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))
    return dataset.subset(order[held_out:]), dataset.subset(order[:held_out])


def check_digits(digits):
    """Raise TypeError or ValueError, with advice, unless a model of the course can use these."""
    if not isinstance(digits, TensorDataset) or len(digits.tensors) != 2:
        raise TypeError(
            f"got {type(digits).__name__}; put your tensors into Digits(images, labels) first"
        )
    images, labels = digits.tensors
    if len(images) == 0:
        raise ValueError("the dataset is empty: it has no images to use")
    if images.shape[1:] != (1, 28, 28):
        raise ValueError(
            f"images have shape {tuple(images.shape)}; expected (N, 1, 28, 28): "
            "try images.view(-1, 1, 28, 28)"
        )
    if images.dtype != torch.float32:
        raise ValueError(f"images are {images.dtype}; expected torch.float32: try images.float()")
    low, high = images.min().item(), images.max().item()
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise ValueError(
            f"pixels run from {low:g} to {high:g}; expected 0 to 1: "
            "divide bytes by 255, and look for NaN"
        )
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; expected torch.int64 "
            f"of shape ({len(images)},): try labels.long()"
        )


# ---- finding and checking MNIST ------------------------------------------------------------


def _data_root(root):
    root = root or os.environ.get("MNIST_HELPERS_DATA")
    if root is None:
        course = Path(__file__).resolve().parent.parent
        # Installed without the course around it, the package has no folder of its own to fill.
        root = (course if (course / "notebooks").is_dir() else Path.cwd()) / "data"
    root = Path(root).expanduser()
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; give the folder that holds MNIST/raw/")
    return root


def _mnist(root):
    raw = root / "MNIST" / "raw"
    contents = {name: _find(raw, name) for name in MNIST_MD5}
    if None in contents.values():
        _download(root)
        contents = {name: _find(raw, name) for name in MNIST_MD5}
    tensors = [torch.frombuffer(bytearray(contents[name]), dtype=torch.uint8) for name in MNIST_MD5]
    # The files start with a header of 16 bytes (images) or 8 bytes (labels).
    images = [tensors[i][16:].view(-1, 1, 28, 28).float().div_(255) for i in (0, 2)]
    labels = [tensors[i][8:].long() for i in (1, 3)]
    return tuple(Digits(x, y, "mnist") for x, y in zip(images, labels, strict=True))


def _find(raw, name):
    """The verified bytes of one MNIST file, compressed or not on disk; None if it is not there."""
    for path in (raw / name, raw / f"{name}.gz"):
        if not path.exists():
            continue
        content = path.read_bytes()
        if path.suffix == ".gz":
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error):
                content = b""
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == MNIST_MD5[name]:
            return content
        _set_aside(path)
    return None


def free_name(path, ending):
    """The first of `path.ending-1`, `path.ending-2`, ... that no file has."""
    number = 1
    while (name := path.with_name(f"{path.name}.{ending}-{number}")).exists():
        number += 1
    return name


def _set_aside(path):
    aside = free_name(path, "damaged")
    try:
        path.rename(aside)
        print(f"{path} is damaged. It is kept as {aside.name}.", file=sys.stderr)
    except OSError as error:
        print(f"{path} is damaged and stays where it is ({error.strerror}).", file=sys.stderr)


def _download(root):
    """Fetch MNIST with torchvision into a folder of its own, then move it in whole.

    Two learners who share a folder, or one who stops halfway, never leave half a file.
    """
    from torchvision.datasets import MNIST

    try:
        (raw := root / "MNIST" / "raw").mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="download-", dir=root)
    except OSError as error:
        reason = f"it is not complete in {root}, and that folder is not writable"
        raise OSError(reason) from error
    reasons = []
    with folder as fresh, _patience(PATIENCE), redirect_stdout(sys.stderr):
        # Given all mirrors, torchvision stops at the first that hangs or hangs up; so one at a
        # time, each into a folder of its own.
        for mirror in MNIST.mirrors:
            print(f"Downloading MNIST (11 MB) from {mirror} into {root} ...")
            attempt = Path(fresh) / str(len(reasons))
            try:
                type("MNIST", (MNIST,), {"mirrors": [mirror]})(attempt, download=True)
            except (OSError, RuntimeError, HTTPException) as error:
                reasons.append(f"{mirror}: {' '.join(str(error).split())}")
                continue
            for path in (attempt / "MNIST" / "raw").iterdir():
                os.replace(path, raw / path.name)
            return
    raise OSError(f"it is not complete in {root}, and the download failed ({'; '.join(reasons)})")


@contextmanager
def _patience(seconds):
    """A firewall that swallows packets must not hang the lesson: give up after a while."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


# ---- the stand-in --------------------------------------------------------------------------


def _how_to_get(root):
    return (
        f"To get MNIST: connect to the internet and run this again, or copy the four files "
        f"{', '.join(f'{name}.gz' for name in MNIST_MD5)} into {root / 'MNIST' / 'raw'}, "
        "or set the environment variable MNIST_HELPERS_DATA to a folder that holds MNIST/raw/"
    )


def _standin(reason, root):
    from mnist_helpers.standin import make_standin

    line = "=" * 78
    print(
        f"{line}\nTHIS IS NOT MNIST: a stand-in, made of scikit-learn's 8x8 digits."
        f"\nWhy: {reason}."
        "\nEvery lesson works with it, but its numbers and pictures differ from the text."
        f"\n{_how_to_get(root)}.\n{line}",
        file=sys.stderr,
    )
    return tuple(Digits(images, labels, "standin") for images, labels in make_standin())
