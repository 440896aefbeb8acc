"""Answers to the exercises of lesson 7."""

import numpy as np
import torch
import torch.nn.functional as F

from mnist_helpers import noise, objectives, training
from mnist_helpers.latent import fit_pca, reconstruct


def bank(train, test):
    return {
        "7.1": doing_nothing(test),
        "7.2": noise_on_the_target(),
        "7.3": loud_directions(train),
        "7.4": stale_noise(),
        "7.5": cross_table(),
        "7.6": fill_in(),
    }


def doing_nothing(test):
    x = test.images
    white, black = (1 - x).square().mean(), x.square().mean()
    right = 0.15 * (white + black)
    thrown = F.mse_loss(noise.salt_and_pepper(0.3)(x), x)
    flat = x.numpy().ravel().astype(np.float64)
    by_numpy = 0.3 * (0.5 * np.mean((1 - flat) ** 2) + 0.5 * np.mean(flat**2))
    return [right, right.item(), by_numpy, thrown, np.float32(right)], [
        (0.3 * (white + black), "lost *altogether*"),
        (0.3 * white, "every lost pixel becomes white"),
        (0.3 * black, "every lost pixel becomes black"),
        (0.15 * white, "that is the salt"),
        (0.15 * black, "that is the pepper"),
        (white + black, "not how likely"),
        ((white + black) / 2, "*all* pixels are lost"),
        (0.25, "score for Gaussian noise"),
        (0.09, "the share squared"),
        (0.3, "costs 1"),
        (0.15, "a difference without squares"),
        (right.sqrt(), "a root"),
        (3 * right, "too large"),
        (x.square(), "needs one number"),
    ]


def noise_on_the_target():
    def right(model, images, labels):
        noisy = images + 0.5 * torch.randn_like(images)
        return F.mse_loss(model(noisy), images)

    def by_hand(model, images, labels):
        spoiled = images + torch.normal(0.0, 0.5, images.shape)
        return ((model(spoiled) - images) ** 2).mean()

    def broken(model, images, labels):
        images = images + 0.5 * torch.randn_like(images)
        return F.mse_loss(model(images), images)

    def in_place(model, images, labels):
        clean = images
        images += 0.5 * torch.randn_like(images)
        return F.mse_loss(model(images), clean)

    def clean_in(model, images, labels):
        noisy = images + 0.5 * torch.randn_like(images)
        return F.mse_loss(model(images), noisy)

    def no_model(model, images, labels):
        return F.mse_loss(images + 0.5 * torch.randn_like(images), images)

    def not_compared(model, images, labels):
        noisy = images + 0.5 * torch.randn_like(images)
        model(noisy)
        return F.mse_loss(noisy, images)

    def even(model, images, labels):
        return F.mse_loss(model(images + 0.5 * torch.rand_like(images)), images)

    def same_for_all(model, images, labels):
        return F.mse_loss(model(images + 0.5 * torch.randn_like(images[:1])), images)

    def one_number(model, images, labels):
        shape = len(images), 1, 1, 1
        return F.mse_loss(model(images + 0.5 * torch.randn(shape)), images)

    def strong(model, images, labels):
        return F.mse_loss(model(images + torch.randn_like(images)), images)

    def squared(model, images, labels):
        return F.mse_loss(model(images + 0.25 * torch.randn_like(images)), images)

    def summed(model, images, labels):
        noisy = images + 0.5 * torch.randn_like(images)
        return F.mse_loss(model(noisy), images, reduction="sum")

    def absolute(model, images, labels):
        noisy = images + 0.5 * torch.randn_like(images)
        return F.l1_loss(model(noisy), images)

    def seeded(model, images, labels):
        torch.manual_seed(0)
        return right(model, images, labels)

    def no_return(model, images, labels):
        right(model, images, labels)

    return [right, by_hand, objectives.denoising(noise.gaussian(0.5))], [
        (broken, "compared with the *noisy* image"),
        (in_place, "changes the images"),
        (clean_in, "sees the clean images"),
        (objectives.reconstruction, "sees the clean images"),
        (no_model, "never asked"),
        (not_compared, "Where is the model's answer"),
        (even, "never below 0"),
        (same_for_all, "All images of a batch"),
        (one_number, "All pixels of an image"),
        (strong, "deviation 1"),
        (squared, "deviation 0.25"),
        (summed, "a sum over"),
        (absolute, "*absolute* difference"),
        (seeded, "Two calls put the same noise"),
        (no_return, "begin with `return`"),
        (lambda model, images, labels: ..., "of the starter"),
        (objectives.denoising(noise.gaussian(0.4)), "Which ones"),
        (objectives.denoising, "TypeError"),
        (0.25, "needs a function"),
    ]


