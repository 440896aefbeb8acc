"""How the checks of lesson 3 try out the networks and functions that learners wrote."""

from copy import deepcopy

import torch
from torch import nn

from mnist_helpers.exercises import Mistake, describe, is_number, number, returned, tensor


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
        network = answer()
    except AttributeError as error:
        if "__init__() call" not in str(error):
            raise
        raise Mistake(
            "PyTorch cannot keep a layer before `super().__init__()` has run. Is that the first "
            "line of your `__init__`?"
        ) from None
    for name in ("encode", "decode"):
        if not hasattr(network, name):
            raise Mistake(f"Your class has no `{name}`. Which three methods are asked for?")
    return network


def sent_through(part, inputs, name):
    """What this method makes of the inputs, a tensor; `name` is what learners call it."""
    hints = {
        "encode": f"{len(inputs)} images are {len(inputs)} rows of 784 numbers. What makes them "
        "so, once, and keeps the first axis?",
        "decode": "The codes are (64, 64). What does your first layer expect?",
        "forward": "`encode` and `decode` work, each alone. Does `forward` call one, and give "
        "what comes out to the other?",
    }
    try:
        out = part(inputs.clone())
    except (RuntimeError, IndexError) as error:
        if "cannot be multiplied" not in str(error) and "out of range" not in str(error):
            raise
        raise Mistake(f"In `{name}` the shapes do not fit: {error}. {hints[name]}") from None
    if out is ...:
        raise Mistake(f"`{name}` still says `...`. What should it give back?")
    returned(out, f"`{name}` gives nothing back. Does it end with `return`?")
    if not isinstance(out, torch.Tensor):
        raise Mistake(f"`{name}` makes {describe(out)}, and no tensor.", known=False)
    return out


def check_learns(net, images):
    """Raise the mistake if the loss of the whole network does not reach every weight."""
    loss = net(images).square().mean()
    weights = dict(net.named_parameters())
    slopes = [None] * len(weights)
    if loss.requires_grad:
        slopes = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    cut = [name for name, slope in zip(weights, slopes) if slope is None or not slope.any()]
    if cut:
        raise Mistake(
            f"The shapes are right, but no gradient reaches `{cut[0]}`, so it would never learn. "
            "Which `no_grad`, `detach` or `data` cuts the way back?"
        )


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


def page_and_error(answer, level, mse):
    """The two numbers of a grey page, if the answer is that; level and mse are the right ones.

    A number that is right to three or four decimals comes back as the right one.
    """
    if is_number(answer):
        raise Mistake(f"You have one number, {number(answer):.4g}. How bright is the page, and "
                      "what is its error? Give both, in this order.")  # fmt: skip
    parts = answer if isinstance(answer, (list, tuple)) else []
    if any(isinstance(part, torch.Tensor) and part.numel() == 784 for part in parts):
        raise Mistake("One of your two has 784 numbers. Has the page one brightness, or 784?")
    pairs = zip(tensor(answer, (2,)).tolist(), (level, mse), strict=True)
    return [
        right if any(abs(value - round(right, places)) < 1e-6 for places in (3, 4)) else value
        for value, right in pairs
    ]


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
    returned(result, "Your function gives nothing back. Does it end with `return`?")
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
