"""The checks of lesson 3: a dense autoencoder and its errors."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number, tensor
from mnist_helpers.exercises.probes import check_range, errors_of, fit_decoder, mean_drawer
from mnist_helpers.models import count_parameters


@exercise("3.1")
def tied_weights(answer, train, test):
    """A class of models whose way back, codes -> images, uses the weights of the way in."""
    images = test.images[:20]
    model = deepcopy(answer) if isinstance(answer, nn.Module) else function(answer)()
    if not isinstance(model, nn.Module) or not hasattr(model, "encoder"):
        raise Mistake(f"This needs the class; you gave {describe(answer)}.", known=False)
    learned = count_parameters(model)
    if learned >= 2 * 784 * 32:
        raise Mistake(
            f"Your model has {learned:,} numbers to learn, and a tied one has 25,904. Is there "
            "a second matrix for the way back?"
        )
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    weight, bias = model.encoder.weight.detach(), model.bias.detach()
    z = model.encoder(images.flatten(1)).detach()  # (20, 32)
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
    drawn = tensor(drawn, images.shape).flatten(1)
    sums = z @ weight
    known = [
        (sums + bias, "There is no sigmoid: your pixels run from {low:.1f} to {high:.1f}. What "
         "squeezes any number into 0 to 1?"),
        (sums, "Your pixels run from {low:.1f} to {high:.1f}, and `self.bias` plays no part. What "
         "else does a layer do with z @ W?"),
        (sums.sigmoid(), "`self.bias` plays no part in your drawing. Where does a layer add it?"),
        (sums.sigmoid() + bias, "Your pixels run from {low:.1f} to {high:.1f}, as the bias comes "
         "after the sigmoid. What keeps them between 0 and 1 then?"),
        ((sums + bias).relu(), "Your pixels reach {high:.1f}, and white is 1. What squeezes them?"),
    ]  # fmt: skip
    for wrong, text in known:
        if torch.allclose(drawn, wrong, atol=1e-4):
            raise Mistake(text.format(low=drawn.min(), high=drawn.max()))
    off = (drawn - (sums + bias).sigmoid()).abs().max().item()
    if not off < 1e-4:
        raise Mistake(
            f"With random weights, one of your pixels is off by {off:.2g}; at most 0.0001 is "
            "rounding. What does z meet on its way back, what is added, and what squeezes the sum?",
            known=False,
        )
    return (
        "One matrix, read forwards and backwards, and half of the numbers to learn. PCA, "
        "the rival of 3.10, also reads and draws with the same weights."
    )


@exercise("3.2")
def faint_digits(answer, train, test):
    """Predict the error of drawings at 50 % and 90 % brightness, as shares of a black page's."""
    half, nearly = tensor(answer, (2,)).tolist()
    black = test.images.square().mean().item()
    seen = f"You have {half:.3g} and {nearly:.3g}"
    known = [
        ((0.5, 0.1), "these are the misses. What does the MSE do with a miss before the mean?"),
        ((0.25, 0.81), "90 % is how bright a pixel is drawn. By how much does it miss?"),
        ((0.5, 0.9), "that is how bright the pixels are. By how much do they miss, and squared?"),
        ((0.75, 0.99), "that is what is gained over the black page. What is left?"),
        ((0.5**0.5, 0.1**0.5), "that is the root of the misses. Root or square?"),
        ((0.01, 0.25), "the right two numbers, in the wrong order. Which drawing is fainter?"),
        ((25, 1), "percent. What are they as shares, where a black page has 1?"),
        ((black / 4, black / 100), "these are the errors. What share of a black page's are they?"),
    ]
    right = (0.25, 0.01)
    if _near((half, nearly), right):
        return (
            "The miss counts with its square. So a perfect digit that is a quarter too faint costs "
            f"only a sixteenth of a black page, ≈ {black / 16:.4f}."
        )
    for wrong, text in known:
        if _near((half, nearly), wrong):
            raise Mistake(f"{seen}: {text}")
    raise Mistake(
        f"{seen}; the first should lie between 0.2 and 0.3, the second between 0 and 0.02. A white "
        "pixel that is drawn half as bright misses by 0.5. What is its squared error?",
        known=False,
    )


def _near(pair, other):
    return all(abs(a - b) <= 0.02 * abs(b) for a, b in zip(pair, other, strict=True))


@exercise("3.3")
def repair_decoder(answer, train, test):
    """A function latent_dim -> decoder that maps codes (N, latent_dim) to (N, 1, 28, 28)."""
    images = test.images[:64]
    decoder = deepcopy(answer) if isinstance(answer, nn.Module) else function(answer)(8)
    if not isinstance(decoder, nn.Module):
        raise Mistake(f"This needs a decoder; it is {describe(decoder)}.", known=False)
    first = next((m for m in decoder.modules() if isinstance(m, nn.Linear)), None)
    codes = torch.randn(64, first.in_features if first else 8)
    loud = deepcopy(decoder).eval()
    with torch.no_grad():
        for parameter in loud.parameters():
            parameter.mul_(10)  # so that the last layer is seen at its limits
        drawn = loud(codes)
    if drawn.shape != images.shape:
        raise Mistake(
            f"64 codes become {tuple(drawn.shape)}; images are (64, 1, 28, 28). Which layer "
            "makes an image out of 784 numbers?"
        )
    check_range(drawn, images)
    error = fit_decoder(decoder, codes, images)
    black = images.square().mean().item()
    if not error < 0.9 * black:
        raise Mistake(
            f"After 60 steps your drawings have the error {error:.3f}; it should lie below "
            f"{0.9 * black:.3f}, and a black page has {black:.3f}. Can each pixel be drawn on its "
            "own, and does a gradient get through?",
            known=False,
        )
    return (
        f"Each pixel is now free to be white on its own, and 60 steps bring the error to "
        f"≈ {error:.3f}. Softmax is for questions with one answer: which digit is it?"
    )