def loud_directions(train):
    pca = fit_pca(train.images, 784)
    right = int((pca.explained_variance_ > 0.25).sum())
    variances = torch.from_numpy(pca.explained_variance_)
    keep = variances / (variances + 0.25)
    return [right, (keep > 0.5).sum(), float(right), right - 1], [
        (784 - right, "*less* than half"),
        ((variances > 0.5).sum(), "v is above 0.5"),
        ((variances.sqrt() > 0.25).sum(), "compare a *deviation*"),
        (784, "All of them"),
        (keep.sum() / 784, "a share"),
        ((variances > 0.15).sum(), "strength 0.15"),
        (3, "too few"),
        (400, "too many"),
        (keep, "needs one number"),
    ]


def stale_noise():
    own = torch.Generator().manual_seed(0)

    def fresh(images):
        return images + 0.5 * torch.randn_like(images)

    def one_generator(images):
        return images + 0.5 * torch.randn(images.shape, generator=own)

    def stale(images):
        generator = torch.Generator().manual_seed(0)
        return images + 0.5 * torch.randn(images.shape, generator=generator)

    def seeded(images):
        torch.manual_seed(0)
        return fresh(images)

    made_once = 0.5 * torch.randn(500, 1, 28, 28)

    def in_place(images):
        images += 0.5 * torch.randn_like(images)
        return images

    def one_for_all(images):
        return images + 0.5 * torch.randn(1, 1, 28, 28)

    def one_number(images):
        return images + 0.5 * torch.randn(len(images), 1, 1, 1)

    def even(images):
        return images + torch.rand_like(images)

    def cut(images):
        return fresh(images).clamp(0, 1)

    def noise_alone(images):
        return 0.5 * torch.randn_like(images)

    return [fresh, one_generator, noise.gaussian(0.5)], [
        (stale, "Two calls give the same noise"),
        (seeded, "Two calls give the same noise"),
        (lambda images: images + made_once[: len(images)], "Two calls give the same noise"),
        (in_place, "changes the images"),
        (one_for_all, "All images of a batch"),
        (one_number, "All pixels of an image"),
        (even, "never below 0"),
        (cut, "that nobody has cut"),
        (lambda images: images + torch.randn_like(images), "deviation 1"),
        (lambda images: images + 0.25 * torch.randn_like(images), "deviation 0.25"),
        (noise.gaussian(0.4), "Which ones"),
        (noise_alone, "Which ones"),
        (lambda images: images, "Where is the noise"),
        (lambda images: 0.5 * torch.randn(28, 28), "shape"),
        (lambda images: None, "begin with `return`"),
        (lambda images: ..., "of the starter"),
        (torch.randn(10), "needs a function"),
    ]


