"""What the checks of lesson 4 look for in stamps, decoders and shifted losses."""

from copy import deepcopy
from itertools import product

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake
from mnist_helpers.exercises.probes import stamp_both

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)

# Parameters of exercise 4.1 if nothing were shared: kernels for each place, or a dense layer.
EVERY_PLACE = (8 * 75 * 784, 8 * 76 * 784, 8 * (75 * 784 + 1), 8 * 784 * 3 * 784, 8 * 784 * 2353)

# Wrong widths of the receptive field after strides 2, 2 and 1 -> what they tell.
FIELD_MISTAKES = {
    "3, 5, 9, 17": "belongs to the encoder of section 4.8. Which strides has this one?",
    "3, 5, 9": "begins with a stride of 1, as section 4.8 does. Which stride comes first here?",
    "1, 3, 7": "is what the numbers that go *into* each layer have seen. And those that come out?",
    "3, 5, 7": "is right for strides of 1. How many pixels lie between two neighbours of the "
    "first map, when its kernel moves by 2?",
    "3, 6, 9": "adds a whole kernel each time. Its middle is there already: how many places "
    "does a kernel of 3 add?",
    "3, 9, 21": "adds three places each time. One of them is there already: how many are new?",
    "3, 9, 27": "multiplies kernels, as if those of neighbours did not overlap. How many places "
    "does a kernel of 3 add, and how far apart do they lie?",
    "3, 7, 11": "takes only the stride of the layer before. Do earlier strides count too?",
    "5, 13, 21": "counts the stride of the layer itself. Does the step to the next place change "
    "what *this* place sees?",
    "14, 7, 7": "is how large the maps are. How much of the image does one number see?",
    "9, 49, 225": "counts all pixels of the square. How wide is it?",
    "15, 7, 3": "runs the other way. Which layer sees least?",
}


def stamp(answer, image, kernel, stride):
    """What the learner's function stamps, and what torch does; slices that do not fit explained."""
    try:
        return stamp_both(answer, image, kernel, stride)
    except IndexError:
        raise Mistake(
            "Your loop asks for a pixel that is not there. `top` and `left` count rows and columns "
            "of `out`: which numbers count those of `image`?"
        ) from None
    except RuntimeError as error:
        if "must match" not in str(error):
            raise
        raise Mistake(
            f"The stamp of a {len(kernel)} × {len(kernel)} kernel does not fit the part of `out` "
            "that you chose. `out[a:b, c:d]` has b - a rows and d - c columns: how many has yours?"
        ) from None


def check_stamp(stamp, kernel):
    """Raise the mistake that shows in what one pixel of 0.5 leaves, (3, 3)."""
    if torch.allclose(stamp, 0.5 * kernel, atol=1e-5):
        return
    if torch.allclose(stamp, stamp[0, 0].expand(3, 3), atol=1e-5):
        raise Mistake(
            f"A pixel of 0.5 and the kernel 1 to 9 leave nine times {stamp[0, 0]:.2g}. What "
            "has the kernel to do with the stamp?"
        )
    if torch.allclose(stamp, 0.5 * kernel.flip(0, 1), atol=1e-5):
        raise Mistake("The stamp is there, but in reverse order. Why turn the kernel?")
    if torch.allclose(stamp, 0.5 * kernel.T, atol=1e-5):
        raise Mistake("The stamp is there, but its rows are the columns of the kernel. Why?")
    raise Mistake(
        f"A pixel of 0.5 and the kernel 1 to 9 leave {stamp.tolist()}. What becomes of each number "
        "of the kernel?",
        known=False,
    )


def check_way_up(answer, codes):
    """Raise the mistake of a decoder that has no convolutions, or stretches what they draw."""
    decoder = deepcopy(answer)
    network = getattr(decoder, "__self__", decoder)  # of a bound method, such as model.decode
    if not isinstance(network, nn.Module):
        return
    if all(weights.dim() < 4 for weights in network.parameters()):
        raise Mistake(
            "The drawings have the right shape, but no convolution made them: each pixel has a "
            "weight of its own for every number. How did the 16 maps of 7 × 7 grow before?"
        )
    sides, stretched = [], []

    def note(layer, inputs, maps):
        before, after = inputs[0].shape[-1], maps.shape[-1]
        if isinstance(layer, CONVOLUTIONS):
            sides.append(after)
        elif after % before:
            stretched.append((before, after))

    for layer in network.modules():
        if isinstance(layer, (*CONVOLUTIONS, nn.Upsample)):
            layer.register_forward_hook(note)
    network.eval()
    with torch.no_grad():
        decoder(codes)
    for before, after in stretched:
        raise Mistake(
            f"Something stretches {before} pixels to {after}, so they no longer lie where a stride "
            "put them. Which argument of the layer before adds the missing row?"
        )
    if sides and sides[-1] < 28:
        raise Mistake(
            f"Your last convolution draws {sides[-1]} pixels a side, and only then they are made "
            "28. Which step up is short of a row, and which argument adds it?"
        )


def shifts(losses, loss_of, scale=1):
    """The shifts that explain all losses, if the loss at a shift is `loss_of(shift)`."""
    table = scale * torch.stack([loss_of(s) for s in range(-9, 10)]).double()
    near = (losses[:, None] / table - 1).abs()
    return set((near.argmin(1) - 9).tolist()) if near.amin(1).max() < 1e-4 else set()


def own_shifts(losses, dim, move):
    """The shifts that explain all losses, if each image of a batch has one of its own."""
    gaps = [(dim * moved - moved).square().mean((1, 2, 3)) for moved in map(move, range(-3, 4))]
    choices = torch.tensor(list(product(range(-3, 4), repeat=len(gaps[0]))))  # (343, 3)
    table = torch.stack(gaps).double()[choices + 3, torch.arange(len(gaps[0]))].mean(dim=1)
    near = (losses[:, None] / table - 1).abs()
    return set(choices[near.argmin(1)].flatten().tolist()) if near.amin(1).max() < 1e-6 else set()


def drawn_moved(dim, move):
    """The loss at a shift, as the exercise asks for it."""
    return lambda s: F.mse_loss(dim * move(s), move(s))


def no_shift(losses, dim, images):
    """The mistake in losses that no shift to the side explains."""
    to_the_side = drawn_moved(dim, lambda s: images.roll(s, dims=-1))
    mistakes = {
        "You compare the drawing with the images in their old place. The model saw them moved: "
        "what should it give back?": lambda s: F.mse_loss(dim * images.roll(s, -1), images),
        "The model saw the images in their old place, and you moved them afterwards. What has to "
        "move first?": lambda s: F.mse_loss(dim * images, images.roll(s, -1)),
        "The images moved up or down. Which dimension of (N, 1, 28, 28) is the width?": (
            drawn_moved(dim, lambda s: images.roll(s, dims=-2))
        ),
        "What leaves a row on the right comes back in the next row. Which argument of `roll` "
        "keeps it in its row?": drawn_moved(dim, lambda s: images.roll(s)),
    }
    for text, loss_of in mistakes.items():
        if shifts(losses, loss_of):
            return Mistake(text)
    count = len(images)
    if any(shifts(losses, to_the_side, scale) for scale in (count, 784, count * 784)):
        return Mistake(
            f"Your loss is {losses[0]:.3g}, many times too large. Sum or mean over pixels?"
        )
    return Mistake(
        f"For our model and {count} images your loss is {losses[0]:.4g}, and no shift of the "
        "images explains that. Is it the mean squared error between the moved images and "
        "what the model makes of these?",
        known=False,
    )
