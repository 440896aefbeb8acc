"""The exercises of lesson 1: data exploration."""

import torch
from torch.utils.data import Dataset

from mnist_helpers.data import Digits
from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number, tensor


@exercise("1.1")
def shapes_of_slices(answer, train, test):
    """Predict: four shapes, those of `images[0]`, `images[:1]`, `images[:64, 0]`, `labels[:64]`."""
    images, labels = train.images, train.labels
    views = {
        "train.images[0]": images[0],
        "train.images[:1]": images[:1],
        "train.images[:64, 0]": images[:64, 0],
        "train.labels[:64]": labels[:64],
    }
    if not isinstance(answer, (list, tuple)) or len(answer) != len(views):
        raise Mistake(f"This needs a list of four shapes; you gave {describe(answer)}.", False)
    for (name, view), given in zip(views.items(), answer):
        shape, axes = _shape(name, given), view.dim()
        if shape == tuple(view.shape):
            continue
        if shape == (28, 28, 1):
            text = "That is the order of many image files. Where does PyTorch put the channel?"
        elif "labels" in name and len(shape) > axes:
            text = "A label is one number, not an image. How many axes does train.labels have?"
        elif len(shape) < axes:
            text = "That has too few axes. An index such as 0 removes one axis. And a slice?"
        elif len(shape) > axes:
            text = "That has too many axes. What does an index such as 0 do to its axis?"
        else:
            text = f"The number of axes, {axes}, is right. How long is each of them?"
        raise Mistake(f"{name}: you have {shape}. {text}", known="How long" not in text)
    return (
        "An index removes its axis, a slice keeps it. So `[:1]` is a batch of one image, which a "
        "model takes, and `[0]` is an image without a batch."
    )


def _shape(name, given):
    if isinstance(given, torch.Tensor):
        raise Mistake(f"{name}: you gave the tensor itself. What is its shape?")
    if isinstance(given, int):
        raise Mistake(
            f"{name}: you have {given}, a number, and ({given}) is the same number to Python. "
            "How do you write a tuple with one entry?"
        )
    if not isinstance(given, (list, tuple)):
        raise Mistake(f"{name}: this needs a shape; you gave {describe(given)}.", known=False)
    return tuple(given)


@exercise("1.2")
def brightness_of_ink(answer, train, test):
    """Compute: the mean brightness of those training pixels that are not black."""
    value = number(answer)
    mean = train.images.mean().item()
    ink = train.images.count_nonzero().item() / train.images.numel()
    right = mean / ink
    on_test = test.images.sum().item() / test.images.count_nonzero().item()
    mistakes = {
        "that is the mean of all pixels, black ones too. How do you leave those out?": mean,
        "that is the share of pixels with ink. How bright are these, on average?": ink,
        "that is the share of black pixels. How bright are the others?": 1 - ink,
        "you divided by the number of black pixels. Whose mean is it?": mean / (1 - ink),
        "no pixel is brighter than 1 here. Did you take the bytes?": 255 * right,
        "no pixel is brighter than 1. Is this a percentage?": 100 * right,
        "that is the ink of the test images. Which set is asked for?": on_test,
    }
    known = [(wrong, f"You have {value:.3g}: {text}") for text, wrong in mistakes.items()]
    compare(value, right, known, tolerance=0.005)
    return (
        f"Ink is bright, but rare: ≈ {100 * ink:.0f} % of the pixels, times ≈ {right:.2f}, gives "
        f"the mean brightness of ≈ {mean:.2f}."
    )


@exercise("1.3")
def standardised_dataset(answer, train, test):
    """Complete: a `Dataset` class of flat images with mean 0 and deviation 1 over the set."""
    if isinstance(answer, Dataset):
        raise Mistake("You gave a dataset that is already made. What is the name of its class?")
    if not isinstance(answer, type):
        raise Mistake(f"This needs a class; you gave {describe(answer)}.", known=False)
    for part, white in ((slice(0, 120), 255), (slice(120, 200), 127)):  # the second set is darker
        raw, labels = (test.images[part] * white).round(), test.labels[part]
        dataset = answer(raw.to(torch.uint8), labels.clone())
        _check_items(dataset, raw.flatten(1), labels)
    return (
        "Mean 0 and deviation 1, whatever the set: `__init__` measured them once, and "
        "`__getitem__` uses them for every image."
    )


