import copy
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from mnist_helpers import devices
from mnist_helpers.data import Digits, split
from mnist_helpers.models import Classifier, ConvAutoencoder, DenseAutoencoder
from mnist_helpers.training import (
    accuracy,
    classification,
    evaluate,
    fit,
    one_cycle,
    pick_device,
    pixel_accuracy,
    reconstruction,
    reconstruction_bce,
)

fit = partial(fit, device="cpu")  # every number here is compared with the CPU's


def new_model():
    torch.manual_seed(0)
    return Classifier()


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=lr)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# ---- objectives and metrics ----------------------------------------------------------------


def test_classification_of_equal_scores_is_ln_10(digits):
    same = lambda images: torch.zeros(len(images), 10)  # noqa: E731
    assert classification(same, *digits.tensors).item() == pytest.approx(2.302585)


def test_reconstruction_objectives_against_the_formula(digits):
    grey = lambda images: torch.full_like(images, 0.25)  # noqa: E731
    x = digits.images
    assert reconstruction(grey, *digits.tensors).item() == pytest.approx(
        ((x - 0.25) ** 2).mean().item()
    )
    entropy = -(x * torch.log(torch.tensor(0.25)) + (1 - x) * torch.log(torch.tensor(0.75))).mean()
    assert reconstruction_bce(grey, *digits.tensors).item() == pytest.approx(entropy.item())


def test_pixel_accuracy_counts_pixels_within_the_tolerance():
    images = torch.tensor([0.0, 0.5, 1.0, 1.0]).view(1, 1, 2, 2)
    drawn = lambda _: torch.tensor([0.05, 0.65, 0.95, 0.0]).view(1, 1, 2, 2)  # noqa: E731
    assert pixel_accuracy(drawn, images, None).item() == 0.5
    assert pixel_accuracy(drawn, images, None, tolerance=0.2).item() == 0.75


def test_evaluate_is_a_mean_over_images_whatever_the_batches(digits):
    model = new_model()
    with torch.no_grad():
        expected = classification(model, *digits.tensors).item()
    for batch_size in (1, 64, 130, 1000):
        measured = evaluate(model, digits, classification, accuracy, batch_size=batch_size)
        assert measured["classification"] == pytest.approx(expected, rel=1e-5)
        assert (measured["accuracy"] * 200) == pytest.approx(round(measured["accuracy"] * 200))


# ---- fit -----------------------------------------------------------------------------------


def test_fit_learns(digits):
    train, valid = split(digits)
    history = fit(new_model(), train, classification, epochs=30, valid=valid, metrics=(accuracy,))
    assert history.train_loss[0] > 2 > 0.2 > history.train_loss[-1]
    assert history.metrics["accuracy"][-1] > 0.9


def test_autoencoder_learns(digits):
    history = fit(DenseAutoencoder(8), digits, reconstruction, epochs=30)
    assert history.train_loss[-1] < history.train_loss[0] / 3
    assert history.valid_loss == [] and history.metrics == {}


def test_one_step_of_sgd_is_the_textbook_one(digits):
    model, by_hand = new_model(), new_model()
    fit(model, digits, classification, epochs=1, batch_size=200, optimizer=sgd(model, 0.1))
    classification(by_hand, *digits.tensors).backward()
    with torch.no_grad():
        for p in by_hand.parameters():
            p -= 0.1 * p.grad
    assert torch.allclose(weights(model), weights(by_hand), atol=1e-6)


def test_train_loss_counts_images_and_not_batches(digits):
    """With a learning rate of zero, the curve must equal the loss of the untouched model."""
    model = new_model()
    history = fit(model, digits, classification, epochs=1, batch_size=130, optimizer=sgd(model, 0))
    assert history.train_loss[0] == pytest.approx(
        evaluate(model, digits, classification)["classification"]
    )


def test_validation_images_are_never_trained_on(digits):
    train, valid = split(digits)
    alone, watched = new_model(), new_model()
    fit(alone, train, classification, epochs=3)
    fit(watched, train, classification, epochs=3, valid=valid, metrics=(accuracy,))
    assert torch.equal(weights(alone), weights(watched))


def test_history_has_one_entry_per_epoch(digits):
    history = fit(
        new_model(),
        digits,
        classification,
        epochs=3,
        valid=digits,
        metrics=(accuracy,),
        batch_size=64,
    )
    assert history.steps == [4, 8, 12]
    lists = (
        history.valid_loss,
        history.metrics["accuracy"],
        history.learning_rate,
        history.seconds,
    )
    assert [len(values) for values in lists] == [3, 3, 3, 3]
    assert history.learning_rate == [1e-3] * 3


def test_same_seed_same_weights_and_another_seed_others(digits):
    runs = []
    for seed in (0, 0, 1):
        model = new_model()
        torch.rand(7)  # other random numbers drawn in between must not matter
        fit(model, digits, classification, epochs=2, seed=seed)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


