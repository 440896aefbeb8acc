"""The checks of lesson 5: PCA, scores of maps and spaces, distances, class centres."""

import torch
import torch.nn.functional as F

from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number, tensor
from mnist_helpers.latent import nearest_neighbours


@exercise("5.1")
def pca_drawing(answer, train, test):
    """A function (images, mean, directions, count) that draws images from `count` components."""
    pca_draw = function(answer)
    mean = train.images[:1000].flatten(1).mean(dim=0)
    generator = torch.Generator().manual_seed(0)
    directions, _ = torch.linalg.qr(torch.randn(784, 784, generator=generator))
    for images, count in ((test.images[:50], 32), (test.images[50:80], 2), (test.images[:9], 784)):
        x = images.flatten(1)
        with torch.no_grad():
            drawn = pca_draw(x.clone(), mean.clone(), directions.clone(), count)
        if drawn is ...:
            raise Mistake("Your function returns `...`. Which line is still missing?")
        if getattr(drawn, "shape", ()) == (len(x), count) != x.shape:
            raise Mistake(
                f"You return {count} numbers per image: that is the code. What turns numbers "
                "back into 784 pixels?"
            )
        drawn = tensor(drawn, x.shape)
        own = x.mean(dim=0)
        both = directions[:, :count] @ directions[:, :count].T  # into the code, and back
        right = (x - mean) @ both + mean
        if torch.allclose(drawn, right, atol=1e-3):
            continue
        for wrong, diagnosis in [
            (x @ both, "The mean image appears nowhere in your drawings. The cloud of images does "
             "not lie around black: where does its middle come in, twice?"),
            (right - mean, "Your pixels lie around 0, many below it. What did you take away "
             "that you did not give back?"),
            (x @ both + mean, "Your drawings hold a part of the mean image twice. What has to "
             "happen to the images before they meet the directions?"),
            ((x - own) @ both + own, "The result changes with the images that come together in "
             "one call. Whose mean belongs to these directions?"),
            (x, "You give back the images themselves, even with few components. Where does "
             "`count` come in?"),
        ]:  # fmt: skip
            if torch.allclose(drawn, wrong, atol=1e-3):
                raise Mistake(diagnosis)
        away = (drawn - right).abs().max().item()
        text = f"With {count} components you are off by up to {away:.3g} in a pixel; it should be"
        raise Mistake(f"{text} between 0 and 0.001.", known=False)
    return (
        "A drawing is the mean image plus a few fixed patterns, each times a number. With all 784 "
        "patterns it is the image itself, as nothing is left out."
    )


@exercise("5.2")
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
    for name, value, right, width, mistakes in [
        ("Random places", values[0], (share**2).sum().item(), 0.03, [
            (0.0, "a random neighbour is right now and then. How many labels can it have?"),
            (0.01, f"chance does better than that. {lucky}?"),
            (0.5, f"that is what *trustworthiness* gives a random map. {lucky}?"),
        ]),
        ("One heap for each label", values[1], 1.0, 0.015, [
            (0.1, "a neighbour is always from one's own heap here. What labels does that hold?"),
        ]),
        ("One heap for two labels", values[2], (share**2 / heap).sum().item(), 0.04, [
            (0.2, "there are five heaps, but a neighbour is never from another one. How many "
             "labels can it have?"),
            (1.0, "0 and 1 are mixed in one heap. Is the nearest point of a 0 always a 0?"),
        ]),
    ]:  # fmt: skip
        if abs(value - right) <= width:
            continue
        for wrong, diagnosis in mistakes:
            if abs(value - wrong) <= 0.005:
                raise Mistake(f"{name}, you have {value:.4g}: {diagnosis}")
        low, high = right - width, min(1, right + width)
        text = f"{name}: you have {value:.4g}; it should lie between {low:.2f} and {high:.2f}."
        raise Mistake(text, known=False)
    return (
        "The best of the three maps never saw an image: it was told the labels. Neighbour accuracy "
        "asks only who stands beside whom, so first ask what a map was allowed to know."
    )


@exercise("5.3")
def five_votes(answer, train, test):
    """Repair `vote_accuracy(points, labels)`, in which every point votes for itself."""
    vote_accuracy = function(answer)
    generator = torch.Generator().manual_seed(13)
    noise = torch.rand(300, 2, generator=generator), torch.arange(300) % 10
    real = [(d.images[:250].flatten(1), d.labels[:250]) for d in (test, train)]
    for points, digits in (noise, *real):
        labels = (digits > 3).long()  # with two labels, five votes never end in a tie
        with torch.no_grad():
            value = number(vote_accuracy(points.clone(), labels.clone()))
        nearest = nearest_neighbours(points, points, count=6)  # each point itself comes first
        six, broken, right, four, one = (
            (labels[nearest[:, voters]].mode(dim=1).values == labels).float().mean().item()
            for voters in (slice(6), slice(5), slice(1, 6), slice(1, 5), slice(1, 2))
        )
        compare(value, right, [
            (broken, f"You have {value:.3f} for points and two labels where the truth is lower. "
             "Look at the first column of `nearest`: who has a vote there?"),
            (six, f"You have {value:.3f}: six points vote now. Which of them should not?"),
            (four, f"You have {value:.3f}: only four points vote now. How many must you ask for, "
             "if one is taken away?"),
            (one, f"You have {value:.3f}: only the nearest point votes. Where are the other four?"),
            (1.0, "You have 1 for pure noise. Who is always right about a point's label?"),
            (100 * right, f"You have {value:.4g}; a share is never above 1. Is this per cent?"),
        ], tolerance=0.012)  # fmt: skip
    return (
        "Now a point is judged by others only, and pure noise scores what guessing does. Whenever "
        "the points that you ask about are also the points that answer, look for this bug."
    )


