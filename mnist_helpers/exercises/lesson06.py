"""The checks of lesson 6: votes of neighbours, distances, class centres, random codes."""

import torch
import torch.nn.functional as F

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
from mnist_helpers.exercises.probes06 import class_centres, clouds, like, long_clouds, wrong_dice
from mnist_helpers.latent import nearest_neighbours


@exercise("6.1")
def five_votes(answer, train, test):
    """Repair `vote_accuracy(points, labels)`, in which every point votes for itself."""
    vote_accuracy = function(answer)
    generator = torch.Generator().manual_seed(13)
    noise = torch.rand(300, 2, generator=generator), torch.arange(300) % 10
    real = [(d.images[:250].flatten(1), d.labels[:250]) for d in (test, train)]
    for points, digits in (noise, *real):
        labels = (digits > 3).long()  # with two labels, five votes never end in a tie
        with torch.no_grad():
            value = _one_number(vote_accuracy(points.clone(), labels.clone()), labels)
        nearest = nearest_neighbours(points, points, count=6)  # each point itself comes first
        six, broken, right, four, one = (
            (labels[nearest[:, voters]].mode(dim=1).values == labels).float().mean().item()
            for voters in (slice(6), slice(5), slice(1, 6), slice(1, 5), slice(1, 2))
        )
        single = (labels[nearest[:, 1:]] == labels[:, None]).float().mean().item()
        compare(value, right, [
            (broken, f"You have {value:.3f} for points and two labels where the truth is lower. "
             "Look at the first column of `nearest`: who has a vote there?"),
            (six, f"You have {value:.3f}: six points vote now. Which of them should not?"),
            (single, f"You have {value:.3f}: the share of single votes that are right. If 3 of 5 "
             "neighbours are of a point's own class, what is the answer of the majority?"),
            (four, f"You have {value:.3f}: only four points vote now. How many must you ask for, "
             "if one is taken away?"),
            (one, f"You have {value:.3f}: only the nearest point votes. Where are the other four?"),
            (1.0, "You have 1 for pure noise. Who is always right about a point's label?"),
            (100 * right, f"You have {value:.4g}; a share is never above 1. Is this per cent?"),
        ], tolerance=0.004)  # fmt: skip
    return (
        "Now a point is judged by others only, and pure noise scores what guessing does. Whenever "
        "the points that you ask about are also the points that answer, look for this bug."
    )


@exercise("6.2")
def stretched_code(answer, train, test):
    """What a number 100 times as large changes: [test MSE, neighbour accuracy, probe]."""
    said = [str(x).strip().lower() for x in answer] if isinstance(answer, (list, tuple)) else []
    if len(said) != 3 or not set(said) <= {"same", "better", "worse"}:
        text = "This needs a list of three words, each of same, better, worse; you gave"
        raise Mistake(f"{text} {describe(answer)}.", known=False)
    drawing, neighbours, probe = said
    if drawing != "same":
        raise Mistake(
            f"You say {drawing!r} for the drawings. Which number reaches the decoder's first "
            "layer, after it was multiplied by 100 and divided by 100?"
        )
    if neighbours != "worse":
        raise Mistake(
            f"You say {neighbours!r} for the neighbours. A distance adds up 32 squared "
            "differences. How large is one of them now, and what do the other 31 still decide?"
        )
    if probe != "same":
        raise Mistake(
            f"You say {probe!r} for the probe. It first divides each number by its own standard "
            "deviation over the training codes. What is left of a factor of 100?"
        )
    return (
        "Both codes draw the same, so training cannot prefer one of them. But a distance asks how "
        "long the axes are, and the probe, which brings them all to one scale, does not."
    )


@exercise("6.3")
def blurred_to_nearest(answer, train, test):
    """Mean distance from 200 blurred test images to the nearest of 10,000 training images."""
    value, images, flat = number(answer), test.images[:200], train.images.flatten(1)

    def blur(images):
        return F.avg_pool2d(images, 3, stride=1, padding=1)

    table = torch.cdist(blur(images).flatten(1), flat[:10000])  # (200, 10000)
    nearest = table.min(dim=1).values
    right, squared = nearest.mean().item(), (nearest**2).mean().item()

    def distance(queries, points):
        return torch.cdist(queries.flatten(1), points.flatten(1)).amin(dim=1).mean().item()

    sharp = distance(images, flat[:10000])
    if abs(value - round(right, 1)) < 1e-6:  # some wrong ways end at the same decimal
        raise Mistake(f"You have {value:.4g}; the first decimal is right. Which are the next two?")
    compare(value, right, [
        (sharp, f"You have {value:.4g}: that is for the *sharp* images. Where is the blur?"),
        (distance(blur(images), flat), f"You have {value:.4g}, and that is too near. The more "
         "images you search, the nearer is the nearest. Did you search 10,000, and no more?"),
        (distance(blur(images), blur(train.images[:10000])), f"You have {value:.4g}: both sides "
         "are blurred. The question is how near a *soft* picture comes to the *real* ones. Which "
         "side is to stay sharp?"),
        (distance(images, blur(train.images[:10000])), f"You have {value:.4g}: that is for sharp "
         "test images among blurred training images. Which ones are to be soft?"),
        (distance(blur(train.images[:200]), flat[:10000]), f"You have {value:.4g}: you blurred "
         "*training* images, which are among those that you search. Which are to be soft?"),
        (squared, f"You have {value:.4g}: a mean *squared* distance. Which step of a distance is "
         "missing?"),
        (squared / 784, f"You have {value:.4g}: a mean squared error per pixel. A distance adds "
         "up 784 squares; what comes after that?"),
        (nearest.sum().item(), f"You have {value:.4g}: a sum over 200 images. What is the mean?"),
        (table.mean().item(), f"You have {value:.4g}: the mean distance to *all* training images. "
         "Which one counts?"),
        (table.min(dim=0).values.mean().item(), f"You have {value:.4g}: a minimum for each "
         "*training* image. Which axis should it be?"),
    ], tolerance=0.003)  # fmt: skip
    side = "nearer to" if right < sharp else "further from"
    return (
        f"The sharp images are at ≈ {sharp:.2f}. So a blur, which knows nothing of digits, puts "
        f"them {side} the training images. Distance alone does not say what is a better digit."
    )


