"""The checks of lesson 3: a dense autoencoder and its errors."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, tensor
from mnist_helpers.exercises.probes import check_range, errors_of, fit_decoder, mean_drawer
from mnist_helpers.exercises.probes03 import (
    check_drawn_back,
    check_learns,
    cut_gradient,
    drawn_back,
    is_straight,
    louder,
    new_network,
    page_and_error,
    sent_through,
    verdicts,
)
from mnist_helpers.models import count_parameters


@exercise("3.1")
def own_net(answer, train, test):
    """A class of networks, 784 -> 64 -> 784, with encode, decode and forward."""
    images = test.images[:64]
    net, other = new_network(answer), new_network(answer)
    if set(net.parameters()) & set(other.parameters()):
        raise Mistake(
            "Two networks of your class share their weights: what one learns, the other knows. "
            "Are the layers made inside `__init__`, or taken from outside?"
        )
    learned = count_parameters(net)
    if learned == 0:
        raise Mistake(
            "PyTorch finds no weights in your network. Are both parts stored as `self.` "
            "something, and is neither a plain list?"
        )
    with torch.no_grad():
        codes = sent_through(net.encode, images, "encode")
        if codes.shape != (64, 64):
            raise Mistake(f"64 images become codes of shape {tuple(codes.shape)}; 64 codes of 64 "
                          "numbers are (64, 64). How wide is your door?")  # fmt: skip
        if (codes >= 0).all():
            raise Mistake("No number in your codes is below 0; the layers of 3.3 allow that. "
                          "Which layer of yours cuts them off?")  # fmt: skip
        drawn = sent_through(net.decode, codes, "decode")
        if drawn.shape != images.shape:
            raise Mistake(f"64 codes become {tuple(drawn.shape)}; images are (64, 1, 28, 28). "
                          "Which layer makes an image out of 784 numbers?")  # fmt: skip
        whole = sent_through(net, images, "forward")
        if whole.shape != drawn.shape or not torch.allclose(whole, drawn, atol=1e-5):
            raise Mistake(f"`forward` gives the shape {tuple(whole.shape)}, and not what "
                          "decode(encode(images)) gives. Which step is missing?")  # fmt: skip
        check_range(louder(net)(images), images)
    if learned != 101_200:
        raise Mistake(
            f"Your network has {learned:,} numbers to learn; the layers of section 3.3 have "
            "101,200. Which layer is too many, too wide, or without its bias?"
        )
    check_learns(net, images)
    return (
        "101,200 numbers to learn, and each `Net()` starts with its own. Put `Net()` into `reset` "
        "below: everything down to section 3.6 then runs with your class."
    )


@exercise("3.2")
def faint_digits(answer, train, test):
    """Predict the error of drawings at 50 % and 90 % brightness, as shares of a black page's."""
    half, nearly = tensor(answer, (2,)).tolist()
    black = test.images.square().mean().item()
    pairs = [
        ((0.01, 0.25), "the right two numbers, in the wrong order. Which drawing is fainter?"),
        ((25, 1), "percent. What are they as shares, where a black page has 1?"),
        ((black / 4, black / 100), "these are the errors. What share of a black page's are they?"),
    ]
    for pair, text in pairs:
        if all(abs(a - b) <= 0.02 * b for a, b in zip((half, nearly), pair, strict=True)):
            raise Mistake(f"You have {half:.3g} and {nearly:.3g}: {text}")
    halves = [
        (0.5, "is the miss of a white pixel. What does the MSE do with a miss?"),
        (0.75, "is what is gained over the black page. What is left of its error?"),
        (0.5**0.5, "is the root of the miss. Root or square?"),
    ]
    nearlies = [
        (0.1, "is the miss of a white pixel. What does the MSE do with a miss?"),
        (0.9, "is how bright a pixel is drawn. By how much does it miss, and squared?"),
        (0.81, "is the brightness, squared. By how much does a pixel miss?"),
        (0.99, "is what is gained over the black page. What is left of its error?"),
        (0.1**0.5, "is the root of the miss. Root or square?"),
    ]
    for share, value, right, known in ((50, half, 0.25, halves), (90, nearly, 0.01, nearlies)):
        seen = f"At {share} % of the brightness you have {value:.3g}: that"
        compare(value, right, [(wrong, f"{seen} {text}") for wrong, text in known], tolerance=0.02)
    return (
        "The miss counts with its square. So a perfect digit that is a quarter too faint costs "
        f"only a sixteenth of a black page, ≈ {black / 16:.4f}."
    )


