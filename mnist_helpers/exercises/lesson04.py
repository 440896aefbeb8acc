"""The exercises of lesson 4: kernels, sizes, and what a decoder may draw."""

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake, compare, exercise, number, tensor
from mnist_helpers.exercises.probes import (
    Dim,
    check_shifts,
    draw_codes,
    edges,
    loss_of_answer,
    mean_ratio,
    stamp_both,
)
from mnist_helpers.models import Autoencoder


@exercise("4.1")
def parameters_of_a_convolution(answer, train, test):
    """Parameters of nn.Conv2d(3, 8, 5), for images of 28 x 28 and of 56 x 56."""
    small, large = tensor(answer, (2,)).tolist()
    three_maps = "has one table of 5 × 5 per output map. What does a kernel need for three maps?"
    mistakes = {
        8 * 3 * 25: "counts weights only. What does each output map add to its sum?",
        8 * 3 * 26: "gives each slice of a kernel its own bias. Is the bias added before or after "
        "the slices are summed into one output map?",
        8 * 25: three_maps,
        8 * 26: three_maps,
        3 * (8 * 25 + 1): "has three kernels of eight slices. How many maps go in, 3 or 8?",
        8 * (3 * 9 + 1): "belongs to kernels of 3 × 3. How large are these?",
        8 * 28 * 28: "is how many numbers the layer puts out. How many does it learn?",
    }
    if small in mistakes:
        raise Mistake(f"{small:g} {mistakes[small]}")
    if small != 8 * (3 * 25 + 1):
        raise Mistake(
            f"You have {small:g} for 28 × 28; it should lie between 550 and 650. How many kernels "
            "are there, how many slices has each, and how many weights has a slice?",
            known=False,
        )
    if large != small:
        raise Mistake(
            f"{small:g} is right for 28 × 28. You have {large:g} for 56 × 56. Which weight would "
            "the new places need that the old ones do not have?",
            known=large == 4 * small,
        )
    return (
        "Eight kernels, each with three slices of 25 weights and one bias. All places share them, "
        "so the size of the image does not enter."
    )


@exercise("4.2")
def upright_against_level(answer, train, test):
    """How many times stronger the ones answer to the upright edge kernel than to the level one."""
    value = number(answer)
    if not 0.01 < value < 100:
        raise Mistake(
            f"You have {value:.4g}. Red and blue of a map cancel: its plain mean is almost zero. "
            "What must happen to the numbers before you take the mean?"
        )
    upright, level = edges(test.images[test.labels == 1])
    right = mean_ratio(upright, level)
    if abs(value - right) > 0.01 * right:
        squares = mean_ratio(upright.square(), level.square())
        each = (upright.mean(dim=(1, 2, 3)) / level.mean(dim=(1, 2, 3))).mean().item()
        squared = "that compares squares. What makes a number positive and keeps its size?"
        mistakes = [
            (1 / right, "so level would beat upright. Which did you divide by which?"),
            (
                mean_ratio(*edges(test.images)),
                "that is what all digits score. Which belong in here?",
            ),
            (squares, squared),
            (squares**0.5, squared),
            (each, "the mean of one ratio per image. What if you take both means first?"),
            (
                mean_ratio(*edges(train.images[train.labels == 1])),
                "that is what the training images score. Which set was asked for?",
            ),
        ]
        seen = f"You have {value:.3g}: "
        compare(value, right, [(wrong, seen + text) for wrong, text in mistakes])
    return (
        f"Ones answer ≈ {right:.1f} times as strongly to the upright kernel: most of their edge "
        "runs along the stroke. Two kernels already tell something about a digit."
    )


@exercise("4.3")
def stamping(answer, train, test):
    """A function (image, kernel, stride): the transposed convolution, without torch's."""
    pixel = torch.zeros(3, 3)
    pixel[1, 1] = 0.5
    kernel = torch.arange(1.0, 10).view(3, 3)
    alone, right = stamp_both(answer, pixel, kernel, 3)
    if not alone.any():
        raise Mistake(
            "An image with one grey pixel gives nothing but zeros. What must each turn of the "
            "loop put into `out`?"
        )
    if torch.equal(alone, kernel.repeat(3, 3)):
        raise Mistake(
            "Every place gets the full kernel, though eight of nine pixels are black and one is "
            "grey. What decides how strong a stamp is?"
        )
    row, column = alone.nonzero()[0].tolist()
    if (row, column) != (3, 3):
        raise Mistake(
            f"The pixel in row 1, column 1 leaves its first trace in row {row}, column {column}. "
            "The stride is 3: where should its stamp begin?"
        )
    if not torch.allclose(alone, right, atol=1e-5):
        raise Mistake(
            f"A pixel of 0.5 and the kernel 1 to 9 leave {alone[3:6, 3:6].tolist()}. They should "
            "leave numbers between 0.5 and 4.5, in the order of the kernel.",
            known=False,
        )
    generator = torch.Generator().manual_seed(0)
    for side, width, stride in [(3, 3, 2), (4, 3, 1), (2, 4, 3), (5, 2, 1)]:
        image = torch.rand(side, side, generator=generator)
        kernel = torch.rand(width, width, generator=generator)
        out, right = stamp_both(answer, image, kernel, stride)
        if not torch.allclose(out, right, atol=1e-5):
            raise Mistake(
                "A stamp alone is right. Where stamps overlap, your brightest number is "
                f"{out.max():.2f}, and it should be {right.max():.2f}. What becomes of the ink "
                "that is there already?"
            )
    return "This loop is all that `F.conv_transpose2d` computes, only slower."


