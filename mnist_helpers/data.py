"""MNIST in memory: finding it, checking it, splitting it, feeding it in batches.

MNIST is the set of handwritten digits of LeCun, Cortes and Burges (1998): 60,000 images to
learn from and 10,000 to test on. Where it cannot be had, a *stand-in* takes its place, loudly.
"""

import gzip
import hashlib
import math
import os
import socket
import sys
import tempfile
import zlib
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import torch
import torch.nn.functional as F
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


def _set_aside(path):
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
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

    raw = root / "MNIST" / "raw"
    try:
        raw.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="download-", dir=root)
    except OSError as error:
        raise OSError(f"it is not complete in {root}, and that folder is not writable") from error
    with folder as fresh, _patience(seconds=10), redirect_stdout(sys.stderr):
        print(f"Downloading MNIST (11 MB) into {root} ...")
        try:
            MNIST(fresh, download=True)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise OSError(
                f"it is not complete in {root}, and the download failed ({reason})"
            ) from error
        for path in (Path(fresh) / "MNIST" / "raw").iterdir():
            os.replace(path, raw / path.name)


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
    """Stand-in digits: scikit-learn's 1,797 real handwritten ones, each bent in many ways.

    Source: `sklearn.datasets.load_digits` (8x8, E. Alpaydin and C. Kaynak, 1998). They are
    split into train and test before they are multiplied, so that no writer's image is in both.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    print(
        "=" * 78 + "\nTHIS IS NOT MNIST: a stand-in, made of scikit-learn's 8x8 digits."
        f"\nWhy: {reason}."
        "\nEvery lesson works with it, but its numbers and pictures differ from the text."
        f"\n{_how_to_get(root)}.\n" + "=" * 78,
        file=sys.stderr,
    )
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    images = F.pad(F.interpolate(images, size=20, mode="bicubic"), (4, 4, 4, 4)).clamp(0, 1)
    numbers = train_test_split(
        torch.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    generator = torch.Generator().manual_seed(0)
    return tuple(
        _multiply(images[part], torch.tensor(labels[part]), count, generator)
        for part, count in zip(numbers, (60_000, 10_000), strict=True)
    )


def _multiply(images, labels, count, generator):
    """Make `count` digits: each base image in turn, a little turned, sheared, sized and moved."""
    which = torch.arange(count) % len(images)
    which = which[torch.randperm(count, generator=generator)]
    chance = torch.rand(5, count, generator=generator) * 2 - 1
    angle, shear = chance[0] * math.radians(12), chance[1] * 0.2
    width, (right, down) = 1 + chance[2] * 0.12, chance[3:] * 2 / 14
    # Each row of `theta` says where a pixel of the new image looks in the old one.
    theta = torch.stack(
        [
            torch.stack([angle.cos() * width, shear - angle.sin(), right], dim=1),
            torch.stack([angle.sin(), angle.cos(), down], dim=1),
        ],
        dim=1,
    )
    bent = []
    for index, move in zip(which.split(5000), theta.split(5000), strict=True):
        grid = F.affine_grid(move, (len(index), 1, 28, 28), align_corners=False)
        bent.append(F.grid_sample(images[index], grid, align_corners=False))
    # Ink is white and paper is black, as in MNIST; whole grey levels, as in a file of bytes.
    sharp = torch.cat(bent).sub_(0.25).mul_(2).clamp_(0, 1)
    return Digits(sharp.mul_(255).round_().div_(255), labels[which], "standin")
