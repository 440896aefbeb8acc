"""The checks of lesson 8: codes that are drawn, divergence, spread, two broken programs, style."""

from math import log

import torch
import torch.nn.functional as F

from mnist_helpers.exercises import Mistake, compare, exercise, function, number, returned, tensor
from mnist_helpers.exercises.probes08 import (
    Labelled,
    Sharp,
    draws_and_learns,
    has_gradients,
    has_spread,
    parts_of_elbo,
    wrong_spreads,
)
from mnist_helpers.models import VariationalAutoencoder

LN_2 = log(2)


@exercise("8.1")
def draw_codes(answer, train, test):
    """A function (mean, log_variance): codes of these clouds, with gradients to both."""
    draw, images = function(answer), 4000
    for middle, variance in ((3.0, 0.25), (-2.0, 9.0)):
        mean = torch.full((images, 2), middle, requires_grad=True)
        log_variance = torch.full((images, 2), log(variance), requires_grad=True)
        z = returned(draw(mean, log_variance))
        codes = tensor(z, (images, 2))
        if codes.isnan().any():
            raise Mistake(
                "Some codes are NaN. A logarithm may be below 0, and a root of it has no value. "
                "Which function undoes a logarithm?"
            )
        spread = codes.std(dim=0).mean().item()
        if torch.equal(codes, mean.detach()):
            raise Mistake("Every code is the mean itself. Where are the dice?")
        if spread < 1e-3:
            raise Mistake(
                "All images got the same dice. Which shape must the random numbers have, if each "
                "image has its own?"
            )
        if abs(torch.corrcoef(codes.T)[0, 1]) > 0.9:
            raise Mistake(
                "Both numbers of a code got the same dice. Which shape must the random numbers "
                "have, if each number has its own?"
            )
        if torch.equal(codes, draw(mean, log_variance)):
            raise Mistake("Two calls give the same codes. Who sets the dice back?")
        has_spread(spread, variance)
        off = codes.mean().item() - middle
        if abs(off) > 0.15 * variance**0.5:
            raise Mistake(
                f"Your codes lie around {codes.mean():.2f}, and their mean should be {middle:.2f}. "
                "Around which number do your dice lie: `torch.rand` or `torch.randn`?"
            )
        has_gradients(z, mean, log_variance)
    return (
        "Another code in each call, the right spread, and gradients for both. The dice stand "
        "beside the network, so training sees straight through the drawing."
    )


@exercise("8.2")
def one_divergence(answer, train, test):
    """KL in nats from a cloud of mean 1.5 and standard deviation 0.5 to the standard normal."""
    value = number(answer)

    def kl(mean_squared=1.5**2, variance=0.5**2, log_variance=-2 * LN_2, one=1.0):
        return (variance + mean_squared - one - log_variance) / 2

    right = kl()
    have = f"You have {value:.4g}"
    compare(value, right, [
        (2 * right, f"{have}: twice too much. What stands in front of the bracket?"),
        (-right, f"{have}. A divergence is never below 0. Which way round are the signs?"),
        (kl(variance=0.5, log_variance=-LN_2), f"{have}: you took 0.5 for the variance. It is "
         "the standard deviation; what is the variance?"),
        (kl(log_variance=-LN_2), f"{have}: the variance is right, but its logarithm is not. Of "
         "which number is it taken?"),
        (kl(variance=0.5), f"{have}: the logarithm is right, but the variance is not. What is "
         "0.5 squared?"),
        (kl(log_variance=2 * LN_2), f"{have}: the logarithm comes in with the wrong sign. A "
         "cloud that is narrower than the prior must cost more, not less."),
        (kl(mean_squared=1.5), f"{have}: what happens to the mean in the formula?"),
        (kl(one=0.0), f"{have}. Try your formula on mean 0 and variance 1: it must give 0. What is "
         "missing?"),
        (kl(variance=1.5**2, mean_squared=0.5**2, log_variance=2 * log(1.5)), f"{have}: mean and "
         "standard deviation are swapped."),
        (kl(variance=2.718281828**0.5, log_variance=0.5), f"{have}: you took 0.5 for the *log* "
         "variance. It is the standard deviation."),
        (right / LN_2, f"{have}: that is in bits. What is it with the natural logarithm?"),
        (-LN_2 + (1 + 1.5**2) / (2 * 0.5**2) - 0.5, f"{have}: that is the divergence the other "
         "way round, from the prior to the cloud. Which one draws the codes?"),
    ], tolerance=0.002)  # fmt: skip
    return (
        f"≈ {1.5**2 / 2:.3f} nats are for lying off 0, and ≈ {right - 1.5**2 / 2:.3f} for being "
        "narrower than 1. An image pays for each number of its code, and only buys what helps."
    )


