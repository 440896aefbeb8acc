"""The slides of the lessons: what is on them, and, in a real browser, that all of it is seen."""

import functools
import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mnist_helpers.course import lessons
from mnist_helpers.handout import main
from mnist_helpers.teaching.equations import mathml
from mnist_helpers.teaching.slides import slide_type, slides
from tools.notebooks import tags
from tools.site.measure import CHROMIUM
from tools.slides import choose

LESSONS = {lesson.number: lesson for lesson in lessons()}
KINDS = {"slide", "subslide", "fragment", "notes", "skip", "-"}


class Loads(HTMLParser):
    """Lists in `found` what a browser would load for a page: all that is not inside it."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        named = [value for name, value in attributes if name in ("src", "srcset", "href", "data")]
        if tag != "a":
            self.found += [value for value in named if not value.startswith(("data:", "#"))]

    def handle_data(self, text):
        if self.lasttag == "style":
            self.found += re.findall(r"@import|url\((?!data:|#)", text)


@functools.cache
def page_of(number):
    return slides(LESSONS[number].path)


def stored(number):
    return nbformat.read(LESSONS[number].path, as_version=4).cells


def test_there_are_11_lessons_to_project():
    assert len(LESSONS) == 11


@pytest.mark.parametrize("number", LESSONS)
def test_every_cell_of_11_lessons_has_a_slide_type(number):
    assert {slide_type(cell) for cell in stored(number)} <= KINDS


@pytest.mark.parametrize("number", LESSONS)
def test_slides_of_11_lessons_show_no_solution_and_no_teachers_note(number):
    hidden = [cell for cell in stored(number) if {"solution", "teacher"} & tags(cell)]
    assert {slide_type(cell) for cell in hidden} == {"skip"}
    page = page_of(number)
    assert f"Exercise {int(number)}.1" in page
    assert "#@title Solution" not in page and "For the teacher" not in page


def test_solution_stays_hidden_whatever_its_slide_type_says(tmp_path):
    show = {"slideshow": {"slide_type": "slide"}}
    cells = [
        new_markdown_cell("# 1 · A lesson", metadata=show),
        new_code_cell("secret = 42", metadata=show | {"tags": ["solution"]}),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_a.ipynb")
    page = slides(tmp_path / "01_a.ipynb")
    assert "A lesson" in page and "secret" not in page


@pytest.mark.parametrize("number", LESSONS)
def test_slides_of_11_lessons_load_nothing(number):
    assert Loads(page_of(number)).found == []


@pytest.mark.parametrize(
    "code",
    [
        '<script src="https://a.org/b.js"></script>',
        '<link rel="stylesheet" href="b.css">',
        "<style>@import 'a'</style>",
        "<style>p { background: url(a.png) }</style>",
    ],
)
def test_what_is_loaded_would_be_seen(code):
    assert Loads(code).found


@pytest.mark.parametrize("number", LESSONS)
def test_figures_of_11_lessons_have_their_texts_and_pages_their_titles(number):
    page = page_of(number)
    assert '<html lang="en">' in page and f"<title>{int(number)} · " in page
    alts = re.findall(r'<img alt="([^"]*)"', page)
    assert len(alts) >= 4 and all(len(alt.split()) >= 4 for alt in alts)


def text(source, *more):
    return new_markdown_cell(source, metadata={"tags": list(more)})


def test_program_chooses_what_a_class_should_see():
    long = "word " * 60
    cells = [
        text("# 1 · Digits"),
        text("![end](data:)", "cover-picture"),
        text(f"{long}\n\n- learn"),
        text("## 1.1 Set up"),
        new_code_cell("import torch"),
        text("## 1.2 Look"),
        text(long),
        new_code_cell("print(1)"),
        text("**Predict before you run:** how many?"),
        new_code_cell("print(2)"),
        text("**Exercise 1.1 (predict).** And now?", "exercise-text"),
        new_code_cell("answer = ..."),
        new_code_cell("answer = 3", metadata={"tags": ["solution"]}),
        new_code_cell("x = 1\n" * 20),
        text("**For the teacher.**", "teacher"),
    ]
    assert choose(cells) == [
        *("slide", "-", "subslide", "skip", "skip", "slide", "notes", "-"),
        *("subslide", "fragment", "subslide", "-", "skip", "subslide", "skip"),
    ]


@pytest.fixture
def lesson(tmp_path):
    """The path of a small lesson with a long paragraph, an equation and a verdict."""
    long = "What the speaker says about it. " * 10
    verdict = new_output(
        "display_data", {"text/plain": "not answered yet"}, metadata={"mnist_helpers": {}}
    )
    cells = [
        new_markdown_cell(
            f"# 9 · Sums\n\nShort.\n\n$$\\ln 2$$\n\n{long}\n\n**Next**\n\n- try more"
        ),
        new_code_cell("check('9.1', answer)", outputs=[verdict]),
    ]
    for cell in cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(new_notebook(cells=cells), folder / "09_sums.ipynb")
    return folder / "09_sums.ipynb"


def test_long_paragraphs_are_for_the_speaker(lesson):
    page = slides(lesson)
    wall, notes = page.split('<div class="wall">')[1].split('<aside class="notes">')
    assert "Short." in wall and "<math" in wall and "the speaker says" not in wall
    assert "the speaker says" in notes
    assert page.count('<div class="wall">') == 3  # "Next" has one of its own
    assert "not answered yet" not in page


def test_space_of_a_logarithm():
    assert "mspace" in mathml(r"\ln 2") and "mspace" not in mathml(r"\ln(2)")


def test_command_writes_once_and_overwrites_by_force_only(lesson, tmp_path, capsys):
    arguments = [str(tmp_path / "out"), "9", "--slides"]
    main(arguments, lesson.parent)
    file = tmp_path / "out" / "09_sums.slides.html"
    assert capsys.readouterr().out.strip() == str(file)
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="there already"):
        main(arguments, lesson.parent)
    assert file.read_text(encoding="utf-8") == "mine"
    main([*arguments, "--force"], lesson.parent)
    assert "Sums" in file.read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main([*arguments, "--solutions"], lesson.parent)


def test_lesson_without_slide_types_is_refused_with_the_way_out(lesson, tmp_path):
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells[1].metadata.pop("slideshow")
    nbformat.write(notebook, lesson)
    with pytest.raises(SystemExit, match="1 cells of 09_sums.ipynb .* python -m tools.slides 09"):
        main([str(tmp_path / "out"), "--slides"], lesson.parent)
    assert not (tmp_path / "out").exists()


# ---- in a browser --------------------------------------------------------------------------

# Goes to every slide, with all fragments; what sticks out of it, or is too small to be read.
MEASURE = """() => {
  const faults = [];
  for (const slide of Reveal.getSlides()) {
    const {h, v} = Reveal.getIndices(slide);
    Reveal.slide(h, v, 99);
    const fault = (element, what) => faults.push(`${h}/${v} ${element.tagName} ${what}`);
    for (const element of slide.querySelectorAll(".wall *:not(aside, aside *)")) {
      const box = element.getBoundingClientRect();
      if (box.left < 0 || box.top < 0 || box.right > 1280 || box.bottom > 690)
        fault(element, `ends at ${box.right}, ${box.bottom}`);
      if (element.tagName == "IMG" && box.height < Math.min(250, 0.75 * element.naturalHeight))
        fault(element, `is ${box.height} high`);
      const has_text = [...element.childNodes].some(n => n.nodeType == 3 && n.data.trim());
      const size = parseFloat(getComputedStyle(element).fontSize);
      if (has_text && !element.closest("math") && size < 14)
        fault(element, "has small letters");
    }
  }
  return [Reveal.getTotalSlides(), faults];
}"""


@pytest.fixture
def opened(browser, tmp_path):
    """Open a text as a file in the browser, without a network: (page, what it asked for)."""
    pages = []

    def open_slides(text):
        file = tmp_path / "slides.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
        asked = []
        context.on("request", lambda request: asked.append(request.url.split(":")[0]))
        page = context.new_page()
        page.on("pageerror", lambda error: asked.append(str(error)))
        page.goto(file.as_uri())
        pages.append(context)
        return page, asked

    yield open_slides
    for context in pages:
        context.close()


def in_browser(test):
    """Mark a test that needs Playwright and Chromium."""
    return pytest.mark.browser(pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")(test))


@in_browser
@pytest.mark.parametrize("number", LESSONS)
def test_nothing_on_the_slides_of_11_lessons_is_cut_off(number, opened):
    page, asked = opened(page_of(number))
    count, faults = page.evaluate(MEASURE)
    assert count >= 30 and faults == []
    assert asked[0] == "file" and set(asked[1:]) <= {"data"}


@in_browser
def test_too_much_on_a_slide_is_seen(lesson, opened):
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells[1].source = "x = 1\n" * 40
    nbformat.write(notebook, lesson)
    page, _ = opened(slides(lesson))
    assert any("ends at" in fault for fault in page.evaluate(MEASURE)[1])


@in_browser
def test_keys_turn_slides_and_open_the_speakers_notes(lesson, opened):
    page, _ = opened(slides(lesson))
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    notes = popup.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("What the speaker says").wait_for()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().v") == 1
