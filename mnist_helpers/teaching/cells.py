"""The cells of a notebook file that nobody may trust: what is of another type counts as missing."""

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from mnist_helpers.exercises.verdicts import CHECK
from mnist_helpers.files import on_one_line

TITLE = re.compile(r"\s*# (\d{1,2}) · ")
CELLS = 2_000  # of a notebook; those of the course have 150
SOURCE, SAID = 100_000, 200  # characters of a cell's code, and of what a check said, that are kept


class Verdict(NamedTuple):
    """What a check has left in an output, as the notebook says; nobody has tested it.

    Attributes:
        exercise, state: texts; "" if they are something else.
        tries: a number; -1 if it is something else.
        said: what the check said, without the late hint on the line below it.
    """

    exercise: str
    state: str
    tries: int
    said: str


@dataclass(frozen=True)
class Cell:
    """A code cell, without its figures.

    Attributes:
        source: its code.
        id: "" if it has none.
        exercise: the number of the exercise that it checks, such as "3.2", or "".
        is_solution: whether it is the course's own solution.
        was_run: whether it has shown something, or has a number.
        error: the type of the error that it stopped with, or "".
        verdicts: list of `Verdict`.
    """

    source: str
    id: str
    exercise: str
    is_solution: bool
    was_run: bool
    error: str
    verdicts: list


def read_cells(content):
    """What a notebook file holds.

    Args:
        content: the file's bytes.

    Returns:
        Two digits, the number of the lesson by its title, else by its exercises, or ""; and the
        code cells, a list of `Cell`.

    Raises:
        ValueError: this is no notebook.
    """
    try:
        notebook = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply for a notebook") from None
    except ValueError as error:
        raise ValueError(f"it is damaged, or only a part of it has arrived ({error})") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it is not a notebook")
    if len(cells) > CELLS:
        raise ValueError(f"it has {len(cells)} cells; the limit is {CELLS}")
    code = [_code_cell(cell) for cell in cells if _get(cell, "cell_type", str) == "code"]
    titles = [found[1] for found in map(TITLE.match, map(_source, cells)) if found]
    checked = [cell.exercise.split(".")[0] for cell in code if cell.exercise]
    lessons = [number.zfill(2) for number in titles + checked]
    return lessons[0] if lessons else "", code


def _code_cell(cell):
    source = _source(cell)[:SOURCE]
    check = CHECK.search(source)
    outputs = [output for output in _get(cell, "outputs", list) if isinstance(output, dict)]
    errors = [_text(o.get("ename")) for o in outputs if o.get("output_type") == "error"]
    tags = _get(_get(cell, "metadata", dict), "tags", list)
    return Cell(
        source=source,
        id=_get(cell, "id", str)[:64],
        exercise=check[1] if check else "",
        is_solution="solution" in tags or source.startswith("#@title Solution"),
        was_run=bool(outputs) or isinstance(cell.get("execution_count"), int),
        error=on_one_line((errors[-1] or "Error")[:60]) if errors else "",
        verdicts=[_verdict(o) for o in outputs if "mnist_helpers" in _get(o, "metadata", dict)],
    )


def _verdict(output):
    about = _get(output["metadata"], "mnist_helpers", dict)
    tries = about.get("tries")
    return Verdict(
        exercise=_get(about, "exercise", str)[:10],
        state=_get(about, "state", str)[:20],
        tries=tries if type(tries) is int else -1,  # True is an int too, by isinstance
        said=on_one_line(_text(_get(output, "data", dict).get("text/plain")).split("\n")[0][:SAID]),
    )


def _source(cell):
    return _text(cell.get("source")) if isinstance(cell, dict) else ""


def _get(thing, key, kind):
    """What is under the key of a dict if it is of that kind; else an empty one."""
    found = thing.get(key) if isinstance(thing, dict) else None
    return found if isinstance(found, kind) else kind()


def _text(lines):
    """A text of a notebook file, which may be a list of lines."""
    lines = lines if isinstance(lines, list) else [lines]
    return "".join(line for line in lines if isinstance(line, str))
