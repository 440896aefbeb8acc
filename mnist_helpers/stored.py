"""The weights that come with the course, loaded only if not one bit of them has changed."""

import hashlib
import io
import json

import torch

from mnist_helpers.files import read_plain


def stored_weights(path):
    """The weights of a network that comes with the course: a dict, name -> tensor on the CPU.

    Args:
        path: of the file, a `Path`; the .json beside it tells its sha256.

    Raises:
        OSError: it is not that file any more; the message says why, and how to get it again.
    """
    content = read_plain(path)
    told = json.loads(read_plain(path.with_suffix(".json")))
    if hashlib.sha256(content).hexdigest() != told["sha256 of the weights"]:
        raise OSError(
            f"{path} {_fault(content)}. Get it again: `git checkout {path.name}` in its folder, or "
            "install the course anew"
        )
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _fault(content):
    """What is wrong with these bytes, which are not the weights."""
    if not content:
        return "is empty"
    if content.startswith(b"version https://git-lfs"):
        return "only says where Git LFS keeps the weights (`git lfs pull` fetches them)"
    return "is damaged: its sha256 is not the one that the .json beside it tells"