@exercise("5.4")
def blurred_to_nearest(answer, train, test):
    """Mean distance from 200 blurred test images to the nearest of 10,000 training images."""
    value = number(answer)
    points = train.images[:10000].flatten(1)
    images = test.images[:200]
    soft = F.avg_pool2d(images, 3, stride=1, padding=1)
    table = torch.cdist(soft.flatten(1), points)  # (200, 10000)
    nearest = table.min(dim=1).values
    right = nearest.mean().item()
    sharp = torch.cdist(images.flatten(1), points).min(dim=1).values.mean().item()
    if 0.88 * right < value < 0.98 * right:
        raise Mistake(
            f"You have {value:.4g}, and that is too near. The more images you search, the nearer "
            "is the nearest. Did you search the first 10,000 training images, and no more?"
        )
    compare(value, right, [
        (sharp, f"You have {value:.4g}: that is for the *sharp* images. Where is the blur?"),
        ((nearest**2).mean().item(),
         f"You have {value:.4g}: a mean *squared* distance. Which step of a distance is missing?"),
        ((nearest**2).mean().item() / 784,
         f"You have {value:.4g}: a mean squared error per pixel. A distance adds up 784 squares; "
         "what comes after that?"),
        (nearest.sum().item(), f"You have {value:.4g}: a sum over 200 images. What is the mean?"),
        (table.mean().item(),
         f"You have {value:.4g}: the mean distance to *all* training images. Which one counts?"),
        (table.min(dim=0).values.mean().item(),
         f"You have {value:.4g}: a minimum for each *training* image. Which axis should it be?"),
    ], tolerance=0.003)  # fmt: skip
    side = "nearer to" if right < sharp else "further from"
    return (
        f"The sharp images are at ≈ {sharp:.2f}. So a blur, which knows nothing of digits, puts "
        f"them {side} the training images. Distance alone does not say what is a better digit."
    )


@exercise("5.5")
def centre_accuracy(answer, train, test):
    """A function (learn, learn_labels, tell, tell_labels): accuracy of the nearest centre."""
    accuracy = function(answer)
    real = (*train[:600], *test[:250])
    for learn, learn_labels, tell, tell_labels in (_clouds(), real):
        learn, tell = learn.flatten(1), tell.flatten(1)
        arguments = [t.clone() for t in (learn, learn_labels, tell, tell_labels)]
        try:
            with torch.no_grad():
                value = accuracy(*arguments)
        except IndexError as error:
            text = f"{error}. Which labels belong to the points that your function was given?"
            raise Mistake(f"Your function ran into an IndexError: {text}") from None
        if getattr(value, "shape", ()) == tell_labels.shape:
            raise Mistake(f"You return {len(value)} answers. What share of them is right?")

        def share(points, labels, centres, pick=torch.argmin):
            return (pick(torch.cdist(points, centres), dim=1) == labels).float().mean().item()

        value, centres = number(value), _centres(learn, learn_labels)
        right = share(tell, tell_labels, centres)
        nearest = learn_labels[torch.cdist(tell, learn).argmin(dim=1)]
        compare(value, right, [
            (share(tell, tell_labels, _centres(tell, tell_labels)),
             f"You have {value:.3f}: your centres were made from the points that are tested, and "
             "from their labels. From which points may you learn?"),
            (share(learn, learn_labels, centres),
             f"You have {value:.3f}: the score on the points that made the centres. Is that a "
             "test?"),
            (share(tell, tell_labels, centres, torch.argmax),
             f"You have {value:.3f}, as the centre *furthest* away would. Which do you want?"),
            (share(tell, tell_labels, _centres(learn, learn_labels, torch.sum)),
             f"You have {value:.3f}: your centres are sums. Where do sums lie, if a class has "
             "many points?"),
            ((nearest == tell_labels).float().mean().item(),
             f"You have {value:.3f}: the nearest *point* decides. How many centres are there?"),
            (100 * right, f"You have {value:.4g}; a share is never above 1. Is this per cent?"),
            (right * len(tell), f"You have {value:.4g}: a count. What share is that?"),
        ], tolerance=0.006)  # fmt: skip
    return (
        "Ten averages make a classifier, with no training. Its border between two centres is a "
        "flat cut, so like a probe it shows how openly the classes lie in a space."
    )


def _clouds():
    """Ten clouds that overlap, of 10 to 100 points, and more of each that lie a little beside."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat_interleave(torch.arange(10, 110, 10))
    places = 4 + 3 * torch.randn(10, 3, generator=generator)
    learn, tell = places[labels] + 2 * torch.randn(2, len(labels), 3, generator=generator)
    return learn, labels, tell + 1, labels


def _centres(points, labels, average=torch.mean):
    return torch.stack([average(points[labels == digit], dim=0) for digit in range(10)])