def _check_items(dataset, raw, labels):
    """Check that a dataset holds the bytes `raw` (N, 784), standardised, and their labels."""
    items = [dataset[i] for i in range(len(raw))]
    if items[0] is ...:
        raise Mistake("`__getitem__` still returns `...`. What belongs there?")
    if not isinstance(items[0], (tuple, list)) or len(items[0]) != 2:
        raise Mistake(f"An item is an image and its label; yours is {describe(items[0])}.")
    shape = tuple(torch.as_tensor(items[0][0]).shape)
    if shape != (784,):
        raise Mistake(f"Your image has the shape {shape}. How did `MyDigits` make it flat?")
    found = torch.stack([torch.as_tensor(image).float() for image, _ in items])
    if [int(label) for _, label in items] != labels.tolist():
        raise Mistake("The labels are not those of the images. Which label has item i?", False)
    x = raw / 255
    mean, deviation = x.mean(), x.std()

    def close(wanted):
        return torch.allclose(found, wanted, rtol=1e-3, atol=1e-3)

    if close((x - mean) / deviation):
        return
    seen_mean, seen_deviation = (round(n.item(), 3) + 0.0 for n in (found.mean(), found.std()))
    seen = f"Your pixels have mean {seen_mean:g} and deviation {seen_deviation:g}"
    known = {
        "these are the bytes as they are. What did `MyDigits` do to them?": raw,
        "that is 0 to 1, not yet shifted and scaled. What are self.mean and self.deviation for?": x,
        "you shifted them. What is still to do about the deviation?": x - mean,
        "you scaled them, but black is still 0. What has to be subtracted?": x / deviation,
        "Python divides before it subtracts. Where do brackets belong?": x - mean / deviation,
        "self.mean is of pixels from 0 to 1. What are yours?": (raw - mean) / deviation,
        "every image got a mean and deviation of its own. Which ones are the set's?": (
            (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
        ),
        "0.1307 and 0.3081 fit all of MNIST. What fits any set?": (x - 0.1307) / 0.3081,
    }
    for text, wanted in known.items():
        if close(wanted):
            raise Mistake(f"{seen}: {text}")
    raise Mistake(
        f"{seen}; they should have -0.01 to 0.01 and 0.99 to 1.01, and item i should be image i.",
        known=False,
    )


@exercise("1.4")
def split_without_leak(answer, train, test):
    """Find the bug: a random split into 80 % and 20 % in which no image is on both sides."""
    split = function(answer)
    for count in (50, 200):
        _check_split(split, count)
    return "One shuffle, cut once: every image is on exactly one side, and it took its label along."


def _check_split(split, count):
    # Image i has the brightness i / count everywhere, so that it can be recognised.
    images = torch.arange(count).div(count).view(-1, 1, 1, 1).repeat(1, 1, 28, 28)
    labels = torch.arange(count) * 7 // 3 % 10
    parts = split(Digits(images, labels.clone()))
    if not isinstance(parts, (tuple, list)) or len(parts) != 2:
        raise Mistake(f"A split has two parts; yours is {describe(parts)}.", known=False)
    items = [[part[i] for i in range(len(part))] for part in parts]
    learn, valid = ([round(x.mean().item() * count) for x, _ in part] for part in items)
    right, sizes = (count * 4 // 5, count // 5), (len(learn), len(valid))
    seen = f"Of {count} images, {len(learn)} are to learn from and {len(valid)} held back"
    if sizes == right[::-1]:
        raise Mistake(f"{seen}. Which part comes first, and which is the large one?")
    if 0 in sizes:
        raise Mistake(f"{seen}. Do your sizes hold for one dataset only?")
    both, lost = len(set(learn) & set(valid)), count - len(set(learn + valid))
    if both and sizes == right:
        raise Mistake(f"{seen}; {both} are in both. Where does each part get its order from?")
    if both or lost:
        raise Mistake(f"{seen}; {both} are in both, {lost} in none. Where is the cut?")
    if sizes != right:
        raise Mistake(f"{seen}; it should be {right[0]} and {right[1]}.", known=False)
    if any(int(y) != labels[i] for i, (_, y) in zip(learn + valid, sum(items, []), strict=True)):
        raise Mistake("Some images have another image's label now. What has to be shuffled alike?")
    steps = {b - a for a, b in zip(sorted(valid), sorted(valid)[1:], strict=False)}
    if len(steps) == 1:
        raise Mistake(
            f"You hold back images {min(valid)} to {max(valid)} in steps of {steps.pop()}, every "
            "time. What if the images come sorted by digit? Where is the shuffle?"
        )


@exercise("1.5")
def nearest_neighbour(answer, train, test):
    """Extend: a function (images, examples, labels) -> (N,) labels of the nearest examples."""
    classify = function(answer)
    scrambled = torch.arange(80) * 7 % 10  # labels that no digit suggests
    for images, examples, labels in (
        (test.images[:30], train.images[:200], train.labels[:200]),
        (test.images[30:70], train.images[200:280], scrambled),
    ):
        found = classify(images.clone(), examples.clone(), labels.clone())
        _check_neighbours(found, images.flatten(1), examples.flatten(1), labels)
    some = torch.cdist(test.images[::20].flatten(1), train.images[:2000].flatten(1))
    share = (train.labels[some.argmin(dim=1)] == test.labels[::20]).float().mean().item()
    return (
        f"With 2,000 examples it reads ≈ {100 * share:.0f} % of 500 test images, still without "
        "training. The price: every answer needs 2,000 comparisons, not ten."
    )


def _check_neighbours(found, images, examples, labels):
    """Check the labels found for flat images (N, 784) among flat examples (M, 784)."""
    distances = torch.cdist(images, examples)  # (N, M)
    if found is None:
        raise Mistake("Your function returns nothing. Which line is its last?")
    shape = tuple(getattr(found, "shape", ()))
    if shape == tuple(distances.shape):
        raise Mistake(f"You return {shape}, all pairs of two images. Which example is nearest?")
    if shape == (len(examples),):
        raise Mistake(f"You return {shape}, one per example. Along which axis do you compare?")
    found = tensor(found, (len(images),))
    nearest = distances <= 1.001 * distances.min(dim=1, keepdim=True).values  # (N, M), for ties
    if ((found[:, None] == labels) & nearest).any(dim=1).all():
        return
    means = torch.stack([examples[labels == k].mean(dim=0) for k in labels.unique()])
    of_means = labels.unique()[torch.cdist(images, means).argmin(dim=1)]
    by_sums = labels[torch.cdist(images, examples, p=1).argmin(dim=1)]
    farthest = labels[distances.argmax(dim=1)]
    known = {
        "positions in `examples`. What turns a position into a label?": distances.argmin(dim=1),
        "the labels of the farthest examples. Is a small distance near or far?": farthest,
        "the digits with the nearest mean. What if every example counts on its own?": of_means,
        "labels by the sum of absolute differences. What is the ordinary distance?": by_sums,
    }
    for text, wanted in known.items():
        if torch.equal(found, wanted.float()):
            raise Mistake(f"You return {text}")
    right = labels[distances.argmin(dim=1)]
    n = (found != right).nonzero()[0].item()
    raise Mistake(
        f"Of {len(images)} images, {int((found != right).sum())} get another label than that of "
        f"their nearest example. Image {n} gets {found[n]:.4g}; it should be {right[n]}.",
        known=False,
    )
