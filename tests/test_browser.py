"""The lessons in the real JupyterLab, in a real browser.

Skipped where Playwright or a Chromium is missing. Screenshots are left in `screenshots/`.
"""

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from mnist_helpers.course import COURSE, Lesson, lessons
from tools.notebooks import tags
from tools.site.measure import CHROMIUM

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
SCREENSHOTS = COURSE / "screenshots"
SETTINGS = "@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
MINUTES = 60_000  # milliseconds

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this computer"),
]


PAD = Lesson(Path("pad.ipynb"))


def notebook_with_pad():
    """A heading, the pad with what the judge of lesson 9 answers, and what it then holds."""
    pad = """
import matplotlib.pyplot as plt
from mnist_helpers import data, drawing, judging

judge = judging.judge_for(data.load_mnist()[0])

def judged(image):
    figure, ax = plt.subplots(figsize=(3, 2))
    ax.set_title(f"read as a {judging.look(judge, image)[1].argmax()}")
    return figure

pad = drawing.DrawPad(judged)
pad"""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# The pad"), nbformat.v4.new_code_cell(pad)]
    )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    return notebook


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab as learners start it: a function from the path of a lesson to its address.

    Beside the learner's copies, which it makes itself, are the stored lessons in `stored/`.
    """
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "stored").mkdir()
    for lesson in lessons():
        notebook = nbformat.read(lesson.path, as_version=4)
        # TensorBoard would outlive the test.
        notebook.cells = [cell for cell in notebook.cells if "nbval-skip" not in tags(cell)]
        nbformat.write(notebook, folder / "stored" / lesson.path.name)
    nbformat.write(notebook_with_pad(), folder / "stored" / PAD.path.name)
    settings = tmp_path_factory.mktemp("settings")
    (settings / SETTINGS).parent.mkdir(parents=True)
    (settings / SETTINGS).write_text(
        '{"windowingMode": "none"}',
        encoding="utf-8",  # keep all cells in the page
    )
    course, token, port = COURSE, secrets.token_hex(16), free_port()
    environment = os.environ | {
        "PYTHONPATH": str(course),
        "MNIST_HELPERS_DATA": os.environ.get("MNIST_HELPERS_DATA", str(course / "data")),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "OMP_NUM_THREADS": "1",  # the browser needs a core too
    }
    del environment["TQDM_DISABLE"]  # here the bars are wanted
    command = [
        sys.executable, "-m", "mnist_helpers.learn", folder, "--no-browser", "--allow-root",
        "--expose-app-in-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        f"--IdentityProvider.token={token}",
        "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    log = tmp_path_factory.mktemp("log") / "jupyterlab.txt"
    with log.open("w", encoding="utf-8") as file:
        server = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?reset&token={token}"
    server.terminate()
    server.wait()


@pytest.fixture
def open_lesson(lab, browser):
    """A function that opens a lesson, as it is stored or a learner's copy; it returns its page."""
    pages = []

    def open_it(lesson, folder="stored/"):
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        pages.append(page)
        for _ in range(60):  # the server needs a few seconds to begin to listen
            try:
                page.goto(lab(folder + lesson.path.name), timeout=2 * MINUTES)
                break
            except playwright.Error:
                page.wait_for_timeout(500)
        page.wait_for_selector(".jp-Notebook .jp-MarkdownOutput h1", timeout=2 * MINUTES)
        return page

    yield open_it
    for page in pages:
        page.close()


