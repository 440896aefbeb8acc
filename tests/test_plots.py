import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb

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


# What colour-blind readers see: linear RGB, multiplied from the right.
# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
# deficiency" (2009), full severity.
SEEN_WITH = {
    "normal sight": torch.eye(3),
    "protanopia": torch.tensor(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    ),
    "deuteranopia": torch.tensor(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
    "tritanopia": torch.tensor(
        [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]
    ),
}
TO_XYZ = torch.tensor(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)


def linear(colors):
    """Colours, (N, 3), as amounts of light (the sRGB standard)."""
    rgb = torch.tensor([to_rgb(color) for color in colors])
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(colors):
    """Contrast against white (Web Content Accessibility Guidelines 2.2)."""
    return 1.05 / (linear(colors) @ TO_XYZ[1] + 0.05)


def lab(light):
    """CIE Lab, in which 1 is about the least difference that an eye can see."""
    x, y, z = ((light.clamp(0, 1) @ TO_XYZ.T) / torch.tensor([0.9505, 1.0, 1.089])).T
    x, y, z = (torch.where(t > 0.008856, t ** (1 / 3), 7.787 * t + 16 / 116) for t in (x, y, z))
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def test_the_tools_that_judge_colours():
    assert contrast(["black", "white"]).tolist() == pytest.approx([21, 1])
    assert contrast(["#777777"]).item() == pytest.approx(4.48, abs=0.01)  # known from WCAG tools
    assert lab(linear(["red"]))[0].tolist() == pytest.approx([53.24, 80.09, 67.20], abs=0.1)


def test_colours_of_digits_stand_out_from_white():
    assert len(set(plots.DIGIT_COLORS)) == 10
    assert contrast(plots.DIGIT_COLORS).min() >= 3


@pytest.mark.parametrize("sight", SEEN_WITH)
def test_colours_of_digits_differ_for_every_sight(sight):
    seen = lab(linear(plots.DIGIT_COLORS) @ SEEN_WITH[sight].T)
    assert torch.pdist(seen).min() > 15


def islands(count=10, each=50, spread=0.5):
    """Points of ten islands on a circle, (N, 2), and their labels."""
    labels = torch.arange(count * each) % count
    turn = labels * 2 * torch.pi / count
    noise = torch.randn(count * each, 2, generator=torch.Generator().manual_seed(0))
    return 5 * torch.stack([turn.cos(), turn.sin()], dim=1) + spread * noise, labels


def pixels(points):
    return torch.from_numpy(plt.gca().transData.transform(points))


def test_points_of_a_map_are_drawn_in_full_colour_and_larger_if_few():
    areas = []
    for each in (10, 200, 500):
        points, labels = islands(each=each)
        plots.plot_maps({"one": points}, labels, "maps")
        scatter = plt.gca().collections[0]
        faces = scatter.get_facecolors()
        assert contrast({tuple(face[:3]) for face in faces}).min() >= 3
        assert (faces[:, 3] == 1).all()  # what shines through is paler than its colour
        areas.append(scatter.get_sizes().item())
    assert areas == sorted(areas, reverse=True) and areas[0] > areas[1] > areas[2]


@pytest.mark.parametrize("spread", [0.3, 0.8])
def test_names_of_digits_stand_beside_their_points(spread):
    points, labels = islands(spread=spread)
    plots.plot_maps({"one": points, "two": -points}, labels, "maps")
    names = plt.gca().texts
    assert [name.get_text() for name in names] == list("0123456789")
    plt.gcf().canvas.draw()
    here = pixels(-points)
    for digit, name in enumerate(names):
        away = (here - pixels([name.get_position()])).norm(dim=1)
        assert away[labels == digit].median() == min(
            away[labels == other].median() for other in range(10)
        )
        radius = name.get_bbox_patch().get_window_extent().width / 2
        assert (away[labels == digit] < radius).float().mean() <= 0.05
        assert (-points[labels == digit] - torch.tensor(name.xy)).norm(dim=1).min() < 1e-4


def test_names_of_digits_in_one_place_do_not_hide_each_other():
    labels = torch.arange(40) % 4
    points = torch.stack([labels * 0.01, torch.arange(40.0)], dim=1) + labels[:, None] * 0.01
    plots.plot_maps({"one": points}, labels, "maps", size=4)
    plt.gcf().canvas.draw()
    circles = [name.get_bbox_patch().get_window_extent() for name in plt.gca().texts]
    places = torch.tensor([name.get_position() for name in plt.gca().texts])
    assert torch.pdist(pixels(places)).min() >= max(circle.width for circle in circles)


def test_marked_points_get_a_rim_in_every_map():
    points, labels = islands()
    plots.plot_maps({"one": points, "two": -points}, labels, "maps", marked=labels == 6)
    for ax, sign in zip(plt.gcf().axes, (1, -1)):
        dots, rims = ax.collections
        assert rims.get_offsets().tolist() == (sign * points[labels == 6]).tolist()
        assert rims.get_zorder() < dots.get_zorder()  # no dot is hidden
        assert rims.get_sizes() > dots.get_sizes()


def test_map_of_few_digits_names_only_those():
    plots.plot_maps({"one": torch.rand(4, 2)}, torch.tensor([3, 3, 7, 7]), "maps")
    assert [text.get_text() for text in plt.gca().texts] == ["3", "7"]
