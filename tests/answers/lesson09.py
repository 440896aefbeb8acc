"""Answers to the exercises of lesson 9."""

import torch
import torch.nn.functional as F

from mnist_helpers import generating


def bank(train, test):
    return {
        "9.1": frechet_of_numbers(),
        "9.2": one_step(),
        "9.3": straight_path(),
        "9.4": guided(),
        "9.5": fair_judge(),
    }


def frechet_of_numbers():
    gaps = torch.tensor(2.0 - 5) ** 2 + (torch.tensor(1.0).sqrt() - torch.tensor(9.0).sqrt()) ** 2
    return [13, gaps, 9 + 1 + 9 - 2 * 9**0.5], [
        (73, "gap of the *variances*"),
        (9 + 2, "too small"),
        (7, "not squared"),
        (5, "Both gaps are there"),
        (19, "Which term is missing"),
        (16, "taken once or twice"),
        (9, "What do the variances add"),
        (4, "What do the means add"),
        (9 + 1 + 9 - 2 * 9, "the product of the variances"),
        (13**0.5, "without a last root"),
        (25, "Which sign"),
        ([9, 4], "needs one number"),
    ]


def one_step():
    def step_of(
        *, cut=True, cut_g=False, zero=True, late_zero=True, sign=1, real=1, order="d",
        saturating=False, moves="dg",
    ):  # fmt: skip
        def step(generator, discriminator, optimizer_g, optimizer_d, images):
            if zero:
                optimizer_g.zero_grad(), optimizer_d.zero_grad()
            drawn = generator(torch.randn(len(images), 64))
            seen = drawn.detach() if cut else drawn
            loss_d = F.softplus(-real * discriminator(images)).mean()
            loss_d = loss_d + F.softplus(real * discriminator(seen)).mean()
            loss_d.backward(retain_graph=True)
            if order == "d" and "d" in moves:
                optimizer_d.step()
            score = discriminator(drawn.detach() if cut_g else drawn)
            loss_g = -F.softplus(score).mean() if saturating else F.softplus(-sign * score).mean()
            if cut_g and cut:
                return
            loss_g.backward()
            if order != "d":
                optimizer_d.step()
            if "g" in moves:
                optimizer_g.step()

        return step

    def library(generator, discriminator, optimizer_g, optimizer_d, images):
        """Cross-entropy of PyTorch, and new noise for each network."""
        real, drawn_label = torch.ones(len(images), 1), torch.zeros(len(images), 1)
        with torch.no_grad():
            drawn = generator(torch.randn(len(images), 64))
        cost = F.binary_cross_entropy_with_logits
        loss_d = cost(discriminator(images), real) + cost(discriminator(drawn), drawn_label)
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        cost(discriminator(generator(torch.randn(len(images), 64))), real).backward()
        optimizer_g.step()

    def generator_first(generator, discriminator, optimizer_g, optimizer_d, images):
        optimizer_g.zero_grad()
        drawn = generator(torch.randn(len(images), 64))
        F.softplus(-discriminator(drawn)).mean().backward()
        optimizer_g.step()
        optimizer_d.zero_grad()
        loss = F.softplus(-discriminator(images)) + F.softplus(discriminator(drawn.detach()))
        loss.mean().backward()
        optimizer_d.step()

    def sums(generator, discriminator, optimizer_g, optimizer_d, images):
        drawn = generator(torch.randn(len(images), 64))
        loss = F.softplus(-discriminator(images)) + F.softplus(discriminator(drawn.detach()))
        optimizer_d.zero_grad()
        loss.sum().backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        F.softplus(-discriminator(drawn)).sum().backward()
        optimizer_g.step()

    def answer_cut(generator, discriminator, optimizer_g, optimizer_d, images):
        drawn = generator(torch.randn(len(images), 64))
        loss = F.softplus(-discriminator(images)) + F.softplus(discriminator(drawn).detach())
        optimizer_d.zero_grad()
        loss.mean().backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        F.softplus(-discriminator(drawn)).mean().backward()
        optimizer_g.step()

    return [step_of(), library, generator_first], [
        (answer_cut, "learns nothing from the drawings"),
        (step_of(cut=False), "sum of both losses"),
        (step_of(cut_g=True), "The generator does not move"),
        (step_of(cut=False, cut_g=True), "which of the two losses"),
        (step_of(moves="g"), "The discriminator does not move"),
        (step_of(moves="d"), "The generator does not move"),
        (step_of(sign=-1), "to be found out"),
        (step_of(real=-1), "takes real for drawn"),
        (step_of(order="late"), "are left in it"),
        (step_of(saturating=True), "with the sign turned"),
        (step_of(zero=False), "does not move along"),
        (sums, "a mean over the batch"),
        (lambda *five: ..., "of the starter"),
        (lambda images: None, "TypeError"),
        (0.5, "needs a function"),
    ]