@exercise("3.3")
def repair_decoder(answer, train, test):
    """A function latent_dim -> decoder that maps codes (N, latent_dim) to (N, 1, 28, 28)."""
    images = test.images[:64]
    decoder = deepcopy(answer) if isinstance(answer, nn.Module) else function(answer)(8)
    if not isinstance(decoder, nn.Module):
        raise Mistake(f"This needs a decoder; it is {describe(decoder)}.", known=False)
    first = next((m for m in decoder.modules() if isinstance(m, nn.Linear)), None)
    size = first.in_features if first else 8
    codes = torch.randn(64, size)
    with torch.no_grad():
        drawn = louder(decoder)(codes)
    if drawn.shape != images.shape:
        raise Mistake(
            f"64 codes become {tuple(drawn.shape)}; images are (64, 1, 28, 28). Which layer "
            "makes an image out of 784 numbers?"
        )
    check_range(drawn, images)
    if is_straight(decoder, size):
        raise Mistake(
            "The end is right, but between code and sigmoid your decoder is now one weighted "
            "sum: its bend is gone. What stood between the two linear layers?"
        )
    error = fit_decoder(decoder, codes, images)
    black = images.square().mean().item()
    if not error < 0.9 * black:
        raise Mistake(
            f"After 60 steps your drawings have the error {error:.3f}, and a black page has "
            f"{black:.3f}. Can each pixel be drawn on its own, and does a gradient get through?",
            known=False,
        )
    return (
        f"Each pixel is now free to be white on its own, and 60 steps bring the error to "
        f"≈ {error:.3f}. Softmax is for questions with one answer: which digit is it?"
    )


@exercise("3.4")
def grey_page(answer, train, test):
    """Brightness and test MSE of a page as bright as the training images on average."""
    level, page, images = train.images.mean(), train.images.mean(dim=0), test.images
    right, own = F.mse_loss(level.expand_as(images), images).item(), images.mean().item()
    black, mean_image = images.square().mean().item(), (images - page).square().mean().item()
    brightness, error = page_and_error(answer, level.item(), right)
    seen = f"You have the brightness {brightness:.4g} and the error {error:.4g}: that"
    levels = [
        (own, f"{seen} brightness is the mean of the test images. Who may look at them before the "
         "page is painted?"),
        (right, f"{seen} brightness is an error. Which of the two comes first?"),
        (0, f"{seen} is a black page. How bright are the training images on average?"),
        (0.5, f"{seen} is a page halfway to white. How bright are the training images?"),
        (255 * level.item(), f"{seen} counts from 0 to 255. Which range do our pixels have?"),
    ]  # fmt: skip
    errors = [
        (black, "is the error of a black page. How bright is your page?"),
        (mean_image, "is the error of the mean *image*. Has your page one brightness, or 784?"),
        ((images - images.mean(dim=(1, 2, 3), keepdim=True)).square().mean().item(), "gives each "
         "test image a page of its own. Who is allowed to see that image?"),
        (right**0.5, "is the root of the error. Does the MSE take a root?"),
        ((images - level).abs().mean().item(), "is the mean miss. What does the MSE square?"),
        (784 * right, "is the error per image. How many pixels share it?"),
        ((page - level).square().mean().item(), "compares the page with the mean image. With what "
         "should it be compared?"),
        (train.images.var(correction=0).item(), "is the error on the training images. On which "
         "images are the rivals measured?"),
    ]  # fmt: skip
    compare(brightness, level.item(), levels, tolerance=0.001)
    compare(error, right, [(wrong, f"{seen} {text}") for wrong, text in errors], tolerance=0.001)
    nearer = "all black" if black - right < right - mean_image else "the mean image"
    return (
        f"Between all black (≈ {black:.4f}) and the mean image (≈ {mean_image:.4f}), and nearer "
        f"to {nearer}. How bright is one question, and where is another."
    )


@exercise("3.5")
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
    drawn = drawn_back(model, images)
    sums = model.encoder(images.flatten(1)) @ model.encoder.weight  # (20, 784)
    check_drawn_back(drawn, sums, model.bias)
    if cut_gradient(model, drawn, (sums + model.bias).sigmoid()):
        raise Mistake(
            "The drawing is right, but the weight does not learn from both ways: something such "
            "as `detach`, `data` or `no_grad` cuts the gradient. Which way back is cut?"
        )
    return (
        "One matrix, read forwards and backwards, and about half as many numbers to learn as with "
        "two. PCA also reads and draws with the same weights."
    )


@exercise("3.6")
def strange_images(answer, train, test):
    """A function (model, known, images) -> (N,) bool: drawn worse than 99 % of the known?"""
    alarm = function(answer)
    noise = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    digits, others = test.images[:399], test.images[400:600]
    images = torch.cat([others, noise, 1 - others[:20], (others[:40] + 0.5 * noise).clamp(0, 1)])
    model = mean_drawer(train)
    errors, misses = errors_of(model, images)
    for known in (digits, torch.cat([digits, 1 - digits[:1]])):  # one known image is strange too
        theirs, their_misses = errors_of(model, known)
        low, high = theirs.sort().values[[-7, -3]]
        clear = (errors < low) | (errors > high)  # not where ways to take the 99 % may differ
        rings = verdicts(alarm(model, known.clone(), images.clone()), images.shape)
        limit = theirs.quantile(0.99)
        if not torch.equal(rings[clear], (errors > limit)[clear]):
            break
    else:
        return (
            "About one digit in a hundred rings too: that is the price of 99 %. And where it does "
            'not ring, it has not said "digit": a blank page passes as well.'
        )
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
    more = "fewer" if (rings & (errors < low)).any() else "more"
    raise Mistake(f"{count}; it should be {more}. Have you one error for each image, and one limit "
                  "from the known ones?", known=False)  # fmt: skip
