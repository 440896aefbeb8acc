"""Where is the class stuck? One line for each exercise, and a page to project, without names."""

import html
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median

from mnist_helpers.teaching.collect import STATES, UNREADABLE, order

SHOWN = tuple(state for state in STATES if state != UNREADABLE)
# The colours of Okabe and Ito, which the colour-blind can tell apart; then two greys.
COLOURS = ("#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#cc79a7", "#999999", "#dddddd")
LIGHT = {"right"}  # what stands on this colour is white

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Where the class stands</title>
<style>
body {{ font: 20px/1.4 system-ui, sans-serif }}
body {{ max-width: 1200px; margin: 1.5rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.6rem }}
small {{ font-weight: normal; font-size: 1rem }}
h2 {{ font-size: 1.2rem; margin: 1.4rem 0 .2rem }}
p {{ margin: .2rem 0 }}
.bar {{ display: flex; height: 2rem; line-height: 2rem; text-align: center }}
.bar span, .key span {{ color: #000 }}
.key span {{ padding: .1rem .6rem; white-space: nowrap }}
{colours}
</style>
<h1>Where the class stands</h1>
<p>{head}</p>
<p class="key">{key}</p>
{exercises}
"""
EXERCISE = """\
<h2>Exercise {number} <small>of {learners} who handed in</small></h2>
<div class="bar" role="img" aria-label="{shares}">{bar}</div>
<p>{said}</p>
"""


@dataclass(frozen=True)
class Standing:
    """How the learners who handed in a lesson stand with one of its exercises.

    Attributes:
        exercise: such as "3.2".
        counts: how many are in each state, a dict; states that nobody is in are left out.
        tries: the median, over those who answered at all; 0 if nobody did.
        diagnosis: what the check told most often, and at least two learners, or "".
    """

    exercise: str
    counts: dict
    tries: float
    diagnosis: str

    @property
    def learners(self):
        """How many have handed in the lesson."""
        return sum(self.counts.values())

    @property
    def shares(self):
        """Such as "right 40% (12), wrong 60% (18)"."""
        whole = self.learners
        return ", ".join(f"{s} {n / whole:.0%} ({n})" for s, n in self.counts.items())

    @property
    def remark(self):
        """The median of the tries, and the diagnosis if there is one."""
        said = f'; most often: "{self.diagnosis}"' if self.diagnosis else ""
        return f"median tries {self.tries:g}{said}"


def summarise(rows):
    """One `Standing` for each exercise, from a list of `collect.Row`."""
    groups = defaultdict(list)
    for row in rows:
        if row.exercise:
            groups[row.exercise].append(row)
    return [_standing(groups[number]) for number in sorted(groups, key=order)]


def _standing(rows):
    counts = Counter(row.state for row in rows)
    tries = [row.tried for row in rows if row.tried]
    return Standing(
        rows[0].exercise,
        {state: counts[state] for state in SHOWN if counts[state]},
        median(tries) if tries else 0,
        _diagnosis(row.detail for row in rows if row.state in ("known mistake", "wrong")),
    )


def _diagnosis(texts):
    """The most frequent text; the same words with other numbers in them count as the same."""
    alike = defaultdict(list)
    for text in texts:
        alike[re.sub(r"\d+([.,e+-]+\d+)*", "0", text)].append(text.removeprefix("✗ "))
    most = max(alike.values(), key=len, default=[])
    return most[0] if len(most) > 1 else ""


def head(rows):
    """Who is in the table, a text."""
    broken = sum(row.state == UNREADABLE for row in rows)
    more = f"; {broken} of their files cannot be read" if broken else ""
    return f"{len({row.learner for row in rows})} learners, as their notebooks say{more}"


def page(rows):
    """The page: HTML that needs no other file, from a list of `collect.Row`."""
    classes = [state.replace(" ", "-") for state in SHOWN]
    colours = [
        f".bar .{name}, .key .{name} {{ background: {colour}{'; color: #fff' * (state in LIGHT)} }}"
        for name, colour, state in zip(classes, COLOURS, SHOWN)
    ]
    key = [f'<span class="{name}">{state}</span>' for name, state in zip(classes, SHOWN)]
    return PAGE.format(
        colours="\n".join(colours),
        key=" ".join(key),
        head=head(rows),
        exercises="\n".join(map(_exercise, summarise(rows))),
    )


def _exercise(standing):
    parts = [
        f'<span class="{state.replace(" ", "-")}" style="flex: {count}">{count}</span>'
        for state, count in standing.counts.items()
    ]
    return EXERCISE.format(
        number=standing.exercise,
        learners=standing.learners,
        shares=standing.shares,
        bar="".join(parts),
        said=html.escape(standing.remark[:1].upper() + standing.remark[1:]),
    )
