"""The playground in a real browser: it draws, answers as PyTorch does, and says what is wrong."""

import json
from contextlib import ExitStack
from shutil import copytree

import pytest
import torch
import torch.nn.functional as F

from mnist_helpers import data, generating
from tests.test_browser import SCREENSHOTS, pytestmark  # noqa: F401
from tools.site.networks import GUIDANCE, INDEX, STEPS, velocity_of
from tools.site.rounding import FOLDER, load
from tools.site.server import served

PLAYGROUND = FOLDER.parent
PANELS = ("classifier", "code", "plane", "noise", "flow")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
STROKE = [(0.3, 0.2), (0.7, 0.2), (0.6, 0.5), (0.5, 0.8)]  # a 7


@pytest.fixture
def serve():
    """A function from a folder to the address where it is served."""
    with ExitStack() as servers:
        yield lambda folder: servers.enter_context(served(folder))


@pytest.fixture
def open_page(browser, serve):
    """A function that opens the playground in a window of its own; it returns the page."""
    contexts = []

    def open_it(folder=PLAYGROUND, ready=PANELS, **options):
        contexts.append(browser.new_context(**{"viewport": WIDE, **options}))
        page = contexts[-1].new_page()
        page.noticed = []  # errors in the console, and requests to elsewhere
        address = serve(folder)
        page.on("console", lambda message: page.noticed.append(message.text))
        page.on("pageerror", lambda error: page.noticed.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "data:", "blob:"))
                or page.noticed.append(request.url)
            ),
        )
        page.goto(address + "index.html")
        for panel in ready:
            page.wait_for_selector(f"#{panel} .content:not([hidden])")
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def networks():
    layers = json.loads(INDEX.read_text(encoding="utf-8"))["layers"]
    return {name: load(name, layers[name]) for name in layers}


@pytest.fixture(scope="module")
def images():
    """200 test images as rows, (200, 784)."""
    _, test = data.load_mnist(source="mnist")
    return test.images[:200].flatten(1)


def evaluate(page, script, *arguments):
    """Run JavaScript that has the page's modules and gives lists of numbers: a dict of tensors."""
    modules = "const networks = await import('./networks.js');"
    modules += "const drawing = await import('./drawing.js');"
    found = page.evaluate(
        "async (given) => {" + modules + script + "}", [x.tolist() for x in arguments]
    )
    return {name: torch.tensor(values) for name, values in found.items()}


def painted(page, name):
    """The brightness of each pixel of a canvas as rows, (1, 784)."""
    levels = page.evaluate(
        """id => {
            const canvas = document.getElementById(id);
            const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
            return [...data].filter((_, i) => i % 4 === 0);
        }""",
        name,
    )
    return torch.tensor([levels]) / 255


def next_frame(page):
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def assert_reads_as_pytorch(page, networks):
    """The ten probabilities on the page are PyTorch's for the image that it shows."""
    next_frame(page)
    image = painted(page, "seen")
    assert image.sum() > 30
    shares = page.evaluate(
        "() => [...document.querySelectorAll('#bars li')].map("
        "row => Number(row.style.getPropertyValue('--share')))"
    )
    chances = networks["classifier"](image).softmax(dim=1)[0]
    assert (torch.tensor(shares) - chances).abs().max() <= 1e-4
    said = page.locator("#said").inner_text()
    assert f" {chances.argmax().item()} with {100 * chances.max().item():.0f} %" in said


