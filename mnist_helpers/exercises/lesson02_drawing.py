"""The check of lesson 2 that looks at what was drawn."""

import torch

from mnist_helpers.arguments import check_images
from mnist_helpers.exercises import Mistake, describe, exercise
from mnist_helpers.latent import nearest_neighbours

REASONS = ("place", "size", "shape")


@exercise("2.8")
def explain_misread_drawings(answer, train, test):
    """A pair: the classifier, and number -> (image, digit that was meant, reason), three at least.

    The reason is "place" if moving the drawing is enough, "size" if it must be scaled as well,
    and "shape" if the network misreads even that.
    """
    if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not callable(answer[0]):
        raise Mistake(f"This needs `model, mine`; you gave {describe(answer)}.", known=False)
    model, drawn = answer
    if not isinstance(drawn, dict):
        raise Mistake(f"`mine` must be the dict; you gave {describe(drawn)}.", known=False)
    if len(drawn) < 3:
        raise Mistake(f"Drawings in `mine`: {len(drawn)}. Three are asked for.", known=False)
    for number, one in drawn.items():
        _check_drawing(model, f"Drawing {number}", one, train)
    images = [image for image, *_ in drawn.values()]
    if any(torch.equal(a, b) for k, a in enumerate(images) for b in images[:k]):
        raise Mistake("One drawing is there twice. Draw another, and run its line once more.")
    if len({reason for *_, reason in drawn.values()}) < 2:
        raise Mistake(
            "All your drawings are misread for the same reason. On the pad, change what you have "
            "not changed yet: the place, the size, the tick at `centre`, the way of writing."
        )
    return (
        "Prepared as the training images were, a drawing is read if its place or its size was to "
        "blame. Against an unusual shape preparing does not help."
    )


def _check_drawing(model, name, one, train):
    from mnist_helpers import drawing  # needs anywidget, and other checks must not

    if not isinstance(one, (tuple, list)) or len(one) != 3:
        raise Mistake(f"{name} needs `pad.image, digit, word`; you gave {describe(one)}.")
    image, meant, reason = one
    if not isinstance(image, torch.Tensor):
        raise Mistake(f"{name} needs `pad.image` first; you gave {describe(image)}.")
    check_images(image)
    if len(image) != 1:
        raise Mistake(f"{name} holds {len(image)} images. Give one.", known=False)
    if meant not in range(10) or reason not in REASONS:
        raise Mistake(
            f"{name} says {meant!r} and {reason!r}. It needs the digit that you meant, 0 to 9, "
            f"and one of {', '.join(map(repr, REASONS))}.",
            known=False,
        )
    if not image.any():
        raise Mistake(f"{name} is an empty page. Draw first, then run its line.")
    prepared = drawing.centred(image)
    if meant not in train.labels[nearest_neighbours(train.images, prepared, 100)]:
        raise Mistake(
            f"{name}: none of the 100 training images that are nearest to it is a {meant}. Would "
            f"somebody else read it as a {meant}?"
        )
    if _read(model, image) == meant:
        tick = " Is the tick at `centre` set?" if torch.equal(image, prepared) else ""
        raise Mistake(f"{name} is read as a {meant}, as you meant it. Draw one that is not.{tick}")
    tries = {"place": drawing.in_the_middle(image), "size": prepared}
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
