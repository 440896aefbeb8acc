"""The files of the playground: whole, small, and as good as the lessons' networks."""

import hashlib
import json

import pytest
import torch

from mnist_helpers import models, plots
from tools.site.networks import INDEX
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
