"""Answers to the exercises of lesson 6."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier

from mnist_helpers.latent import nearest_neighbours


def bank(train, test):
    return {
        "6.1": five_votes(),
        "6.2": stretched_code(),
        "6.3": blurred_to_nearest(train, test),
        "6.4": centre_accuracy(train),
        "6.5": class_dice(),
    }


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

    def share_for_vote(points, labels):
        nearest = nearest_neighbours(points, points, count=6)[:, 1:]
        return (labels[nearest] == labels[:, None]).float().mean().item()

    def hits_only(points, labels):
        nearest = nearest_neighbours(points, points, count=6)[:, 1:]
        return labels[nearest].mode(dim=1).values == labels

    def no_return(points, labels):
        votes_of(6, 1)(points, labels)

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
        (share_for_vote, "the share of single votes"),
        (hits_only, "What share of them is right"),
        (no_return, "begin with `return`"),
        (itself, "pure noise"),
        (lambda points, labels: 100 * votes_of(6, 1)(points, labels), "per cent"),
        (halves, "You have"),
        (lambda points, labels: 0.507, "You have 0.507"),
        (lambda points, labels: ..., "of the starter"),
        (0.9, "needs a function"),
    ]


def stretched_code():
    return [["same", "worse", "same"], ("Same", " worse ", "SAME")], [
        (["worse", "worse", "same"], "first layer"),
        (["better", "worse", "same"], "first layer"),
        (["same", "same", "same"], "32 squared differences"),
        (["same", "better", "same"], "32 squared differences"),
        (["same", "worse", "worse"], "its own standard deviation"),
        (["same", "worse", "better"], "its own standard deviation"),
        (["same", "lower", "same"], "list of three words"),
        (["same", "worse"], "list of three words"),
        (["same", ..., "same"], "list of three words"),
        ("same worse same", "list of three words"),
        ([0.0067, 0.74, 0.895], "list of three words"),
    ]


def blurred_to_nearest(train, test):
    def blur(images):
        return F.avg_pool2d(images, 3, stride=1, padding=1).flatten(1)

    flat = train.images[:10000].flatten(1)
    sharp = test.images[:200]
    soft = blur(sharp)
    table = torch.cdist(soft, flat)
    right = table.min(dim=1).values.mean()
    loop = sum((flat - x).norm(dim=1).min().item() for x in soft) / 200
    kernel = F.conv2d(sharp, torch.full((1, 1, 3, 3), 1 / 9), padding=1).flatten(1)
    by_kernel = torch.cdist(kernel, flat).amin(dim=1).mean().item()
    squares = (table**2).amin(dim=1).mean()
    wide = F.avg_pool2d(sharp, 5, stride=1, padding=2).flatten(1)
    both = torch.cdist(soft, blur(train.images[:10000]))
    hard = torch.cdist(sharp.flatten(1), blur(train.images[:10000]))
    own = torch.cdist(blur(train.images[:200]), flat)
    return [right, right.item(), right.double(), loop, by_kernel, np.float32(right)], [
        (torch.cdist(sharp.flatten(1), flat).amin(dim=1).mean(), "*sharp* images"),
        (both.amin(dim=1).mean(), "both sides are blurred"),
        (hard.amin(dim=1).mean(), "sharp test images among blurred"),
        (own.amin(dim=1).mean(), "blurred *training* images"),
        (round(right.item(), 1), "the first decimal is right"),
        (squares, "mean *squared* distance"),
        (squares / 784, "squared error per pixel"),
        (table.amin(dim=1).sum(), "a sum over 200 images"),
        (table.mean(), "to *all* training images"),
        (table.amin(dim=0).mean(), "for each *training* image"),
        (torch.cdist(soft, train.images.flatten(1)).amin(dim=1).mean(), "no more"),
        ((soft - sharp.flatten(1)).norm(dim=1).mean(), "You have"),
        (torch.cdist(wide, flat).amin(dim=1).mean(), "You have"),
        (torch.cdist(soft[:50], flat[:1000]).amin(dim=1).mean(), "You have"),
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

    def one_mean(learn, learn_labels, tell, tell_labels):
        middles = torch.stack([learn[learn_labels == digit].mean() for digit in range(10)])
        return (torch.cdist(tell, middles).argmin(dim=1) == tell_labels).float().mean()

    def wrong_axis(learn, learn_labels, tell, tell_labels):
        found = torch.cdist(tell, centres(learn, learn_labels)).argmin(dim=0)
        return (found == tell_labels).float().mean()

    def other_images(learn, learn_labels, tell, tell_labels):
        return (answers(learn, learn_labels, train.images.flatten(1)) == tell_labels).float().mean()

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
        (one_mean, "Print the shapes"),
        (wrong_axis, "Print the shapes"),
        (other_images, "Print the shapes"),
        (count, "a count"),
        (per_cent, "per cent"),
        (wrong_share, "share of *wrong* answers"),
        (lambda learn, a, tell, b: answers(learn, a, tell), "What share of them"),
        (lambda learn, a, tell, b: None, "begin with `return`"),
        (lambda learn, a, tell, b: ..., "of the starter"),
        (lambda learn, tell: 0.8, "TypeError"),
        (0.8, "needs a function"),
    ]


def class_dice():
    def axes_of(codes):
        spans, axes = torch.linalg.eigh(torch.cov(codes.T))
        return spans.clamp(min=0), axes

    def right(codes, labels, digit, count):
        own = codes[labels == digit]
        spans, axes = axes_of(own)
        return own.mean(dim=0) + (torch.randn(count, len(spans)) * spans.sqrt()) @ axes.T

    def library(codes, labels, digit, count):
        own = codes[labels == digit]
        cloud = torch.distributions.MultivariateNormal(own.mean(dim=0), torch.cov(own.T))
        return cloud.sample((count,))

    def numpy(codes, labels, digit, count):
        own = codes[labels == digit].numpy()
        return np.random.multivariate_normal(own.mean(axis=0), np.cov(own.T), size=count)

    def all_digits(codes, labels, digit, count):
        return right(codes, torch.full_like(labels, digit), digit, count)

    def wide(codes, labels, digit, count):
        mean = codes[labels == digit].mean(dim=0)
        return all_digits(codes, labels, digit, count) - codes.mean(dim=0) + mean

    def wrong_middle(codes, labels, digit, count):
        mean = codes[labels == digit].mean(dim=0)
        return right(codes, labels, digit, count) - mean + codes.mean(dim=0)

    def no_mean(codes, labels, digit, count):
        return right(codes, labels, digit, count) - codes[labels == digit].mean(dim=0)

    def by_itself(codes, labels, digit, count):
        own = codes[labels == digit]
        return own.mean(dim=0) + torch.randn(count, 32) * own.std(dim=0)

    def variance(codes, labels, digit, count):
        own = codes[labels == digit]
        spans, axes = axes_of(own)
        return own.mean(dim=0) + (torch.randn(count, 32) * spans) @ axes.T

    def no_spread(codes, labels, digit, count):
        own = codes[labels == digit]
        return own.mean(dim=0) + torch.randn(count, 32) @ axes_of(own)[1].T

    def not_turned(codes, labels, digit, count):
        own = codes[labels == digit]
        spans, axes = axes_of(own)
        return own.mean(dim=0) + (torch.randn(count, 32) * spans.sqrt()) @ axes

    def not_turned_back(codes, labels, digit, count):
        own = codes[labels == digit]
        spans, axes = (x.flip(-1) for x in axes_of(own))
        return own.mean(dim=0) + (torch.randn(count, 32) * spans.sqrt()) @ axes

    def only_spans_turned(codes, labels, digit, count):
        own = codes[labels == digit]
        spans, axes = axes_of(own)
        return own.mean(dim=0) + (torch.randn(count, 32) * spans.flip(0).sqrt()) @ axes.T

    def no_axes(codes, labels, digit, count):
        own = codes[labels == digit]
        return own.mean(dim=0) + torch.randn(count, 32) * axes_of(own)[0].sqrt()

    def rows_for_columns(codes, labels, digit, count):
        own = codes[labels == digit]
        spans, axes = axes_of(own.T)
        return own.mean(dim=0) + (torch.randn(count, len(spans)) * spans.sqrt()) @ axes.T

    def even_dice(codes, labels, digit, count):
        own = codes[labels == digit]
        spans, axes = axes_of(own)
        return own.mean(dim=0) + (torch.rand(count, 32) * spans.sqrt()) @ axes.T

    def picked(codes, labels, digit, count):
        own = codes[labels == digit]
        return own[torch.randint(len(own), (count,))]

    def one_die(codes, labels, digit, count):
        return right(codes, labels, digit, 1).repeat(count, 1)

    def one_code(codes, labels, digit, count):
        return right(codes, labels, digit, 1)

    def twice_as_wide(codes, labels, digit, count):
        mean = codes[labels == digit].mean(dim=0)
        return 2 * right(codes, labels, digit, count) - mean

    return [right, library, numpy], [
        (all_digits, "those of *all* digits do"),
        (wide, "Whose covariance"),
        (wrong_middle, "Whose mean"),
        (no_mean, "lie around 0"),
        (by_itself, "thrown by itself"),
        (variance, "by the variance"),
        (no_spread, "spread by 1"),
        (not_turned, "is one `.T` missing"),
        (not_turned_back, "is one `.T` missing"),
        (picked, "codes of real images"),
        (one_die, "all alike"),
        (one_code, "shape (8000, 32)"),
        (twice_as_wide, "do not lie as the codes"),
        (even_dice, "which of the two differs"),
        (only_spans_turned, "the same order"),
        (no_axes, "Where do the `axes` come in"),
        (rows_for_columns, "want its table"),
        (lambda codes, labels, digit, count: None, "begin with `return`"),
        (lambda codes, labels, digit, count: ..., "of the starter"),
        (torch.zeros(10, 32), "needs a function"),
    ]