def test_scheduler_is_stepped_after_every_batch(digits):
    model, rates = new_model(), []

    def watched(model, images, labels):
        rates.append(optimizer.param_groups[0]["lr"])
        return classification(model, images, labels)

    optimizer = sgd(model)
    fit(model, digits, watched, epochs=5, optimizer=optimizer, scheduler=one_cycle(0.5))
    assert len(rates) == 20
    assert max(rates) == pytest.approx(0.5, rel=0.05) and rates[0] < 0.03 and rates[-1] < 0.01


def test_objective_of_ones_own_and_partial_metrics(digits):
    def denoise(model, images, labels):
        return nn.functional.mse_loss(model(images + 0.1 * torch.randn_like(images)), images)

    loose = partial(pixel_accuracy, tolerance=0.5)
    history = fit(DenseAutoencoder(4), digits, denoise, epochs=1, valid=digits, metrics=(loose,))
    assert set(history.metrics) == {"pixel_accuracy(tolerance=0.5)"}
    assert len(history.valid_loss) == 1


def test_second_fit_goes_on_with_the_same_optimizer(digits):
    model = new_model()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(2):
        fit(model, digits, classification, epochs=1, batch_size=200, optimizer=optimizer)
    assert {int(state["step"]) for state in optimizer.state.values()} == {2}


def test_one_line_per_epoch_or_none(digits, capsys):
    fit(new_model(), digits, classification, epochs=2, valid=digits, metrics=(accuracy,))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(
        "valid loss ≈" in line and "accuracy ≈" in line for line in lines
    )
    fit(new_model(), digits, classification, epochs=2, verbose=False)
    assert capsys.readouterr().out == ""


def test_plain_tensor_dataset_will_do(digits):
    assert (
        len(fit(new_model(), TensorDataset(*digits.tensors), classification, epochs=1).steps) == 1
    )


# ---- stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 5, 8])
def test_interrupt_returns_the_finished_epochs(digits, capsys, at):
    calls = []

    def interrupted(model, images, labels):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return classification(model, images, labels)

    model = new_model()
    history = fit(model, digits, interrupted, epochs=5, batch_size=64)
    assert len(history.train_loss) == len(history.seconds) == (at - 1) // 4
    assert f"{(at - 1) // 4} of 5 epochs are complete" in capsys.readouterr().out
    fit(model, digits, classification, epochs=1)  # the model is still good to train


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_diverging_loss_names_the_epoch_and_what_to_try(digits, bad):
    calls = []

    def explodes(model, images, labels):
        calls.append(1)
        return classification(model, images, labels) * (bad if len(calls) > 4 else 1)

    with pytest.raises(
        FloatingPointError, match="in epoch 2.*learning rate of 0.0001 instead of 0.001"
    ):
        fit(new_model(), digits, explodes, epochs=3, batch_size=64)


@pytest.mark.parametrize(
    "batch_size, advice", [(64, "Try batch_size=32, a smaller model"), (1, "Try a smaller model")]
)
def test_out_of_gpu_memory_becomes_advice(digits, batch_size, advice):
    """Raised here by the objective, as CUDA raises it: not every machine has a GPU to fill."""

    def too_large(model, images, labels):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    model = new_model()
    words = f"batches of {batch_size} images.*{advice}, or device='cpu'"
    with pytest.raises(torch.OutOfMemoryError, match=words) as caught:
        fit(model, digits, too_large, epochs=1, batch_size=batch_size)
    assert "20.00 GiB" in str(caught.value.__cause__)
    fit(model, digits, classification, epochs=1)  # the model is still good to train


# ---- bad input -----------------------------------------------------------------------------


def changed(digits, images=None, labels=None):
    return Digits(
        digits.images if images is None else images, digits.labels if labels is None else labels
    )


BAD_DIGITS = {
    "no channel": (lambda d: changed(d, d.images[:, 0]), r"shape \(200, 28, 28\).*images.view"),
    "flat": (lambda d: changed(d, d.images.flatten(1)), r"shape \(200, 784\)"),
    "bytes": (lambda d: changed(d, (d.images * 255).byte()), r"torch.uint8.*images.float\(\)"),
    "0 to 255": (lambda d: changed(d, d.images * 255), r"pixels run from 0\.\d+ to 25\d.*divide"),
    "negative": (lambda d: changed(d, d.images - 0.5), "expected 0 to 1"),
    "not a number": (lambda d: changed(d, d.images / 0 * 0), "look for NaN"),
    "empty": (lambda d: d.subset([]), "the dataset is empty"),
    "float labels": (lambda d: changed(d, labels=d.labels.float()), r"labels.long\(\)"),
    "one-hot labels": (
        lambda d: changed(d, labels=torch.eye(10)[d.labels].long()),
        r"shape \(200, 10\)",
    ),
}


