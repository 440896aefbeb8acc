"""Draw a digit with mouse, pen or finger, and see what a network makes of it.

The pad sends strokes, lists of points (x, y), from 0 (left, top) to 1 (right, bottom) on the
canvas. All else is done here, so a stored drawing goes the same way as one that is drawn now.
"""

import base64
import io
import json
from math import ceil

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torchvision.transforms.functional import pil_to_tensor

from mnist_helpers.course import DRAWINGS, PACKAGE
from mnist_helpers.files import read_plain

try:
    import anywidget
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "The pad needs the package anywidget: run `%pip install -q anywidget` in a cell, and then "
        "this cell again."
    ) from None

RADIUS = 0.04  # of the pen, in widths of the canvas


def ink(strokes, size=280):
    """A picture of strokes: (1, 1, size, size) float32, paper 0 and ink 1."""
    page = Image.new("L", (size, size))
    pen, radius = ImageDraw.Draw(page), RADIUS * size
    for stroke in strokes:
        points = [(size * x, size * y) for x, y in stroke]
        pen.line(points, fill=255, width=round(2 * radius))
        for x, y in points:  # round ends and corners
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return pil_to_tensor(page)[None] / 255


def centred(picture):
    """A picture as MNIST prepares it: fitted into 20 x 20, its centre of mass in the middle.

    LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section III.A.
    Nearly all images of the set stay as they are.

    Args:
        picture: (1, 1, H, W) float32, paper 0.

    Returns:
        (1, 1, 28, 28) float32 in [0, 1]; empty paper stays empty.
    """
    box = _box(picture)
    scale = 20 / max(box.shape[2:])
    height, width = (max(1, int(scale * side + 0.5)) for side in box.shape[2:])
    return in_the_middle(F.interpolate(box, (height, width), mode="bilinear", antialias=True))


def in_the_middle(picture):
    """A picture moved, not scaled: its centre of mass is in the middle of 28 x 28 pixels.

    Args:
        picture: (1, 1, H, W) float32, paper 0.

    Returns:
        (1, 1, 28, 28) float32 in [0, 1]; empty paper stays empty.
    """
    box = _box(picture)
    height, width = box.shape[2:]
    mass = box.sum().clamp(min=1e-9)
    top, left = (
        ceil(13.5 - box.sum(dim=other).flatten() @ torch.arange(float(side)) / mass)
        for other, side in ((3, height), (2, width))
    )
    return F.pad(box, (left, 28 - left - width, top, 28 - top - height)).clamp(0, 1)


def _box(picture):
    """The part of a picture that holds its ink; one pixel where there is none."""
    rows, columns = picture[0, 0].nonzero(as_tuple=True)
    if not len(rows):
        return picture[..., :1, :1]
    return picture[..., rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def shrunk(picture):
    """A picture as it lies on the pad, with 28 x 28 pixels: (1, 1, 28, 28)."""
    return F.interpolate(picture, (28, 28), mode="bilinear", antialias=True).clamp(0, 1)


def stored(name):
    """The strokes of a drawing that came with the course.

    Raises:
        ValueError: there is none of this name.
    """
    path = DRAWINGS / f"{name}.json"
    if not path.exists():
        names = ", ".join(sorted(path.stem for path in DRAWINGS.glob("*.json")))
        raise ValueError(f"there is no stored drawing {name!r}; there are: {names}")
    return json.loads(read_plain(path))


class DrawPad(anywidget.AnyWidget):
    """A canvas to draw a digit on, with what the network sees and says beside it.

    Until something is drawn it shows a stored drawing, and says so.

    Args:
        show: a function of an image, (1, 1, 28, 28) float32 in [0, 1], that returns a figure. It
            is called after each stroke. The title of the figure is read out by screen readers.
        example: name of the stored drawing.

    Raises:
        ValueError: there is no stored drawing of this name.
        TypeError: `show` returns something else. After a stroke, the pad itself says what `show`
            has raised.
    """

    _esm = PACKAGE / "drawing.js"
    strokes = traitlets.List().tag(sync=True)
    centre = traitlets.Bool(True).tag(sync=True)
    drawn = traitlets.Bool(False).tag(sync=True)
    seen = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)

    def __init__(self, show=None, example="two"):
        super().__init__(strokes=stored(example))
        self._show, self._places = show, []
        self._answer()
        self.observe(self._answer_or_say_why, ["strokes", "centre"])

    @property
    def image(self):
        """What the network sees: (1, 1, 28, 28) float32 in [0, 1]."""
        picture = ink(self.strokes)
        return centred(picture) if self.centre else shrunk(picture)

    def __repr__(self):
        return f"DrawPad with {'your' if self.drawn else 'a stored'} drawing"

    def _repr_mimebundle_(self, **kwargs):
        """With a still picture, for pages that have no kernel, such as those on GitHub."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        still = _beside(*filter(None, (self.seen, self.answer)))
        return data | {"image/png": still.partition(",")[2]}, metadata

    def _answer_or_say_why(self, change):
        try:
            self._answer()
        except Exception as error:  # nobody sees what is raised after a stroke
            self.answer, self.said = "", f"{type(error).__name__}: {error}"

    def _answer(self):
        image = self.image
        self.seen = _png(Image.fromarray((255 * image[0, 0]).byte().numpy()))
        if self._show is not None:
            before = plt.get_fignums()
            try:
                figure = self._show(image)
                if not isinstance(figure, Figure):
                    raise TypeError(f"`show` must return a figure; it returned {figure!r}")
                self.said, self.answer = title_of(figure), _png(self._drawn(figure))
            finally:  # else the next cell would show them
                for number in set(plt.get_fignums()) - set(before):
                    plt.close(number)

    def _drawn(self, figure):
        """A figure as a picture. The places of the first one's axes hold: layout takes long."""
        if len(self._places) == len(figure.axes):
            figure.set_layout_engine("none")
            for ax, place in zip(figure.axes, self._places):
                ax.set_position(place)
        figure.set_dpi(80)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        self._places = [ax.get_position(original=True) for ax in figure.axes]
        return Image.fromarray(np.asarray(canvas.buffer_rgba()))


def title_of(figure):
    """The titles of a figure and of its panels, as one text."""
    titles = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]
    return ". ".join(title for title in titles if title)


def _png(picture):
    """A picture as an address that a browser shows."""
    file = io.BytesIO()
    picture.save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _beside(*addresses):
    """One picture of several, side by side, as high as the last, or 140 pixels; `_png` of all."""
    bytes_of = [base64.b64decode(address.partition(",")[2]) for address in addresses]
    pictures = [Image.open(io.BytesIO(some)) for some in bytes_of]
    height = max(140, pictures[-1].height)
    pictures = [p.resize((p.width * height // p.height, height), Image.NEAREST) for p in pictures]
    row = Image.new("RGB", (sum(p.width for p in pictures), height), "white")
    for k, picture in enumerate(pictures):
        row.paste(picture, (sum(p.width for p in pictures[:k]), 0))
    return _png(row)
