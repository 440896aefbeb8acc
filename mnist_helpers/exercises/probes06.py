"""What the checks of lesson 6 throw and compare: clouds of points, centres, random codes."""

import torch


def clouds():
    """Ten clouds that overlap, of 10 to 100 points, and more of each that lie a little beside."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat_interleave(torch.arange(10, 110, 10))
    places = 4 + 3 * torch.randn(10, 3, generator=generator)
    learn, tell = places[labels] + 2 * torch.randn(2, len(labels), 3, generator=generator)
    return learn, labels, tell + 1, labels


def class_centres(points, labels, average=torch.mean):
    return torch.stack([average(points[labels == digit], dim=0) for digit in range(10)])


def long_clouds():
    """Ten clouds of 200 codes of 32 numbers, each long in directions of its own."""
    generator = torch.Generator().manual_seed(0)
    places = 3 * torch.randn(10, 32, generator=generator)
    axes = torch.randn(10, 32, 32, generator=generator) * torch.linspace(0.2, 1, 32)
    clouds = torch.randn(10, 200, 32, generator=generator) @ axes.mT + places[:, None]
    return clouds.flatten(0, 1), torch.arange(10).repeat_interleave(200)


def like(codes, mean, cov):
    """Whether many random codes have this mean and this covariance, but for chance."""
    aside = (codes.mean(dim=0) - mean).square().sum() / cov.trace()
    turned = (torch.cov(codes.T) - cov).norm() / cov.norm()
    return aside < 0.02 and turned < 0.15


def wrong_dice(codes, mean, cov):
    """Mean and covariance of the dice that people throw instead, each with its diagnosis."""
    middle, whole = codes.mean(dim=0), torch.cov(codes.T)
    spans, axes = torch.linalg.eigh(cov)
    flipped = axes.flip(1)
    back = (
        "Your codes spread as far as they should, but in other directions. The dice are numbers "
        "along the axes, which are the *columns* of `axes`: is one `.T` missing?"
    )
    along = (
        "Your codes spread along the numbers of the code, not along its directions. Where do the "
        "`axes` come in?"
    )
    return [
        (middle, whole, "Your codes lie as those of *all* digits do. Where does `digit` come in?"),
        (mean, whole, "Your codes lie around the right place, and spread like those of *all* "
         "digits. Whose covariance do you need?"),
        (middle, cov, "Your codes spread like those of the digit, around the mean of *all* codes. "
         "Whose mean do you need?"),
        (0 * mean, cov, "Your codes lie around 0. Where do those of the digit lie?"),
        (mean, cov.diag().diag(), "Each of your numbers is thrown by itself. How do they vary "
         "*together* in the codes of this digit?"),
        (mean, cov @ cov, "Your codes spread by the variance. What is the standard deviation?"),
        (mean, torch.eye(32), "Your codes spread by 1 in all directions. Where do the deviations "
         "of the digit's codes come in?"),
        (mean, (axes.T * spans) @ axes, back),
        (mean, (flipped.T * spans.flip(0)) @ flipped, back),
        (mean, (axes * spans.flip(0)) @ axes.T, "Your codes spread as far as they should, but the "
         "long directions have the short lengths. `eigh` sorts both: in the same order still?"),
        (mean, spans.diag(), along),
        (mean, spans.flip(0).diag(), along),
    ]  # fmt: skip
