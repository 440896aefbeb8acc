"""How good are drawn digits? A judge reads them, and sets of images are compared by its features.

No number here sees everything: lesson 9 shows what each of them misses.
"""

import sys

import torch
from torch import nn

from mnist_helpers.arguments import check_images
from mnist_helpers.course import JUDGES
from mnist_helpers.files import say
from mnist_helpers.modes import evaluating
from mnist_helpers.objectives import classification
from mnist_helpers.randomness import own_randomness
from mnist_helpers.stored import stored_weights
from mnist_helpers.threads import share_cores
from mnist_helpers.training import fit, one_cycle

FEATURES = 64
CONFIDENT = 0.9


class Judge(nn.Module):
    """Small convolutional classifier; 64 features are all that its answer is made of.

    Args:
        source: where the digits come from that it learned on, as in `Digits.source`.
    """

    def __init__(self, source):
        super().__init__()
        self.source = source
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.LeakyReLU(0.01),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.LeakyReLU(0.01),
            nn.Flatten(), nn.Linear(32 * 7 * 7, FEATURES), nn.LeakyReLU(0.01),
        )  # fmt: skip
        self.answer = nn.Linear(FEATURES, 10)

    def forward(self, images):
        """Scores, (N, 10), of images (N, 1, 28, 28)."""
        return self.answer(self.features(images))


def judge_for(digits):
    """The judge of the data source that these digits come from, on the CPU.

    For MNIST it comes with the course. For every other source it is trained on the digits given,
    in a few seconds, and says so.

    Args:
        digits: the training `Digits`.

    Raises:
        OSError: the file of the stored judge is damaged.
    """
    path = JUDGES / f"{digits.source}.pt"
    if path.exists():
        judge = Judge(digits.source)
        judge.load_state_dict(stored_weights(path))
    else:
        say(f"There is no stored judge for {digits.source!r}: one is trained now.", sys.stderr)
        judge = train_judge(digits, epochs=3)
    return judge.eval()


def train_judge(digits, epochs, objective=classification):
    """A new judge after so many epochs of a one-cycle schedule; `fit` shows a bar."""
    with own_randomness(0):
        judge = Judge(digits.source)
    optimizer = torch.optim.Adam(judge.parameters(), fused=True)
    fit(
        judge, digits, objective, epochs=epochs, batch_size=128, optimizer=optimizer,
        scheduler=one_cycle(0.005), precision="float32", verbose=False,
    )  # fmt: skip
    return judge


def look(judge, images, batch_size=500):
    """What a judge sees in images: features, (N, 64), and probabilities of the ten digits, (N, 10).

    Raises:
        ValueError: these are no images (N, 1, 28, 28) float32 in [0, 1], or they hold NaN.
    """
    check_images(images)
    with evaluating(judge), share_cores():
        parts = [judge.features(part) for part in images.split(batch_size)]
        features = torch.cat(parts)
        return features, judge.answer(features).softmax(dim=1)


def report(judge, images, real, asked=None):
    """How good a set of drawn digits is, by every score of this module that needs no rival.

    Args:
        judge: the `Judge` of the source of `real`.
        images: (N, 1, 28, 28) float32 in [0, 1], 65 at least.
        real: `Digits` to compare with, usually the test set.
        asked: (N,) int64, the digits that were asked for; None if none were.

    Returns:
        A dict: "read", the share that the judge reads with 90 % confidence or more; "asked =
        read", the share that it reads as what was asked for (only with `asked`); "balance", ten
        times the share of the digit that it reads least often, 1 if all are equally frequent;
        "Fréchet distance", "precision" and "recall", as the functions of this module.

    Raises:
        ValueError: the judge learned on another source, or the images cannot be judged.
    """
    if judge.source != real.source:
        raise ValueError(
            f"this judge learned on {judge.source!r}, and the real digits are {real.source!r}: "
            "make one with judge_for(train)"
        )
    features, chances = look(judge, images)
    real_features, _ = look(judge, real.images)
    confidence, read = chances.max(dim=1)
    scores = {"read": (confidence >= CONFIDENT).float().mean().item()}
    if asked is not None:
        scores["asked = read"] = (read == asked).float().mean().item()
    scores["balance"] = 10 * read.bincount(minlength=10).min().item() / len(read)
    scores["Fréchet distance"] = frechet_distance(features, real_features)
    scores["precision"], scores["recall"] = precision_and_recall(features, real_features)
    return scores


