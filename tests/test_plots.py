import matplotlib.pyplot as plt
import pytest
import torch

from mnist_helpers import plots
from mnist_helpers.runs import History

IMAGES = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def drawn():
    """All images of the newest figure."""
    return [
        image
        for ax in plt.gcf().axes
        for image in ax.get_images()
        if ax.get_label() != "<colorbar>"
    ]


def test_images_share_the_scale_of_paper_and_ink():
    plots.show_images(IMAGES / 2, "half as bright", captions=range(7), columns=4)
    assert {image.get_clim() for image in drawn()} == {(0, 1)} and len(drawn()) == 7
    assert [ax.get_title() for ax in plt.gcf().axes[:7]] == list("0123456")
    assert plt.gcf().get_suptitle() == "half as bright"


def test_weights_share_one_scale_centred_at_zero():
    weights = torch.randn(5, 784, generator=torch.Generator().manual_seed(0))
    plots.show_weights(weights, "random")
    limit = weights.abs().max().item()
    assert {image.get_clim() for image in drawn()} == {(-limit, limit)}
    assert plt.gcf().axes[-1].get_ylabel() == "weight"


def test_two_figures_of_weights_can_share_a_limit():
    plots.show_weights(torch.eye(9).view(9, 3, 3), "kernels", limit=2.5)
    assert {image.get_clim() for image in drawn()} == {(-2.5, 2.5)}


def test_rows_hold_images_and_codes():
    plots.show_rows({"original": IMAGES, "code": torch.randn(7, 4, 8)}, "both", captions="abcdefg")
    assert [image.get_array().shape for image in drawn()] == [(28, 28)] * 7 + [(4, 8)] * 7
    assert [plt.gcf().axes[i].get_ylabel() for i in (0, 7)] == ["original", "code"]
    low, high = drawn()[7].get_clim()
    assert low == -high


def test_curves_of_runs_with_and_without_validation():
    plots.plot_curves(
        {"a": History([3, 2, 1], [4, 3, 2]), "b": History([1, 0.5])}, "falls", "loss (nats)"
    )
    ax = plt.gca()
    assert [len(line.get_xdata()) for line in ax.lines] == [3, 3, 2]
    assert (
        ax.get_yscale() == "log" and ax.get_ylabel() == "loss (nats)" and ax.get_xlabel() == "epoch"
    )


def test_rows_of_what_a_network_still_learns():
    drawn_by_it = IMAGES.clone().requires_grad_()
    plots.show_rows({"original": IMAGES, "learning": drawn_by_it * 2 - 1}, "both")
    assert len(drawn()) == 14


def test_curves_of_a_dozen_runs_are_all_there_and_all_different():
    runs = {f"run {n}": History([2 + n, 1 + n], [3 + n, 2 + n]) for n in range(12)}
    plots.plot_curves(runs, "twelve", "loss")
    lines = plt.gca().lines
    assert len(lines) == 24 and len(plt.gca().get_legend().texts) == 24
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines}
    assert len(looks) == 24


def test_confusion_scale_ignores_the_diagonal():
    matrix = torch.eye(10).long() * 900
    matrix[4, 9] = 12
    plots.plot_confusion(matrix, "4 is taken for 9")
    assert drawn()[0].get_array().max() == 12 and matrix[0, 0] == 900
    assert {"12", "900"} <= {text.get_text() for text in plt.gcf().axes[0].texts}


def test_maps_name_each_digit_where_its_points_are():
    labels = torch.arange(100) % 10
    points = torch.stack([labels * 10.0, labels * -1.0], dim=1)
    plots.plot_maps({"one": points, "two": -points}, labels, "maps")
    left = plt.gcf().axes[0]
    assert [text.get_text() for text in left.texts] == list("0123456789")
    for digit, text in enumerate(left.texts):
        assert text.get_position() == pytest.approx((digit * 10, -digit))


def test_names_of_digits_in_one_place_do_not_hide_each_other():
    labels = torch.arange(40) % 4
    points = torch.stack([labels * 0.01, torch.arange(40.0)], dim=1) + labels[:, None] * 0.01
    plots.plot_maps({"one": points}, labels, "maps", size=4)
    places = torch.tensor([text.get_position() for text in plt.gca().texts])
    axes = torch.tensor([plt.gca().get_xlim(), plt.gca().get_ylim()]).diff().flatten()
    assert torch.pdist(places / axes).min() > 0.05


def test_map_of_few_digits_names_only_those():
    plots.plot_maps({"one": torch.rand(4, 2)}, torch.tensor([3, 3, 7, 7]), "maps")
    assert [text.get_text() for text in plt.gca().texts] == ["3", "7"]
