"""Answers to the exercises of lesson 5."""

import numpy as np
import torch

from mnist_helpers import data, latent


def bank(train, test):
    return {
        "5.1": components_for_an_error(train, test),
        "5.2": pca_drawing(),
        "5.3": codes_and_labels(),
        "5.4": statements(),
        "5.5": made_up_maps(),
    }


def components_for_an_error(train, test):
    def variances(digits):
        pca = latent.fit_pca(digits.images, components=784)
        return torch.from_numpy(pca.explained_variance_).double()

    of_train = variances(train)
    left = of_train.sum() - of_train.cumsum(0)  # by 1, 2, ... components
    right = 1 + int((left / 784 > 0.01).sum())
    by_loop = 0
    while of_train[by_loop:].sum() / 784 > 0.01:
        by_loop += 1
    return [right, float(right), torch.tensor(right), np.int64(by_loop)], [
        (right - 1, "still above 0.01"),
        (1 + int((left > 0.01).sum()), "errors of 784 pixels"),
        (1 + int((left / of_train.sum() > 0.01).sum()), "leave out 1 % of the variance"),
        (1 + int((left / of_train.sum() > 0.1).sum()), "explain 90 % of the variance"),
        (784 - right, "How many are kept"),
        (1 + int((left / 60000 > 0.01).sum()), "averages over the images already"),
        (right + 3, "too large"),
        (784, "too large, by a factor"),
        (left / 784, "needs one number"),
    ]


def pca_drawing():
    def right(images, mean, directions, count):
        kept = directions[:, :count]
        numbers = (images - mean) @ kept
        return numbers @ kept.T + mean

    def sums(images, mean, directions, count):
        drawn = mean.repeat(len(images), 1)
        for k in range(count):
            drawn += ((images - mean) @ directions[:, k])[:, None] * directions[:, k]
        return drawn

    def in_place(images, mean, directions, count):
        images -= mean
        return torch.einsum("nd,dk,ek->ne", images, *2 * [directions[:, :count]]) + mean

    def numpy(images, mean, directions, count):
        x, m, v = images.numpy(), mean.numpy(), directions.numpy()[:, :count]
        return m + (x - m) @ v @ v.T

    def code(images, mean, directions, count):
        return (images - mean) @ directions[:, :count]

    def never_centred(images, mean, directions, count):
        return right(images, 0, directions, count)

    def mean_lost(images, mean, directions, count):
        return right(images, mean, directions, count) - mean

    def mean_twice(images, mean, directions, count):
        return right(images, 0, directions, count) + mean

    def own_mean(images, mean, directions, count):
        return right(images, images.mean(dim=0), directions, count)

    def all_of_them(images, mean, directions, count):
        return right(images, mean, directions, 784)

    def last_ones(images, mean, directions, count):
        return right(images, mean, directions.flip(1), count)

    def rows(images, mean, directions, count):
        return right(images, mean, directions.T, count)

    def rows_of_the_first(images, mean, directions, count):
        kept = directions[:count]
        return (images - mean) @ kept.T @ kept + mean

    def not_turned(images, mean, directions, count):
        kept = directions[:, :count]
        return (images - mean) @ kept @ kept + mean

    def entry_by_entry(images, mean, directions, count):
        kept = directions[:, :count]
        return (images - mean) * kept @ kept.T + mean

    def cut_off(images, mean, directions, count):
        return right(images, mean, directions, count).clamp(0, 1)

    def own_mean_back(images, mean, directions, count):
        return right(images, mean, directions, count) - mean + images.mean(dim=0)

    def own_mean_off(images, mean, directions, count):
        kept = directions[:, :count]
        return (images - images.mean(dim=0)) @ kept @ kept.T + mean

    def halved(images, mean, directions, count):
        return right(images, mean, directions, count) / 2

    def half_done(images, mean, directions, count):
        return ... @ directions[:, :count].T + mean

    return [right, sums, in_place, numpy], [
        (lambda images, mean, directions, count: ..., "`...` of the starter"),
        (half_done, "`...` of the starter"),
        (lambda images, mean, directions, count: None, "gives nothing back"),
        (code, "that is the code"),
        (never_centred, "appears nowhere"),
        (mean_lost, "did not give back"),
        (mean_twice, "before they meet the directions"),
        (own_mean, "Whose mean"),
        (own_mean_back, "did you take away before"),
        (own_mean_off, "do you add afterwards"),
        (all_of_them, "Where does `count` come in"),
        (last_ones, "the last directions"),
        (rows, "took rows"),
        (rows_of_the_first, "took rows"),
        (not_turned, "lie the right way for both"),
        (entry_by_entry, "sign of a matrix product"),
        (cut_off, "cut the drawings off"),
        (halved, "off by up to"),
        (lambda images, mean, directions, count: images.view(-1, 1, 28, 28), "needs the shape"),
        (lambda images: images, "TypeError"),
        (right(torch.rand(2, 784), torch.rand(784), torch.eye(784), 2), "needs a function"),
    ]


