"""Noise: as much of it as was asked for, other noise every time, and the images left alone."""

import pytest
import torch

from mnist_helpers import noise
from mnist_helpers.objectives import denoising, reconstruction

IMAGES = torch.rand(200, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 0.9 + 0.05
KINDS = [noise.gaussian(0.5), noise.salt_and_pepper(0.3), noise.cut_out(12)]


@pytest.mark.parametrize("spoil", KINDS)
def test_noise_is_drawn_anew_and_spoils_only_its_result(spoil):
    before = IMAGES.clone()
    torch.manual_seed(0)
    first, second = spoil(IMAGES), spoil(IMAGES)
    assert first.shape == IMAGES.shape and first.dtype == IMAGES.dtype
    assert not torch.equal(first, second)
    assert torch.equal(IMAGES, before)
    torch.manual_seed(0)
    assert torch.equal(spoil(IMAGES), first)


def test_gaussian_noise_has_the_deviation_asked_for_and_is_not_cut():
    added = noise.gaussian(0.5)(IMAGES) - IMAGES
    assert added.mean().abs() < 0.01 and abs(added.std() - 0.5) < 0.01
    assert noise.gaussian(0.5)(IMAGES).min() < 0


def test_salt_and_pepper_are_equally_many():
    spoiled = noise.salt_and_pepper(0.3)(IMAGES)
    assert abs((spoiled == 0).float().mean() - 0.15) < 0.01
    assert abs((spoiled == 1).float().mean() - 0.15) < 0.01
    kept = (spoiled > 0) & (spoiled < 1)
    assert torch.equal(spoiled[kept], IMAGES[kept])


@pytest.mark.parametrize("side", [0, 1, 12, 28])
def test_a_whole_square_is_cut_out_inside_the_image(side):
    black = noise.cut_out(side)(IMAGES)[:, 0] == 0
    assert (black.sum(dim=(1, 2)) == side**2).all()
    rows, columns = black.any(dim=2), black.any(dim=1)
    assert (rows.sum(dim=1) == side).all() and (columns.sum(dim=1) == side).all()
    if side == 12:  # each place is as likely as any other
        assert rows[:, 0].any() and rows[:, -1].any() and columns[:, 0].any()


@pytest.mark.parametrize("share, expected", [(0, IMAGES), (1, None)])
def test_no_noise_and_nothing_but_noise(share, expected):
    spoiled = noise.salt_and_pepper(share)(IMAGES)
    if expected is None:
        assert ((spoiled == 0) | (spoiled == 1)).all()
    else:
        assert torch.equal(spoiled, expected)


@pytest.mark.parametrize(
    "make, value, words",
    [
        (noise.gaussian, -0.1, "deviation is -0.1; it must lie between 0 and 10"),
        (noise.gaussian, 1e6, "between 0 and 10"),
        (noise.gaussian, float("nan"), "deviation is nan"),
        (noise.salt_and_pepper, 1.5, "share is 1.5; it must lie between 0 and 1"),
        (noise.cut_out, 29, "side is 29; it must lie between 0 and 28"),
        (noise.cut_out, 2.5, "whole number of pixels"),
    ],
)
def test_impossible_noise_is_refused(make, value, words):
    with pytest.raises(ValueError, match=words):
        make(value)


def test_a_denoiser_sees_the_noise_and_is_asked_for_the_clean_image():
    seen = []

    def model(images):
        seen.append(images)
        return images

    objective = denoising(lambda images: images + 1)
    loss = objective(model, IMAGES, None)
    assert torch.equal(seen[0], IMAGES + 1)
    torch.testing.assert_close(loss, torch.tensor(1.0))
    torch.testing.assert_close(denoising(noise.cut_out(0))(model, IMAGES, None), 0 * loss)
    assert denoising(noise.gaussian(0.2), reconstruction)(model, IMAGES, None) > 0.03


def test_a_kind_of_noise_that_is_no_function_is_refused():
    with pytest.raises(TypeError, match="noise is 'gaussian'; give a function .* noise.gaussian"):
        denoising("gaussian")
