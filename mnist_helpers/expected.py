"""Reference results of the lessons, and the check that says whether yours agree.

The bands are in `expected.toml`, measured by `python -m tests.calibrate` over several seeds
and thread counts, on MNIST and on the stand-in.
"""

import tomllib
from functools import cache
from pathlib import Path

BANDS = Path(__file__).with_suffix(".toml")


def expectations(lesson, source):
    """The check for one lesson on one data source.

    Args:
        lesson: number of the lesson as a string, such as "03".
        source: "mnist" or "standin", as in `train.source`.

    Returns:
        A function `expect(name, value)` that prints the value, its band and a verdict on one
        line (✓ inside, ✗ outside, then with a hint on the next line), and returns the value.

    Raises:
        ValueError: no such lesson, source, or (from `expect`) result; the message lists those
            that there are.
    """
    bands = _pick(_load(), lesson, "lesson")

    def expect(name, value):
        result = _pick(bands, name, f"result of lesson {lesson}")
        band = _pick({key: band for key, band in result.items() if key != "hint"}, source, "source")
        right = band["low"] <= value <= band["high"]
        print(
            f"{name} ≈ {value:#.3g}   expected ≈ {band['low']:#.3g} to {band['high']:#.3g}   "
            + ("✓" if right else f"✗\n  {result['hint']}")
        )
        return value

    return expect


@cache
def _load():
    return tomllib.loads(BANDS.read_text(encoding="utf-8"))


def _pick(table, key, what):
    if key not in table:
        raise ValueError(f"there is no {what} {key!r}; there are: {', '.join(table)}")
    return table[key]