def codes_and_labels():
    def right(model, dataset):
        codes = []
        with torch.no_grad():
            for images, _ in data.batches(dataset, batch_size=500, shuffle=False):
                codes.append(model.encode(images))
        return torch.cat(codes), dataset.labels

    def collected(model, dataset):
        parts = [(model.encode(images), labels) for images, labels in data.batches(dataset)]
        return [torch.cat(part) for part in zip(*parts)]

    def at_once(model, dataset):
        return latent.encode(model, dataset.images), dataset.labels

    def unchanged(model, dataset):
        codes = [model.encode(images) for images, _ in data.batches(dataset, batch_size=500)]
        return torch.cat(codes), dataset.labels

    def another_seed(model, dataset):
        codes = [model.encode(images) for images, _ in data.batches(dataset, seed=1)]
        return torch.cat(codes), dataset.labels

    def one_loader_twice(model, dataset):
        loader = data.batches(dataset)
        codes = torch.cat([model.encode(images) for images, _ in loader])
        return codes, torch.cat([labels for _, labels in loader])

    def sorted_labels(model, dataset):
        return latent.encode(model, dataset.images), dataset.labels.sort().values

    def last_labels(model, dataset):
        *_, (_, labels) = data.batches(dataset, batch_size=500, shuffle=False)
        return latent.encode(model, dataset.images), labels

    def last_codes(model, dataset):
        for images, _ in data.batches(dataset, batch_size=500, shuffle=False):
            codes = model.encode(images)
        return codes, dataset.labels

    def lists(model, dataset):
        parts = [(model.encode(images), labels) for images, labels in data.batches(dataset)]
        return tuple(zip(*parts))

    def one_image_for_all(model, dataset):
        codes, labels = right(model, dataset)
        return codes[:1].expand_as(codes), labels

    return [right, collected, at_once], [
        (unchanged, "In which order do the batches come"),
        (another_seed, "In which order do the batches come"),
        (one_loader_twice, "In which order do the batches come"),
        (sorted_labels, "In which order do the batches come"),
        (last_labels, "labels for 1234 images"),
        (last_codes, "codes for 1234 images"),
        (lists, "are a list"),
        (lambda model, dataset: (model(dataset.images), dataset.labels), "whole images"),
        (lambda model, dataset: right(model, dataset)[0], "codes and labels, a pair"),
        (lambda model, dataset: (right(model, dataset)[0] + 1, dataset.labels), "of no image"),
        (one_image_for_all, "others have two"),
        (lambda model, dataset: ..., "`...` of the starter"),
        (0.1, "needs a function"),
    ]


def statements():
    return ["adh", "a, d, h", ["h", "a", "d"], {"A", "D", "H"}, ("ad", "h"), "ADH"], [
        ("abdh", "how large an island"),
        ("acdh", "a gap nine times as wide"),
        ("adeh", "pure noise"),
        ("adfh", "the map of the pixels"),
        ("adgh", "left and right"),
        ("abcdefgh", "how large an island"),
        ("dh", "leave out a"),
        ("ah", "leave out d"),
        ("ad", "leave out h"),
        ("adhx", "none of the statements"),
        ("", "needs letters"),
        (3, "needs letters"),
        ([True], "none of the statements"),
    ]


def made_up_maps():
    right = [[0.1, 1, 0.5], (1 / 10, 1.0, 1 / 2), np.array([0.11, 0.999, 0.49])]
    right += [torch.tensor([0.0945, 1.0, 0.515], dtype=torch.float64)]
    return right, [
        ([10, 100, 50], "per cent"),
        ([0, 1, 0.5], "now and then"),
        ([0.0005, 1, 0.5], "one point in 2,000"),
        ([0.01, 1, 0.5], "Chance does better"),
        ([0.5, 1, 0.5], "trustworthiness"),
        ([0.3, 1, 0.5], "Random places, 0.3: You have 0.3, and that is too large"),
        ([0.1, 0.1, 0.5], "from one's own heap"),
        ([0.1, 0.9, 0.5], "One heap for each label, 0.9: You have 0.9, and that is too small"),
        ([0.1, 1, 0.2], "five heaps"),
        ([0.1, 1, 1], "mixed in one heap"),
        ([0.1, 1, 0.1], "all in one heap"),
        ([0.1, 1, 0.7], "One heap for two labels, 0.7: You have 0.7"),
        ([0.1, 1, float("nan")], "no finite number"),
        ([0.1, 1], "list of three numbers"),
        (0.1, "list of three numbers"),
    ]
