import math
import tomllib

import nbformat
import pytest

from mnist_helpers import expected
from tests.calibrate import VERDICT, as_toml, band
from tests.regenerate import lessons, printed

BANDS = tomllib.loads(expected.BANDS.read_text(encoding="utf-8"))


@pytest.fixture
def bands(monkeypatch):
    result = {
        "hint": "look there",
        "mnist": {"low": 0.0064, "high": 0.0076},
        "standin": {"low": 0.002, "high": 0.003},
    }
    monkeypatch.setattr(expected, "_load", lambda: {"03": {"test MSE": result}})


def test_inside_the_band(bands, capsys):
    assert expected.expectations("03", "mnist")("test MSE", 0.00701) == 0.00701
    line = "test MSE ≈ 0.00701   expected ≈ 0.00640 to 0.00760   ✓\n"
    assert capsys.readouterr().out == line


@pytest.mark.parametrize("value", [0.0063, 0.0077, math.nan, math.inf])
def test_outside_the_band_comes_with_a_hint(bands, capsys, value):
    expected.expectations("03", "mnist")("test MSE", value)
    assert capsys.readouterr().out.endswith("✗\n  look there\n")


def test_each_source_has_its_own_band(bands, capsys):
    expected.expectations("03", "standin")("test MSE", 0.007)
    assert "✗" in capsys.readouterr().out


def test_unknown_lesson_source_and_result_are_named_with_the_known_ones(bands):
    with pytest.raises(ValueError, match="no lesson '3'; there are: 03"):
        expected.expectations("3", "mnist")
    with pytest.raises(ValueError, match="no result of lesson 03 'MSE'; there are: test MSE"):
        expected.expectations("03", "mnist")("MSE", 1)
    with pytest.raises(ValueError, match="no source 'fashion'; there are: mnist, standin"):
        expected.expectations("03", "fashion")("test MSE", 1)


def test_every_band_is_measured_and_has_a_hint():
    for lesson, results in BANDS.items():
        for name, result in results.items():
            assert len(result["hint"]) > 20, (lesson, name)
            for source in ("mnist", "standin"):
                limits = result[source]
                assert limits["low"] < limits["mean"] < limits["high"], (lesson, name, source)
                assert math.isfinite(limits["high"] - limits["low"])


@pytest.mark.parametrize("path", lessons(), ids=lambda path: path.stem)
def test_lesson_and_table_name_the_same_results(path):
    """The stored outputs show which results a lesson checks."""
    notebook = nbformat.read(path, as_version=4)
    checked = {name for name, _ in VERDICT.findall(printed(notebook))}
    assert checked == set(BANDS[path.name[:2]])


def test_band_holds_its_own_measurements_and_is_rounded_outwards():
    values = [0.00698, 0.00702, 0.00711, 0.00694]
    limits = band(values)
    assert limits["low"] < min(values) and max(values) < limits["high"]
    assert limits["high"] - limits["mean"] == pytest.approx(5 * limits["spread"], rel=0.1)
    assert band([2.0, 2.0])["low"] == pytest.approx(1.98) and band([-2.0, -2.0])["low"] < -2.0


def test_table_survives_being_written():
    assert tomllib.loads(as_toml(BANDS)) == BANDS