def frechet_distance(features, real_features):
    """Fréchet distance between two clouds of features, each taken for a normal distribution.

    It is |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)), with their means m and covariances C: Heusel et
    al., "GANs Trained by a Two Time-Scale Update Rule" (2017), equation 6, where the features are
    those of a large network for photographs (FID). The root is taken of C^(1/2) C' C^(1/2), which
    is symmetric, so it stays real also where features never fire.

    Args:
        features, real_features: (N, d) and (M, d).

    Raises:
        ValueError: fewer images than d + 1, which leaves covariances without an inverse, or NaN.
    """
    clouds = [cloud.double() for cloud in (features, real_features)]
    for cloud in clouds:
        needed = cloud.shape[1] + 1
        if len(cloud) < needed:
            raise ValueError(
                f"{len(cloud)} images are too few for {cloud.shape[1]} features: give {needed} or "
                "more; the distance grows smaller with more, so compare equal numbers"
            )
        if not cloud.isfinite().all():
            raise ValueError("features hold NaN or infinite numbers: look at the images")
    mean, real_mean = (cloud.mean(dim=0) for cloud in clouds)
    covariance, real_covariance = (cloud.T.cov() for cloud in clouds)
    root = _root(covariance)
    overlap = _root(root @ real_covariance @ root).trace()
    distance = (mean - real_mean).square().sum() + (covariance + real_covariance).trace()
    return max((distance - 2 * overlap).item(), 0.0)


def _root(matrix):
    """The root of a symmetric matrix without negative eigenvalues, but for rounding."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


@share_cores()
def precision_and_recall(features, real_features, neighbours=3):
    """How many drawn images look real, and how many of the real ones are reached.

    A point is reached by a cloud if it lies nearer to one of its points than this point's third
    nearest neighbour in the cloud does. *Precision* is the share of the drawn that the real reach,
    *recall* the share of the real that the drawn reach: Kynkäänniemi et al., "Improved Precision
    and Recall Metric for Assessing Generative Models" (2019), equations 1 and 2.

    Args:
        features, real_features: (N, d) and (M, d).
        neighbours: which neighbour sets the radius.

    Returns:
        precision, recall: shares, 0 to 1.
    """
    radii, real_radii = (_radii(cloud, neighbours) for cloud in (features, real_features))
    precise, recalled = [], torch.zeros(len(real_features), dtype=torch.bool)
    for part, reach in zip(features.split(1000), radii.split(1000)):
        distances = torch.cdist(part, real_features)
        precise.append((distances <= real_radii).any(dim=1))
        recalled |= (distances <= reach[:, None]).any(dim=0)
    return torch.cat(precise).float().mean().item(), recalled.float().mean().item()


def _radii(cloud, neighbours):
    """The distance of each point to its so-manyth nearest neighbour in the cloud, (N,)."""
    # The nearest of all is the point itself.
    nearest = [
        torch.cdist(part, cloud).topk(neighbours + 1, dim=1, largest=False).values[:, -1]
        for part in cloud.split(1000)
    ]
    return torch.cat(nearest)


@share_cores()
def to_nearest(images, real_images):
    """Euclidean distance of each image, over its pixels, to the nearest real one: (N,).

    Drawn digits that lie much nearer to training images than test images do were copied.
    """
    real = real_images.flatten(1)
    return torch.cat([torch.cdist(part, real).amin(dim=1) for part in images.flatten(1).split(250)])