@exercise("6.4")
def centre_accuracy(answer, train, test):
    """A function (learn, learn_labels, tell, tell_labels): accuracy of the nearest centre."""
    accuracy = function(answer)
    for learn, learn_labels, tell, tell_labels in (clouds(), (*train[:600], *test[:250])):
        learn, tell = learn.flatten(1), tell.flatten(1)
        arguments = [t.clone() for t in (learn, learn_labels, tell, tell_labels)]
        try:
            with torch.no_grad():
                value = _one_number(accuracy(*arguments), tell_labels)
        except (IndexError, RuntimeError) as error:
            question = "Which labels belong to the points that it was given?"
            if isinstance(error, RuntimeError):
                question = (
                    "Print the shapes of what you compute: which of them has one row for each "
                    "centre, and which has one for each point?"
                )
            text = f"Your function ran into {type(error).__name__}. {question}"
            raise Mistake(text) from None

        def share(points, labels, centres, pick=torch.argmin):
            return (pick(torch.cdist(points, centres), dim=1) == labels).float().mean().item()

        centres = class_centres(learn, learn_labels)
        right = share(tell, tell_labels, centres)
        nearest = learn_labels[torch.cdist(tell, learn).argmin(dim=1)]
        compare(value, right, [
            (share(tell, tell_labels, class_centres(tell, tell_labels)),
             f"You have {value:.3f}: your centres were made from the points that are tested, and "
             "from their labels. From which points may you learn?"),
            (share(learn, learn_labels, centres),
             f"You have {value:.3f}: the score on the points that made the centres. Is that a "
             "test?"),
            (share(tell, tell_labels, centres, torch.argmax),
             f"You have {value:.3f}, as the centre *furthest* away would. Which do you want?"),
            (share(tell, tell_labels, class_centres(learn, learn_labels, torch.sum)),
             f"You have {value:.3f}: your centres are sums. Where do sums lie, if a class has "
             "many points?"),
            ((nearest == tell_labels).float().mean().item(),
             f"You have {value:.3f}: the nearest *point* decides. How many centres are there?"),
            (1 - right, f"You have {value:.3f}: the share of *wrong* answers. Which is asked for?"),
            (100 * right, f"You have {value:.4g}; a share is never above 1. Is this per cent?"),
            (right * len(tell), f"You have {value:.4g}: a count. What share is that?"),
        ], tolerance=0.006)  # fmt: skip
    return (
        "Ten averages make a classifier, with no training. Its border between two centres is a "
        "flat cut, so like a probe it shows how openly the classes lie in a space."
    )


@exercise("6.5")
def class_dice(answer, train, test):
    """A function (codes, labels, digit, count): random codes like those of one digit."""
    throw, count, digit = function(answer), 8000, 3
    codes, labels = long_clouds()
    try:
        with torch.no_grad():
            dice = returned(throw(codes.clone(), labels.clone(), digit, count))
    except RuntimeError as error:
        raise Mistake(
            f"Your answer ran into RuntimeError: {str(error)[:120]}. Print the shape of your "
            "covariance: how many numbers has a code, and which way round does `torch.cov` want "
            "its table?"
        ) from None
    dice = tensor(dice, (count, 32))
    own = codes[labels == digit]
    if torch.cdist(dice[:50], own).min() < 1e-3:
        raise Mistake("These are codes of real images. Where are the dice?")
    if dice.std(dim=0).max() < 1e-3:
        raise Mistake(f"Your {count} codes are all alike. How many dice does each code need?")
    mean, cov = own.mean(dim=0), torch.cov(own.T)
    if like(dice, mean, cov):
        return (
            "Ten digits, ten clouds, and dice for each of them: many random codes have become "
            "digits. It took the labels, though. Can a code be trained that needs none?"
        )
    for wrong_mean, wrong_cov, diagnosis in wrong_dice(codes, mean, cov):
        if like(dice, wrong_mean, wrong_cov):
            raise Mistake(diagnosis)
    raise Mistake(
        f"Your {count} codes do not lie as the codes of the digit do. Compare the mean and the "
        "`torch.cov` of both: which of the two differs?",
        known=False,
    )


# ---- what several of them need -------------------------------------------------------------


def _one_number(result, labels):
    """What a function of the learner gave back, if it is one number."""
    if getattr(returned(result), "shape", ()) == labels.shape:
        raise Mistake(f"You return {len(labels)} answers. What share of them is right?")
    return number(result)
