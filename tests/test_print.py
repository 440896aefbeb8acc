"""Pages and answers on paper."""

import html
import re
import subprocess
import sys

import nbformat
import pytest
import torch
from nbformat.v4 import new_markdown_cell, new_notebook

from mnist_helpers import expected, models
from mnist_helpers.course import COURSE, lessons
from mnist_helpers.handout import main
from mnist_helpers.teaching.browser import CHROMIUM, _launch
from tools.claims import claims, is_backed, settings, shown
from tools.notebooks import printed, tags

printing = pytest.importorskip("mnist_helpers.teaching.printing", reason='needs ".[print]"')

LESSONS = lessons()
NETWORKS = {
    "02": models.Classifier().layers,
    "03": (dense := models.DenseAutoencoder(32, hidden=(128,))).encoder + dense.decoder,
    "04": (conv := models.ConvAutoencoder(32, channels=(8, 16, 16, 16))).encoder + conv.decoder,
    "08": models.VariationalAutoencoder(20, hidden=(400,)).encoder,
    "11": models.ConvAutoencoder(2, channels=(64, 64, 64, 64)).encoder,
}
# What some lessons say for a word of the glossary.
ALSO = {"Kullback-Leibler divergence": "kl divergence", "validation set": "validation images"}
in_a_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this computer"),
]
# What lies outside the paper, and letters below 8.5 points; equations may have smaller ones.
FAULTS = """
() => [...document.body.querySelectorAll("*")].filter(e => !e.closest("math")).filter(e => {
    const box = e.getBoundingClientRect(), paper = document.body.getBoundingClientRect()
    const outside = box.right > paper.right + 1 || box.left < paper.left - 1
    return outside || parseFloat(getComputedStyle(e).fontSize) < 8.5 * 96 / 72 - 0.01
}).map(e => e.outerHTML.slice(0, 80))
"""


def notebook(lesson):
    return nbformat.read(lesson.path, as_version=4)


def page(lesson):
    """The hand-written part of a page: what stands there, and the names of its terms."""
    text = (printing.PAGES / f"{lesson.number}.md").read_text(encoding="utf-8")
    text, names = text.split("## Terms\n")
    return text, [name.strip() for name in names.split(",")]


def told(lesson):
    """All text of a lesson: cells and what they print."""
    return "\n".join([*(cell.source for cell in notebook(lesson).cells), printed(notebook(lesson))])


def traced(model):
    """The shapes of an image on its way through a network, such as "(N, 784)"."""
    x, shapes = torch.zeros(2, 1, 28, 28), []
    for layer in model or []:
        x = layer(x)
        shapes.append(str(tuple(x.shape)).replace("(2,", "(N,"))
    return shapes


