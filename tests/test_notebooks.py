"""What `pytest --nbval` does not see in a stored notebook."""

import base64
import re
import statistics

import nbformat
import pytest
from nbval.plugin import get_sanitize_patterns

from mnist_helpers.course import COURSE, PICTURES, lessons
from mnist_helpers.expected import expectations
from tools.notebooks import cover, printed, prose, results, tagged, tags

LESSONS = {lesson.path.stem: nbformat.read(lesson.path, as_version=4) for lesson in lessons()}
SANITISE = COURSE / "tests" / "sanitise.cfg"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def verdicts(cell):
    """What the checks of the exercises have shown under a cell."""
    shown = [o for o in cell.outputs if "mnist_helpers" in o.get("metadata", {})]
    return [output.data["text/plain"] for output in shown]


def test_lessons_are_numbered_without_a_gap_and_labs_from_10_on():
    numbers = [int(name[:2]) for name in LESSONS]
    lessons_, labs = [n for n in numbers if n < 10], [n for n in numbers if n >= 10]
    assert lessons_ == [*range(1, len(lessons_) + 1)]
    assert labs == [*range(10, 10 + len(labs))]


@pytest.mark.parametrize("name", LESSONS)
class TestLesson:
    @pytest.fixture
    def notebook(self, name):
        return LESSONS[name]

    def test_is_a_valid_notebook_with_ids(self, notebook):
        nbformat.validate(notebook)
        ids = [cell["id"] for cell in notebook.cells]
        assert len(set(ids)) == len(ids)
        assert notebook.metadata.kernelspec.name == "python3"

    def test_was_executed_from_the_top(self, notebook):
        skipped = [cell for cell in code_cells(notebook) if "nbval-skip" in tags(cell)]
        counts = [cell.execution_count for cell in code_cells(notebook) if cell not in skipped]
        assert len(skipped) <= 1 and not any(cell.outputs for cell in skipped)
        assert counts == list(range(1, len(counts) + 1))

    def test_stores_no_error_no_warning_and_no_failed_verdict(self, notebook):
        assert not [o for o in outputs(notebook) if o.output_type == "error"]
        assert not [o.text for o in outputs(notebook) if o.get("name") == "stderr"]
        assert "✗" not in printed(notebook)
        assert printed(notebook).count("✓") >= 5

    def test_was_made_on_mnist(self, notebook, name, capsys):
        assert "NOT MNIST" not in printed(notebook)
        expect = expectations(name[:2], "mnist")
        for result, value in results(notebook).items():
            expect(result, value)
        assert "✗" not in capsys.readouterr().out

    def test_every_decimal_number_is_marked(self, notebook):
        """A decimal that the code does not spell out was computed, so it needs a ≈."""
        spelled_out = "\n".join(cell.source for cell in code_cells(notebook))
        for line in printed(notebook).splitlines():
            unmarked = re.sub(r"≈ *-?[\d.]+(e[-+]\d+)?( to -?[\d.]+(e[-+]\d+)?)?", "", line)
            computed = [x for x in re.findall(r"\d+\.\d\d+", unmarked) if x not in spelled_out]
            assert not computed, line

    def test_no_output_names_an_address_or_a_folder(self, notebook):
        plain = [str(o.get("data", {}).get("text/plain", "")) for o in outputs(notebook)]
        for line in [*printed(notebook).splitlines(), *plain]:
            assert not re.search(r"0x[0-9a-f]{6}|/home/|/tmp/|/root/|\\Users", line), line

    def test_cells_are_short(self, notebook):
        lengths = [
            len([x for x in c.source.splitlines() if x.strip()]) for c in code_cells(notebook)
        ]
        assert max(lengths) <= 20 and statistics.median(lengths) <= 8
        assert max(len(x) for c in code_cells(notebook) for x in c.source.splitlines()) <= 110

    def test_prose_is_short(self, notebook, name):
        """Exercises and teacher's notes do not count."""
        words = sum(len(cell.source.split()) for cell in prose(notebook))
        assert words <= (3000 if name[:2] in ("01", "06", "10", "11") else 3500), words

    def test_every_figure_has_a_text_for_those_who_cannot_see_it(self, notebook):
        for cell in code_cells(notebook):
            if any("image/png" in output.get("data", {}) for output in cell.outputs):
                assert 8 <= len(cell.metadata.get("alt", "").split()) <= 80, cell.source

    def test_pictures_are_small(self, notebook):
        for cell in code_cells(notebook):
            for output in cell.outputs:
                picture = output.get("data", {}).get("image/png", "")
                assert len(picture) * 3 // 4 < 150_000, cell.source

    def test_set_up_cell_is_the_same_in_every_lesson(self, notebook):
        first = code_cells(notebook)[0].source
        assert first == code_cells(next(iter(LESSONS.values())))[0].source
        assert "SEED = 0" in first

    def test_has_the_parts_of_a_lesson(self, notebook, name):
        prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert prose.startswith(f"# {int(name[:2])} · ")
        for part in (
            "You will learn",
            "You need",
            "Time:",
            "Predict",
            "## Recap",
            "next",
            "References",
        ):
            assert part in prose, part

    def test_sections_are_numbered_in_order(self, notebook, name):
        prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        numbers = re.findall(rf"^## {int(name[:2])}\.(\d+) ", prose, flags=re.MULTILINE)
        assert numbers == [str(n) for n in range(1, len(numbers) + 1)] and len(numbers) >= 5

    def test_cover_is_one_of_its_own_figures(self, notebook, name):
        assert cover(notebook) in tagged(notebook, "cover-picture").source
        assert (PICTURES / f"{name}.png").read_bytes() == base64.b64decode(cover(notebook))

    def test_every_exercise_has_a_starter_and_a_folded_solution(self, notebook, name):
        numbers, kinds = [], []
        for question, starter, solution in zip(
            notebook.cells, notebook.cells[1:], notebook.cells[2:]
        ):
            if "exercise" not in tags(starter):
                continue
            (number,) = re.findall(r'^check\("(\d+\.\d+)", answer\)$', starter.source, re.MULTILINE)
            kinds += re.findall(rf"\*\*Exercise {number} \((.+?)\)", question.source)
            assert tags(solution) == {"solution"}
            assert solution.source.startswith(f"#@title Solution {number}\n")
            assert solution.metadata["cellView"] == "form"
            assert solution.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}
            assert verdicts(starter) == [f"Exercise {number}: not answered yet."]
            (verdict,) = verdicts(solution)
            assert verdict.startswith(f"Exercise {number}: ✓ ")
            assert not re.findall(r"(?<!≈ )\b(?:0\.\d+|\d+\.\d{3,})", verdict), verdict
            numbers.append(number)
        assert numbers == [f"{int(name[:2])}.{n}" for n in range(1, len(numbers) + 1)]
        assert len(numbers) == len(kinds) >= 4
        assert "find the bug" in kinds

    def test_exercises_are_never_more_than_three_sections_apart(self, notebook):
        found = "".join(
            "x" if "exercise" in tags(cell) else "|" * cell.source.startswith("## ")
            for cell in notebook.cells
        )
        sections = found[: found.rindex("|")]  # the recap is none
        assert "||||" not in sections.removeprefix("|"), found

    def test_prose_has_no_leftovers(self, notebook):
        for cell in notebook.cells:
            prose = re.sub(r"data:image/png;base64,[^)]*", "", cell.source)
            if cell.cell_type == "markdown":
                assert not re.search(r"TODO|FIXME|XXX|\(picture\)|lorem", prose), prose


