"""The exercises of lesson 4: kernels, sizes, and what a decoder may draw."""

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake, compare, exercise, is_number, number, tensor
from mnist_helpers.exercises.probes import (
    Dim,
    check_shifts,
    draw_codes,
    edges,
    loss_of_answer,
    mean_ratio,
)
from mnist_helpers.exercises.probes04 import (
    EVERY_PLACE,
    FIELD_MISTAKES,
    check_stamp,
    check_way_up,
    drawn_moved,
    no_shift,
    own_shifts,
    shifts,
    stamp,
)
from mnist_helpers.models import Autoencoder


@exercise("4.1")
def parameters_of_a_convolution(answer, train, test):
    """Parameters of nn.Conv2d(3, 8, 5), for images of 28 x 28 and of 56 x 56."""
    if is_number(answer):
        raise Mistake(
            f"You give one number, {number(answer):g}, and two are asked for: for photos of "
            "28 × 28, and for photos of 56 × 56. Put both into a list. Do they differ?"
        )
    small, large = tensor(answer, (2,)).tolist()
    every_place = "has weights of its own for every place. What do all places of a map share?"
    three_maps = "has one table of 5 × 5 per output map. What does a kernel need for three maps?"
    mistakes = {
        8 * 3 * 25: "counts weights only. What does each output map add to its sum?",
        8 * 3 * 26: "gives each slice of a kernel its own bias. Is the bias added before or after "
        "the slices are summed into one output map?",
        8 * 25: three_maps,
        8 * 26: three_maps,
        3 * (8 * 25 + 1): "has three kernels of eight slices. How many maps go in, 3 or 8?",
        8 * (3 * 9 + 1): "belongs to kernels of 3 × 3. How large are these?",
        **dict.fromkeys(EVERY_PLACE, every_place),
        8 * 28 * 28: "is how many numbers the layer puts out. How many does it learn?",
    }
    if small in mistakes:
        raise Mistake(f"{small:g} {mistakes[small]}")
    compare(small, 8 * (3 * 25 + 1), [], tolerance=1e-6)
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
    if value != value:
        raise Mistake(
            "You have nan, as 0 / 0 gives. Pixel by pixel, both answers are often 0. What if you "
            "take both means first?"
        )
    if not 0.01 < value < 100:
        raise Mistake(
            f"You have {value:.4g}. Red and blue of a map cancel: its plain mean is almost zero. "
            "What must happen to the numbers before you take the mean?"
        )
    upright, level = edges(test.images[test.labels == 1])
    right = mean_ratio(upright, level)
    if abs(value - round(right, 1)) > 1e-6:  # one decimal, as the ✓ names it, is enough
        squares = mean_ratio(upright.square(), level.square())
        each = (upright.mean(dim=(1, 2, 3)) / level.mean(dim=(1, 2, 3))).mean().item()
        alone = "that is the strength of one answer. How many times as large is one as the other?"
        squared = "that compares squares. What makes a number positive and keeps its size?"
        mistakes = [
            (1 / right, "so level would beat upright. Which did you divide by which?"),
            (
                mean_ratio(*edges(test.images)),
                "that is what all digits score. Which belong in here?",
            ),
            *((side.sum().item() / (len(side) * 784), alone) for side in (upright, level)),
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
    pixel[1, 2] = 0.5
    kernel = torch.arange(1.0, 10).view(3, 3)
    alone, _ = stamp(answer, pixel, kernel, 3)
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
    if (row, column) == (6, 3):
        raise Mistake(
            "The pixel in row 1, column 2 is stamped as if it stood in row 2, column 1. `out` has "
            "rows first: which slice goes with `top`, which with `left`?"
        )
    if (row, column) != (3, 6):
        raise Mistake(
            f"The pixel in row 1, column 2 leaves its first trace in row {row}, column {column}. "
            "The stride is 3: where should its stamp begin?"
        )
    check_stamp(alone[3:6, 6:9], kernel)
    generator = torch.Generator().manual_seed(0)
    for side, width, stride in [(3, 3, 2), (4, 3, 1), (2, 4, 3), (5, 2, 1)]:
        image = torch.rand(side, side, generator=generator)
        kernel = torch.rand(width, width, generator=generator)
        out, right = stamp(answer, image, kernel, stride)
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
    check_way_up(answer, codes)
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
    if not images.isfinite().all() or extreme.std(dim=0).max() < 1e-3:
        raise Mistake(
            f"Six codes give pixels from {images.min():.2f} to {images.max():.2f}. They should "
            "lie between 0 and 1, and give six different drawings.",
            known=False,
        )
    if low > 0.4:
        raise Mistake(
            f"No pixel gets darker than {low:.2f}, whatever the code, and paper is 0. A sigmoid "
            "makes 0.5 of 0. What keeps it from getting anything below 0?"
        )
    if high < 0.6:
        raise Mistake(f"No pixel gets brighter than {high:.2f}, and ink is 1. What holds it down?")
    fading = (extreme > 0) & (extreme < 1e-5)  # a sigmoid comes near 0 before it is 0
    if (extreme == 0).any() and not fading.any():
        raise Mistake(
            "Your last step cuts: what lies below 0 becomes exactly 0, with no gradient and no "
            "way back. What bends instead of cutting?"
        )
    return (
        "The drawings are 28 x 28, and every pixel stays between 0 and 1. Two faults were loud. "
        "The third would have trained without a word, and perhaps to all black."
    )


@exercise("4.5")
def receptive_field(answer, train, test):
    """Width of the receptive field after convolutions of 3 x 3 with strides 2, 2 and 1."""
    if is_number(answer):
        raise Mistake(
            f"You give one number, {number(answer):g}, and three are asked for: one after each "
            "layer. Put them into a list."
        )
    seen = ", ".join(f"{value:g}" for value in torch.as_tensor(answer).flatten().tolist())
    if seen in FIELD_MISTAKES:
        raise Mistake(f"{seen} {FIELD_MISTAKES[seen]}")
    for value, right in zip(tensor(answer, (3,)).tolist(), (3, 7, 15)):
        compare(value, right, [], tolerance=1e-3)
    return (
        "Two places more each time, 1, 2 and then 4 pixels apart: strides that come early widen "
        "the field of all layers behind them."
    )


@exercise("4.6")
def shifted_reconstruction(answer, train, test):
    """An objective: move the batch by -2 to 2 pixels, at random, and reconstruct what you see."""
    images, labels = test.images[:3].clone(), test.labels[:3]
    images[:, :, ::3, [0, -1]] = 0.7  # ink on both borders shows what becomes of it
    model = Autoencoder(nn.Identity(), Dim())
    outputs = [loss_of_answer(answer, model, images.clone(), labels.clone()) for _ in range(80)]
    losses = torch.stack([loss.detach().flatten()[0] for loss in outputs]).double()
    dim = model.decoder.share.detach()
    moves = (lambda s: images.roll(s, dims=-1)), (lambda s: F.pad(images, (s, -s)))
    together = [found for move in moves if (found := shifts(losses, drawn_moved(dim, move)))]
    each = [found for move in moves if (found := own_shifts(losses, dim, move))]
    if not (together or each):
        raise no_shift(losses, dim, images)
    check_shifts((together or each)[0])
    if not outputs[0].requires_grad:
        raise Mistake("The loss has no gradient. Which call works without one?")
    if not together:
        return (
            "You move each image by an amount of its own, which is more than was asked: one batch "
            "now has digits in five places. You can hand this to `training.fit` as it is."
        )
    return (
        "Every batch now comes in one of five places, so the network meets digits that are not "
        "centred. You can hand this to `training.fit` as it is."
    )
