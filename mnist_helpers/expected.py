"""Reference results of the lessons, and the check that says whether yours agree.

`expected.toml` is written by hand. It names every result of every lesson: a hint for who misses
the band; `share = true` where a result lies between 0 and 1 by nature; and, where somebody knows
better than the measurement, a band of their own such as `mnist = { low = 0.2, high = 0.3 }`.

`measured.json` is generated: `python -m tools.calibrate` measures it over several seeds and
thread counts, on every data source. A band by hand stays in force whatever is measured.
"""

import json
import tomllib
from dataclasses import dataclass

from mnist_helpers.course import PACKAGE, SOURCES
from mnist_helpers.files import say

BY_HAND = PACKAGE / "expected.toml"
MEASURED = PACKAGE / "measured.json"


@dataclass(frozen=True)
class Band:
    """Where a result should lie, ends included.

    Attributes:
        low, high: the ends.
        by_hand: whether a person set them.
    """

    low: float
    high: float
    by_hand: bool = False

    def __contains__(self, value):
        return self.low <= value <= self.high  # false for NaN


def expectations(lesson, source):
    """The check for one lesson on one data source.

    Args:
        lesson: number of the lesson as a string, such as "03".
        source: one of `course.SOURCES`, as in `train.source`.

    Returns:
        A function `expect(name, value)` that prints the value, its band and a verdict on one
        line (✓ inside, ✗ outside, then with a hint on the next line), and returns the value.
        A result without a band yet gets no verdict.

    Raises:
        ValueError: no such lesson, source, or (from `expect`) result; the message lists those
            that there are.
    """
    results = _pick(by_hand(), lesson, "lesson")
    _pick(dict.fromkeys(SOURCES), source, "source")
    known = bands(lesson, source)

    def expect(name, value):
        hint = _pick(results, name, f"result of lesson {lesson}")["hint"]
        if (band := known[name]) is None:
            missing = f"not measured yet: run `python -m tools.calibrate {lesson}`"
            say(f"{name} ≈ {value:#.3g}   expected {missing}")
        else:
            verdict = "✓" if value in band else f"✗\n  {hint}"
            say(f"{name} ≈ {_compared(float(value), band)}   {verdict}")
        return value

    return expect


def bands(lesson, source):
    """The bands in force: the name of every result of a lesson -> its `Band`, None without one."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8")).get(lesson, {})
    return {
        name: _band(result, measured.get(name, {}), source)
        for name, result in by_hand().get(lesson, {}).items()
    }


def by_hand():
    """What expected.toml says: lesson -> result -> its hint, and what else is set by hand."""
    return tomllib.loads(BY_HAND.read_text(encoding="utf-8"))


def _band(result, measured, source):
    if source in result:
        return Band(result[source]["low"], result[source]["high"], by_hand=True)
    if source not in measured:
        return None
    low, high = measured[source]["low"], measured[source]["high"]
    return Band(max(low, 0.0), min(high, 1.0)) if result.get("share") else Band(low, high)


def _compared(value, band):
    """A value and its band with 3 digits, or as many more as show on which side it lies."""
    for digits in range(3, 18):
        texts = [f"{x:#.{digits}g}".rstrip(".") for x in (value, band.low, band.high)]
        shown, low, high = map(float, texts)
        if (value in band) == (shown in band) == (shown in Band(low, high)):
            break
    by_hand = " (set by hand)" if band.by_hand else ""
    return f"{texts[0]}   expected ≈ {texts[1]} to {texts[2]}{by_hand}"


def _pick(table, key, what):
    if key not in table:
        raise ValueError(f"there is no {what} {key!r}; there are: {', '.join(table)}")
    return table[key]
