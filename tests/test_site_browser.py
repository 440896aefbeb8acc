"""The site in a real browser: every page, light and dark, wide and narrow.

Skipped where Playwright, axe, Sphinx or a Chromium is missing. Screenshots are left in
`screenshots/`.
"""

import re
import shutil
from urllib.parse import unquote, urldefrag, urlparse

import pytest

from mnist_helpers import publish
from mnist_helpers.course import COURSE, lessons
from tests.test_browser import SCREENSHOTS, pytestmark  # noqa: F401
from tools.site import __main__ as command
from tools.site import pages
from tools.site.measure import weigh
from tools.site.server import served

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytest.importorskip("sphinx", reason="Sphinx is not installed")

DOCUMENTS = sorted(path.name for path in (COURSE / "docs").glob("*.md"))
PAGES = [
    *("index.html", "teachers.html", "search.html"),
    *(f"docs/{name.replace('.md', '.html')}" for name in DOCUMENTS),
    *(f"notebooks/{lesson.path.stem}.html" for lesson in lessons()),
]
LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site."""
    out = tmp_path_factory.mktemp("site")
    command.build(out)
    return out


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The folder of the site of a small course, of lesson 3 alone, that is published."""
    course = tmp_path_factory.mktemp("course")
    for name in ("README.md", "docs/results.md", "notebooks/03_dense_autoencoder.ipynb"):
        (course / name).parent.mkdir(exist_ok=True)
        shutil.copy(COURSE / name, course / name)
    shutil.copytree(COURSE / "pictures", course / "pictures")
    publish.main(["Ada/pixels", "--ref", "v1.0"], course)
    playground = tmp_path_factory.mktemp("playground")
    (playground / "index.html").write_text("<title>Draw</title>", encoding="utf-8")
    out = tmp_path_factory.mktemp("published")
    command.build(out, course, playground)
    return out


@pytest.fixture(scope="module")
def address(site):
    with served(site) as found:
        yield found


@pytest.fixture
def open_page(browser):
    """A function that opens an address, and lists in `page.faults` what the browser complains of.

    A request to another site is a fault, too, and so is one that is not answered.
    """
    opened = []

    def open_it(url, width=1280, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened.append(page)
        page.faults = []
        home = f"{urlparse(url).scheme}://{urlparse(url).netloc}/"
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and page.faults.append(m.text))
        page.on("requestfailed", lambda request: page.faults.append(request.url))
        page.on("request", lambda r: r.url.startswith(home) or page.faults.append(r.url))
        page.goto(url, wait_until="networkidle")
        return page

    yield open_it
    for page in opened:
        page.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole(name, address, open_page):
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, scheme in LOOKS:
        page = open_page(address + name, width, scheme)
        assert page.faults == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        pictures = page.evaluate(
            "[...document.images].map(image => [image.src, image.alt, image.naturalWidth])"
        )
        assert [picture for picture in pictures if not all(picture)] == []
        shot = f"site_{name.removesuffix('.html').replace('/', '_')}_{width}_{scheme}.png"
        page.screenshot(path=SCREENSHOTS / shot, full_page=True)


@pytest.mark.parametrize("name", PAGES)
def test_page_keeps_nobody_out(name, address, open_page):
    for scheme in ("light", "dark"):
        page = open_page(address + name, scheme=scheme)
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in serious] == []


@pytest.mark.parametrize("name", PAGES)
def test_page_is_light_enough_for_a_slow_line(name, address, browser):
    size, _ = weigh(browser, address + name)
    assert size <= (500_000 if name == "index.html" else 1_500_000)


def test_every_link_of_the_site_leads_somewhere(site):
    """To a page, a file or a part of a page; what begins with https: is not followed."""
    texts = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    ids = {path: set(re.findall(r' id="([^"]+)"', text)) for path, text in texts.items()}
    assert set(PAGES) <= {path.relative_to(site).as_posix() for path in texts}
    for path, text in texts.items():
        targets = re.findall(r' (?:href|src)="([^"]+)"', text)
        inside = [target for target in targets if not urlparse(target).scheme]
        assert inside, path.name
        for target in inside:
            file, part = urldefrag(target)
            there = (path.parent / unquote(urlparse(file).path)).resolve() if file else path
            assert there.is_file(), (path.name, target)
            assert not part or there.suffix != ".html" or part in ids[there], (path.name, target)


def test_site_works_from_a_usb_stick(site, open_page):
    for name in ("index.html", "notebooks/08_variational_autoencoder.html"):
        assert open_page((site / name).as_uri()).faults == []
    page = open_page(f"{(site / 'search.html').as_uri()}?q=bottleneck")
    page.wait_for_selector("#search-results li:nth-child(2) a")


def test_equations_are_drawn_and_their_source_is_not_seen(address, open_page):
    page = open_page(f"{address}notebooks/08_variational_autoencoder.html")
    heights = [equation.bounding_box()["height"] for equation in page.locator("math").all()]
    assert len(heights) >= 30 and min(heights) > 5
    assert "\\sigma" not in page.locator("article").inner_text()


def test_solution_is_folded_and_opens_with_a_click(address, open_page):
    page = open_page(f"{address}notebooks/03_dense_autoencoder.html")
    solution = page.locator("details", has_text="Solution 3.1")
    code = solution.get_by_text("class NetSolution")
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible()


@pytest.mark.skipif(bool(pages.place(COURSE)), reason="this course is published")
def test_site_without_publish_has_no_buttons(site):
    text = (site / "notebooks" / "03_dense_autoencoder.html").read_text(encoding="utf-8")
    for unwanted in ("colab.research", "mybinder", "canonical", "The course on GitHub"):
        assert unwanted not in text


def test_published_site_has_its_address_and_its_buttons(published):
    text = (published / "notebooks" / "03_dense_autoencoder.html").read_text(encoding="utf-8")
    home = "https://ada.github.io/pixels/"
    assert f'<link rel="canonical" href="{home}notebooks/03_dense_autoencoder.html"' in text
    assert f'<meta property="og:image" content="{home}_images/03_dense_autoencoder.png"' in text
    for link in (
        "https://colab.research.google.com/github/Ada/pixels/blob/v1.0/notebooks/03_",
        "https://mybinder.org/v2/gh/Ada/pixels/v1.0?labpath=notebooks%2F03_",
        "https://github.com/Ada/pixels",
        "../playground/index.html",
    ):
        assert f'href="{link}' in text
    assert 'src="https:' not in text


def test_a_new_site_replaces_the_old_one_and_nothing_else(published, tmp_path):
    command.refuse_other(published)  # it is one of ours, so it may be built anew
    new = shutil.copytree(published, tmp_path / "new")
    command.refuse_additions(published, new)
    (published / "diary.txt").write_text("dear diary", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"holds other files: diary\.txt; move them"):
        command.refuse_additions(published, new)
    (published / "objects.inv").unlink()
    with pytest.raises(FileExistsError, match="holds other files"):
        command.refuse_other(published)
