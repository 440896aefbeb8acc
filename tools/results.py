"""The reference results in docs/results.md: which there are is by hand, numbers are measured."""

import json
import re

from mnist_helpers import expected
from mnist_helpers.course import COURSE

PAGE = COURSE / "docs" / "results.md"
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| .*\|$", re.MULTILINE)


def page(text):
    """The text of the page with the mean and the band on MNIST in every row.

    Raises:
        KeyError: a row names a result that was not measured.
    """
    measured = json.loads(expected.MEASURED.read_text(encoding="utf-8"))

    def row(found):
        lesson, name = found[1].zfill(2), found[2]
        band = expected.bands(lesson, "mnist")[name]
        numbers = measured[lesson][name]["mnist"]["mean"], band.low, band.high
        mean, low, high = (f"{number:#.3g}" for number in numbers)
        return f"| {found[1]} | {name} | {mean} | {low} to {high} |"

    return ROW.sub(row, text)


def main():
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