@pytest.mark.parametrize("case", BAD_DIGITS)
def test_unusable_digits_are_refused_before_the_first_step(digits, case):
    spoil, message = BAD_DIGITS[case]
    model = new_model()
    before = copy.deepcopy(weights(model))
    for arguments in ({"train": spoil(digits)}, {"train": digits, "valid": spoil(digits)}):
        with pytest.raises(ValueError, match=message):
            fit(model, objective=classification, epochs=1, **arguments)
    with pytest.raises(ValueError, match=message):
        evaluate(model, spoil(digits), classification)
    assert torch.equal(weights(model), before)


def test_something_else_than_a_dataset(digits):
    with pytest.raises(
        TypeError, match=r"got Tensor; put your tensors into Digits\(images, labels\)"
    ):
        fit(new_model(), digits.images, classification, epochs=1)


def test_epochs_zero_batch_size_zero_and_metrics_without_images(digits):
    with pytest.raises(ValueError, match="epochs is 0; it must be a whole number, at least 1"):
        fit(new_model(), digits, classification, epochs=0)
    with pytest.raises(ValueError, match="batch_size is 0"):
        fit(new_model(), digits, classification, epochs=1, batch_size=0)
    with pytest.raises(ValueError, match="give valid=... too"):
        fit(new_model(), digits, classification, epochs=1, metrics=(accuracy,))


# ---- devices -------------------------------------------------------------------------------


def test_model_comes_back_from_the_device_it_was_trained_on(digits):
    model = new_model()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(2):
        fit(model, digits, classification, epochs=1, optimizer=optimizer, device=pick_device())
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    assert model(digits.images).shape == (200, 10)


# ---- precision -----------------------------------------------------------------------------


def conv(digits, **options):
    torch.manual_seed(0)
    model = ConvAutoencoder(4, channels=(8, 8), strides=(2, 2))
    options = dict(objective=reconstruction, epochs=20, verbose=False) | options
    return model, fit(model, digits, **options)


def test_bfloat16_learns_as_much_in_as_many_steps(digits):
    exact, coarse = (conv(digits, precision=p)[1].train_loss for p in ("float32", "bfloat16"))
    assert exact[-1] < 0.7 * exact[0]
    assert coarse != exact and coarse[-1] == pytest.approx(exact[-1], rel=0.02)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_only_what_the_model_computes_has_that_precision(digits, precision):
    seen = []

    def objective(model, images, labels):
        seen.append(model.encode(images).dtype)
        return reconstruction(model, images, labels)

    model, _ = conv(digits, objective=objective, epochs=1, precision=precision)
    assert set(seen) == {getattr(torch, precision)}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in model.parameters()} == {torch.float32}


def test_binary_cross_entropy_in_bfloat16(digits):
    exact, coarse = (
        conv(digits, objective=reconstruction_bce, precision=p)[1].train_loss[-1]
        for p in ("float32", "bfloat16")
    )
    assert coarse == pytest.approx(exact, rel=0.02)


def test_precision_is_picked_by_hardware_and_layers_and_said_once(digits, capsys):
    devices._say_once.cache_clear()
    assert devices.pick_precision(new_model(), "cpu") == "float32"
    assert capsys.readouterr().out == ""
    fast = torch.cpu.get_capabilities().get("avx512_bf16", False)
    for _ in range(2):
        picked = devices.pick_precision(ConvAutoencoder(2), "cpu")
        assert picked == ("bfloat16" if fast else "float32")
    said = capsys.readouterr().out
    assert said == f"Convolutions are trained in {picked} here. precision=... overrides it.\n"


def test_unknown_precision_is_refused(digits):
    with pytest.raises(ValueError, match="precision is 'float16'; it must be \"float32\" or"):
        conv(digits, precision="float16")


# ---- output --------------------------------------------------------------------------------

SESSION = """
import torch
from mnist_helpers import data, models, training
from mnist_helpers.checkpoints import Checkpoint
digits = data.Digits(torch.rand(20, 1, 28, 28), torch.arange(20) % 10)
for epochs in (1, 2):
    training.fit(
        models.ConvAutoencoder(2, (2, 2), (2, 2)), digits, training.reconstruction,
        epochs=epochs, callbacks=[Checkpoint("run.pt")],
    )
"""


@pytest.mark.parametrize("encoding, sign", [("cp1252", "~"), ("ascii", "~"), ("utf-8", "≈")])
def test_lines_where_the_output_knows_few_signs(tmp_path, encoding, sign):
    """On Windows, output that is sent to a file is cp1252."""
    path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": path}
    session = subprocess.run(
        [sys.executable, "-c", SESSION], cwd=tmp_path, env=environment, capture_output=True
    )
    assert session.returncode == 0, session.stderr.decode()
    said = session.stdout.decode(encoding)
    assert said.count(f"train loss {sign} 0.") == 2 and "Going on from run.pt" in said
