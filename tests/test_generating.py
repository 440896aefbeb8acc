"""Flow matching: it learns a cloud, asks for what it is asked for, and walks where it should."""

import pytest
import torch

from mnist_helpers import generating, training
from mnist_helpers.data import Codes, Digits

CENTRES = torch.tensor([[-2.0, 0.0], [2.0, 1.0]])


class Straight(torch.nn.Module):
    """A velocity that is the same everywhere, and another one where nothing is asked for."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, z, t, labels):
        self.seen.append(t)
        asked = (labels != generating.ANY)[:, None]
        return torch.where(asked, torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])).expand_as(z)


@pytest.fixture(scope="module")
def flow():
    """A velocity trained on two small clouds, of the digits 0 and 1."""
    torch.manual_seed(0)
    labels = torch.arange(4000) % 2
    codes = CENTRES[labels] + 0.2 * torch.randn(4000, 2)
    model = generating.Velocity(2, width=64, depth=2)
    training.fit(
        model, Codes(codes, labels), generating.flow_matching, epochs=8, batch_size=100,
        scheduler=training.one_cycle(0.01), optimizer=torch.optim.Adam(model.parameters()),
        verbose=False,
    )  # fmt: skip
    return model


def test_the_way_leads_from_noise_to_the_cloud_that_is_asked_for(flow):
    start, labels = torch.randn(1000, 2), torch.arange(1000) % 2
    places = generating.walk(flow, start, labels, steps=10)
    assert places.shape == (11, 1000, 2) and torch.equal(places[0], start)
    for digit in (0, 1):
        end = places[-1][labels == digit]
        torch.testing.assert_close(end.mean(dim=0), CENTRES[digit], atol=0.2, rtol=0)
        assert (end.std(dim=0) < 0.5).all()


def test_any_digit_gives_both_clouds(flow):
    labels = torch.full((1000,), generating.ANY)
    end = generating.walk(flow, torch.randn(1000, 2), labels)[-1]
    assert 0.3 < (end[:, 0] > 0).float().mean() < 0.7


def test_steps_are_even_and_guidance_exaggerates_what_the_label_changes():
    model, start, labels = Straight(), torch.zeros(3, 2), torch.tensor([0, 4, 9])
    places = generating.walk(model, start, labels, steps=4)
    torch.testing.assert_close(places[:, 0, 0], torch.tensor([0, 0.5, 1.0, 1.5, 2.0]))
    assert [t[0].item() for t in model.seen] == [0, 0.25, 0.5, 0.75]
    end = generating.walk(model, start, labels, steps=2, guidance=2.0)[-1]
    torch.testing.assert_close(end, torch.tensor([[4.0, -4.0]]).expand(3, 2))
    end = generating.walk(model, start, labels, steps=2, guidance=0.0)[-1]
    torch.testing.assert_close(end, torch.tensor([[0.0, 4.0]]).expand(3, 2))


def test_the_loss_is_that_of_the_straight_path():
    """A model that knows the code of every path, from where it is and when, has no loss."""
    codes = torch.randn(50, 2)

    def oracle(z, t, labels):
        return (codes - z) / (1 - t)

    assert generating.flow_matching(oracle, codes, torch.zeros(50, dtype=torch.int64)) < 1e-6


def test_one_label_in_ten_is_forgotten_and_the_times_differ():
    seen = {}

    def model(z, t, labels):
        seen.update(t=t, labels=labels)
        return z

    labels = torch.arange(10_000) % 10
    generating.flow_matching(model, torch.zeros(10_000, 2), labels)
    forgotten = seen["labels"] == generating.ANY
    assert 0.08 < forgotten.float().mean() < 0.12
    assert torch.equal(seen["labels"][~forgotten], labels[~forgotten])
    assert seen["t"].shape == (10_000, 1) and len(seen["t"].unique()) > 9000


@pytest.mark.parametrize(
    "options, words",
    [
        ({"steps": 0}, "steps is 0; it must be a whole number, at least 1"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"labels": torch.tensor([3, 11])}, "labels run from 3 to 11; give digits 0 to 9"),
        ({"labels": torch.tensor([-1, 2])}, "labels run from -1 to 2"),
        ({"guidance": -1.0}, "guidance is -1.0; it must be a finite number"),
    ],
)
def test_impossible_walks_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        generating.walk(Straight(), torch.zeros(2, 2), **{"labels": torch.tensor([0, 1])} | options)


@pytest.mark.parametrize(
    "codes, words",
    [
        (torch.zeros(9, 1, 28, 28), r"codes are torch.float32 of shape \(9, 1, 28, 28\)"),
        (torch.zeros(9, 4, dtype=torch.float64), "codes are torch.float64"),
        (torch.full((9, 4), float("nan")), "codes hold NaN"),
        (torch.zeros(0, 4), "the dataset is empty"),
    ],
)
def test_codes_that_cannot_be_trained_on_are_refused(codes, words):
    model, labels = generating.Velocity(4), torch.zeros(len(codes), dtype=torch.int64)
    with pytest.raises(ValueError, match=words):
        training.fit(model, Codes(codes, labels), generating.flow_matching, epochs=1)


def test_codes_that_claim_to_be_digits_are_refused():
    digits = Digits(torch.zeros(9, 4), torch.zeros(9, dtype=torch.int64))
    with pytest.raises(ValueError, match="expected .N, 1, 28, 28."):
        training.fit(generating.Velocity(4), digits, generating.flow_matching, epochs=1)
