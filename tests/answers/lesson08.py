"""Answers to the exercises of lesson 8."""

from math import log

import numpy as np
import torch
import torch.nn.functional as F

from mnist_helpers import objectives


def bank(train, test):
    return {
        "8.1": draw_codes(),
        "8.2": one_divergence(),
        "8.3": steady_code(),
        "8.4": spread_of_codes(),
        "8.5": balanced_loss(),
        "8.6": restyled(),
    }


def draw_codes():
    def right(mean, log_variance):
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)

    def by_root(mean, log_variance):
        return mean + log_variance.exp().sqrt() * torch.randn(mean.shape)

    def library(mean, log_variance):
        return torch.distributions.Normal(mean, torch.exp(0.5 * log_variance)).rsample()

    def broken(mean, log_variance):
        return mean + log_variance * torch.randn_like(mean)

    def variance(mean, log_variance):
        return mean + log_variance.exp() * torch.randn_like(mean)

    def half_log(mean, log_variance):
        return mean + log_variance / 2 * torch.randn_like(mean)

    def root_of_log(mean, log_variance):
        return mean + log_variance.sqrt() * torch.randn_like(mean)

    def no_width(mean, log_variance):
        return mean + torch.randn_like(mean)

    def torch_normal(mean, log_variance):
        return torch.normal(mean, (log_variance / 2).exp())

    def sample(mean, log_variance):
        return torch.distributions.Normal(mean, (log_variance / 2).exp()).sample()

    def detached(mean, log_variance):
        return mean + (log_variance.detach() / 2).exp() * torch.randn_like(mean)

    def one_code(mean, log_variance):
        return mean + (log_variance / 2).exp() * torch.randn(mean.shape[1])

    def one_number(mean, log_variance):
        return mean + (log_variance / 2).exp() * torch.randn(len(mean), 1)

    def even(mean, log_variance):
        return mean + (log_variance / 2).exp() * torch.rand_like(mean)

    def even_wide(mean, log_variance):
        return mean + (log_variance / 2).exp() * (12**0.5) * torch.rand_like(mean)

    def seeded(mean, log_variance):
        torch.manual_seed(0)
        return right(mean, log_variance)

    def half_as_wide(mean, log_variance):
        return mean + 0.7 * (log_variance / 2).exp() * torch.randn_like(mean)

    return [right, by_root, library], [
        (broken, "What undoes a logarithm"),
        (half_log, "What undoes a logarithm"),
        (variance, "from a variance to a standard deviation"),
        (root_of_log, "NaN"),
        (no_width, "Where does it come in"),
        (torch_normal, "No gradient reaches `mean`"),
        (sample, "no gradient comes back"),
        (detached, "No gradient reaches `log_variance`"),
        (one_code, "All images got the same dice"),
        (one_number, "Both numbers of a code"),
        (even, "too small by a constant factor"),
        (even_wide, "Around which number do your dice lie"),
        (seeded, "Who sets the dice back"),
        (half_as_wide, "You have"),
        (lambda mean, log_variance: mean, "Where are the dice"),
        (lambda mean, log_variance: mean.clone(), "Where are the dice"),
        (lambda mean, log_variance: right(mean, log_variance).sum(dim=1), "shape (4000, 2)"),
        (lambda mean, log_variance: None, "begin with `return`"),
        (lambda mean, log_variance: ..., "of the starter"),
        (torch.zeros(4000, 2), "needs a function"),
    ]


def one_divergence():
    right = 0.5 * (0.25 + 2.25 - 1 - log(0.25))
    cloud = torch.distributions.Normal(torch.tensor(1.5), torch.tensor(0.5))
    prior = torch.distributions.Normal(torch.tensor(0.0), torch.tensor(1.0))
    library = torch.distributions.kl_divergence(cloud, prior)
    other_way = torch.distributions.kl_divergence(prior, cloud)
    return [right, round(right, 3), library, np.float64(right), torch.tensor([right])], [
        (2 * right, "twice too much"),
        (-right, "never below 0"),
        (0.5 * (0.5 + 2.25 - 1 - log(0.5)), "took 0.5 for the variance"),
        (0.5 * (0.25 + 2.25 - 1 - log(0.5)), "its logarithm is not"),
        (0.5 * (0.5 + 2.25 - 1 - log(0.25)), "but the variance is not"),
        (0.5 * (0.25 + 2.25 - 1 + log(0.25)), "wrong sign"),
        (0.5 * (0.25 + 1.5 - 1 - log(0.25)), "what happens to the mean"),
        (0.5 * (0.25 + 2.25 - log(0.25)), "it must give 0"),
        (0.5 * (2.25 + 0.25 - 1 - log(2.25)), "are swapped"),
        (objectives.divergence(torch.tensor([[1.5]]), torch.tensor([[0.5]])), "*log* variance"),
        (right / log(2), "in bits"),
        (other_way, "the other way round"),
        (1.3, "You have 1.3"),
        ([1.443], "needs one number"),
    ]


