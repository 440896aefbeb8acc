"""The weights that come with the course, loaded only if not one bit of them has changed."""

import hashlib
import io
import json

import torch

from mnist_helpers.files import read_plain

LFS = b"version https://git-lfs"  # what a pointer begins with


def stored_weights(path):
    """The weights of a network that comes with the course: a dict, name -> tensor on the CPU.

    Args:
        path: of the file, a `Path`; the .json beside it tells its sha256.

    Raises:
        OSError: it is missing, or not that file any more; then the message says why, and how to get
            it again.
    """
    content = read_plain(path)
    if fault := _fault(content, read_plain(path.with_suffix(".json"))):
        raise OSError(
            f"{path} {fault}. Get it again: `git checkout {path.stem}.*` in its folder, or install "
            "the course anew"
        )
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _fault(content, told):
    """What is wrong with the bytes of the weights, or of the .json beside them; None if nothing."""
    if not content:
        return "is empty"
    if content.startswith(LFS):
        return "only says where Git LFS keeps the weights (`git lfs pull` fetches them)"
    try:
        sha256 = json.loads(told)["sha256 of the weights"]
    except (ValueError, KeyError, TypeError):
        return "cannot be checked: the .json beside it is damaged"
    if hashlib.sha256(content).hexdigest() != sha256:
        return "is damaged: its sha256 is not the one that the .json beside it tells"
    return None