@exercise("8.3")
def steady_code(answer, train, test):
    """A function (model, images): the code that stays the same, which is the mean."""
    code, images = function(answer), test.images[:60]
    model = VariationalAutoencoder(3, hidden=(8,)).eval()
    with torch.no_grad():
        mean, log_variance = model.posterior(images)
        first = returned(code(model, images))
        if isinstance(first, tuple):
            raise Mistake("You return two tensors. Which of the two says where the cloud lies?")
        first, second = (tensor(z, (60, 3)) for z in (first, code(model, images)))
    if torch.allclose(first, mean, atol=1e-5):
        return (
            "The same image, the same code. `eval()` switches off what layers do in training, and "
            "`draw` is no layer: who wants no dice must not throw them."
        )
    if torch.allclose(first, log_variance, atol=1e-5):
        raise Mistake("That is the log variance: how wide each cloud is. Where does it lie?")
    if (first - mean).square().mean() < 0.1 * log_variance.exp().mean():
        raise Mistake(
            "You average several draws. The average tends to a number that the encoder has said "
            "already: which one?"
        )
    if torch.equal(first, second):
        raise Mistake(
            "The same dice in every call are dice still: the code is off by one draw, always the "
            "same. Which code needs none?"
        )
    raise Mistake(
        "Two calls on the same images give different codes. Which line throws dice, and does "
        "`eval()` know about it?"
    )


@exercise("8.4")
def spread_of_codes(answer, train, test):
    """A function (mean, log_variance): variance over images of each number of drawn codes."""
    spread = function(answer)
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(3000, 4, generator=generator) * torch.tensor([0.9, 0.6, 0.3, 0.05])
    wide = 0.4 + 1.2 * torch.rand(3000, 4, generator=generator)
    log_variance = (wide * torch.tensor([0.2, 0.6, 0.9, 1.0])).log()
    with torch.no_grad():
        value = returned(spread(mean.clone(), log_variance.clone()))
        value = tensor(value, (4,))
        again = tensor(spread(mean.clone(), log_variance.clone()), (4,))
    between, within = mean.var(dim=0), log_variance.exp().mean(dim=0)
    if not torch.equal(value, again):
        raise Mistake("Two calls differ, so you throw dice. Both parts can be had without.")
    if torch.allclose(value, between + within, rtol=0.003):
        return (
            "Spread of the means plus mean width of the clouds. Codes that are drawn as the means "
            "alone spread stay too close to the middle: a common mistake."
        )
    for mistaken, diagnosis in wrong_spreads(mean, log_variance):
        if torch.allclose(value, mistaken, rtol=0.003, atol=1e-4):
            raise Mistake(diagnosis)
    text = f"For the first number you have {value[0]:.4g}. Draw codes, and take their `var`."
    raise Mistake(f"{text} What is it made of?", known=False)


