"""The browser that prints: one that is installed, or the one that Playwright brings."""

import shutil
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def any_browser():
    """Chromium, Chrome or Edge, without a window; it is closed afterwards.

    Raises:
        FileNotFoundError: none of them is installed, or starts.
        ModuleNotFoundError: Playwright is missing.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as control:
        browser = _launch(control.chromium)
        try:
            yield browser
        finally:
            browser.close()


def _launch(chromium):
    from playwright.sync_api import Error

    reasons = []
    found = [{"executable_path": CHROMIUM}] if CHROMIUM else []
    for way in (*found, {"channel": "chrome"}, {"channel": "msedge"}, {}):
        try:
            return chromium.launch(**way)
        except Error as error:  # it is not there, or does not start
            reasons.append(error.message.splitlines()[0])
    raise FileNotFoundError(
        "there is no browser to print with: install Chromium, Chrome or Edge, "
        f"or run  playwright install chromium ({reasons[0]})"
    )