def plain(text):
    """The text of some HTML, without any white space."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


# ---- what is on them -----------------------------------------------------------------------


def test_eleven_lessons_have_a_page():
    assert len(LESSONS) == 11
    assert [path.stem for path in sorted(printing.PAGES.glob("*.md"))] == [
        lesson.number for lesson in LESSONS
    ]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
class TestPage:
    def test_its_numbers_are_printed_or_set_in_the_lesson(self, lesson):
        own = notebook(lesson)
        backed = set(shown(own)), set(settings(own))
        written = new_notebook(cells=[new_markdown_cell(page(lesson)[0])])
        missing = [claim for claim in claims(written) if not is_backed(claim, *backed)]
        assert [claim for claim in missing if claim.text not in told(lesson)] == []

    def test_its_shapes_stand_in_the_lesson_or_come_out_of_its_network(self, lesson):
        shapes = re.findall(r"`(\((?:\d+|N),[^`]*\))`", page(lesson)[0])
        known = re.sub(r"\((?:\d+|N|M),", "(N,", told(lesson))
        known += "".join(traced(NETWORKS.get(lesson.number)))
        assert len(shapes) >= 2
        assert [s for s in shapes if re.sub(r"^\(\d+,", "(N,", s) not in known] == []

    def test_its_code_stands_in_the_lesson(self, lesson):
        code = [c for c in re.findall(r"`([^`]+)`", page(lesson)[0]) if re.search(r"[a-z]\w+\(", c)]
        squeezed = "".join(told(lesson).split())
        assert [c for c in code if "".join(c.split()) not in squeezed] == []

    def test_it_has_six_to_thirteen_terms_that_the_lesson_uses(self, lesson):
        names = page(lesson)[1]
        assert 6 <= len(names) <= 13 and len(set(names)) == len(names)
        text = told(lesson).replace("*", "").lower()
        forms = {name: (name.lower(), ALSO.get(name, name)) for name in names}
        assert [name for name in names if not any(form in text for form in forms[name])] == []

    def test_it_has_every_result_with_the_bands_that_the_lesson_prints(self, lesson):
        rows = re.findall(
            r"^\| (.+?) \| \| (.+) \| (.+) \|$", printing._results(lesson.number), re.M
        )
        assert [name for name, *_ in rows] == [*expected.by_hand()[lesson.number]]
        stored = re.findall(
            r"^(.+?) ≈ \S+   expected ≈ (.+?)(?: \(|   ✓)", printed(notebook(lesson)), re.M
        )
        assert {name: mnist for name, mnist, _ in rows} == dict(stored)

    def test_its_answers_have_every_exercise_with_starter_solution_and_verdict(self, lesson):
        sheet = plain(printing.answer_sheet(lesson))
        cells = [cell for cell in notebook(lesson).cells if tags(cell) & {*printing.EXERCISE}]
        assert sheet.count("not answered yet") == 0
        for question, starter, solution in zip(cells[::3], cells[1::3], cells[2::3], strict=True):
            number = re.search(r'check\("([\d.]+)"', starter.source)[1]
            assert f"Exercise{number}(" in sheet and question.source.startswith(
                f"**Exercise {number}"
            )
            assert "".join(starter.source.split()) in sheet
            assert "".join(solution.source.split("\n", 1)[1].split()) in sheet
            assert f"Exercise{number}:✓" in sheet


def test_answers_have_all_62_exercises():
    sheets = [printing.answer_sheet(lesson) for lesson in LESSONS]
    assert sum(sheet.count("<h3>Solution ") for sheet in sheets) == 62


# ---- what is refused -----------------------------------------------------------------------


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A folder of pages that a test may spoil."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for path in printing.PAGES.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(printing, "PAGES", folder)
    return folder


def refusal(*arguments):
    with pytest.raises(SystemExit) as error:
        main([*map(str, arguments), "--print"])
    return str(error.value)


def test_a_term_that_the_glossary_lacks_is_named(pages, tmp_path):
    text = (pages / "03.md").read_text(encoding="utf-8")
    (pages / "03.md").write_text(text.replace("sigmoid,", "sigmoidal,"), encoding="utf-8")
    assert "pages/03.md: the glossary has no sigmoidal" in refusal(tmp_path / "out", "03")
    assert not (tmp_path / "out").exists()


def test_a_lesson_without_a_page_and_a_course_without_a_glossary_are_named(
    pages, tmp_path, monkeypatch
):
    (pages / "04.md").unlink()
    assert "lesson 04 has no page: write" in refusal(tmp_path / "out", "03", "04")
    monkeypatch.setattr(printing, "GLOSSARY", tmp_path / "glossary.md")
    assert "run this in a copy of the course" in refusal(tmp_path / "out", "03")
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_nothing_written_beside_it(tmp_path):
    (tmp_path / "03_dense_autoencoder.pdf").write_text("mine", encoding="utf-8")
    assert "there already" in refusal(tmp_path, "02", "03")
    assert [path.name for path in tmp_path.iterdir()] == ["03_dense_autoencoder.pdf"]
    assert (tmp_path / "03_dense_autoencoder.pdf").read_text(encoding="utf-8") == "mine"


def test_pages_do_not_go_among_the_lessons():
    assert "where the lessons themselves are" in refusal(COURSE / "notebooks", "03")


def test_without_playwright_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)  # as if it were missing
    assert 'is missing; run  pip install -e ".[print]"' in refusal(tmp_path / "out", "03")
    assert not (tmp_path / "out").exists()


def test_print_and_standalone_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--print", "--standalone"])
    assert "not allowed with argument --print" in capsys.readouterr().err


# ---- on paper ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """All pages and answers as a teacher gets them: name -> content."""
    out = tmp_path_factory.mktemp("paper")
    command = [sys.executable, "-m", "mnist_helpers.handout", out, "--print", "--solutions"]
    subprocess.run(command, check=True, cwd=COURSE, stdout=subprocess.DEVNULL)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def sheets(content):
    assert content.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", content))


class TestPaper:
    pytestmark = in_a_browser

    def test_eleven_pages_are_one_sheet_of_a4_each(self, files):
        pages = {name: c for name, c in files.items() if not name.endswith(".answers.pdf")}
        assert sorted(pages) == [f"{lesson.path.stem}.pdf" for lesson in LESSONS]
        assert len(pages) == 11 and set(map(sheets, pages.values())) == {1}
        for content in pages.values():
            (width, height) = map(
                float, re.search(rb"MediaBox \[0 0 (\S+) (\S+)\]", content).groups()
            )
            assert abs(width - 595.3) < 1 and abs(height - 841.9) < 1

    def test_eleven_answer_sheets_have_two_to_six_sheets_each(self, files):
        answers = [content for name, content in files.items() if name.endswith(".answers.pdf")]
        assert len(answers) == 11 and all(2 <= sheets(content) <= 6 for content in answers)

    def test_on_eleven_pages_nothing_is_cut_off_small_or_half_empty(self, browser):
        tab = browser.new_page()
        for lesson in LESSONS:
            tab.set_content(printing.learner_page(lesson))
            assert tab.evaluate(printing.LARGEST, printing.SIZES) >= 8.5
            assert tab.evaluate(FAULTS) == [], lesson.number
            height = tab.evaluate("document.body.getBoundingClientRect().height") * 25.4 / 96
            assert 230 <= height <= 261, lesson.number
        tab.close()

    def test_on_eleven_answer_sheets_no_line_is_cut_off_or_small(self, browser):
        tab = browser.new_page()
        for lesson in LESSONS:
            tab.set_content(printing.answer_sheet(lesson))
            assert tab.evaluate(FAULTS) == [], lesson.number
        tab.close()

    def test_a_page_that_is_too_long_is_refused(self, browser):
        tab = browser.new_page()
        with pytest.raises(ValueError, match="03_dense does not fit on one sheet; shorten .*03.md"):
            printing._one_sheet(tab, "<body>" + "<p>line</p>" * 200, "03_dense")
        tab.close()

    def test_faults_are_seen(self, browser):
        tab = browser.new_page()
        tab.set_content(printing._document("Title", f"<pre>{'x' * 500}</pre><small>small</small>"))
        assert [fault[:4] for fault in tab.evaluate(FAULTS)] == ["<sma"]
        tab.set_content(printing._document("Title", '<table style="width: 300mm"></table>'))
        assert [fault[:4] for fault in tab.evaluate(FAULTS)] == ["<tab"]
        tab.close()

    def test_without_a_browser_it_says_what_to_install(self):
        from playwright.sync_api import Error

        class Nowhere:
            def launch(self, **way):
                raise Error("it is not there")

        with pytest.raises(FileNotFoundError, match="install Chromium, Chrome or Edge"):
            _launch(Nowhere())
