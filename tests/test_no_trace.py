"""`fit`, `evaluate` and `encode` change the weights that they should change, and nothing else."""

import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers import latent
from mnist_helpers.callbacks import TensorBoard
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.models import ConvAutoencoder, DenseAutoencoder, UpConv2d
from mnist_helpers.randomness import own_randomness, random_states
from mnist_helpers.training import accuracy, classification, evaluate, fit, reconstruction


class Noisy(DenseAutoencoder):
    """It draws from every generator, and has dropout; one layer is frozen in evaluation mode."""

    def __init__(self):
        super().__init__(4, hidden=(16,))
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.BatchNorm2d(1).eval()

    def encode(self, x):
        shift = random.random() + np.random.rand()
        return super().encode(self.dropout(self.frozen(x)) + torch.rand_like(x) + shift)


def same(a, b):
    return repr(a) == repr(b) and torch.equal(a["torch"], b["torch"])


USES = {
    "fit": lambda model, digits, _: fit(model, digits, reconstruction, epochs=1, valid=digits),
    "fit, saved and drawn": lambda model, digits, folder: fit(
        model, digits, reconstruction, epochs=1,
        callbacks=[Checkpoint(folder / "run.pt"), TensorBoard(folder)],
    ),
    "evaluate": lambda model, digits, _: evaluate(model, digits, reconstruction),
    "encode": lambda model, digits, _: latent.encode(model, digits.images),
    "decode": lambda model, digits, _: latent.decode(model, torch.zeros(5, 4)),
    "reconstruct": lambda model, digits, _: latent.reconstruct(model, digits.images),
}  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("use", USES)
def test_states_modes_threads_and_gradients_are_as_before(digits, tmp_path, use, training):
    model = Noisy().train(training)
    model.frozen.eval()
    before = random_states()
    modes = [module.training for module in model.modules()]
    count = torch.get_num_threads()
    USES[use](model, digits, tmp_path)
    assert same(random_states(), before)
    assert [module.training for module in model.modules()] == modes
    assert torch.get_num_threads() == count and torch.is_grad_enabled()


@pytest.mark.parametrize("use", USES)
def test_also_where_the_model_fails(digits, tmp_path, use):
    model = Noisy()
    model.encode = model.decode = model.forward = lambda x: [][torch.rand(3).argmax()]
    before = random_states()
    with pytest.raises(IndexError):
        USES[use](model, digits, tmp_path)
    assert same(random_states(), before) and model.training


def test_also_where_the_seed_is_none(digits):
    model, before = Noisy(), random_states()
    with pytest.raises(ValueError, match="[Ss]eed must be between 0 and"):
        fit(model, digits, reconstruction, epochs=1, seed=-1)
    assert same(random_states(), before)


def test_models_made_in_a_loop_start_differently(digits):
    starts, ends = [], []
    for _ in range(4):
        model = DenseAutoencoder(4, hidden=(16,))
        starts.append(copy.deepcopy(model.encoder[1].weight))
        fit(model, digits, reconstruction, epochs=1, verbose=False)
        ends.append(model.encoder[1].weight)
    for weights in (starts, ends):
        assert len({float(w.detach().sum()) for w in weights}) == 4


def test_the_same_seed_is_the_same_run_whatever_was_drawn_before(digits):
    def run(seed):
        with own_randomness(0):
            model = Noisy()
        random.random(), np.random.rand(), torch.rand(1)
        return fit(model, digits, reconstruction, epochs=2, seed=seed, verbose=False).train_loss

    assert run(3) == run(3) != run(4)


def test_what_is_random_is_measured_the_same_each_time(digits):
    model = Noisy()
    assert evaluate(model, digits, reconstruction) == evaluate(model, digits, reconstruction)


def test_dropout_stays_on_in_a_loop_that_measures(digits):
    """The loop that lessons write by hand, with `evaluate` after each epoch."""
    model, modes = Noisy(), []
    for _ in range(3):
        modes.append(model.dropout.training)
        evaluate(model, digits, reconstruction)
    assert modes == [True] * 3


# ---- memory formats ------------------------------------------------------------------------


class Beginner(nn.Module):
    """A network as many tutorials write it."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)
        self.out = nn.Linear(4 * 24 * 24, 10)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.out(x.view(x.size(0), -1))


def test_network_that_flattens_with_view_works_before_inside_and_after(digits):
    model = Beginner()
    model(digits.images)
    fit(model, digits, classification, epochs=1, valid=digits, metrics=(accuracy,), verbose=False)
    model(digits.images)
    evaluate(model, digits, accuracy)
    assert all(p.is_contiguous() for p in model.parameters())


def test_convolutional_autoencoder_is_stored_the_fast_way_from_the_start(digits):
    model = ConvAutoencoder(2, channels=(4, 4), strides=(2, 2))

    def formats():
        kernels = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
        return [w.is_contiguous(memory_format=torch.channels_last) for w in kernels]

    assert formats() == [True, True]
    fit(model, digits, reconstruction, epochs=1, verbose=False)
    assert formats() == [True, True]


# ---- looking inside ------------------------------------------------------------------------


def test_what_a_hook_or_a_layer_returned_is_not_overwritten(digits):
    model = ConvAutoencoder(2, channels=(4, 4), strides=(2, 2))
    caught = []
    for layer in (*model.encoder, *model.decoder):
        layer.register_forward_hook(lambda *args: caught.append((args[2], args[2].clone())))
    model(digits.images[:5])
    assert len(caught) == len(model.encoder) + len(model.decoder)
    assert all(torch.equal(shown, kept) for shown, kept in caught)
    assert caught[0][0].min() < 0  # before the activation


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"dilation": 2},
        {"groups": 2},
        {"bias": False},
        {"stride": 3, "groups": 2, "dilation": 2, "padding": 1, "bias": False},
    ],
    ids=str,
)
def test_up_convolution_is_that_of_pytorch_for_all_that_it_accepts(arguments):
    ours, theirs = UpConv2d(4, 6, 3, **arguments), nn.ConvTranspose2d(4, 6, 3, **arguments)
    theirs.load_state_dict(ours.state_dict())
    for x in (torch.rand(2, 4, 7, 7), torch.rand(4, 7, 7)):
        torch.testing.assert_close(ours(x), theirs(x))