@exercise("4.4")
def decoder_of_images(answer, train, test):
    """A decoder, codes (N, 32) -> images (N, 1, 28, 28) with pixels in 0 to 1."""
    codes = torch.randn(6, 32, generator=torch.Generator().manual_seed(0))
    images, extreme = draw_codes(answer, codes), draw_codes(answer, 1000 * codes)
    low, high = extreme.min().item(), extreme.max().item()
    if high > 1.001 or low < -0.001:
        raise Mistake(
            f"The shape is right. But with large codes pixels run from {low:.3g} to {high:.3g}, "
            "and 0 is black and 1 is white. What squeezes any number into 0 to 1?"
        )
    if any(torch.allclose(images.sum(d), torch.ones(1), atol=1e-3) for d in (1, 2, 3, (2, 3))):
        raise Mistake(
            "Some of your pixels always add up to 1.00, whatever the code. Which activation "
            "treats each pixel on its own?"
        )
    fading = (extreme > 0) & (extreme < 1e-5)  # a sigmoid comes near 0 before it is 0
    if (extreme == 0).any() and not fading.any():
        raise Mistake(
            "Your last step cuts: what lies below 0 becomes exactly 0, with no gradient and no "
            "way back. What bends instead of cutting?"
        )
    if not images.isfinite().all() or extreme.std(dim=0).max() < 1e-3:
        raise Mistake(
            f"Six codes give pixels from {images.min():.2f} to {images.max():.2f}. They should "
            "lie between 0 and 1, and give six different drawings.",
            known=False,
        )
    return (
        "7 becomes 14 and then 28, and every pixel stays between 0 and 1. The first fault was "
        "loud. The second would have trained without a word, and perhaps to all black."
    )


@exercise("4.5")
def shifted_reconstruction(answer, train, test):
    """An objective: move the batch by -2 to 2 pixels, at random, and reconstruct what you see."""
    images, labels = test.images[:6].clone(), test.labels[:6]
    images[:, :, ::3, [0, -1]] = 0.7  # ink on both borders shows what becomes of it
    model = Autoencoder(nn.Identity(), Dim())
    outputs = [loss_of_answer(answer, model, images.clone(), labels.clone()) for _ in range(80)]
    dim = model.decoder.share.detach()
    losses = torch.stack([loss.detach().flatten()[0] for loss in outputs]).double()

    def shifts(loss_of, scale=1):
        """The shifts that explain all losses, if the loss at a shift is `loss_of(shift)`."""
        table = scale * torch.stack([loss_of(s) for s in range(-9, 10)]).double()
        near = (losses[:, None] / table - 1).abs()
        return set((near.argmin(1) - 9).tolist()) if near.amin(1).max() < 1e-4 else set()

    def draw_and_compare(move):
        return lambda s: F.mse_loss(dim * move(s), move(s))

    to_the_side = draw_and_compare(lambda s: images.roll(s, dims=-1))
    mistakes = {
        "You compare the drawing with the images in their old place. The model saw them moved: "
        "what should it give back?": lambda s: F.mse_loss(dim * images.roll(s, -1), images),
        "The model saw the images in their old place, and you moved them afterwards. What has to "
        "move first?": lambda s: F.mse_loss(dim * images, images.roll(s, -1)),
        "The images moved up or down. Which dimension of (N, 1, 28, 28) is the width?": (
            draw_and_compare(lambda s: images.roll(s, dims=-2))
        ),
        "What leaves a row on the right comes back in the next row. Which argument of `roll` "
        "keeps it in its row?": draw_and_compare(lambda s: images.roll(s)),
    }
    found = shifts(to_the_side) or shifts(draw_and_compare(lambda s: F.pad(images, (s, -s))))
    if not found:
        for text, loss_of in mistakes.items():
            if shifts(loss_of):
                raise Mistake(text)
        if any(shifts(to_the_side, scale) for scale in (6, 784, 6 * 784)):
            raise Mistake(
                f"Your loss is {losses[0]:.3g}, many times too large. Sum or mean over pixels?"
            )
        right = torch.stack([to_the_side(s) for s in range(-2, 3)])
        raise Mistake(
            f"For our model and six images your loss is {losses[0]:.4g}; it should lie between "
            f"{right.min():.4g} and {right.max():.4g}, depending on the shift.",
            known=False,
        )
    check_shifts(found)
    if not outputs[0].requires_grad:
        raise Mistake("The loss has no gradient. Which call works without one?")
    return (
        "Every batch now comes in one of five places, so the network meets digits that are not "
        "centred. You can hand this to `training.fit` as it is."
    )