def save(page, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def run_all(page):
    """Run all cells from a fresh kernel, wait for the last one, and watch for progress bars."""
    page.evaluate(
        """() => {
            window.bars = 0;
            new MutationObserver(() => {
                window.bars = Math.max(window.bars, document.querySelectorAll(".progress").length);
            }).observe(document.body, {childList: true, subtree: true});
        }"""
    )
    page.evaluate(
        """async () => {
            const context = window.jupyterapp.shell.currentWidget.sessionContext;
            await context.ready;
            await context.session.kernel.info;
            await window.jupyterapp.commands.execute("notebook:run-all-cells");
        }"""
    )
    page.wait_for_function(  # folded cells have an empty prompt
        """() => {
            const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
            return prompts.every(prompt => /^(\\[\\d+\\]:)?$/.test(prompt.textContent.trim()));
        }""",
        polling=1000,  # by default it asks for every frame, and takes the kernel's CPU
        timeout=10 * MINUTES,
    )


def images(page):
    """Width, and spread of brightness, of every picture that a cell has drawn."""
    return page.evaluate(
        """() => Promise.all([...document.querySelectorAll(".jp-RenderedImage img")].map(
            async image => {
                await image.decode();
                const canvas = document.createElement("canvas");
                canvas.width = canvas.height = 64;
                const context = canvas.getContext("2d");
                context.drawImage(image, 0, 0, 64, 64);
                const bytes = [...context.getImageData(0, 0, 64, 64).data];
                const greens = bytes.filter((_, index) => index % 4 == 1);
                return [image.naturalWidth, Math.max(...greens) - Math.min(...greens)];
            }))"""
    )


def stored_figures(lesson):
    """How many figures a stored lesson shows; solutions are folded."""
    cells = nbformat.read(lesson.path, as_version=4).cells
    shown = [cell for cell in cells if "solution" not in tags(cell)]
    outputs = [output for cell in shown for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def errors(page):
    return page.locator('[data-mime-type="application/vnd.jupyter.error"]').all_inner_texts()


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.number)
def test_lesson_opens_with_its_pictures(lesson, open_lesson):
    page = open_lesson(lesson)
    page.wait_for_selector(".jp-RenderedImage img", timeout=2 * MINUTES)
    pictures = images(page)
    assert len(pictures) == stored_figures(lesson) and not errors(page)
    assert all(width > 200 and spread > 30 for width, spread in pictures), pictures
    save(page, lesson.path.stem)


@pytest.mark.parametrize("lesson", lessons(["01", "11"]), ids=lambda lesson: lesson.number)
def test_lesson_runs_from_top_to_bottom(lesson, open_lesson):
    page = open_lesson(lesson)
    run_all(page)
    assert not errors(page)
    if lesson.number == "11":
        assert page.evaluate("window.bars") > 0, "no progress bar was seen"
    # All bars are gone but those, in red, of the runs that the lesson itself stops.
    assert page.locator(".progress:not(:has(.progress-bar-danger)):visible").count() == 0
    pictures = images(page)
    assert all(width > 200 and spread > 30 for width, spread in pictures), pictures
    page.locator(".jp-RenderedImage img").last.scroll_into_view_if_needed()
    save(page, f"{lesson.path.stem}_after_running")


def test_solution_is_folded_and_opens_with_a_click(open_lesson):
    page = open_lesson(lessons(["01"])[0])
    folded = page.locator(".jp-CodeCell:has(.jp-Placeholder-content)").first
    folded.scroll_into_view_if_needed()
    assert folded.locator(".cm-content").count() == 0
    folded.locator(".jp-Placeholder-content").first.click()
    folded_text = page.locator(".cm-content", has_text="#@title Solution 1.").first
    folded_text.wait_for(timeout=MINUTES)
    save(page, "solution_opened")


def test_learners_copy_shows_no_result_before_it_runs_and_all_after(open_lesson):
    page = open_lesson(lessons(["01"])[0], folder="")
    assert page.locator(".jp-OutputArea-output:visible").count() == 0
    run_all(page)
    assert len(images(page)) >= 5 and not errors(page)
    save(page, "learners_copy_after_running")


def test_slider_of_lesson_06_moves_its_picture(open_lesson):
    page = open_lesson(lessons(["06"])[0])
    run_all(page)
    assert not errors(page)
    slider = page.locator(".widget-slider [role=slider]").nth(1)
    slider.scroll_into_view_if_needed()
    picture = page.locator("img.widget-image").first
    before = picture.get_attribute("src")
    slider.focus()
    for _ in range(30):
        slider.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('img.widget-image').src != before", arg=before
    )
    picture.scroll_into_view_if_needed()
    save(page, "slider_moved")


def test_pad_answers_a_stroke_with_picture_and_words(open_lesson):
    page = open_lesson(PAD)
    run_all(page)
    canvas = page.get_by_role("img", name="Drawing pad")
    canvas.wait_for(timeout=MINUTES)
    canvas.scroll_into_view_if_needed()
    live = page.locator("[aria-live=polite]", has_text="read as a")
    assert live.inner_text() == "read as a 2"  # the stored drawing
    seen = page.get_by_alt_text("What the network sees")
    before, box = seen.get_attribute("src"), canvas.bounding_box()
    place = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    page.mouse.move(*place(0.5, 0.15))
    page.mouse.down()
    page.mouse.move(*place(0.5, 0.85), steps=20)
    page.mouse.up()
    page.get_by_alt_text("read as a 1").wait_for(timeout=MINUTES)
    assert live.inner_text() == "read as a 1" and seen.get_attribute("src") != before
    save(page, "pad")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")  # an empty page
    page.wait_for_function(
        "before => document.querySelector('img[alt^=\"What the network sees\"]').src != before",
        arg=seen.get_attribute("src"),
    )
    assert not errors(page)
