"""The check of lesson 2 that looks at what was drawn."""

import torch

from mnist_helpers import drawing
from mnist_helpers.arguments import check_images
from mnist_helpers.exercises import Mistake, describe, exercise
from mnist_helpers.latent import nearest_neighbours

REASONS = ("place", "size", "shape")


@exercise("2.8")
def explain_misread_drawings(answer, train, test):
    """A pair: the classifier, and three (image, digit that was meant, reason).

    The reason is "place" if moving the drawing is enough, "size" if it must be scaled as well,
    and "shape" if the network misreads even that.
    """
    if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not callable(answer[0]):
        raise Mistake(f"This needs `model, mine`; you gave {describe(answer)}.", known=False)
    model, drawn = answer
    if not isinstance(drawn, (tuple, list)) or len(drawn) < 3:
        raise Mistake(f"Your list holds {len(drawn)} drawings. Three are asked for.", known=False)
    for number, one in enumerate(drawn, start=1):
        _check_drawing(model, f"Drawing {number}", one, train)
    images = [image for image, *_ in drawn]
    if any(torch.equal(a, b) for k, a in enumerate(images) for b in images[:k]):
        raise Mistake("One drawing is twice in your list. `mine.pop()` takes the last one out.")
    if len({reason for *_, reason in drawn}) < 2:
        raise Mistake(
            "All your drawings are misread for the same reason. On the pad, change what you have "
            "not changed yet: the place, the size, the tick at `centre`, the way of writing."
        )
    return "A network reads what is prepared as its training images were; the rest is chance."


def _check_drawing(model, name, one, train):
    if not isinstance(one, (tuple, list)) or len(one) != 3:
        raise Mistake(f"{name} needs `(pad.image, digit, reason)`; you gave {describe(one)}.")
    image, meant, reason = one
    check_images(image)
    if meant not in range(10) or reason not in REASONS:
        raise Mistake(
            f"{name} says {meant!r} and {reason!r}. It needs the digit that you meant, 0 to 9, "
            f"and one of {', '.join(map(repr, REASONS))}.",
            known=False,
        )
    if not image.any():
        raise Mistake(f"{name} is an empty page. Draw first, then put `pad.image` into the list.")
    prepared = drawing.centred(image)
    if meant not in train.labels[nearest_neighbours(train.images, prepared, 50)]:
        raise Mistake(
            f"{name}: none of the 50 training images that are nearest to it is a {meant}. Would "
            f"somebody else read it as a {meant}?"
        )
    tries = {"place": drawing.in_the_middle(image), "size": prepared}
    if _read(model, image) == meant:
        raise Mistake(f"{name} is read as a {meant}, as you meant it. Draw one that is misread.")
    helps = [change for change, changed in tries.items() if _read(model, changed) == meant]
    right = helps[0] if helps else "shape"
    if reason != right:
        raise Mistake(f"{name}: {_objection(reason, right, meant)}")


def _read(model, image):
    with torch.no_grad():
        return model(image).argmax().item()


def _objection(reason, right, meant):
    if right == "place":
        return f"moved to the middle, it is read as a {meant}. Then why should {reason} matter?"
    if reason == "place":
        return "moved to the middle, it is still misread. What else does MNIST's preparation do?"
    if right == "size":
        return f"scaled and moved, it is read as a {meant}. So what is to blame?"
    return "scaled to 20 x 20 pixels and moved, it is still misread. So what is left?"
