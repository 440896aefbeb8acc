"""Measure what a visitor of the site waits for, with the browser's own tools.

    python -m tools.site.measure              # the pages in site/
    python -m tools.site.measure FOLDER

It prints a table: what each page loads, and when something of it is first seen on a line of
1.6 Mbit/s. It needs `pip install playwright` and Chromium.
"""

import sys
from pathlib import Path

from mnist_helpers.course import COURSE
from mnist_helpers.teaching.browser import CHROMIUM
from tools.site.server import served

LINE = {  # Lighthouse's slow line: 1.6 Mbit/s down, 0.75 up, 150 ms there and back
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
LOADED = """
() => ["navigation", "resource"].flatMap(type => performance.getEntriesByType(type))
    .reduce((sum, entry) => sum + entry.encodedBodySize, 0)
"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length"
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def weigh(browser, address, line=None):
    """Load a page with an empty cache, and all that belongs to it.

    Args:
        browser: Playwright's.
        address: of the page.
        line: what the network can do, as `LINE`; default: all that it can.

    Returns:
        The size of all files that it loaded, in bytes, and when something was first seen, in ms.
    """
    page = browser.new_page()
    if line:
        page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
    page.goto(address, wait_until="networkidle", timeout=60_000)
    page.wait_for_function(PAINTED)
    size, paint = page.evaluate(LOADED), page.evaluate(PAINT)
    page.close()
    return size, paint


def main(folder=COURSE / "site"):
    from playwright.sync_api import sync_playwright

    print("| page | kB | first paint, s |\n|---|---|---|")
    with sync_playwright() as control, served(folder) as address:
        browser = control.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path in sorted(Path(folder).rglob("*.html")):
            name = path.relative_to(folder).as_posix()
            size, paint = weigh(browser, address + name, LINE)
            print(f"| {name} | {size / 1000:.0f} | {paint / 1000:.1f} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:2])
