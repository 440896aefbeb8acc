"""The judge and its scores: what they say where the answer is known."""

import hashlib
import json

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from mnist_helpers import judging, training
from mnist_helpers.course import JUDGES
from mnist_helpers.data import Digits, load_mnist
from mnist_helpers.objectives import accuracy


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


@pytest.fixture(scope="module")
def judge(digits):
    return judging.judge_for(digits[0])


def cloud(count, size=5, seed=0, spread=1.0, middle=0.0):
    generator = torch.Generator().manual_seed(seed)
    return middle + spread * torch.randn(count, size, generator=generator)


def test_the_judge_reads_nearly_every_digit(digits, judge):
    least = {"mnist": 0.989}.get(digits[1].source, 0.95)
    assert training.evaluate(judge, digits[1], accuracy)["accuracy"] >= least
    assert judge.source == digits[0].source and not judge.training


@pytest.mark.parametrize("path", sorted(JUDGES.glob("*.pt")), ids=lambda path: path.stem)
def test_stored_judges_are_what_their_story_says(path):
    story = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert story["sha256 of the weights"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert story["test_accuracy"] >= 0.989 and story["data"]["source"] == path.stem


def test_features_are_all_that_the_answer_is_made_of(digits, judge):
    images = digits[1].images[:1200]
    features, chances = judging.look(judge, images)
    assert features.shape == (1200, judging.FEATURES)
    torch.testing.assert_close(chances, judge(images).softmax(dim=1).detach())
    torch.testing.assert_close(judge.answer(features).softmax(dim=1).detach(), chances)


def test_real_digits_have_the_best_report(digits, judge):
    real, known = digits[1].subset(slice(2000)), digits[1].subset(slice(2000, 4000))
    good = judging.report(judge, known.images, real, asked=known.labels)
    assert good["read"] > 0.85 and good["asked = read"] > 0.94
    assert good["precision"] > 0.7 and good["recall"] > 0.7
    noisy = (known.images + 0.3 * torch.randn(known.images.shape)).clamp(0, 1)
    bad = judging.report(judge, noisy, real)
    assert bad["Fréchet distance"] > 2 * good["Fréchet distance"]
    assert "asked = read" not in bad


def test_one_perfect_digit_a_thousand_times(digits, judge):
    real = digits[1].subset(slice(2000))
    _, chances = judging.look(judge, real.images)
    best = real.images[chances.max(dim=1).values.argmax()]
    report = judging.report(judge, best.expand(1000, -1, -1, -1), real)
    assert report["read"] == 1 and report["precision"] == 1
    assert report["balance"] == 0 and report["recall"] < 0.01


def test_frechet_distance_of_known_clouds():
    assert judging.frechet_distance(cloud(500), cloud(500)) == pytest.approx(0, abs=1e-9)
    moved = judging.frechet_distance(cloud(500), cloud(500) + 2)
    assert moved == pytest.approx(5 * 4, rel=1e-9)  # five axes, each moved by 2
    centred = cloud(5000) - cloud(5000).mean(dim=0)
    wider = judging.frechet_distance(centred, 3 * centred)
    assert wider == pytest.approx(4 * centred.var(dim=0).sum().item(), rel=1e-5)


def test_frechet_distance_agrees_with_the_root_of_scipy_and_is_symmetric():
    a = cloud(300) @ torch.randn(5, 5, generator=torch.Generator().manual_seed(3))
    b = cloud(400, seed=1, spread=0.5, middle=0.3)
    covariances = [np.cov(x.double().numpy().T) for x in (a, b)]
    expected = float((a.double().mean(dim=0) - b.double().mean(dim=0)).square().sum())
    expected += np.trace(sum(covariances) - 2 * sqrtm(covariances[0] @ covariances[1]).real)
    assert judging.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert judging.frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_holds_where_features_never_fire():
    a, b = cloud(200), cloud(200, seed=1)
    a[:, 0], b[:, 0], a[:, 1] = 0, 0, a[:, 2]
    assert 0 < judging.frechet_distance(a, b) < 5


@pytest.mark.parametrize(
    "features, words",
    [
        (cloud(64, size=64), "64 images are too few for 64 features: give 65 or more"),
        (torch.full((70, 5), float("nan")), "features hold NaN"),
    ],
)
def test_clouds_that_cannot_be_compared_are_refused(features, words):
    with pytest.raises(ValueError, match=words):
        judging.frechet_distance(features, cloud(100, size=features.shape[1]))


def test_precision_and_recall_see_invented_and_missing_modes():
    left, right = cloud(300, spread=0.1), cloud(300, seed=1, spread=0.1, middle=5.0)
    both = torch.cat([left, right])
    again = torch.cat([cloud(300, seed=2, spread=0.1), cloud(300, seed=3, spread=0.1, middle=5.0)])
    precision, recall = judging.precision_and_recall(again[:300], both)
    assert precision > 0.8 and 0.35 < recall < 0.55  # a mode is missing
    precision, recall = judging.precision_and_recall(again, left)
    assert 0.35 < precision < 0.55 and recall > 0.8  # a mode is invented


def test_distances_show_copies(digits):
    train, test = digits
    rivals = train.images[:2000]
    assert (judging.to_nearest(rivals[:20], rivals) < 1e-2).all()
    fresh = judging.to_nearest(test.images[:20], rivals)
    assert fresh.shape == (20,) and (fresh > 1).all()


@pytest.mark.parametrize(
    "images, words",
    [
        (torch.rand(70, 784), "images have shape"),
        (torch.full((70, 1, 28, 28), float("nan")), "look for NaN"),
        (torch.rand(70, 1, 28, 28) * 255, "divide bytes by 255"),
        (torch.rand(64, 1, 28, 28), "64 images are too few"),
    ],
)
def test_images_that_cannot_be_judged_are_refused(digits, judge, images, words):
    with pytest.raises(ValueError, match=words):
        judging.report(judge, images, digits[1].subset(slice(100)))


def test_a_judge_for_another_source_is_refused(digits, judge):
    other = Digits(digits[1].images[:100], digits[1].labels[:100], "fashion")
    with pytest.raises(ValueError, match="this judge learned on .* the real digits are 'fashion'"):
        judging.report(judge, other.images, other)