def points(page, selector, stroke):
    """Places of a stroke, from 0 to 1, on the screen."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]


def drag(page, selector, stroke):
    places = points(page, selector, stroke)
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def address_of(page, name):
    """What a canvas shows, as a text that changes with it."""
    return page.evaluate("id => document.getElementById(id).toDataURL()", name)


@torch.no_grad()
def test_every_output_is_pytorchs(open_page, networks, images):
    start = torch.randn(200, 32, generator=torch.Generator().manual_seed(0))
    noisy = images + 0.5 * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    found = evaluate(
        open_page(),
        """
        const { fetchIndex, fetchNetwork, outputs, run, softmax, walk } = networks;
        const index = await fetchIndex(), network = {};
        for (const name in index.layers) network[name] = await fetchNetwork(name, index);
        const [images, noisy, starts] = given;
        const layers = images.map((x) => outputs(network.classifier, x));
        const codes = images.map((x) => run(network.encoder, x));
        const places = images.map((x) => run(network["plane-encoder"], x));
        const walks = starts.map((z, i) => walk(network.velocity, z, i % 10, index.flow));
        const rows = {
            first: layers.map((given) => given[0]),
            probabilities: layers.map((given) => softmax(given.at(-1))),
            code: codes,
            reconstruction: codes.map((z) => run(network.decoder, z)),
            place: places,
            drawn: places.map((z) => run(network["plane-decoder"], z)),
            denoised: noisy.map((x) => run(network.denoiser, x)),
            walked: walks.flat(),
            painted: walks.map((way) => run(network.painter, way.at(-1))),
        };
        for (const name in rows) rows[name] = rows[name].map((row) => [...row]);
        return rows;
        """,
        images, noisy, start,
    )  # fmt: skip
    codes, places = networks["encoder"](images), networks["plane-encoder"](images)
    way = generating.walk(
        velocity_of(networks), start, torch.arange(200) % 10, STEPS, GUIDANCE
    )  # (11, 200, 32)
    expected = {
        "first": networks["classifier"][:2](images),
        "probabilities": networks["classifier"](images).softmax(dim=1),
        "code": codes,
        "reconstruction": networks["decoder"](codes),
        "place": places,
        "drawn": networks["plane-decoder"](places),
        "denoised": networks["denoiser"](noisy),
        "walked": way.transpose(0, 1).flatten(0, 1),
        "painted": networks["painter"](way[-1]),
    }
    assert found.keys() == expected.keys()
    gaps = {name: (found[name] - expected[name]).abs().max().item() for name in expected}
    assert max(gaps.values()) <= 1e-4, gaps


def test_centring_leaves_mnist_as_it_is_and_resizes_as_pytorch_does(open_page, images):
    large = torch.rand(1, 1, 130, 90, generator=torch.Generator().manual_seed(0))
    found = evaluate(
        open_page(),
        """
        const picture = (width, height, data) => ({ width, height, data: Float32Array.from(data) });
        const fitted = drawing.resized(picture(90, 130, given[1]), 14, 20).data;
        const kept = given[0].map((x) => [...drawing.centred(picture(28, 28, x))]);
        return { fitted: [...fitted], kept, empty: [...drawing.seen([], true)] };
        """,
        images, large.flatten(),
    )  # fmt: skip
    assert torch.equal(found["kept"], images)
    fitted = F.interpolate(large, (20, 14), mode="bilinear", antialias=True).flatten()
    assert (found["fitted"] - fitted).abs().max() <= 1e-6
    assert not found["empty"].any()


def test_stored_drawing_is_shown_first_and_said_so(open_page, networks):
    page = open_page()
    assert "stored drawing" in page.locator("#origin").inner_text()
    assert_reads_as_pytorch(page, networks)
    assert " a 2 " in page.locator("#said").inner_text()
    page.get_by_role("button", name="Stored drawing of a 7").click()
    assert_reads_as_pytorch(page, networks)
    assert " a 7 " in page.locator("#said").inner_text()


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_mouse_draws_and_the_answer_is_pytorchs(screen, open_page, networks):
    page = open_page(viewport=screen)
    drag(page, "#pad", STROKE)
    next_frame(page)
    assert page.locator("#origin").inner_text() == "Your drawing."
    assert_reads_as_pytorch(page, networks)
    before = painted(page, "seen")
    page.locator("#centre").uncheck()
    assert_reads_as_pytorch(page, networks)
    assert not torch.equal(painted(page, "seen"), before)
    page.get_by_role("button", name="Undo").click()
    next_frame(page)
    assert page.locator("#said").inner_text() == "The paper is empty."


def test_finger_draws_without_moving_the_page(open_page, networks):
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    places = points(page, "#pad", STROKE)
    height = page.evaluate("scrollY")
    finger = page.context.new_cdp_session(page)
    for kind, place in [("touchStart", places[0]), *[("touchMove", p) for p in places]]:
        x, y = place
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    next_frame(page)
    assert page.locator("#origin").inner_text() == "Your drawing."
    assert_reads_as_pytorch(page, networks)
    assert page.evaluate("scrollY") == height


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_each_of_32_sliders_redraws(screen, open_page):
    page = open_page(viewport=screen)
    sliders = page.locator("#sliders input")
    assert sliders.count() == 32
    start = address_of(page, "reconstruction")
    for i in range(32):
        before = address_of(page, "reconstruction")
        slider = page.get_by_label(f"Number {i + 1} of the code", exact=True)
        slider.press("End" if float(slider.input_value()) < 0 else "Home")
        assert address_of(page, "reconstruction") != before, i + 1
    page.get_by_role("button", name="Back to the code").click()
    assert address_of(page, "reconstruction") == start


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_cross_is_dragged_and_moved_by_sliders(screen, open_page, networks):
    page = open_page(viewport=screen)
    drag(page, "#map", [(0.5, 0.5), (0.6, 0.35)])
    place = torch.tensor(
        [[float(page.locator(name).input_value()) for name in ("#first", "#second")]]
    )
    assert place[0, 0] > 0 and place[0, 1] > 0
    with torch.no_grad():
        drawn = networks["plane-decoder"](place)
    assert (painted(page, "planeDrawn") - drawn).abs().max() <= 0.02  # the sliders show 2 decimals
    for name in ("first number", "second number"):
        before = address_of(page, "planeDrawn")
        page.get_by_label(name).press("Home")
        assert address_of(page, "planeDrawn") != before


def test_pictures_come_when_the_plane_is_zoomed(open_page):
    page = open_page()
    page.get_by_role("button", name="To my digit").click()
    page.get_by_role("button", name="Zoom in").click()
    with page.expect_response("**/pictures.png"):
        page.get_by_role("button", name="Zoom in").click()
    assert page.locator("#zoom").inner_text() == "4 x"
    page.get_by_role("button", name="Zoom out").click()
    assert page.locator("#zoom").inner_text() == "2 x"


def test_noise_grows_with_its_slider_and_is_drawn_anew(open_page):
    page = open_page()
    deviation = page.get_by_label("deviation")
    deviation.press("Home")
    assert torch.equal(painted(page, "noisy"), painted(page, "seen"))
    clean = address_of(page, "cleaned")
    deviation.press("End")
    assert (painted(page, "noisy") - painted(page, "seen")).abs().mean() > 0.2
    assert address_of(page, "cleaned") != clean
    before = address_of(page, "noisy")
    page.get_by_role("button", name="New noise").click()
    assert address_of(page, "noisy") != before


def test_digit_is_made_in_ten_steps(open_page):
    page = open_page()
    page.wait_for_function("() => flowSaid.textContent.includes('The classifier')")
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => said.push(flowSaid.textContent)).observe(
                flowSaid, { childList: true, characterData: true, subtree: true });
        }"""
    )
    page.get_by_role("button", name="Make me a 7").click()
    page.wait_for_function("() => window.said.at(-1)?.includes('The classifier')")
    assert any("step 5 of 10" in text for text in page.evaluate("window.said"))
    assert page.locator("#flowSaid").inner_text().startswith("Asked for a 7.")
    assert page.locator("#steps canvas").count() == STEPS + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_page_fits_is_accessible_and_asks_nobody_else(screen, scheme, open_page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(viewport=screen, color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_function("() => flowSaid.textContent.includes('The classifier')")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    SCREENSHOTS.mkdir(exist_ok=True)
    name = f"playground_{screen['width']}_{scheme}.png"
    page.screenshot(path=SCREENSHOTS / name, full_page=True)
    found = axe.Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not grave, [(each["id"], each["nodes"][0]["html"]) for each in grave]
    assert page.noticed == []


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_file_that_did_not_arrive_whole_is_named(harm, open_page, tmp_path):
    folder = copytree(PLAYGROUND, tmp_path / "playground")
    file = folder / "networks" / "decoder.bin"
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
    page = open_page(folder, ready=[panel for panel in PANELS if panel != "code"])
    said = page.locator("#code .state").inner_text()
    assert "decoder.bin" in said and ("did not arrive" if harm == "missing" else "sha256") in said


def test_missing_script_and_missing_index_are_said(open_page, tmp_path):
    for lost, words in (("plane.js", "did not arrive"), ("networks/index.json", "index.json")):
        folder = copytree(PLAYGROUND, tmp_path / lost.replace("/", "_"))
        (folder / lost).unlink()
        page = open_page(folder, ready=[])
        page.wait_for_selector("#trouble:not([hidden])")
        assert words in page.locator("#trouble").inner_text()


def test_opened_as_a_file_it_says_what_to_run(browser):
    page = browser.new_page()
    page.goto((PLAYGROUND / "index.html").as_uri())
    page.wait_for_selector("#trouble:not([hidden])")
    assert "python -m tools.site --serve" in page.locator("#trouble").inner_text()
    page.close()