@exercise("8.5")
def balanced_loss(answer, train, test):
    """Repair the objective whose error is a mean over pixels, with the divergence a sum."""
    objective = function(answer)
    for images, labels in (test[:40], train[:30]):
        model = Sharp(images)
        loss = number(returned(objective(model, images, labels)))
        error, kl = parts_of_elbo(model, images)
        count, pixels, numbers = len(images), 784, 5
        squares = F.mse_loss(model.decode(model.mean), images, reduction="sum").item() / count
        compare(loss, error + kl, [
            (error / pixels + kl, f"You have {loss:.2f}. The divergence is a sum over the code, "
             "and the error is a mean over how many pixels?"),
            ((error + kl) / pixels, f"You have {loss:.3f}: the balance is right, and the network "
             "would learn. But the unit is nats per *pixel*: what is it per image?"),
            (error / pixels + kl / numbers, f"You have {loss:.2f}: two means now, one over the "
             "pixels and one over the code. A bound needs two sums."),
            (error + kl / numbers, f"You have {loss:.2f}: now the divergence is a mean over the "
             "code. Which of the two is a sum in the bound?"),
            (count * (error + kl), f"You have {loss:.4g}: a sum over the batch, which grows with "
             "its size. Over what is the mean?"),
            (count * error + kl, f"You have {loss:.4g}: the error is a sum over the whole batch, "
             "and the divergence a mean over its images."),
            (error + count * kl, f"You have {loss:.4g}: the divergence is a sum over the whole "
             "batch, and the error a mean over its images."),
            (error, f"You have {loss:.2f}: the error alone. What keeps the codes near the dice?"),
            (kl, f"You have {loss:.2f}: the divergence alone. What is to be drawn?"),
            (error - kl, f"You have {loss:.2f}: the divergence comes in with the wrong sign, so "
             "training would drive the clouds away."),
            (squares + kl, f"You have {loss:.2f}: the error is a sum of squares now. In the bound "
             "it is -log p(x | z), in nats."),
        ], tolerance=0.004)  # fmt: skip
    draws_and_learns(objective, *test[:400])
    return (
        "Two sums per image, in the same unit. A mean in place of one of them is a factor, here "
        "784: it makes the divergence that much dearer, and no number of a code pays for itself."
    )


@exercise("8.6")
def restyled(answer, train, test):
    """A function (model, images, labels, digit): `digit` in the style of each image."""
    restyle, model = function(answer), Labelled()
    images, labels, digit = test.images[:50], test.labels[:50], 7
    wanted = torch.full_like(labels, digit)
    with torch.no_grad():
        try:
            first = returned(restyle(model, images.clone(), labels.clone(), digit))
            first = tensor(first, (50, 1, 28, 28))
            again = tensor(restyle(model, images.clone(), labels.clone(), digit), first.shape)
        except (RuntimeError, TypeError) as error:
            raise Mistake(
                f"Your function ran into {type(error).__name__}: {str(error)[:120]}. `posterior` "
                "needs images and labels, `decode` codes and labels: one label, int64, for each "
                "image. Which of yours has another shape or type?"
            ) from None
        own, _ = model.posterior(images, labels)
        fooled, _ = model.posterior(images, wanted)
        if not torch.equal(first, again):
            raise Mistake(
                "Two calls draw different pictures. The style of an image is where its cloud lies, "
                "so take its mean."
            )
        for codes, asked, diagnosis in (
            (own, labels, "You draw the digits that were there already. Which label does the "
             "decoder need?"),
            (fooled, wanted, "You tell the encoder that every image shows the new digit, so it "
             "finds a strange style. Which label belongs to the image that it sees?"),
            (fooled, labels, "The two labels are swapped: the encoder sees the image of which "
             "digit, and the decoder shall draw which?"),
            (0 * own, wanted, "All images get the same code. Where does their style come in?"),
        ):  # fmt: skip
            if torch.allclose(first, model.decode(codes, asked), atol=1e-4):
                raise Mistake(diagnosis)
        if torch.allclose(first, model.decode(own, wanted), atol=1e-4):
            return (
                "The encoder is told what the image shows, so its code need not say it, and says "
                "how it is written. The decoder writes another digit in that hand."
            )
    raise Mistake("These are not the pictures of the images' own codes.", known=False)
