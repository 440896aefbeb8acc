"""Answers to the exercises of lesson 5."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier

from mnist_helpers.latent import nearest_neighbours


def bank(train, test):
    return {
        "5.1": pca_drawing(),
        "5.2": made_up_maps(),
        "5.3": five_votes(),
        "5.4": blurred_to_nearest(train, test),
        "5.5": centre_accuracy(train),
    }


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

    return [right, sums, in_place, numpy], [
        (lambda images, mean, directions, count: ..., "still missing"),
        (code, "that is the code"),
        (never_centred, "appears nowhere"),
        (mean_lost, "did not give back"),
        (mean_twice, "before they meet the directions"),
        (own_mean, "Whose mean"),
        (all_of_them, "Where does `count` come in"),
        (last_ones, "off by up to"),
        (rows, "off by up to"),
        (lambda images, mean, directions, count: images.view(-1, 1, 28, 28), "needs the shape"),
        (lambda images: images, "TypeError"),
        (right(torch.rand(2, 784), torch.rand(784), torch.eye(784), 2), "needs a function"),
    ]


def made_up_maps():
    right = [[0.1, 1, 0.5], (1 / 10, 1.0, 1 / 2), np.array([0.11, 0.999, 0.49])]
    right += [torch.tensor([0.0945, 1.0, 0.515], dtype=torch.float64)]
    return right, [
        ([10, 100, 50], "per cent"),
        ([0, 1, 0.5], "now and then"),
        ([0.0005, 1, 0.5], "now and then"),
        ([0.01, 1, 0.5], "chance does better"),
        ([0.5, 1, 0.5], "trustworthiness"),
        ([0.3, 1, 0.5], "should lie between 0.07 and 0.13"),
        ([0.1, 0.1, 0.5], "from one's own heap"),
        ([0.1, 0.9, 0.5], "should lie between 0.98 and 1.00"),
        ([0.1, 1, 0.2], "five heaps"),
        ([0.1, 1, 1], "mixed in one heap"),
        ([0.1, 1, 0.7], "One heap for two labels: you have 0.7"),
        ([0.1, 1, float("nan")], "you have nan"),
        ([0.1, 1], "list of three numbers"),
        (0.1, "list of three numbers"),
    ]


def five_votes():
    def votes_of(count, first=0):
        def vote_accuracy(points, labels):
            nearest = nearest_neighbours(points, points, count=count)[:, first:]
            votes = labels[nearest].mode(dim=1).values
            return (votes == labels).float().mean().item()

        return vote_accuracy

    def by_distances(points, labels):
        distances = torch.cdist(points, points).fill_diagonal_(float("inf"))
        votes = labels[distances.topk(5, largest=False).indices].mode(dim=1).values
        return (votes == labels).float().mean()

    def by_sorting(points, labels):
        hits = 0
        for i, point in enumerate(points):
            order = (points - point).norm(dim=1).argsort()
            order = order[order != i][:5]
            hits += int(labels[order].bincount().argmax() == labels[i])
        return hits / len(points)

    def itself(points, labels):
        votes = KNeighborsClassifier(1).fit(points, labels)
        return votes.score(points, labels)

    def halves(points, labels):
        half = len(points) // 2
        vote = KNeighborsClassifier(5).fit(points[:half], labels[:half])
        return vote.score(points[half:], labels[half:])

    return [votes_of(6, 1), by_distances, by_sorting], [
        (votes_of(5), "who has a vote there"),
        (votes_of(6), "six points vote"),
        (votes_of(5, 1), "only four points vote"),
        (votes_of(2, 1), "only the nearest point votes"),
        (itself, "pure noise"),
        (lambda points, labels: 100 * votes_of(6, 1)(points, labels), "per cent"),
        (halves, "should lie between"),
        (lambda points, labels: 0.507, "ou have 0.507"),
        (lambda points, labels: labels, "needs one number"),
        (0.9, "needs a function"),
    ]


def blurred_to_nearest(train, test):
    flat = train.images[:10000].flatten(1)
    sharp = test.images[:200]
    soft = F.avg_pool2d(sharp, 3, stride=1, padding=1)
    table = torch.cdist(soft.flatten(1), flat)
    right = table.min(dim=1).values.mean()
    loop = sum((flat - x.flatten()).norm(dim=1).min().item() for x in soft) / 200
    kernel = F.conv2d(sharp, torch.full((1, 1, 3, 3), 1 / 9), padding=1).flatten(1)
    by_kernel = torch.cdist(kernel, flat).amin(dim=1).mean().item()
    squares = (table**2).amin(dim=1).mean()
    wide = F.avg_pool2d(sharp, 5, stride=1, padding=2).flatten(1)
    return [right, right.item(), right.double(), loop, by_kernel, np.float32(right)], [
        (torch.cdist(sharp.flatten(1), flat).amin(dim=1).mean(), "*sharp* images"),
        (squares, "mean *squared* distance"),
        (squares / 784, "squared error per pixel"),
        (table.amin(dim=1).sum(), "a sum over 200 images"),
        (table.mean(), "to *all* training images"),
        (table.amin(dim=0).mean(), "for each *training* image"),
        (torch.cdist(soft.flatten(1), train.images.flatten(1)).amin(dim=1).mean(), "no more"),
        ((soft - sharp).flatten(1).norm(dim=1).mean(), "should lie between"),
        (torch.cdist(wide, flat).amin(dim=1).mean(), "should lie between"),
        (torch.cdist(soft[:50].flatten(1), flat[:1000]).amin(dim=1).mean(), "should lie between"),
        (table.amin(dim=1), "needs one number"),
    ]


def centre_accuracy(train):
    def centres(points, labels, average=torch.mean):
        return torch.stack([average(points[labels == digit], dim=0) for digit in range(10)])

    def answers(learn, learn_labels, tell, pick=torch.argmin, average=torch.mean):
        return pick(torch.cdist(tell, centres(learn, learn_labels, average)), dim=1)

    def right(learn, learn_labels, tell, tell_labels):
        found = answers(learn, learn_labels, tell)
        return (found == tell_labels).float().mean().item()

    def by_hand(learn, learn_labels, tell, tell_labels):
        hits = 0
        middles = [learn[learn_labels == digit].mean(dim=0) for digit in range(10)]
        for point, label in zip(tell, tell_labels):
            hits += int(np.argmin([float((point - m).pow(2).sum()) for m in middles])) == label
        return hits / len(tell)

    def scikit(learn, learn_labels, tell, tell_labels):
        model = KNeighborsClassifier(1).fit(centres(learn, learn_labels), range(10))
        return model.score(tell, tell_labels)

    def on_tested(learn, learn_labels, tell, tell_labels):
        return right(tell, tell_labels, tell, tell_labels)

    def on_learned(learn, learn_labels, tell, tell_labels):
        return right(learn, learn_labels, learn, learn_labels)

    def furthest(learn, learn_labels, tell, tell_labels):
        found = answers(learn, learn_labels, tell, torch.argmax)
        return (found == tell_labels).float().mean()

    def sums(learn, learn_labels, tell, tell_labels):
        found = answers(learn, learn_labels, tell, average=torch.sum)
        return (found == tell_labels).float().mean()

    def nearest_point(learn, learn_labels, tell, tell_labels):
        return KNeighborsClassifier(1).fit(learn, learn_labels).score(tell, tell_labels)

    def global_labels(learn, learn_labels, tell, tell_labels):
        return right(learn, train.labels, tell, tell_labels)

    def count(learn, learn_labels, tell, tell_labels):
        return right(learn, learn_labels, tell, tell_labels) * len(tell)

    def per_cent(learn, learn_labels, tell, tell_labels):
        return 100 * right(learn, learn_labels, tell, tell_labels)

    def wrong_share(learn, learn_labels, tell, tell_labels):
        return 1 - right(learn, learn_labels, tell, tell_labels)

    return [right, by_hand, scikit], [
        (on_tested, "made from the points that are tested"),
        (on_learned, "Is that a test?"),
        (furthest, "*furthest* away"),
        (sums, "your centres are sums"),
        (nearest_point, "the nearest *point* decides"),
        (global_labels, "IndexError"),
        (count, "a count"),
        (per_cent, "per cent"),
        (wrong_share, "should lie between"),
        (lambda learn, a, tell, b: answers(learn, a, tell), "What share of them"),
        (lambda learn, tell: 0.8, "TypeError"),
        (0.8, "needs a function"),
    ]