def steady_code():
    def right(model, images):
        mean, _ = model.posterior(images)
        return mean

    def broken(model, images):
        model.eval()
        return model.draw(*model.posterior(images))

    def seeded(model, images):
        torch.manual_seed(0)
        return broken(model, images)

    def averaged(model, images):
        return torch.stack([broken(model, images) for _ in range(100)]).mean(dim=0)

    def width(model, images):
        return model.posterior(images)[1]

    def narrow(model, images):
        mean, log_variance = model.posterior(images)
        return mean + 0.5 * (log_variance / 2).exp() * torch.randn_like(mean)

    return [right, lambda model, images: model.encode(images)], [
        (broken, "Which line throws dice"),
        (narrow, "Which line throws dice"),
        (seeded, "same dice in every call"),
        (averaged, "The average tends to"),
        (width, "how wide each cloud is"),
        (lambda model, images: model.posterior(images), "You return two tensors"),
        (lambda model, images: model(images), "shape (60, 3)"),
        (lambda model, images: None, "begin with `return`"),
        (lambda model, images: ..., "of the starter"),
        (torch.zeros(60, 3), "needs a function"),
    ]


def spread_of_codes():
    def right(mean, log_variance):
        return mean.var(dim=0) + log_variance.exp().mean(dim=0)

    def by_hand(mean, log_variance):
        apart = (mean - mean.mean(dim=0)).square().mean(dim=0)
        return [float(a + w) for a, w in zip(apart, log_variance.exp().mean(dim=0))]

    def by_deviation(mean, log_variance):
        width = (log_variance / 2).exp()
        return mean.std(dim=0) ** 2 + (width**2).sum(dim=0) / len(mean)

    def thrown(mean, log_variance):
        return (mean + (log_variance / 2).exp() * torch.randn_like(mean)).var(dim=0)

    def logs_first(mean, log_variance):
        return mean.var(dim=0) + log_variance.mean(dim=0).exp()

    def deviations(mean, log_variance):
        return mean.std(dim=0) + log_variance.exp().mean(dim=0).sqrt()

    def of_all(mean, log_variance):
        return mean.var() + log_variance.exp().mean()

    return [right, by_hand, by_deviation], [
        (lambda mean, log_variance: mean.var(dim=0), "the *means* alone"),
        (lambda mean, log_variance: log_variance.exp().mean(dim=0), "how far apart"),
        (logs_first, "average the *logarithms*"),
        (lambda mean, lv: mean.var(dim=0) + lv.mean(dim=0), "What undoes a logarithm"),
        (lambda mean, lv: mean.var(dim=0) + (lv / 2).exp().mean(dim=0), "may be added"),
        (deviations, "their roots do not"),
        (lambda mean, lv: right(mean, lv).sqrt(), "That is the standard deviation"),
        (lambda mean, lv: mean.mean(dim=0) + lv.exp().mean(dim=0), "the *mean* of the means"),
        (thrown, "you throw dice"),
        (lambda mean, lv: 2 * right(mean, lv), "take their `var`"),
        (of_all, "shape (4,)"),
        (lambda mean, lv: None, "begin with `return`"),
        (lambda mean, lv: ..., "of the starter"),
        (1.0, "needs a function"),
    ]


