"""The check of the results, its bands, and the calibration that measures them."""

import io
import json
import math
import re
import shutil
from types import SimpleNamespace

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from mnist_helpers import expected
from mnist_helpers.course import JUDGES, PACKAGE, SOURCES, WEIGHTS, Lesson, lessons
from tools import calibrate, fingerprint
from tools.notebooks import VERDICT, printed, results

HINTS = """
["03"."test MSE"]
hint = "look there"

["03"."share of black"]
hint = "count again"
share = true

["03"."new"]
hint = "nobody has measured this"

["04"."other"]
hint = "of another lesson"
"""
BANDS = {
    "03": {
        "test MSE": {
            "mnist": {"mean": 0.007, "spread": 1e-4, "low": 0.0064, "high": 0.0076},
            "standin": {"mean": 0.0025, "spread": 1e-4, "low": 0.002, "high": 0.003},
        },
        "share of black": {"mnist": {"mean": 1.0, "spread": 0.0, "low": 0.99, "high": 1.01}},
    },
    "04": {"other": {"mnist": {"mean": 2.0, "spread": 0.0, "low": 1.98, "high": 2.02}}},
}


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Hints, bands and runs of their own; `files.hints(text)` adds to what is set by hand."""
    monkeypatch.setattr(expected, "BY_HAND", tmp_path / "expected.toml")
    monkeypatch.setattr(expected, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(calibrate, "RUNS", tmp_path / "calibration.json")

    def by_hand(text):
        expected.BY_HAND.write_text(text, encoding="utf-8")

    by_hand(HINTS)
    expected.MEASURED.write_text(calibrate.as_json(BANDS), encoding="utf-8")
    return SimpleNamespace(
        by_hand=by_hand, bands=lambda: json.loads(expected.MEASURED.read_text(encoding="utf-8"))
    )


# ---- the line that is printed --------------------------------------------------------------


def line(capsys, name, value, source="mnist", lesson="03"):
    expected.expectations(lesson, source)(name, value)
    return capsys.readouterr().out


def test_inside_the_band(files, capsys):
    assert expected.expectations("03", "mnist")("test MSE", 0.00701) == 0.00701
    text = "test MSE ≈ 0.00701   expected ≈ 0.00640 to 0.00760   ✓\n"
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("value", [0.0063, 0.0077, math.nan, math.inf])
def test_outside_the_band_comes_with_a_hint(files, capsys, value):
    assert line(capsys, "test MSE", value).endswith("✗\n  look there\n")


def test_each_source_has_its_own_band(files, capsys):
    assert "✗" in line(capsys, "test MSE", 0.007, "standin")


def test_unknown_lesson_source_and_result_are_named_with_the_known_ones(files):
    with pytest.raises(ValueError, match="no lesson '3'; there are: 03"):
        expected.expectations("3", "mnist")
    with pytest.raises(ValueError, match="no result of lesson 03 'MSE'; there are: test MSE, sh"):
        expected.expectations("03", "mnist")("MSE", 1)
    with pytest.raises(ValueError, match="no source 'mnits'; there are: .*mnist, "):
        expected.expectations("03", "mnits")("test MSE", 1)


def test_result_without_a_band_says_what_to_run_and_gives_no_verdict(files, capsys):
    text = line(capsys, "new", 0.5)
    assert text == ("new ≈ 0.500   expected not measured yet: run `python -m tools.calibrate 03`\n")
    assert VERDICT.findall(text) == [("new", "0.500")]


def test_band_of_a_share_ends_at_0_and_1(files, capsys):
    assert line(capsys, "share of black", 1.0).endswith("expected ≈ 0.990 to 1.00   ✓\n")
    assert "✗" in line(capsys, "share of black", 1.005)


@pytest.mark.parametrize(
    "low, high",
    [(0.0064, 0.0076), (190.96, 191.4), (1.9998, 2.0001), (0.0, 0.0), (-2.02, -1.98), (1e-9, 2e-9)],
)
def test_what_is_printed_agrees_with_the_verdict(files, capsys, low, high):
    files.by_hand(HINTS + f"mnist = {{ low = {low!r}, high = {high!r} }}")
    step = max(1e-7 * max(abs(low), abs(high)), 1e-300)
    for value in (low, high, low - step, high + step, (low + high) / 2, low + step, high - step):
        text = line(capsys, "other", value, lesson="04")
        shown = [float(x) for x in re.findall(r"(?:≈|to) (-?[\d.]+(?:e[-+]\d+)?)", text)]
        assert len(shown) == 3
        assert ("✓" in text) == (low <= value <= high) == (shown[1] <= shown[0] <= shown[2]), text
        assert (low <= shown[0] <= high) == ("✓" in text), text
        assert not re.search(r"\d\.( |$)", text), text


def test_value_just_outside_is_printed_outside(files, capsys):
    assert "≈ 0.007604   expected ≈ 0.006400 to 0.007600   ✗" in line(capsys, "test MSE", 0.007604)
    assert "≈ 0.0640   expected" in line(capsys, "test MSE", 0.064)


def test_whole_numbers_end_with_no_point(files, capsys):
    files.by_hand(HINTS + "mnist = { low = 190.0, high = 192.0 }")
    assert line(capsys, "other", 191.0, lesson="04").startswith(
        "other ≈ 191   expected ≈ 190 to 19"
    )


def test_line_is_printed_where_the_output_has_no_such_characters(files, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", stream)
    expected.expectations("03", "mnist")("test MSE", 0.5)
    stream.flush()
    text = stream.buffer.getvalue().decode("cp1252")
    assert text.startswith("test MSE ~ 0.500   expected ~ 0.00640 to 0.00760   x")


# ---- bands by hand and bands that are measured ---------------------------------------------


def runs(lesson, source, *values, name="test MSE"):
    """Runs that count, of one result."""
    return [{"lesson": lesson, "source": source, "values": {name: value}} for value in values]


def test_override_is_in_force_visible_and_survives_a_calibration(files, capsys):
    files.by_hand(HINTS.replace('"look there"', '"look there"\nmnist = { low = 0.2, high = 0.3 }'))
    before = expected.BY_HAND.read_text(encoding="utf-8")
    text = "test MSE ≈ 0.250   expected ≈ 0.200 to 0.300 (set by hand)   ✓\n"
    assert line(capsys, "test MSE", 0.25) == text
    calibrate.write_bands("03", runs("03", "mnist", 0.5, 0.6) + runs("03", "standin", 0.7, 0.8))
    assert line(capsys, "test MSE", 0.25) == text
    assert "set by hand" not in line(capsys, "test MSE", 0.75, "standin")
    assert expected.BY_HAND.read_text(encoding="utf-8") == before
    (told,) = calibrate.overrides("03")
    assert told.startswith("03 test MSE, mnist: set by hand to 0.2 to 0.3 in expected.toml; measu")


def test_calibration_touches_only_its_lesson_and_what_was_measured(files):
    calibrate.write_bands("03", runs("03", "mnist", 0.5, 0.6))
    bands = files.bands()
    assert bands["04"] == BANDS["04"]
    assert bands["03"]["test MSE"]["standin"] == BANDS["03"]["test MSE"]["standin"]
    assert bands["03"]["share of black"] == BANDS["03"]["share of black"]
    assert bands["03"]["test MSE"]["mnist"] == calibrate.band([0.5, 0.6])


def test_bands_of_results_that_are_gone_go_too(files):
    files.by_hand('["03"."share of black"]\nhint = "count again"\n')
    calibrate.write_bands("03", [])
    assert list(files.bands()["03"]) == ["share of black"]


def test_bands_of_a_new_source_stay(files, capsys, monkeypatch):
    for module in (expected, calibrate):
        monkeypatch.setattr(module, "SOURCES", ("clothes", *SOURCES))
    calibrate.write_bands("03", runs("03", "clothes", 0.05, 0.051))
    assert "✓" in line(capsys, "test MSE", 0.05, "clothes")
    calibrate.write_bands("03", runs("03", "mnist", 0.5, 0.6))
    assert "✓" in line(capsys, "test MSE", 0.05, "clothes")


def test_result_that_is_always_zero(files, capsys):
    assert calibrate.band([0.0, 0.0]) == {"mean": 0.0, "spread": 0.0, "low": 0.0, "high": 0.0}
    calibrate.write_bands("03", runs("03", "mnist", 0.0, 0.0, name="new"))
    assert line(capsys, "new", 0.0) == "new ≈ 0.00   expected ≈ 0.00 to 0.00   ✓\n"
    assert "✗" in line(capsys, "new", 0.001)


@pytest.mark.parametrize("values", [[0.00698, 0.00702, 0.00711, 0.00694], [-1.0, 1.0, 0.0, 2e-5]])
def test_band_holds_its_own_measurements_and_is_rounded_outwards(values):
    limits = calibrate.band(values)
    assert limits["low"] < min(values) and max(values) < limits["high"]
    width = limits["high"] - limits["mean"]
    assert width == pytest.approx(calibrate.spreads(len(values)) * limits["spread"], rel=0.1)


def test_band_is_at_least_two_percent_wide():
    assert calibrate.band([2.0, 2.0])["low"] == pytest.approx(1.96)
    assert calibrate.band([-2.0, -2.0])["low"] < -2.0


def test_the_band_of_eight_runs_holds_what_it_says():
    """Of many bands made from eight normal numbers, 95 % hold 99.9 % of the distribution."""
    runs = torch.randn(4000, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    width = calibrate.spreads(8) * runs.std(dim=1)
    middle = runs.mean(dim=1)
    cdf = torch.distributions.Normal(0.0, 1.0).cdf
    held = cdf(middle + width) - cdf(middle - width)
    enough = (held >= calibrate.COVERAGE).double().mean().item()
    assert enough == pytest.approx(calibrate.CONFIDENCE, abs=0.01)


# ---- a calibration, without its hours ------------------------------------------------------


@pytest.fixture
def no_runs(files, monkeypatch):
    """Lessons are not run: each measurement gives 1.0, and is noted."""
    measured = []

    def measure(lesson, source, seed, threads, precision):
        measured.append((lesson.number, source, seed, threads, precision))
        return {"test MSE": 1.0}

    monkeypatch.setattr(calibrate, "measure", measure)
    return measured


def lesson_of(folder, *cells, number="03"):
    """A lesson made of a set-up cell and these."""
    path = folder / f"{number}_made_up.ipynb"
    set_up = "from mnist_helpers import data, plots, training\nSEED = 0"
    nbformat.write(new_notebook(cells=[new_code_cell(code) for code in (set_up, *cells)]), path)
    return Lesson(path)


FIT = 'loss = training.fit(model)\n_ = expect("test MSE", loss)'


def test_runs_are_done_once_and_again_after_a_change(no_runs, tmp_path, capsys):
    lesson = lesson_of(tmp_path, FIT)
    calibrate.calibrate([lesson], ["mnist"], [0, 2])
    assert no_runs == [("03", "mnist", 0, 1, "bfloat16"), ("03", "mnist", 2, 2, "bfloat16")]
    calibrate.calibrate([lesson], ["mnist"], [0, 2])
    assert len(no_runs) == 2
    calibrate.calibrate([lesson_of(tmp_path, FIT + " * 2")], ["mnist"], [0])
    assert len(no_runs) == 3
    assert len(calibrate.read(calibrate.RUNS, [])) == 3  # the old ones stay as history


def test_stale_runs_make_no_band(no_runs, files, tmp_path):
    old = {"lesson": "03", "source": "mnist", "seed": 0, "threads": 1, "code": "of before"}
    stored = [old | {"seed": seed, "values": {"test MSE": 9.0}} for seed in range(5)]
    calibrate.RUNS.write_text(json.dumps(stored), encoding="utf-8")
    calibrate.calibrate([lesson_of(tmp_path, FIT)], ["mnist"], [0, 1])
    assert files.bands()["03"]["test MSE"]["mnist"]["mean"] == 1.0
    assert len(calibrate.read(calibrate.RUNS, [])) == 7


def test_two_of_the_eight_seeds_have_the_other_precision_and_two_have_two_threads():
    threads, precisions = zip(*calibrate.SETTINGS.values())
    assert len(threads) == 8 and threads.count(2) == precisions.count("float32") == 2


def test_further_seeds_are_judged_and_nothing_is_written(no_runs, files, tmp_path, capsys):
    before = files.bands()
    calibrate.look_further([lesson_of(tmp_path, FIT)], ["mnist"], [11, 14])
    said = capsys.readouterr().out
    assert said.count("test MSE 1.0, not in Band(low=") == 2 and "2 results looked at" in said
    assert [run[2:] for run in no_runs] == [(11, 1, "bfloat16"), (14, 1, "float32")]
    assert files.bands() == before and not calibrate.RUNS.exists()


def test_lesson_without_results_does_not_stop_the_others(no_runs, tmp_path, capsys):
    silent = lesson_of(tmp_path, "print('hello')", number="02")
    calibrate.calibrate([silent, lesson_of(tmp_path, FIT)], ["mnist"], [0, 1])
    assert "02: has no results to measure" in capsys.readouterr().out
    assert len(no_runs) == 2


# ---- what the results of a lesson depend on ------------------------------------------------

LOOP = '''"""Training."""
from mnist_helpers.batches import batches
from mnist_helpers.plots import show


def fit(model, rate=0.1):
    """Train."""
    return batches(model)  # all of it
'''

BATCHES = """from math import ceil, floor
SIZE = 64

