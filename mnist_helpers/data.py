"""Digits in memory: loading them, splitting them, feeding them in batches.

Where they come from is the business of the modules in `sources/`: `mnist` finds and fetches
MNIST, and `standin` makes digits where MNIST cannot be had.
"""

from importlib import import_module

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

from mnist_helpers.course import SOURCES, data_folder, setting


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


class Codes(TensorDataset):
    """Labelled codes in memory: what a model learns from that never sees an image.

    Args:
        codes: (N, latent_dim) float32.
        labels: (N,) int64, the digit 0 to 9.
    """

    def __init__(self, codes, labels):
        super().__init__(codes, labels)


def load_mnist(root=None, source="auto"):
    """Load MNIST, or the stand-in when MNIST is neither on disk nor to be downloaded.

    Every file is checked against its published md5. A damaged file is named, moved aside and
    fetched again; a folder that can only be read works too, and may hold the .gz files alone.

    Args:
        root: folder that holds `MNIST/raw/`. Default: the environment variable
            MNIST_HELPERS_DATA, else `data/` at the root of the course.
        source: "mnist" or "standin" to insist on one of them, or the name of another module in
            `sources/`; "auto" takes MNIST if it can. The environment variable
            MNIST_HELPERS_SOURCE changes what "auto" means.

    Returns:
        (train, test), two `Digits` with 60,000 and 10,000 images.

    Raises:
        ValueError: `source` is none of these names.
        NotADirectoryError: `root` is a file.
        OSError: source="mnist", and MNIST can be neither read nor downloaded.
    """
    if source == "auto":
        source = setting("MNIST_HELPERS_SOURCE") or "auto"
    if source not in ("auto", *SOURCES):
        raise ValueError(f"source is {source!r}; it must be one of {', '.join(['auto', *SOURCES])}")
    root = data_folder(root)
    if source != "auto":
        return _load(source, root)
    try:
        return _load("mnist", root)
    except OSError as error:
        return _load("standin", root, why=str(error))


def _load(source, root, **options):
    parts = import_module(f"mnist_helpers.sources.{source}").load(root, **options)
    return tuple(Digits(images, labels, source) for images, labels in parts)


def batches(dataset, batch_size=64, shuffle=True, seed=0):
    """A `DataLoader` that takes each batch out of the tensors in one step.

    The usual loader fetches 64 images one by one and stacks them. Giving it whole lists of
    positions (a `BatchSampler` as sampler, `batch_size=None`) fetches them at once, which takes
    less time. The last batch may be smaller.

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
