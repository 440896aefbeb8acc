"""How the checks of lesson 3 try out the networks and functions that learners wrote."""

from copy import deepcopy

import torch
from torch import nn

from mnist_helpers.exercises import Mistake, describe, tensor


def new_network(answer):
    """A network of the learner's class.

    Raises:
        Mistake: it is no class of networks, or it cannot make one.
    """
    if isinstance(answer, nn.Module):
        raise Mistake(
            "That is one network, and `reset` needs the class, to make new ones. What is left "
            "without the parentheses?"
        )
    if not (isinstance(answer, type) and issubclass(answer, nn.Module)):
        raise Mistake(f"This needs the class; you gave {describe(answer)}.", known=False)
    try:
        return answer()
    except AttributeError as error:
        if "__init__() call" not in str(error):
            raise
        raise Mistake(
            "PyTorch cannot keep a layer before `super().__init__()` has run. Is that the first "
            "line of your `__init__`?"
        ) from None


def sent_through(part, inputs, name):
    """What this method makes of the inputs, a tensor; `name` is what learners call it."""
    try:
        out = part(inputs.clone())
    except RuntimeError as error:
        if "cannot be multiplied" not in str(error):
            raise
        raise Mistake(
            f"In `{name}` the shapes do not fit: {error}. {len(inputs)} images are {len(inputs)} "
            "rows of 784 numbers. Which layer makes them so, and keeps the first axis?"
        ) from None
    if out is ...:
        raise Mistake(f"`{name}` still says `...`. What should it give back?")
    if out is None:
        raise Mistake(f"`{name}` gives nothing back. Does it end with `return`?")
    if not isinstance(out, torch.Tensor):
        raise Mistake(f"`{name}` makes {describe(out)}, and no tensor.", known=False)
    return out


def louder(network, factor=10):
    """A copy whose weights are so much larger that its last layer is seen at its limits."""
    network = deepcopy(network).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network


def is_straight(decoder, size):
    """Whether a decoder is one weighted sum and a sigmoid: no bend between its layers."""
    decoder = louder(decoder, 0.5).double()
    a, b = torch.randn(2, 64, size, dtype=torch.double)
    with torch.no_grad():
        sums = [decoder(z).flatten(1).logit() for z in (a, b, a + b, 0 * a)]
    return torch.allclose(sums[0] + sums[1], sums[2] + sums[3], atol=1e-6)


def check_drawn_back(drawn, sums, bias):
    """Raise the mistake that shows in the drawing of a tied model; `sums` are z @ W."""
    known = [
        (sums + bias, "There is no sigmoid: your pixels run from {low:.1f} to {high:.1f}. "
         "What squeezes any number into 0 to 1?"),
        (sums, "Your pixels run from {low:.1f} to {high:.1f}, and `self.bias` plays no part. What "
         "else does a layer do with z @ W?"),
        (sums.sigmoid(), "`self.bias` plays no part in your drawing. Where does a layer add it?"),
        (sums.sigmoid() + bias, "Your pixels run from {low:.1f} to {high:.1f}, as the bias "
         "comes after the sigmoid. What keeps them between 0 and 1 then?"),
        ((sums + bias).relu(), "Your pixels reach {high:.1f}, and white is 1. What squeezes "
         "them?"),
    ]  # fmt: skip
    for wrong, text in known:
        if torch.allclose(drawn, wrong, atol=1e-4):
            raise Mistake(text.format(low=drawn.min(), high=drawn.max()))
    off = (drawn - (sums + bias).sigmoid()).abs().max().item()
    if not off < 1e-4:
        raise Mistake(
            f"With random weights, one of your pixels is off by {off:.2g}. What does z meet on "
            "its way back, what is added, and what squeezes the sum?",
            known=False,
        )


def cut_gradient(model, drawn, expected):
    """Whether the gradient of the weight differs between what was drawn and what should be."""
    weight = model.encoder.weight

    def slope(drawing):
        if not drawing.requires_grad:
            return torch.zeros_like(weight)
        (slope,) = torch.autograd.grad(drawing.square().sum(), weight, allow_unused=True)
        return torch.zeros_like(weight) if slope is None else slope

    return not torch.allclose(slope(drawn), slope(expected), rtol=1e-3, atol=1e-3)


def drawn_back(model, images):
    """The drawing of a tied model, (N, 784), still with its gradient."""
    try:
        drawn = model(images.clone())
    except (RuntimeError, AttributeError) as error:
        text = str(error)
        if "ellipsis" in text:
            raise Mistake("The missing line still says `...`. What draws from z?") from None
        if "cannot be multiplied" in text or "must match the size" in text:
            raise Mistake(
                f"The shapes do not fit: {text}. The codes are (N, 32), the weight of the "
                "encoder is (32, 784), and the drawing is (N, 784). Which way round?"
            ) from None
        raise
    tensor(drawn, images.shape)
    return drawn.flatten(1)


def verdicts(result, shape):
    """The verdicts of an alarm as (N,) bool, if they are that."""
    if result is None:
        raise Mistake("Your function gives nothing back. Does it end with `return`?")
    size = tuple(torch.as_tensor(result).shape)
    if size == ():
        raise Mistake(f"{shape[0]} images come in, and one verdict comes out. Over which axes is "
                      "the mean of an image?")  # fmt: skip
    if size in (tuple(shape), tuple(shape[1:]), (shape[0], 784)):
        raise Mistake(f"Your verdicts have the shape {size}: one per pixel. Is a pixel strange, or "
                      "an image?")  # fmt: skip
    if size != (shape[0],) and len(size) < 3:
        raise Mistake(f"{shape[0]} images need {shape[0]} verdicts; yours have the shape {size}. "
                      "Are these the places where it is True?")  # fmt: skip
    rings = tensor(result, (shape[0],))
    if not ((rings == 0) | (rings == 1)).all():
        raise Mistake(f"Your numbers run from {rings.min():.3g} to {rings.max():.3g}. A verdict is "
                      "True or False: above which limit?")  # fmt: skip
    return rings.bool()