def straight_path():
    def right(model, codes, labels):
        noise, t = torch.randn_like(codes), torch.rand(len(codes), 1)
        return F.mse_loss(model((1 - t) * noise + t * codes, t, labels), codes - noise)

    def by_numbers(model, codes, labels):
        noise, t = torch.randn(codes.shape), torch.rand_like(codes[:, 0])[:, None]
        guess = model(noise + t * (codes - noise), t, labels)
        return (guess - (codes - noise)).square().mean().item()

    def made(times=None, noise=None, swap=False, target=None, reduction="mean", others=False):
        def matching(model, codes, labels):
            n = (noise or torch.randn_like)(codes)
            t = (times or (lambda c: torch.rand(len(c), 1)))(codes)
            place = t * n + (1 - t) * codes if swap else (1 - t) * n + t * codes
            labels = torch.zeros_like(labels) if others else labels
            aim = (target or (lambda c, n: c - n))(codes, n)
            return F.mse_loss(model(place, t, labels), aim, reduction=reduction)

        return matching

    def one_time(codes):
        return torch.rand(1).expand(len(codes), 1)

    def summed(model, codes, labels):
        return codes.shape[1] * right(model, codes, labels)

    return [right, by_numbers, made()], [
        (made(times=one_time, swap=True), "How many times must"),
        (made(times=one_time), "How many times must"),
        (made(times=lambda codes: torch.rand(len(codes))[:, None].expand_as(codes)), "the shape"),
        (made(times=lambda codes: torch.rand(())), "the shape ()"),
        (made(times=lambda codes: torch.full((len(codes), 1), 0.5)), "How many times must"),
        (made(times=lambda codes: torch.randn(len(codes), 1)), "spread evenly"),
        (made(times=lambda codes: torch.rand(len(codes), 1) / 2), "spread evenly"),
        (made(swap=True), "belongs to `1 - t`"),
        (made(noise=torch.rand_like), "not standard normal"),
        (made(noise=lambda codes: torch.randn(1, codes.shape[1]).expand_as(codes)), "same noise"),
        (made(target=lambda codes, noise: noise - codes), "sign of your target"),
        (made(target=lambda codes, noise: codes), "the code itself"),
        (made(target=lambda codes, noise: noise), "target is the noise"),
        (made(others=True), "other labels"),
        (summed, "sum over the numbers"),
        (made(reduction="sum"), "You have"),
        (lambda model, codes, labels: torch.tensor(1.0), "never asks the model"),
        (lambda model, codes, labels: None, "begin with `return`"),
        (lambda model, codes, labels: ..., "of the starter"),
        (1.5, "needs a function"),
    ]


def guided():
    def made(combine, any_label=generating.ANY):
        def velocity(model, z, t, labels, guidance):
            free = model(z, t, torch.full_like(labels, any_label))
            return combine(free, model(z, t, labels), guidance)

        return velocity

    def mixed(model, z, t, labels, guidance):
        anything = labels * 0 + 10
        return (1 - guidance) * model(z, t, anything) + guidance * model(z, t, labels)

    def in_place(model, z, t, labels, guidance):
        told = model(z, t, labels)
        free = model(z, t, labels.fill_(generating.ANY))
        return free + guidance * (told - free)

    def bare(model, z, t, labels, guidance):
        free = model(z, t, generating.ANY)
        return free + guidance * (model(z, t, labels) - free)

    return [made(lambda free, told, g: free + g * (told - free)), mixed], [
        (bare, "TypeError"),
        (made(lambda free, told, g: told + g * (told - free)), "off by one"),
        (made(lambda free, told, g: told + g * (free - told)), "go *back*"),
        (made(lambda free, told, g: free - g * (told - free)), "away from the digit"),
        (made(lambda free, told, g: g * told), "longer"),
        (made(lambda free, told, g: g * (told - free)), "Only the difference"),
        (made(lambda free, told, g: told), "changes nothing"),
        (made(lambda free, told, g: free), "ask for nothing"),
        (made(lambda free, told, g: free + g * told), "is off"),
        (made(lambda free, told, g: free + g * (told - free), any_label=0), "the digit 0"),
        (in_place, "others"),
        (lambda model, z, t, labels, guidance: None, "begin with `return`"),
        (lambda model, z, t, labels, guidance: ..., "of the starter"),
        (2.0, "needs a function"),
    ]


def fair_judge():
    def read(images, teachers, labels):
        means = torch.stack([teachers[labels == digit].mean(dim=0) for digit in range(10)])
        return torch.cdist(images.flatten(1), means.flatten(1)).argmin(dim=1)

    def right(drawn, asked, real, labels):
        return (read(drawn, real, labels) == asked).float().mean().item()

    def by_hand(drawn, asked, real, labels):
        means = [real[labels == digit].mean(dim=0) for digit in range(10)]
        hits = 0
        for image, digit in zip(drawn, asked):
            errors = torch.tensor([F.mse_loss(image, mean) for mean in means])
            hits += int(errors.argmin() == digit)
        return hits / len(drawn)

    def broken(drawn, asked, real, labels):
        return right(drawn, asked, drawn, asked)

    def reads_real(drawn, asked, real, labels):
        return right(real, labels, real, labels)

    def turned(drawn, asked, real, labels):
        return right(real, labels, drawn, asked)

    def mixed_labels(drawn, asked, real, labels):
        return right(drawn, asked, real, asked)

    def both_teach(drawn, asked, real, labels):
        return right(drawn, asked, torch.cat([real, drawn]), torch.cat([labels, asked]))

    return [right, by_hand], [
        (both_teach, "teach together"),
        (broken, "still learned from the drawings"),
        (reads_real, "the share of *real* images"),
        (turned, "Which way round"),
        (lambda *four: 1 - right(*four), "*wrong* readings"),
        (lambda *four: 100 * right(*four), "per cent"),
        (lambda *four: right(*four) * len(four[0]), "a count"),
        (mixed_labels, "IndexError"),
        (lambda *four: None, "begin with `return`"),
        (lambda *four: ..., "of the starter"),
        (0.9, "needs a function"),
    ]
