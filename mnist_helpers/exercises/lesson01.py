"""The exercises of lesson 1: data exploration."""

from unittest.mock import patch

import numpy as np
import torch
from torch.utils.data import Dataset

from mnist_helpers.data import Digits
from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number, tensor

RESET = "Your two shuffles agree only because `torch.manual_seed` resets all chance first. Why two?"


def _first(seen, cases):
    """Raise the first of the mistakes, pairs (question, whether it was made), that was made."""
    for question, made in cases:
        if made:
            raise Mistake(f"{seen} {question}")


@exercise("1.1")
def shapes_of_slices(answer, train, test):
    """Predict: the shapes of two images, two slices of 64, and a mean, in a list of five."""
    images, labels = train.images, train.labels
    views = {
        "train.images[0]": images[0],
        "train.images[:1]": images[:1],
        "train.images[:64, 0]": images[:64, 0],
        "train.labels[:64]": labels[:64],
        "train.images[:64].mean(dim=0)": images[:64].mean(dim=0),
    }
    if not isinstance(answer, (list, tuple)) or len(answer) != len(views):
        raise Mistake(f"This needs a list of five shapes; you gave {describe(answer)}.", False)
    for (name, view), given in zip(views.items(), answer):
        shape = _shape(name, given)
        if shape == tuple(view.shape):
            continue
        more, off = len(shape) > view.dim(), len(shape) != view.dim()
        cases = {
            "Many image files have that order. Where is PyTorch's channel?": shape == (28, 28, 1),
            "A label is one number. How many axes has train.labels?": "labels" in name and more,
            "One image, or 64? A number for each image, or for each pixel?": "mean" in name and off,
            "That has too few axes. An index such as 0 removes one. And a slice?": off and not more,
            "That has too many axes. What does an index such as 0 do to its axis?": more,
        }
        _first(f"{name}: you have {shape}.", cases.items())
        raise Mistake(f"{name}: {shape} has the right number of axes. How long is each?", False)
    return "An index removes its axis, so does `dim`; a slice keeps it: `[:1]` is a batch of one."


