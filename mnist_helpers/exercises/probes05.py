"""How the check of exercise 5.2 tries out drawings by PCA."""

import torch

from mnist_helpers.exercises import Mistake


def multiplied(pca_draw, x, mean, directions, count):
    """What `pca_draw` gives; matrices that do not fit are its likeliest slip."""
    try:
        return pca_draw(x, mean, directions, count)
    except RuntimeError as error:
        if "shapes cannot be multiplied" in str(error):
            raise Mistake(
                f"Two matrices do not fit: {error}. One product leads from 784 numbers to "
                f"{count}, the other one back. Does `kept`, (784, {count}), lie the right way for "
                "both?"
            ) from None
        if "must match" in str(error):
            raise Mistake(
                f"`*`, `+` and `-` work entry by entry, and these shapes do not allow it: {error}. "
                "What is the sign of a matrix product?"
            ) from None
        raise


def drawn_by(x, mean, kept):
    """What these directions, (784, count), draw from flat images, (N, 784)."""
    return (x - mean) @ kept @ kept.T + mean


def diagnose_drawing(drawn, x, mean, directions, count):
    """Raise the mistake that explains these drawings."""
    kept, own = directions[:, :count], x.mean(dim=0)
    right = drawn_by(x, mean, kept)
    for wrong, diagnosis in [
        (drawn_by(x, 0, kept), "The mean image appears nowhere in your drawings. The cloud of "
         "images does not lie around black: where does its middle come in, twice?"),
        (right - mean, "Your pixels lie around 0, many below it. What did you take away "
         "that you did not give back?"),
        (drawn_by(x, 0, kept) + mean, "Your drawings hold a part of the mean image twice. What "
         "has to happen to the images before they meet the directions?"),
        (right + own - mean, "You add the mean of the images that you were given. Which mean did "
         "you take away before?"),
        (drawn_by(x, own, kept) + mean - own, "You take away the mean of the images that you were "
         "given. Which mean do you add afterwards?"),
        (drawn_by(x, own, kept), "The result changes with the images that come together in "
         "one call. Whose mean belongs to these directions?"),
        (drawn_by(x, mean, directions[:count].T), "You took rows of `directions`. Its first "
         "direction is `directions[:, 0]`: along which axis do you keep the first ones?"),
        (drawn_by(x, mean, directions[:, -count:]), "You took the last directions, along which "
         "the images differ least. In which order do the columns stand?"),
        (right.clamp(0, 1), "You cut the drawings off at 0 and 1. That is for a figure; the sum "
         "may leave this range. What remains of your last line without it?"),
        (x, "You give back the images themselves, even with few components. Where does "
         "`count` come in?"),
    ]:  # fmt: skip
        if torch.allclose(drawn, wrong, atol=1e-3):
            raise Mistake(diagnosis)
    away = (drawn - right).abs().max().item()
    raise Mistake(f"With {count} components you are off by up to {away:.3g} in a pixel.", False)