def cross_table():
    def filled(kind_of, network_of=lambda a, b: a, objective_of=objectives.denoising):
        def table(networks, kinds, digits):
            scores = {}
            for a in networks:
                for b in kinds:
                    objective = objective_of(kinds[kind_of(a, b)])
                    model = networks[network_of(a, b)]
                    (scores[a, b],) = training.evaluate(model, digits, objective).values()
            return scores

        return table

    def by_hand(networks, kinds, digits):
        return {
            (a, b): F.mse_loss(reconstruct(model, kind(digits.images)), digits.images)
            for a, model in networks.items()
            for b, kind in kinds.items()
        }

    def on_target(kind):
        def objective(model, images, labels):
            noisy = kind(images)
            return F.mse_loss(model(noisy), noisy)

        return objective

    def nested(networks, kinds, digits):
        scores = by_hand(networks, kinds, digits)
        return {a: {b: scores[a, b] for b in kinds} for a in networks}

    def diagonal(networks, kinds, digits):
        scores = by_hand(networks, kinds, digits)
        return {pair: score for pair, score in scores.items() if pair[0] == pair[1]}

    def rows(networks, kinds, digits):
        return list(by_hand(networks, kinds, digits).values())

    def doubled(networks, kinds, digits):
        return {k: 2 * v for k, v in by_hand(networks, kinds, digits).items()}

    def column(a, b):
        return b

    def row(a, b):
        return a

    return [filled(column), by_hand], [
        (filled(row), "its own noise in every column"),
        (filled(column, objective_of=on_target), "*noisy* test images"),
        (filled(column, objective_of=lambda kind: objectives.reconstruction), "are clean"),
        (filled(row, column), "changed places"),
        (filled(column, column), "*column* chooses the network"),
        (nested, "one for each pair"),
        (diagonal, "one for each pair"),
        (rows, "needs a dict"),
        (doubled, "call it by hand"),
        (lambda networks, kinds, digits: None, "begin with `return`"),
        (lambda networks, kinds, digits: ..., "of the starter"),
        ({}, "needs a function"),
    ]


def fill_in():
    def walk(put_in, noise_of=lambda guess, d: guess + d * torch.randn_like(guess)):
        def fill(model, known, mask, steps=50):
            y = torch.randn(known.shape)
            for deviation in torch.linspace(1, 0, steps + 1)[1:]:
                y = noise_of(put_in(reconstruct(model, y), known, mask), deviation)
            return y

        return fill

    def put(guess, known, mask):
        return torch.where(mask, known, guess)

    def by_product(model, known, mask, steps=50):
        y = torch.randn_like(known)
        for step in range(1, steps + 1):
            guess = model(y) * ~mask + known * mask
            y = guess + (1 - step / steps) * torch.randn_like(known)
        return guess

    def at_the_end(model, known, mask, steps=50):
        return put(walk(lambda guess, *_: guess)(model, known, mask, steps), known, mask)

    def after_the_noise(model, known, mask, steps=50):
        y = torch.randn(known.shape)
        for deviation in torch.linspace(1, 0, steps + 1)[1:]:
            y = put(reconstruct(model, y) + deviation * torch.randn_like(y), known, mask)
        return y

    def one_step(model, known, mask, steps=50):
        return put(reconstruct(model, torch.randn(known.shape)), known, mask)

    def full_noise(model, known, mask, steps=50):
        y = torch.randn(known.shape)
        for _ in range(steps):
            guess = put(reconstruct(model, y), known, mask)
            y = guess + torch.randn_like(y)
        return guess

    def cleaned_again(model, known, mask, steps=50):
        return reconstruct(model, walk(put)(model, known, mask, steps))

    return [walk(put), by_product], [
        (walk(lambda guess, known, mask: put(guess, known, ~mask)), "turned round"),
        (walk(lambda guess, *_: guess), "are not the known ones"),
        (cleaned_again, "are not the known ones"),
        (at_the_end, "its own guess in the upper half"),
        (after_the_noise, "without noise"),
        (walk(put, lambda guess, d: guess), "without noise"),
        (one_step, "How many steps"),
        (full_noise, "half as strong"),
        (lambda model, known, mask, steps: known * mask, "never asked"),
        (lambda model, known, mask, steps: None, "begin with `return`"),
        (lambda model, known, mask, steps: ..., "of the starter"),
        (lambda model, known, mask, steps: known[:1], "needs the shape"),
        (torch.zeros(8, 1, 28, 28), "needs a function"),
    ]
