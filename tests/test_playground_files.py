"""The files of the playground: whole, small, and as good as the lessons' networks."""

import hashlib
import json
import re

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from mnist_helpers import drawing, models, plots
from tools.site.networks import COLUMNS, INDEX, SHOWN
from tools.site.rounding import FOLDER, load, store

PLAYGROUND = FOLDER.parent
LIMIT = 4_000_000  # bytes


@pytest.fixture(scope="module")
def index():
    return json.loads(INDEX.read_text(encoding="utf-8"))


def test_every_file_has_the_sha256_that_the_page_compares(index):
    files = [path for path in FOLDER.iterdir() if path != INDEX]
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert hashes == index["sha256"]
    assert {f"{name}.bin" for name in index["layers"]} < set(hashes)


def test_whole_page_is_small():
    assert sum(path.stat().st_size for path in PLAYGROUND.rglob("*") if path.is_file()) <= LIMIT


def test_scores_are_those_of_the_lessons_and_8_bits_hardly_change_them(index):
    scores = index["test scores"]
    rounded = {name: values["in 8 bits"] for name, values in scores.items()}
    assert 0.95 <= rounded["accuracy of the classifier"] <= 0.98
    assert rounded["MSE of 32 numbers"] <= 0.0075
    assert rounded["MSE of two numbers"] <= 0.045
    assert rounded["MSE of the denoiser"] <= 0.0125
    assert rounded["share that the judge reads as asked"] >= 0.96
    for name, values in scores.items():
        tolerance = 0.002 if max(values.values()) > 0.5 else 0.02 * values["trained"]
        assert abs(values["in 8 bits"] - values["trained"]) <= tolerance, (name, values)


def test_plane_has_the_places_digits_and_pictures_of_2000_test_images(index, real_mnist):
    _, test = real_mnist
    shown = test.subset(slice(SHOWN))
    raw = (FOLDER / "places.bin").read_bytes()
    places = torch.frombuffer(bytearray(raw[: 8 * SHOWN]), dtype=torch.float32).view(SHOWN, 2)
    with torch.no_grad():
        encoded = load("plane-encoder", index["layers"]["plane-encoder"])(shown.images.flatten(1))
    assert torch.allclose(places, encoded, atol=1e-4)
    assert list(raw[8 * SHOWN :]) == shown.labels.tolist()
    sheet = pil_to_tensor(Image.open(FOLDER / "pictures.png"))[0]
    rows = sheet.view(SHOWN // COLUMNS, 28, COLUMNS, 28).transpose(1, 2).reshape(SHOWN, 28, 28)
    assert torch.equal(rows / 255, shown.images[:, 0])


def test_inference_is_shorter_than_a_library_and_colours_are_those_of_the_figures():
    script = (PLAYGROUND / "networks.js").read_text(encoding="utf-8")
    assert len(script.splitlines()) < 150
    plane = (PLAYGROUND / "plane.js").read_text(encoding="utf-8")
    assert all(f'"{color}"' in plane for color in plots.DIGIT_COLORS)


def test_stored_network_comes_back_within_half_a_step(monkeypatch, tmp_path):
    monkeypatch.setattr("tools.site.rounding.FOLDER", tmp_path)
    torch.manual_seed(0)
    decoder = models.ConvAutoencoder(4, channels=(3, 2), strides=(2, 2), hidden=(5,)).decoder
    layers = store("small", decoder)
    assert [layer["kind"] for layer in layers] == ["dense", "dense", "grow", "grow"]
    again = load("small", layers)
    for before, after in zip(decoder.parameters(), again.parameters(), strict=True):
        assert (before - after).abs().max() <= before.abs().max() / 127 / 2 + 1e-7
    z = torch.randn(3, 4)
    assert torch.allclose(decoder(z).flatten(1), again(z), atol=0.01)


def test_stored_drawings_are_those_of_the_lessons():
    text = (PLAYGROUND / "drawings.js").read_text(encoding="utf-8").partition("DRAWINGS = ")[2]
    text = re.sub(r"(\d):\s", r'"\1": ', text.rstrip(";\n"))
    drawings = json.loads(re.sub(r",(\s*[}\]])", r"\1", text))
    names = {"2": "two", "5": "five", "7": "seven"}
    assert drawings == {digit: drawing.stored(name) for digit, name in names.items()}
