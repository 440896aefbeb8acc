"""The checks of lesson 5: PCA, a salad of labels, what t-SNE maps allow to say, scores of maps."""

import torch
from torch import nn

from mnist_helpers.exercises import (
    Mistake,
    compare,
    describe,
    exercise,
    function,
    number,
    returned,
    tensor,
)
from mnist_helpers.exercises.probes05 import diagnose_drawing, drawn_by, multiplied


@exercise("5.1")
def components_for_an_error(answer, train, test):
    """The fewest components that draw the training images with an error of at most 0.01."""
    value = number(answer)
    total, left = _left_out(train)
    right = 1 + int((left / 784 > 0.01).sum())
    of_test = 1 + int((_left_out(test)[1] / 784 > 0.01).sum())
    compare(value, right, [
        (right - 1, f"With {right - 1} components the error is still above 0.01. If {right - 1} "
         "are too few, how many are enough?"),
        (1 + int((left > 0.01).sum()), f"You have {value:g}. The variance that is left out adds up "
         "the errors of 784 pixels; the error asked for is that of one pixel. What is missing?"),
        (1 + int((left / total > 0.01).sum()), f"You have {value:g}: these leave out 1 % of the "
         "variance. What is 0.01 here: a share, or an error per pixel?"),
        (1 + int((left / total > 0.1).sum()), f"You have {value:g}: these explain 90 % of the "
         "variance. How large is the error per pixel of what they leave out?"),
        (1 + int(((total - left) / 784 < 0.01).sum()), f"You have {value:g}: these *explain* "
         "0.01 per pixel. Which part of the variance becomes error: what is kept, or the rest?"),
        (of_test, f"You have {value:g}: true for the test images, and for directions that were "
         "fitted to them. Which images does the question name?"),
        (784 - right, f"You have {value:g}: so many directions are left out. How many are kept?"),
        (1, "You have 1, and from one component PCA draws blurs. `variances` are averages over "
         "the images already. By what else does the sum have to be divided?"),
    ], tolerance=0.5 / right)  # fmt: skip
    return (
        "You found it without drawing an image: the variance left out is the error, since the "
        "directions stand at right angles and have length 1. A network promises no such thing."
    )


def _left_out(digits):
    """The whole variance of the pixels, and what is left out by 1, 2, ..., 784 components."""
    flat = digits.images.flatten(1)
    centred = flat - flat.mean(dim=0)
    variances = torch.linalg.eigvalsh(centred.T @ centred / len(flat)).flip(0)
    return variances.sum(), variances.sum() - variances.cumsum(0)


@exercise("5.2")
def pca_drawing(answer, train, test):
    """A function (images, mean, directions, count) that draws images from `count` components."""
    pca_draw = function(answer)
    mean = train.images[:1000].flatten(1).mean(dim=0)
    generator = torch.Generator().manual_seed(0)
    directions, _ = torch.linalg.qr(torch.randn(784, 784, generator=generator))
    for images, count in ((test.images[:50], 32), (test.images[50:80], 2), (test.images[:9], 784)):
        x = images.flatten(1)
        with torch.no_grad():
            drawn = multiplied(pca_draw, x.clone(), mean.clone(), directions.clone(), count)
        returned(drawn, "Your function gives nothing back. Which line hands out the drawings?")
        if getattr(drawn, "shape", ()) == (len(x), count) != x.shape:
            raise Mistake(
                f"You return {count} numbers per image: that is the code. What turns numbers "
                "back into 784 pixels?"
            )
        drawn = tensor(drawn, x.shape)
        if not torch.allclose(drawn, drawn_by(x, mean, directions[:, :count]), atol=1e-3):
            diagnose_drawing(drawn, x, mean, directions, count)
    return (
        "A drawing is the mean image plus a few fixed patterns, each times a number. With all 784 "
        "patterns it is the image itself, as nothing is left out."
    )