def balanced_loss():
    def terms(model, images):
        mean, log_variance = model.posterior(images)
        x_hat = model.decode(model.draw(mean, log_variance))
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(dim=1).mean()
        return x_hat, kl, F.binary_cross_entropy(x_hat, images)

    def right(model, images, labels):
        x_hat, kl, _ = terms(model, images)
        return F.binary_cross_entropy(x_hat, images, reduction="sum") / len(images) + kl

    def times_pixels(model, images, labels):
        return 784 * terms(model, images)[2] + terms(model, images)[1]

    def per_image(model, images, labels):
        x_hat, kl, _ = terms(model, images)
        errors = F.binary_cross_entropy(x_hat, images, reduction="none").flatten(1).sum(dim=1)
        return (errors + kl).mean()

    def broken(model, images, labels):
        return terms(model, images)[2] + terms(model, images)[1]

    def per_pixel(model, images, labels):
        return terms(model, images)[2] + terms(model, images)[1] / 784

    def two_means(model, images, labels):
        return terms(model, images)[2] + terms(model, images)[1] / 5

    def mean_of_code(model, images, labels):
        return 784 * terms(model, images)[2] + terms(model, images)[1] / 5

    def whole_batch(model, images, labels):
        return len(images) * right(model, images, labels)

    def error_of_batch(model, images, labels):
        x_hat, kl, _ = terms(model, images)
        return F.binary_cross_entropy(x_hat, images, reduction="sum") + kl

    def kl_of_batch(model, images, labels):
        _, kl, pixel = terms(model, images)
        return 784 * pixel + kl * len(images)

    def squares(model, images, labels):
        x_hat, kl, _ = terms(model, images)
        return F.mse_loss(x_hat, images, reduction="sum") / len(images) + kl

    def with_codes(draw):
        def objective(model, images, labels):
            _, kl, _ = terms(model, images)
            x_hat = model.decode(draw(*model.posterior(images)))
            return F.binary_cross_entropy(x_hat, images, reduction="sum") / len(images) + kl

        return objective

    def deaf(model, images, labels):
        return 784 * terms(model, images)[2] + terms(model, images)[1].detach()

    def minus(model, images, labels):
        return 784 * terms(model, images)[2] - terms(model, images)[1]

    return [right, times_pixels, per_image, objectives.negative_elbo()], [
        (broken, "mean over how many pixels"),
        (with_codes(lambda mean, width: mean), "decode the *means*"),
        (
            with_codes(lambda mean, width: torch.normal(mean, (width / 2).exp())),
            "No gradient reaches",
        ),
        (
            with_codes(lambda mean, width: mean + width.exp() * torch.randn_like(mean)),
            "from a variance to",
        ),
        (deaf, "how wide its clouds should be"),
        (per_pixel, "nats per *pixel*"),
        (two_means, "two means now"),
        (mean_of_code, "a mean over the code"),
        (whole_batch, "grows with its size"),
        (error_of_batch, "the error is a sum over the whole batch"),
        (kl_of_batch, "the divergence is a sum over the whole batch"),
        (squares, "sum of squares"),
        (minus, "wrong sign"),
        (lambda model, images, labels: 784 * terms(model, images)[2], "the error alone"),
        (lambda model, images, labels: terms(model, images)[1], "the divergence alone"),
        (objectives.negative_elbo(4), "You have"),
        (lambda model, images, labels: None, "begin with `return`"),
        (lambda model, images, labels: ..., "of the starter"),
        (0.5, "needs a function"),
    ]


def restyled():
    def right(model, images, labels, digit):
        mean, _ = model.posterior(images, labels)
        return model.decode(mean, torch.full_like(labels, digit))

    def shorter(model, images, labels, digit):
        return model.decode(model.posterior(images, labels)[0], 0 * labels + digit)

    def same_label(model, images, labels, digit):
        return model.decode(model.posterior(images, labels)[0], labels)

    def fooled(model, images, labels, digit):
        return right(model, images, torch.full_like(labels, digit), digit)

    def swapped(model, images, labels, digit):
        mean, _ = model.posterior(images, torch.full_like(labels, digit))
        return model.decode(mean, labels)

    def drawn(model, images, labels, digit):
        z = model.draw(*model.posterior(images, labels))
        return model.decode(z, torch.full_like(labels, digit))

    def dice(model, images, labels, digit):
        return model.decode(torch.randn(len(images), 20), torch.full_like(labels, digit))

    def no_style(model, images, labels, digit):
        return model.decode(torch.zeros(len(images), 20), torch.full_like(labels, digit))

    def width(model, images, labels, digit):
        _, log_variance = model.posterior(images, labels)
        return model.decode(log_variance + 1, torch.full_like(labels, digit))

    def one_label(model, images, labels, digit):
        return model.decode(model.posterior(images, labels)[0], torch.tensor([digit]))

    def number(model, images, labels, digit):
        return model.decode(model.posterior(images, labels)[0], digit)

    def floats(model, images, labels, digit):
        wanted = torch.full((len(images),), float(digit))
        return model.decode(model.posterior(images, labels)[0], wanted)

    return [right, shorter], [
        (same_label, "Which label does the decoder need"),
        (fooled, "a strange style"),
        (swapped, "The two labels are swapped"),
        (drawn, "so take its mean"),
        (dice, "so take its mean"),
        (no_style, "All images get the same code"),
        (width, "not the pictures"),
        (one_label, "one label, int64, for each image"),
        (number, "one label, int64, for each image"),
        (floats, "one label, int64, for each image"),
        (lambda model, images, labels, digit: model.posterior(images, labels)[0], "shape (50, 1"),
        (lambda model, images, labels, digit: None, "begin with `return`"),
        (lambda model, images, labels, digit: ..., "of the starter"),
        (torch.zeros(50, 1, 28, 28), "needs a function"),
    ]