# ---- the sanitising rule -------------------------------------------------------------------


def sanitise(text):
    """As nbval does it."""
    for pattern, replacement in get_sanitize_patterns(SANITISE.read_text(encoding="ascii")):
        text = re.sub(pattern, replacement, text)
    return text


def test_there_are_two_rules():
    """A rule that does not parse is silently dropped, so count."""
    assert len(get_sanitize_patterns(SANITISE.read_text(encoding="ascii"))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "≈ 0.968",
        "≈ -0.5",
        "≈ 1.23e-05",
        "≈ 5923",
        "≈   592",
        "≈ 0.0064 to 0.0076",
        "≈ -1 to 2.5e+03",
    ],
)
def test_marked_numbers_are_all_the_same(text):
    assert sanitise(f"loss {text} ✓") == "loss NUMBER ✓"


@pytest.mark.parametrize("text", ["0.968", "28", "about 3", "✗", "epochs 5 to 6", "≈ nan", "≈ inf"])
def test_everything_else_stays(text):
    assert sanitise(text) == text


def test_verdict_and_units_stay():
    line = "test MSE ≈ 0.0070   expected ≈ 0.0064 to 0.0076   ✗"
    assert sanitise(line) == "test MSE NUMBER   expected NUMBER   ✗"
    by_hand = "test MSE ≈ 0.0070   expected ≈ 0.0064 to 0.0076 (set by hand)   ✗"
    assert sanitise(by_hand) == sanitise(line)  # a source may have one where another has none
    assert sanitise("≈ 81 %") == "NUMBER %"
