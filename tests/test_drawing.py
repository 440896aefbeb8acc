"""The pad: MNIST's preparation against the set itself, strokes, stored drawings, what is said."""

import base64
import io

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from mnist_helpers import drawing, judging
from mnist_helpers.course import DRAWINGS

LINE = [[[0.5, 0.2], [0.5, 0.8]]]


def test_images_of_mnist_stay_as_they_are(real_mnist):
    images = real_mnist[1].images[:2000]
    same = [torch.equal(drawing.centred(image[None]), image[None]) for image in images]
    assert sum(same) >= 1999  # three in the whole test set are not 20 pixels large


@pytest.mark.parametrize("place", [(0, 0), (3, 40), (60, 9)])
def test_preparation_finds_an_image_of_mnist_wherever_it_lies(real_mnist, place):
    image, (top, left) = real_mnist[1].images[:1], place
    page = F.pad(image, (left, 60 - left, top, 60 - top))
    assert torch.equal(drawing.centred(page), image)


def test_preparation_undoes_a_change_of_size(real_mnist):
    image = real_mnist[1].images[:1]
    large = F.interpolate(image, scale_factor=5, mode="bilinear")
    assert F.mse_loss(drawing.centred(large), image) < 0.01 < F.mse_loss(image.roll(2, 3), image)


def test_empty_paper_stays_empty():
    assert drawing.centred(drawing.ink([])).sum() == 0


@pytest.mark.parametrize("strokes", [[[[0.5, 0.5]]], [[[0, 0], [1, 1]]], [[[-0.2, 0.5], [2, 0.5]]]])
def test_dots_and_strokes_beyond_the_edge_give_an_image(strokes):
    image = drawing.centred(drawing.ink(strokes))
    assert image.shape == (1, 1, 28, 28) and image.min() >= 0 and 0.9 < image.max() <= 1


def test_a_line_is_where_it_was_drawn_and_as_wide_as_the_pen():
    picture = drawing.ink(LINE, size=100)
    inked = picture[0, 0, 50].nonzero().flatten().float()
    assert inked.mean() == pytest.approx(50, abs=0.6) and len(inked) in (8, 9)
    assert picture[0, 0, :16].sum() == 0 < picture[0, 0, 17].sum()


@pytest.mark.parametrize("name", [path.stem for path in sorted(DRAWINGS.glob("*.json"))])
def test_stored_drawings_are_read(name, real_mnist):
    digit = {"two": 2, "five": 5, "seven": 7}[name]
    image = drawing.centred(drawing.ink(drawing.stored(name)))
    _, chances = judging.look(judging.judge_for(real_mnist[0]), image)
    assert chances[0, digit] > 0.9


def test_an_unknown_stored_drawing_is_named():
    with pytest.raises(ValueError, match="no stored drawing 'nine'; there are: five, seven, two"):
        drawing.stored("nine")


def title(image):
    figure, ax = plt.subplots()
    ax.set_title(f"ink: {image.sum() > 0}")
    return figure


def test_pad_answers_when_it_is_made_and_after_each_stroke_and_closes_its_figures():
    before_all = plt.get_fignums()
    pad = drawing.DrawPad(title)
    before = pad.seen, pad.answer
    assert pad.said == "ink: True" and before[1].startswith("data:image/png;base64,")
    data, _ = pad._repr_mimebundle_()
    assert data["text/plain"] == "DrawPad with a stored drawing"
    still = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    answer = Image.open(io.BytesIO(base64.b64decode(before[1].partition(",")[2])))
    assert still.size == (answer.width + answer.height, answer.height)
    assert still.convert("L").crop((0, 0, answer.height, answer.height)).getextrema() == (0, 255)
    pad.strokes = LINE
    assert pad.seen != before[0] and pad.image.shape == (1, 1, 28, 28)
    pad.strokes = []
    assert pad.said == "ink: False" and plt.get_fignums() == before_all


def test_what_the_function_raises_after_a_stroke_is_said():
    figures = plt.get_fignums()
    pad = drawing.DrawPad(lambda image: (title(image), 1 // int(image.any()))[0])
    assert pad.said == "ink: True"
    pad.strokes = LINE[:0]
    assert pad.said.startswith("ZeroDivisionError") and pad.answer == ""
    assert plt.get_fignums() == figures
    with pytest.raises(TypeError, match="must return a figure; it returned None"):
        drawing.DrawPad(lambda image: None)


def test_axes_stay_where_they_were_first():
    figures = []

    def show(image):
        figure, axes = plt.subplots(1, 2, layout="constrained")
        axes[0].set_ylabel("much longer" if figures else "")
        figures.append(figure)
        return figure

    drawing.DrawPad(show).strokes = LINE
    places = [[ax.get_position().bounds for ax in figure.axes] for figure in figures]
    assert len(places) == 2 and torch.allclose(*torch.tensor(places))


def test_without_centring_a_digit_stays_in_its_corner():
    pad = drawing.DrawPad()
    pad.strokes = [[[0.1, 0.1], [0.1, 0.3]]]
    assert pad.image[..., 14:, :].sum() > 0
    pad.centre = False
    assert pad.image[..., 14:, :].sum() == 0 < pad.image.sum()