@exercise("3.4")
def grey_page(answer, train, test):
    """Test MSE of a page whose pixels all have the mean brightness of the training images."""
    value, level = number(answer), train.images.mean()

    def mse(page, images=test.images):
        return F.mse_loss(page.expand_as(images), images).item()

    right, own = mse(level), test.images.mean(dim=(1, 2, 3), keepdim=True)
    page = train.images.mean(dim=0, keepdim=True)
    level_text = "is the brightness of the page. How far is it from the pixels, squared?"
    known = [
        (level.item(), level_text),
        (mse(torch.zeros(1)), "is the error of a black page. How bright is your page?"),
        (mse(page), "is the error of the mean *image*. Has your page one brightness, or 784?"),
        (mse(own), "gives each test image a page of its own. Who is allowed to see that image?"),
        (mse(torch.tensor(0.5)), "belongs to a page of brightness 0.5. How bright are the images?"),
        (right**0.5, "is the root of the error. Does the MSE take a root?"),
        ((test.images - level).abs().mean().item(), "is the mean miss. What does the MSE square?"),
        (784 * right, "is the error per image. How many pixels share it?"),
        (65025 * right, "counts brightness from 0 to 255. Which range do our pixels have?"),
        ((page - level).square().mean().item(), "compares the page with the mean image. With what "
         "should it be compared?"),
        (train.images.var(correction=0).item(), "is the error on the training images. On "
         "which images are the rivals of 3.10 measured?"),
    ]  # fmt: skip
    mistakes = [(wrong, f"You have {value:.4g}: that {text}") for wrong, text in known]
    compare(value, right, mistakes, tolerance=0.001)
    return (
        f"Between all black (≈ {known[1][0]:.4f}) and the mean image (≈ {known[2][0]:.4f}): "
        "how bright helps a little, where helps more."
    )


@exercise("3.5")
def strange_images(answer, train, test):
    """A function (model, known, images) -> (N,) bool: drawn worse than 99 % of the known?"""
    alarm = function(answer)
    noise = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    digits, others = test.images[:399], test.images[400:600]
    images = torch.cat([others, noise, 1 - others[:20], (others[:40] + 0.5 * noise).clamp(0, 1)])
    model = mean_drawer(train)
    errors, misses = errors_of(model, images)
    wrong = None
    for known in (digits, torch.cat([digits, 1 - digits[:1]])):  # one known image is strange too
        theirs, their_misses = errors_of(model, known)
        low, high = theirs.sort().values[[-7, -3]]
        clear = (errors < low) | (errors > high)  # not where ways to take the 99 % may differ
        rings = _verdicts(alarm(model, known.clone(), images.clone()), images.shape)
        limit = theirs.quantile(0.99)
        if not torch.equal(rings[clear], (errors > limit)[clear]):
            wrong = (rings, clear, theirs, their_misses)
            break
    if wrong is None:
        return (
            "About one digit in a hundred will ring too: that is the price of 99 %. Another share "
            "trades false alarms for missed ones."
        )
    rings, clear, theirs, their_misses = wrong
    known_mistakes = [
        (errors < limit, "it rings for what is drawn well. Which side of the limit is strange?"),
        (errors > theirs.mean(), "the limit is the mean error of the known. How many of them lie "
         "above their mean?"),
        (errors > theirs.max(), "the limit is the worst of the known. What if one of them is "
         "strange itself?"),
        (errors > theirs.quantile(0.01), "99 % of the known would ring too. Which end is meant?"),
        (errors > errors.quantile(0.99), "it always rings for 1 % of what comes in. Whose errors "
         "should set the limit?"),
        (misses > their_misses.quantile(0.99), "it judges by the misses, and not by the MSE. What "
         "is missing before the mean?"),
        (errors > 0.99, "the limit is an error of 0.99. Is 99 % an error, or a share of images?"),
    ]  # fmt: skip
    count = f"Your alarm rings for {int(rings.sum())} of {len(images)} images"
    for variant, text in known_mistakes:
        if torch.equal(rings[clear], variant[clear]):
            raise Mistake(f"{count}: {text}")
    least, most = int((errors > high).sum()), int((errors >= low).sum())
    raise Mistake(
        f"{count}; it should be {least} to {most} of them, those with an error above {limit:.4f}. "
        "Have you one error for each image, and one limit from the known ones?",
        known=False,
    )


def _verdicts(result, shape):
    """The verdicts as (N,) bool, if they are that."""
    size = tuple(torch.as_tensor(result).shape) if result is not None else None
    if size == ():
        raise Mistake(f"{shape[0]} images come in, and one verdict comes out. Over which axes is "
                      "the mean of an image?")  # fmt: skip
    if size in (tuple(shape), tuple(shape[1:]), (shape[0], 784)):
        raise Mistake(f"Your verdicts have the shape {size}: one per pixel. Is a pixel strange, or "
                      "an image?")  # fmt: skip
    if size is not None and size != (shape[0],) and len(size) < 3:
        raise Mistake(f"{shape[0]} images need {shape[0]} verdicts; yours have the shape {size}. "
                      "Are these the places where it is True?")  # fmt: skip
    rings = tensor(result, (shape[0],))
    if not ((rings == 0) | (rings == 1)).all():
        raise Mistake(f"Your numbers run from {rings.min():.3g} to {rings.max():.3g}. A verdict is "
                      "True or False: above which limit?")  # fmt: skip
    return rings.bool()