class _Mixture(nn.Module):
    """A model with random weights: its codes, of 16 numbers, differ from image to image."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(784, 16))

    def forward(self, images):
        return images


@exercise("5.3")
def codes_and_labels(answer, train, test):
    """Repair `codes_and_labels(model, dataset)`, whose rows do not belong together."""
    digits, model = test.subset(slice(1234)), _Mixture()
    pair = function(answer)(model, digits)
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        text = f"This needs codes and labels, a pair; you give back {describe(pair)}."
        raise Mistake(text, known=False)
    for name, part in zip(("codes", "labels"), pair):
        if isinstance(part, (tuple, list)):
            raise Mistake(f"Your {name} are a list. What makes one tensor of its parts?")
        if not isinstance(part, torch.Tensor):
            raise Mistake(f"Your {name} are {describe(part)}, and no tensor.", known=False)
        if part.dim() and len(part) < len(digits):
            raise Mistake(
                f"You give back {len(part)} {name} for {len(digits)} images. Which batches do "
                "they come from, and where are the others?"
            )
    if pair[0].shape[1:].numel() == 784:
        raise Mistake("You give back whole images, 784 numbers each. What makes codes of them?")
    truth = model.encode(digits.images).detach()
    codes, labels = tensor(pair[0], truth.shape), tensor(pair[1], digits.labels.shape)
    exact = "donot_use_mm_for_euclid_dist"
    distances, rows = torch.cdist(codes, truth, compute_mode=exact).min(dim=1)  # whose code it is
    if distances.max() > 1e-3:
        raise Mistake("Some of your codes are those of no image. What changed them?", known=False)
    if len(rows.unique()) < len(rows):
        raise Mistake("Some images have no code, and others have two.", known=False)
    share = (labels == digits.labels[rows]).float().mean().item()
    if share < 0.99:
        raise Mistake(
            f"All codes and all labels are there, but only {100 * share:.0f} % of the codes stand "
            "beside the label of their own image. In which order do the batches come, and in "
            "which order do your labels stand?"
        )
    return (
        "Row i of the codes and row i of the labels belong to one image again. No error message "
        "ever tells of this bug: a score that is no better than chance does."
    )


_ON_MAPS = {  # statement -> why it may not be made, as a question
    "b": "how large an island is drawn. What did the map make of a cloud ten times as wide?",
    "c": "how far islands lie from each other. On the map of the three clouds, what became of a "
    "gap nine times as wide?",
    "e": "crumbs at perplexity 2. What did pure noise look like at this perplexity?",
    "f": "what training did, from islands. What did the map of the pixels show, without training?",
    "g": "a meaning of left and right. What happens to neighbours if the whole map is turned?",
}
_KEPT = {
    "a": "points that are neighbours on several maps. What is the one thing that t-SNE tries to "
    "keep?",
    "d": "a point amid points of another digit. Whose neighbour was it probably in the space?",
    "h": "what the points of an island have in common. Which points does t-SNE draw together?",
}


@exercise("5.4")
def statements(answer, train, test):
    """The statements, of a to h, that t-SNE maps allow."""
    if not isinstance(answer, (str, list, tuple, set, frozenset)) or not answer:
        raise Mistake(f"This needs letters, such as 'ab'; you gave {describe(answer)}.", False)
    letters = set("".join(map(str, answer)).lower()) - set(" ,;.")
    if unknown := sorted(letters - set("abcdefgh")):
        raise Mistake(f"{unknown[0]!r} is none of the statements a to h.", known=False)
    for letter in sorted(letters & set(_ON_MAPS)):
        raise Mistake(f"{letter} speaks of {_ON_MAPS[letter]}")
    for letter in sorted(set(_KEPT) - letters):
        raise Mistake(f"You leave out {letter}. It speaks of {_KEPT[letter]}")
    return (
        "All three speak of who is near whom, and that is what t-SNE keeps. Sizes, distances, "
        "directions and the merit of a network are not in the map."
    )


@exercise("5.5")
def made_up_maps(answer, train, test):
    """Neighbour accuracy of three maps: random places, a heap per label, a heap for two labels."""
    try:
        values = tensor(answer, (3,)).tolist()
    except Mistake:
        text = f"This needs a list of three numbers; you gave {describe(answer)}."
        raise Mistake(text, known=False) from None
    if max(values) > 1.5:
        text = f"You have {max(values):.4g}, and a share is never above 1. Are these per cent?"
        raise Mistake(text)
    share = torch.bincount(test.labels[:2000], minlength=10) / 2000  # of each label
    heap = share.view(5, 2).sum(dim=1).repeat_interleave(2)  # of the heap that it lies in
    lucky = "The first point may have any label, and the second has to match it. How likely is that"
    for name, value, right, tolerance, mistakes in [
        ("Random places", values[0], (share**2).sum().item(), 0.3, [
            (0.0, "A random neighbour is right now and then. How many labels can it have?"),
            (0.0005, "That is one point in 2,000. But how many points have the right label?"),
            (0.01, f"Chance does better than that. {lucky}?"),
            (0.5, f"That is what *trustworthiness* gives a random map. {lucky}?"),
        ]),
        ("One heap for each label", values[1], 1.0, 0.015, [
            (0.1, "A neighbour is always from one's own heap here. What labels does that hold?"),
        ]),
        ("One heap for two labels", values[2], (share**2 / heap).sum().item(), 0.08, [
            (0.2, "There are five heaps, but a neighbour is never from another one. How many "
             "labels can it have?"),
            (0.1, "That is for ten labels, all in one heap. How many labels share a heap here?"),
            (1.0, "0 and 1 are mixed in one heap. Is the nearest point of a 0 always a 0?"),
        ]),
    ]:  # fmt: skip
        try:
            compare(value, right, mistakes, tolerance)
        except Mistake as mistake:
            text = f"{name}, {value:.4g}: {mistake}"
            raise Mistake(text, mistake.known, mistake.late) from None
    return (
        "The best of the three maps never saw an image: it was told the labels. Neighbour accuracy "
        "asks only who stands beside whom, so first ask what a map was allowed to know."
    )