def batches(model):
    return [model] * Shares().count()

class Shares:
    def count(self):
        return ceil(SIZE / 2)
"""


@pytest.fixture
def package(tmp_path):
    """A small package of helpers; the modules that no test changes are empty."""
    folder = tmp_path / "mnist_helpers"
    folder.mkdir()
    for name in ("data", "plots"):
        (folder / f"{name}.py").write_text("", encoding="utf-8")
    (folder / "batches.py").write_text(BATCHES, encoding="utf-8")
    (folder / "training.py").write_text(LOOP, encoding="utf-8")
    (folder / "sources").mkdir()
    (folder / "reading.py").write_text("def read():\n    return 3\n", encoding="utf-8")
    reads = '"""Digits."""\nfrom mnist_helpers.reading import read\nCOUNT = 10\nDIGITS = read()\n'
    (folder / "sources" / "mnist.py").write_text(reads, encoding="utf-8")
    (folder / "sources" / "standin.py").write_text("COUNT = 10\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "module, before, after, counts",
    [
        ("training", "rate=0.1", "rate=0.2", True),
        ("training", "batches(model)", "batches(model, 2)", True),
        ("batches", "[model]", "[model, 1]", True),  # imported by a module that is imported
        ("batches", "SIZE = 64", "SIZE = 32", True),
        ("batches", "SIZE / 2", "SIZE / 3", True),
        ("batches", "ceil, floor", "floor as ceil", True),
        ("batches", "ceil, floor", "ceil", False),
        ("batches", "def batches", "def other():\n    return SIZE\n\ndef batches", False),
        ("training", '"""Train."""', '"""Train a model."""', False),
        ("training", "# all of it", "# every batch", False),
        ("plots", "", "COLOUR = 'blue'\n", False),
        ("data", "", "SIZE = 64\n", False),  # imported in the set-up, and not used
        ("sources/mnist", "COUNT = 10", "COUNT = 20", True),
        ("sources/mnist", "Digits.", "Handwritten digits.", False),
        ("sources/standin", "COUNT = 10", "COUNT = 20", False),
        ("reading", "return 3", "return 4", True),  # imported by the data source
    ],
)
def test_fingerprint_changes_with_the_helpers_that_count(
    package, tmp_path, module, before, after, counts
):
    lesson = lesson_of(tmp_path, FIT)
    first = fingerprint.fingerprint(lesson, "mnist", package)
    path = package / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert (fingerprint.fingerprint(lesson, "mnist", package) != first) == counts


def test_fingerprint_stays_when_code_moves_to_another_module(package, tmp_path):
    lesson = lesson_of(tmp_path, FIT)
    before = fingerprint.fingerprint(lesson, "mnist", package)
    (package / "loading.py").write_text(BATCHES, encoding="utf-8")
    (package / "batches.py").unlink()
    moved = LOOP.replace("mnist_helpers.batches", "mnist_helpers.loading")
    (package / "training.py").write_text(moved, encoding="utf-8")
    assert fingerprint.fingerprint(lesson, "mnist", package) == before


def test_fingerprint_changes_with_the_code_of_the_lesson_up_to_its_last_result(package, tmp_path):
    first = fingerprint.fingerprint(lesson_of(tmp_path, FIT), "mnist", package)
    for same in ([FIT + "  # well"], [FIT, "print('bye')"]):
        assert fingerprint.fingerprint(lesson_of(tmp_path, *same), "mnist", package) == first
    for other in ([FIT.replace("model", "net")], ["x = 1", FIT], ["data.load()", FIT]):
        assert fingerprint.fingerprint(lesson_of(tmp_path, *other), "mnist", package) != first
    assert fingerprint.fingerprint(lesson_of(tmp_path, "print('hello')"), "mnist", package) is None


def test_new_source_and_new_lesson_leave_all_other_runs_fresh(tmp_path):
    package = shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    before = [fingerprint.fingerprint(lessons()[0], source, package) for source in SOURCES]
    assert len(set(before)) == len(SOURCES)
    new = "from mnist_helpers.sources.mnist import find\n"
    (package / "sources" / "clothes.py").write_text(new, encoding="utf-8")
    (package / "exercises" / "lesson99.py").write_text("", encoding="utf-8")
    after = [fingerprint.fingerprint(lessons()[0], source, package) for source in SOURCES]
    assert after == before
    assert fingerprint.fingerprint(lessons()[0], "clothes", package) not in before


def test_weights_that_a_lesson_names_are_part_of_its_fingerprint():
    named = [fingerprint.ast.parse('pretrained("conv-2d")')]
    assert fingerprint.weights(named, "mnist") == [WEIGHTS / "conv-2d.json"]
    judged = [fingerprint.ast.parse("judging.judge_for(train)")]
    assert fingerprint.weights(judged, "mnist") == [JUDGES / "mnist.json"]
    assert fingerprint.weights(judged, "standin") == []  # trained anew in every run


# ---- the course's own results --------------------------------------------------------------


def test_every_result_has_a_hint_and_a_band_on_every_source():
    for lesson, table in expected.by_hand().items():
        for name, result in table.items():
            assert len(result["hint"]) > 20, (lesson, name)
            assert set(result) <= {"hint", "share", *SOURCES}, (lesson, name)
        for source in SOURCES:
            for name, band in expected.bands(lesson, source).items():
                assert band, f"run `python -m tools.calibrate {lesson}`: {name} has no band"
                assert band.low <= band.high and math.isfinite(band.high - band.low)


def test_generated_bands_are_written_as_the_calibration_writes_them():
    text = expected.MEASURED.read_text(encoding="utf-8")
    assert calibrate.as_json(json.loads(text)) == text


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.number)
def test_lesson_and_table_name_the_same_results(lesson):
    """The stored outputs show which results a lesson checks."""
    notebook = nbformat.read(lesson.path, as_version=4)
    assert set(results(notebook)) == set(expected.by_hand().get(lesson.number, {}))
    assert "not measured yet" not in printed(notebook), "calibrate, then regenerate"
