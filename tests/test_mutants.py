"""The mutants still break what they say: each edit has exactly one place, and leaves Python."""

import json
import shutil

import pytest

from mnist_helpers.course import PACKAGE, lessons
from tools import mutants


@pytest.fixture
def package(tmp_path):
    return shutil.copytree(PACKAGE, tmp_path / "mnist_helpers")


@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_every_edit_applies_to_exactly_one_place(name, package):
    edits = mutants.MUTANTS[name]
    mutants.break_copy(package, edits)
    for file, _, _ in edits:
        text = (package / file).read_text(encoding="utf-8")
        assert text != (PACKAGE / file).read_text(encoding="utf-8")
        compile(text, file, "exec")


def test_edit_without_a_place_or_with_two_is_an_error(package):
    (package / "data.py").write_text("twice = 1\ntwice = 1\n", encoding="utf-8")
    for text, count in (("twice", 2), ("never", 0)):
        with pytest.raises(ValueError, match=f"data.py has '{text}' {count} times: mend this"):
            mutants.break_copy(package, [("data.py", text, "")])


def test_what_is_found_is_kept_and_shown(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(mutants, "PAGE", tmp_path / "mutants.md")
    monkeypatch.setattr(mutants, "FOUND", tmp_path / "mutants.json")
    monkeypatch.setattr(mutants, "notices", lambda edits, lesson: bool(edits))
    mutants.main(["03"])
    assert "no optimizer step                    red: 03\n" in capsys.readouterr().out
    mutants.main(["02", "--only", "no zero_grad"])
    page = mutants.PAGE.read_text(encoding="utf-8")
    assert "| nothing broken | none | 03 |\n" in page
    assert "| no zero_grad | 02, 03 | none |\n" in page
    assert "| no optimizer step | 03 | none |\n" in page


def test_a_lesson_that_does_not_depend_on_what_is_broken_is_not_run(monkeypatch):
    monkeypatch.setattr(mutants.subprocess, "run", pytest.fail)
    assert not mutants.notices(mutants.MUTANTS["divergence left out"], lessons(["01"])[0])


def test_the_page_is_that_of_what_was_found():
    found = json.loads(mutants.FOUND.read_text(encoding="utf-8"))
    assert mutants.PAGE.read_text(encoding="utf-8") == mutants.page(found)
    assert set(found) == set(mutants.MUTANTS)
    assert not any(found.pop("nothing broken").values())
    assert all(any(verdicts.values()) for verdicts in found.values())
