"""MNIST: finding it on disk, checking it, and fetching it where it is missing.

MNIST is the set of handwritten digits of LeCun, Cortes and Burges (1998): 60,000 images to
learn from and 10,000 to test on.
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

from mnist_helpers.files import oddity, set_aside

# The four files of MNIST and the publicly known md5 of each, uncompressed.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
LARGEST = 16 + 60_000 * 28 * 28  # bytes of the largest of them
PATIENCE = 10  # seconds that a download server may be silent


def load(root):
    """MNIST from disk; downloaded first, if it is not complete there.

    Every file is checked against its md5. A damaged one is named on stderr and moved aside.

    Args:
        root: the folder that holds `MNIST/raw/`, a `Path`.

    Returns:
        Two pairs (images, labels), of 60,000 and 10,000 digits: images (N, 1, 28, 28) float32 in
        [0, 1], labels (N,) int64.

    Raises:
        OSError: it can be neither read nor downloaded; the message says why, and what helps.
    """
    raw = root / "MNIST" / "raw"
    try:
        contents = [find(raw, name) for name in MNIST_MD5]
        if None in contents:
            _download(root)
            contents = [find(raw, name) for name in MNIST_MD5]
    except OSError as error:
        raise OSError(f"MNIST cannot be loaded: {error}. {_how_to_get(raw)}") from error
    return _digits(*contents[:2]), _digits(*contents[2:])


def _digits(pixels, labels):
    """Images and labels out of two files, which begin with a header of 16 and of 8 bytes."""
    images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8, offset=16)
    labels = torch.frombuffer(bytearray(labels), dtype=torch.uint8, offset=8)
    return images.view(-1, 1, 28, 28).float().div_(255), labels.long()


def _how_to_get(raw):
    return (
        "To get MNIST: connect to the internet and run this again, or copy the four files "
        f"{', '.join(f'{name}.gz' for name in MNIST_MD5)} into {raw}, "
        "or set the environment variable MNIST_HELPERS_DATA to a folder that holds MNIST/raw/"
    )


def find(raw, name):
    """The verified bytes of one MNIST file, compressed or not on disk; None if it is not there.

    A damaged file, or a folder or named pipe in its place, is named on stderr, and moved aside
    where that can be done.

    Args:
        raw: the folder that it is in, a `Path`.
        name: one of those in `MNIST_MD5`.

    Raises:
        OSError: it is there and cannot be read.
    """
    for path in (raw / name, raw / f"{name}.gz"):
        if not path.exists():
            continue
        kind = oddity(path)
        content = b"" if kind else _unpacked(path)
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == MNIST_MD5[name]:
            return content
        _set_aside(path, kind or "damaged")
    return None


def _unpacked(path):
    """The content of a file, of which no more is read than MNIST has; empty if it is damaged."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            return file.read(LARGEST + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return b""


def _set_aside(path, what):
    try:
        aside = set_aside(path, "damaged")
        print(f"{path} is {what}. It is kept as {aside.name}.", file=sys.stderr)
    except OSError as error:
        print(f"{path} is {what} and stays where it is ({error.strerror}).", file=sys.stderr)


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
