"""What `fit` and `evaluate` refuse, before the first step, and what they say then."""

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.arguments import check_measure
from mnist_helpers.models import Classifier
from mnist_helpers.training import (
    accuracy,
    classification,
    evaluate,
    fit,
    pixel_accuracy,
    reconstruction,
)


def adam(model):
    return torch.optim.Adam(model.parameters())


def plateau(optimizer, steps):
    return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)


def two_arguments(model, images):
    return model(images).mean()


def per_image(model, images, labels):
    return F.cross_entropy(model(images), labels, reduction="none")


def a_number(model, images, labels):
    return classification(model, images, labels).item()


def detached(model, images, labels):
    return classification(model, images, labels).detach()


def another(measure):
    """A second function of the same name."""
    return eval(f"lambda model, images, labels: {measure.__name__}(model, images, labels)")


def given(**arguments):
    return lambda model: arguments


# name -> (arguments of fit that differ from good ones, made with the model; what is said)
REFUSED = {
    "another model's optimizer": (
        lambda model: {"optimizer": adam(Classifier())},
        "holds the weights of another model.*make it anew, Adam",
    ),
    "a class as optimizer": (given(optimizer=torch.optim.Adam), "must be an object such as"),
    "LBFGS": (
        lambda model: {"optimizer": torch.optim.LBFGS(model.parameters())},
        "LBFGS measures the loss several times.*Take another optimizer",
    ),
    "a schedule that waits for a loss": (given(scheduler=plateau), "ReduceLROnPlateau must be"),
    "a schedule that is made": (
        lambda model: {"scheduler": torch.optim.lr_scheduler.ConstantLR(adam(model))},
        "scheduler is ConstantLR, which is made already; give a function",
    ),
    "a schedule that is none": (given(scheduler=lambda *_: 0.1), "scheduler made 0.1"),
    "metrics as a function": (given(metrics=accuracy), r"give a tuple: metrics=\(accuracy,\)"),
    "a loss of PyTorch": (
        given(objective=nn.CrossEntropyLoss()),
        r"CrossEntropyLoss\(\) compares outputs with targets.*def objective",
    ),
    "a function of PyTorch": (given(objective=F.cross_entropy), "cross_entropy compares outputs"),
    "a text": (given(objective="mse"), "'mse' is no function"),
    "too few arguments": (
        given(objective=two_arguments),
        r"two_arguments cannot be called with \(model, images, labels\): too many positional",
    ),
    "a model without weights": (given(model=nn.Identity()), "Identity has no weights"),
    "a loss for each image": (given(objective=per_image), r"shape \(64,\).*take the mean"),
    "a loss that is a number": (given(objective=a_number), r"returned \d.*must return a tensor"),
    "a loss without a gradient": (given(objective=detached), "does not depend on the weights"),
    "a class as model": (given(model=Classifier), "must be an nn.Module object"),
    "half an epoch": (given(epochs=1.5), "epochs is 1.5; it must be a whole number"),
    "a callback that is none": (given(callbacks=["runs/mine.pt"]), "must be a Callback object"),
    "two metrics of one name": (
        lambda model: {"metrics": (another(accuracy), another(reconstruction))},
        "both named '<lambda>'.*a name of its own",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_the_first_step(digits, case):
    model = Classifier()
    before = copy.deepcopy(model.state_dict())
    change, message = REFUSED[case]
    arguments = dict(
        model=model, train=digits, objective=classification, epochs=1, valid=digits, device="cpu"
    )
    with pytest.raises((TypeError, ValueError), match=message):
        fit(**arguments | change(model))
    assert all(torch.equal(model.state_dict()[name], w) for name, w in before.items())


def test_a_frozen_model_is_refused_and_a_half_frozen_one_is_trained(digits):
    model = Classifier()
    model.layers[1].requires_grad_(False)
    fit(model, digits, classification, epochs=1, verbose=False)
    with pytest.raises(ValueError, match="no weights that can be trained"):
        fit(model.requires_grad_(False), digits, classification, epochs=1)


def test_a_model_without_weights_can_be_measured(digits):
    assert evaluate(nn.Identity(), digits, reconstruction) == {"reconstruction": 0}


def test_what_measures_can_be():
    class Loss(nn.Module):
        def forward(self, model, images, labels):
            return model(images).mean()

    for measure in (classification, partial(pixel_accuracy, tolerance=0.2), Loss(), lambda *x: 1):
        check_measure(measure)


# ---- measures and their names --------------------------------------------------------------


def test_an_objective_that_is_also_a_metric_is_counted_once(digits):
    history = fit(
        Classifier(), digits, classification, epochs=1, valid=digits,
        metrics=(classification, accuracy), verbose=False,
    )  # fmt: skip
    assert history.valid_loss == history.metrics["classification"]
    assert set(history.metrics) == {"classification", "accuracy"}


def test_two_partials_have_two_names_and_two_values(digits):
    strict, loose = (partial(pixel_accuracy, tolerance=t) for t in (0.1, 0.9))
    measured = evaluate(nn.Flatten(0), digits, lambda model, x, y: x.mean())
    assert list(measured) == ["<lambda>"]
    grey = nn.Sequential(nn.AvgPool2d(28), nn.Upsample(28))
    measured = evaluate(grey, digits, strict, loose)
    assert list(measured) == ["pixel_accuracy(tolerance=0.1)", "pixel_accuracy(tolerance=0.9)"]
    assert (
        measured["pixel_accuracy(tolerance=0.1)"]
        < 0.9
        < 1
        == pytest.approx(measured["pixel_accuracy(tolerance=0.9)"], abs=0.05)
    )


def test_the_same_measure_twice_is_one_and_two_of_one_name_are_refused(digits):
    assert len(evaluate(Classifier(), digits, accuracy, accuracy)) == 1
    with pytest.raises(ValueError, match="both named '<lambda>'"):
        evaluate(Classifier(), digits, lambda *_: 0.0, lambda *_: 1.0)


# ---- sums ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_coarse_loss_is_summed_finely(digits, dtype):
    def coarse(model, images, labels):
        return (model(images).sum() * 0 + 3.734375).to(dtype)  # exact in 8 binary digits

    many = digits.subset(torch.arange(20_000) % 200)
    model = Classifier()
    history = fit(model, many, coarse, epochs=1, valid=many, batch_size=16, verbose=False)
    true = float(torch.tensor(3.734375).to(dtype))
    assert history.train_loss == [pytest.approx(true, rel=1e-5)]
    assert history.valid_loss == [pytest.approx(true, rel=1e-5)]
