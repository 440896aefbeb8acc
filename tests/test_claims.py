"""Numbers in prose: every one is backed, and the rules that say so can tell right from wrong."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mnist_helpers.course import lessons
from tools import claims


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.number)
def test_every_number_in_the_prose_is_backed(lesson):
    missing, spare = claims.unbacked(lesson)
    assert not missing and not spare


def test_the_ledger_speaks_of_lessons_that_there_are():
    assert set(claims.ledger()) <= {lesson.number for lesson in lessons()}


def book(prose, output="", code=""):
    cell = new_code_cell(code, outputs=[new_output("stream", text=output)])
    return new_notebook(cells=[new_markdown_cell("# 3 · A lesson"), new_markdown_cell(prose), cell])


def found(prose, **cells):
    return [claim.text for claim in claims.claims(book(prose, **cells))]


def backed(prose, output="", code=""):
    notebook = book(prose, output, code)
    numbers = set(claims.shown(notebook)), set(claims.settings(notebook))
    return [claims.is_backed(claim, *numbers) for claim in claims.claims(notebook)]


@pytest.mark.parametrize(
    "prose, numbers",
    [
        ("about 0.0071, and 12 of 40", ["0.0071"]),
        ("73 % and 45 % of 60,000", ["73 %", "45 %", "60,000"]),
        ("from 5 to 12.5 % of them", ["5 %", "12.5 %"]),
        ("96.7% of them, at 1e-3", ["96.7 %"]),
        ("see section 3.4, sections 3.5 and 3.6, Exercise 3.2 or [this](https://a.b/1.25)", []),
        ("## 3.4 A number", []),
        ("a minus of −0.30.", ["0.30"]),
        ("Python 3.11, in 2006, and x1.5y", []),
    ],
)
def test_what_counts_as_a_claim(prose, numbers):
    assert found(prose) == numbers


@pytest.mark.parametrize(
    "code", ['ax.set(title="all 0.25")', "x = 1  # all 0.25", 'f"{x:.3f}0.25"']
)
def test_texts_in_the_code_make_claims_too(code):
    assert found("", code=code) == ["0.25"]


@pytest.mark.parametrize(
    "prose, output, code, verdict",
    [
        ("0.0071", "test MSE ≈ 0.00708", "", True),
        ("0.0071", "test MSE ≈ 0.00716", "", False),
        ("0.00708", "test MSE ≈ 0.0071", "", False),  # nobody printed it so exactly
        ("96.7 %", "accuracy ≈ 0.9668", "", True),
        ("97 %", "accuracy ≈ 0.9668", "", True),
        ("96.7 %", "accuracy ≈ 0.97", "", False),
        ("0.81", "black ≈ 81 %", "", True),
        ("60,000", "(60000, 1, 28, 28)", "", True),
        ("60,000", "", "images[:60_000]", True),
        ("60,000", "59999", "", False),
        ("a rate of 0.1", "", "sgd(model, 0.1)", True),
        ("a rate of 0.10", "", "sgd(model, 0.2)", False),
        ("0.95", "accuracy ≈ 0.968   expected ≈ 0.950 to 0.978   ✓", "", False),
        ("2.3", "loss ≈ -2.31", "", True),
        ("0.001", "≈ 1e-03", "", True),
    ],
)
def test_what_backs_a_claim(prose, output, code, verdict):
    assert backed(prose, output, code) == [verdict]


def test_the_ledger_is_worked_out_and_needs_a_source():
    (claim,) = claims.claims(book("25,088 weights"))
    assert claims.from_ledger(claim, {"arithmetic": "32 * 784"})
    assert not claims.from_ledger(claim, {"arithmetic": "32 * 785"})
    assert claims.from_ledger(claim, {"paper": "Hinton and Salakhutdinov (2006), figure 2"})
    for entry in ({}, {"paper": "?"}, {"arithmetic": 25088}, {"rumour": "somebody said so"}):
        with pytest.raises(ValueError, match="25,088: give a paper"):
            claims.from_ledger(claim, entry)


def test_an_entry_that_nobody_needs_is_named(tmp_path, monkeypatch):
    path = tmp_path / "01_a.ipynb"
    nbformat.write(book("0.25 and 0.75", output="≈ 0.25"), path)
    ledger = {"01": {"0.75": {"arithmetic": "3 / 4"}, "0.5": {"arithmetic": "1 / 2"}}}
    monkeypatch.setattr(claims, "ledger", lambda: ledger)
    (lesson,) = lessons(notebooks=tmp_path)
    assert claims.unbacked(lesson) == ([], ["0.5"])
    del ledger["01"]["0.75"]
    missing, _ = claims.unbacked(lesson)
    assert [claim.text for claim in missing] == ["0.75"]