def _shape(name, given):
    if isinstance(given, int):
        raise Mistake(f"{name}: you have the number {given}. How is a tuple of one entry written?")
    if isinstance(given, torch.Tensor):
        raise Mistake(f"{name}: you gave the tensor itself. What is its shape?")
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
    grey, bright = (train.images[train.images > least] for least in (0, 0.5))
    mistakes = {
        "that is the mean of all pixels, black ones too. How do you leave those out?": mean,
        "that is the share of pixels with ink. How bright are these, on average?": ink,
        "that is the share of black pixels. How bright are the others?": 1 - ink,
        "you divided by the number of black pixels. Whose mean is it?": mean / (1 - ink),
        "no pixel is brighter than 1 here. Did you take the bytes?": 255 * right,
        "no pixel is brighter than 1. Is this a percentage?": 100 * right,
        "that is the mean of all that is brighter than 0.5. Is grey no ink?": bright.mean().item(),
        "that is the median: half of the ink is brighter. And the mean?": grey.median().item(),
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
        _check_items(answer(raw.to(torch.uint8), labels.clone()), raw.flatten(1), labels)
    return "Mean 0 and deviation 1, whatever the set: measured once, used for every image."


def _check_items(dataset, raw, labels):
    """Check that a dataset holds the bytes `raw` (N, 784), standardised, and their labels."""
    try:
        items = [dataset[i] for i in range(len(raw))]
    except (NameError, IndexError) as error:
        raise Mistake(f"`__getitem__` says: {error}. Does a name lack its `self.`?") from None
    if not isinstance(items[0], (tuple, list)) or len(items[0]) != 2:
        raise Mistake(f"An item is an image and its label; yours is {describe(items[0])}.")
    image, label = map(torch.as_tensor, items[0])
    _first("Item 0 has its label first.", [("And in `MyDigits`?", label.shape == (784,))])
    if image.numel() >= raw.numel() or label.numel() > 1:
        found = f"an image of shape {tuple(image.shape)} and a label of shape {tuple(label.shape)}"
        raise Mistake(f"Item 0 has {found}, those of all {len(raw)}. Where does `i` come in?")
    if image.shape != (784,):
        raise Mistake(f"Your image has the shape {tuple(image.shape)}. What makes it flat?")
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
    own = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
    known = {
        "these are the bytes as they are. What did `MyDigits` do to them?": raw,
        "that is 0 to 1, not yet shifted and scaled. What are self.mean and self.deviation for?": x,
        "you shifted them. What is still to do about the deviation?": x - mean,
        "you scaled them, but black is still 0. What has to be subtracted?": x / deviation,
        "Python divides before it subtracts. Where do brackets belong?": x - mean / deviation,
        "self.mean is of pixels from 0 to 1. What are yours?": (raw - mean) / deviation,
        "every image got a mean and deviation of its own. Which ones are the set's?": own,
        "0.1307 and 0.3081 fit all of MNIST. What fits any set?": (x - 0.1307) / 0.3081,
    }
    _first(f"{seen}:", ((text, close(wanted)) for text, wanted in known.items()))
    raise Mistake(f"{seen}. Is that 0 and 1 over the whole set? Is item i image i?", known=False)


@exercise("1.4")
def split_without_leak(answer, train, test):
    """Find the bug: a random split into 80 % and 20 % in which no image is on both sides."""
    split = function(answer)
    for count in (50, 200):
        _check_split(split, count)
    try:
        with patch("torch.manual_seed", lambda seed: torch.default_generator):
            _check_split(split, 200)
    except Mistake:
        raise Mistake(RESET) from None
    return "One shuffle, cut once: every image is on exactly one side, and it took its label along."


def _check_split(split, count):
    # Image i has the brightness i / count everywhere, so that it can be recognised.
    images = torch.arange(count).div(count).view(-1, 1, 1, 1).repeat(1, 1, 28, 28)
    labels = torch.arange(count) * 7 // 3 % 10
    parts = split(Digits(images, labels.clone()))
    if not isinstance(parts, (tuple, list)) or len(parts) != 2:
        raise Mistake(f"A split has two parts; yours is {describe(parts)}.", known=False)
    if isinstance(parts[0], (torch.Tensor, tuple)):
        raise Mistake(f"A part has images and labels; yours is {describe(parts[0])}. See `subset`.")
    sizes = tuple(map(len, parts))
    if sum(sizes) > 2 * count:
        raise Mistake(f"{count} images went in, {sum(sizes)} came out. Which does it split?")
    items = [[part[i] for i in range(len(part))] for part in parts]
    learn, valid = ([round(x.mean().item() * count) for x, _ in part] for part in items)
    right = (count * 4 // 5, count // 5)
    seen = f"Of {count} images, {len(learn)} are to learn from and {len(valid)} held back"
    both, lost = len(set(learn) & set(valid)), count - len(set(learn + valid))
    cases = {
        "Which part comes first, and which is the large one?": sizes == right[::-1],
        "Do your sizes hold for one dataset only?": 0 in sizes,
        f"{both} are in both. Where does each part get its order from?": both and sizes == right,
        f"{both} are in both, {lost} in none. Where is the cut?": both or lost,
    }
    _first(f"{seen}.", cases.items())
    if sizes != right:
        raise Mistake(f"{seen}. What is a fifth of {count}?", known=False)
    if any(int(y) != labels[i] for i, (_, y) in zip(learn + valid, sum(items, []), strict=True)):
        raise Mistake("Some images have another image's label now. What has to be shuffled alike?")
    steps = {b - a for a, b in zip(sorted(valid), sorted(valid)[1:], strict=False)}
    where = f"You hold back images {str(sorted(valid)[:3])[1:-1]} and so on, every time."
    question = "What if the images come sorted by digit? Where is the shuffle?"
    _first(where, [(question, len(steps) == 1)])


@exercise("1.5")
def nearest_neighbour(answer, train, test):
    """Extend: a function (images, examples, labels) -> (N,) labels of the nearest examples."""
    classify = function(answer)
    scrambled = torch.arange(80) * 7 % 10  # labels that no digit suggests
    for images, examples, labels in (
        (test.images[:30], train.images[:200], train.labels[:200]),
        (test.images[30:70], train.images[200:280], scrambled),
    ):
        try:
            found = classify(images.clone(), examples.clone(), labels.clone())
        except (RuntimeError, IndexError) as error:
            question = "What makes one row of pixels of an image, for `cdist` to compare?"
            if isinstance(error, IndexError):
                question = "What do you look up in `labels`? It takes one position per image."
            raise Mistake(f"It stopped with: {str(error)[:120]}. {question}") from None
        _check_neighbours(found, images.flatten(1), examples.flatten(1), labels, train.labels)
    some = torch.cdist(test.images[::20].flatten(1), train.images[:2000].flatten(1))
    share = (train.labels[some.argmin(dim=1)] == test.labels[::20]).float().mean().item()
    return (
        f"With 2,000 examples it reads ≈ {100 * share:.0f} % of 500 test images, still without "
        "training. The price: every answer needs 2,000 comparisons, not ten."
    )


def _check_neighbours(found, images, examples, labels, all_labels):
    """Check the labels found for flat images (N, 784) among flat examples (M, 784)."""
    distances = torch.cdist(images, examples)  # (N, M)
    first = distances.argmin(dim=1)
    shape = tuple(found.shape) if isinstance(found, (torch.Tensor, np.ndarray)) else None
    cases = {
        "nothing. Which line is the last?": found is None,
        "the pair of `min`. Which half says where?": isinstance(found, torch.return_types.min),
        "one number for all images. Along which axis do you compare?": shape == (),
        f"{shape}, all pairs. Which example is nearest?": shape == tuple(distances.shape),
        f"{shape}, one per example. Along which axis do you compare?": shape == (len(examples),),
    }
    _first("Your function returns", cases.items())
    found = tensor(found, (len(images),))
    nearest = distances <= 1.001 * distances.min(dim=1, keepdim=True).values  # (N, M), for ties
    if ((found[:, None] == labels) & nearest).any(dim=1).all():
        return
    means = torch.stack([examples[labels == k].mean(dim=0) for k in labels.unique()])
    of_means = labels.unique()[torch.cdist(images, means).argmin(dim=1)]
    by_sums = labels[torch.cdist(images, examples, p=1).argmin(dim=1)]
    known = {
        "distances. What is the label of the example that is so near?": distances.amin(dim=1),
        "positions in `examples`. What turns a position into a label?": first,
        "labels of the farthest examples. Is small near or far?": labels[distances.argmax(dim=1)],
        "what `train.labels` says. Which labels are those of `examples`?": all_labels[first],
        "the digits with the nearest mean. What if every example counts on its own?": of_means,
        "labels by the sum of absolute differences. What is the ordinary distance?": by_sums,
    }
    _first("You return", ((text, found.equal(x.float())) for text, x in known.items()))
    wrong = int((found != labels[first]).sum())
    text = f"{wrong} of {len(images)} images get another label than their nearest example has."
    raise Mistake(f"{text} Which example does your function look for?", known=False)
