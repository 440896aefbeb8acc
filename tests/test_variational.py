"""The variational autoencoder and its objective, against torch.distributions and by hand."""

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from mnist_helpers import models, objectives, training
from mnist_helpers.data import Digits

IMAGES = torch.rand(30, 1, 28, 28, generator=torch.Generator().manual_seed(0))
DIGITS = Digits(IMAGES, torch.zeros(30, dtype=torch.int64))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return models.VariationalAutoencoder(7, hidden=(50, 20))


def test_shapes_and_parameters(model):
    mean, log_variance = model.posterior(IMAGES)
    assert mean.shape == log_variance.shape == (30, 7)
    assert model(IMAGES).shape == IMAGES.shape
    wide = models.VariationalAutoencoder()
    assert models.count_parameters(wide) == 785 * 400 + 401 * 40 + 21 * 400 + 401 * 784


def test_only_draw_draws(model):
    assert torch.equal(model.encode(IMAGES), model.posterior(IMAGES)[0])
    assert torch.equal(model(IMAGES), model(IMAGES))
    cloud = model.posterior(IMAGES)
    assert not torch.equal(model.draw(*cloud), model.draw(*cloud))


def test_codes_are_drawn_with_the_mean_and_the_variance_and_gradients_reach_both(model):
    mean = torch.tensor([[1.0, -2.0]]).expand(20_000, 2).clone().requires_grad_()
    log_variance = torch.tensor([[0.5, -1.0]]).expand(20_000, 2).clone().requires_grad_()
    codes = model.draw(mean, log_variance)
    torch.testing.assert_close(codes.mean(dim=0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(codes.var(dim=0).log(), log_variance[0], atol=0.05, rtol=0)
    codes.square().sum().backward()
    assert mean.grad.any() and log_variance.grad.any()


def test_divergence_is_that_of_torch_distributions():
    mean, log_variance = torch.randn(2, 40, 5).unbind()
    cloud = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(cloud, Normal(0.0, 1.0)).sum(dim=1).mean()
    torch.testing.assert_close(objectives.divergence(mean, log_variance), expected)
    assert objectives.divergence(torch.zeros(3, 4), torch.zeros(3, 4)) == 0


def test_bernoulli_is_in_nats_per_image():
    x_hat, images = torch.rand(9, 1, 28, 28) * 0.98 + 0.01, (IMAGES[:9] > 0.5).float()
    expected = -Bernoulli(x_hat).log_prob(images).sum(dim=(1, 2, 3)).mean()
    torch.testing.assert_close(objectives.bernoulli(x_hat, images), expected)


def test_the_negative_elbo_is_the_sum_of_its_two_terms(model):
    values = training.evaluate(model, DIGITS, objectives.negative_elbo())["negative_elbo"]
    free = training.evaluate(model, DIGITS, objectives.negative_elbo(0))["negative_elbo"]
    rent = objectives.divergence(*model.posterior(IMAGES)).item()
    assert rent > 0
    assert values == pytest.approx(free + rent, rel=1e-4)


def test_fit_trains_it_like_every_other_model(model):
    dark = Digits(IMAGES * 0, DIGITS.labels)
    before = training.evaluate(model, dark, objectives.negative_elbo())
    training.fit(model, dark, objectives.negative_elbo(), epochs=100, verbose=False)
    after = training.evaluate(model, dark, objectives.negative_elbo())
    assert after["negative_elbo"] < before["negative_elbo"] / 2


@pytest.mark.parametrize("beta", [-1, float("nan"), float("inf")])
def test_impossible_beta_is_refused(beta):
    with pytest.raises(ValueError, match="beta is .*; it must be a finite number, at least 0"):
        objectives.negative_elbo(beta)


@pytest.mark.parametrize("sizes", [{"latent_dim": 0}, {"hidden": (0,)}])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="must be at least 1"):
        models.VariationalAutoencoder(**sizes)
