import hashlib

import pytest
import torch
from torch import nn

from mnist_helpers.course import WEIGHTS
from mnist_helpers.data import load_mnist
from mnist_helpers.models import (
    Autoencoder,
    Classifier,
    ConvAutoencoder,
    DenseAutoencoder,
    UpConv2d,
    count_parameters,
    pretrained,
    provenance,
)
from mnist_helpers.sources.mnist import MNIST_MD5
from mnist_helpers.training import evaluate, reconstruction

IMAGES = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def layer_sizes(module):
    return [(m.in_features, m.out_features) for m in module.modules() if isinstance(m, nn.Linear)]


def test_classifier_is_784_32_64_10():
    model = Classifier()
    assert layer_sizes(model) == [(784, 32), (32, 64), (64, 10)]
    assert model(IMAGES).shape == (3, 10)
    assert count_parameters(model) == 784 * 32 + 32 + 32 * 64 + 64 + 64 * 10 + 10


def test_softmax_regression_has_no_hidden_layer():
    assert layer_sizes(Classifier(hidden=())) == [(784, 10)]


def test_dense_autoencoder_is_mirrored():
    model = DenseAutoencoder(latent_dim=32, hidden=(256, 128))
    assert layer_sizes(model.encoder) == [(784, 256), (256, 128), (128, 32)]
    assert layer_sizes(model.decoder) == [(32, 128), (128, 256), (256, 784)]


@pytest.mark.parametrize(
    "model",
    [
        DenseAutoencoder(5),
        DenseAutoencoder(5, hidden=()),
        ConvAutoencoder(5),
        ConvAutoencoder(5, channels=(4, 6), strides=(2, 2), hidden=(20,)),
        ConvAutoencoder(5, channels=(3,), strides=(1,)),
        ConvAutoencoder(5, channels=(3, 3), strides=(4, 7)),
    ],
)
def test_autoencoders_go_down_to_the_code_and_back(model):
    z = model.encode(IMAGES)
    x_hat = model.decode(z)
    assert z.shape == (3, 5) and x_hat.shape == IMAGES.shape
    assert torch.equal(model(IMAGES), x_hat)
    assert x_hat.min() > 0 and x_hat.max() < 1


def test_code_may_take_negative_values():
    torch.manual_seed(0)
    assert DenseAutoencoder(32).encode(IMAGES).min() < 0
    assert ConvAutoencoder(32).encode(IMAGES).min() < -0.01


def test_linear_autoencoder_is_linear():
    model = DenseAutoencoder(4, hidden=(), output=nn.Identity)
    a, b = IMAGES[:1], IMAGES[1:2]
    between = model((a + b) / 2)
    assert torch.allclose(between, (model(a) + model(b)) / 2, atol=1e-6)


def test_activation_is_the_one_asked_for():
    kinds = [type(m) for m in DenseAutoencoder(activation=nn.Tanh).encoder]
    assert kinds == [nn.Flatten, nn.Linear, nn.Tanh, nn.Linear]


def test_full_convolutional_network_of_the_course():
    model = ConvAutoencoder(latent_dim=2, channels=(64, 64, 64, 64))
    down = [m for m in model.encoder if isinstance(m, nn.Conv2d)]
    up = [m for m in model.decoder if isinstance(m, nn.ConvTranspose2d)]
    assert [m.stride[0] for m in down] == [1, 2, 2, 1] == [m.stride[0] for m in up][::-1]
    assert {m.negative_slope for m in model.modules() if isinstance(m, nn.LeakyReLU)} == {0.01}
    assert isinstance(model.encoder[-1], nn.Linear) and isinstance(model.decoder[-1], nn.Sigmoid)


def test_autoencoder_of_ones_own_parts():
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 7))
    decoder = nn.Sequential(nn.Linear(7, 784), nn.Unflatten(1, (1, 28, 28)))
    assert Autoencoder(encoder, decoder).encode(IMAGES).shape == (3, 7)


@pytest.mark.parametrize("model", [DenseAutoencoder, ConvAutoencoder])
def test_latent_dim_zero(model):
    with pytest.raises(ValueError, match="latent_dim and every width must be at least 1"):
        model(latent_dim=0)


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"channels": (4, 4), "strides": (2,)}, "as many strides as channels"),
        ({"channels": (4, 0), "strides": (2, 2)}, "all at least 1"),
        ({"channels": (4, 4, 4), "strides": (2, 2, 2)}, "shrink 28 pixels 8 times"),
    ],
)
def test_convolutions_that_do_not_fit(sizes, message):
    with pytest.raises(ValueError, match=message):
        ConvAutoencoder(**sizes)


def test_up_convolution_and_its_gradients_are_those_of_pytorch():
    torch.manual_seed(0)
    ours = UpConv2d(5, 3, 3, stride=2, padding=1, output_padding=1)
    theirs = nn.ConvTranspose2d(5, 3, 3, stride=2, padding=1, output_padding=1)
    theirs.load_state_dict(ours.state_dict())
    x, target = torch.rand(4, 5, 7, 7), torch.rand(4, 3, 14, 14)
    for layer in (ours, theirs):
        nn.functional.mse_loss(layer(x), target).backward()
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


# ---- the network that comes with the package -----------------------------------------------


@pytest.mark.parametrize("name, epochs", [("conv-2d-5", 5), ("conv-2d-61", 61), ("conv-2d", 200)])
def test_pretrained_weights_are_those_whose_story_is_told(name, epochs):
    story = provenance(name)
    weights = WEIGHTS / f"{name}.pt"
    assert story["epochs"] == epochs
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == story["sha256 of the weights"]
    assert weights.stat().st_size < 1.1e6
    assert len(story["train_loss"]) == story["epochs"] <= story["epochs of the full recipe"]
    assert story["data"]["source"] == "mnist" and story["data"]["md5"] == MNIST_MD5


def test_pretrained_network_has_the_test_error_that_is_told():
    try:
        _, test = load_mnist(source="mnist")
    except OSError as error:
        pytest.skip(f"MNIST is not here: {error}")
    measured = evaluate(pretrained("conv-2d"), test, reconstruction)["reconstruction"]
    assert measured == pytest.approx(provenance("conv-2d")["test_mse"], rel=1e-3)


def test_loading_a_pretrained_network_draws_no_random_numbers():
    before = torch.get_rng_state()
    model = pretrained("conv-2d")
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training and model.encode(IMAGES).shape == (3, 2)
    assert all(p.requires_grad for p in model.parameters())  # it can be trained further


@pytest.mark.parametrize("load", [pretrained, provenance])
def test_unknown_pretrained_network(load):
    with pytest.raises(ValueError, match="no pretrained network 'conv-3d'; there are: conv-2d"):
        load("conv-3d")
