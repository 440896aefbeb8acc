"""Read the verdicts out of lessons that learners have returned; run none of them.

The command line is `python -m mnist_helpers.handout --collect FOLDER`.
"""

import csv
import io
import json
import os
import re
import stat
import sys
from pathlib import Path

from mnist_helpers.files import refuse_existing

STATES = ("right", "known mistake", "wrong", "not answered")
NUMBER = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")  # of an exercise
LIMIT = 20  # MB of a returned lesson; most have 1, and in memory they take 25 times as much


def report(folder, file=None, force=False):
    """Write what `collect` finds as CSV, quoted so that no spreadsheet runs a name like =1+1.

    Args:
        folder: of the returned lessons, a `Path`.
        file: where to, a `Path`; default: stdout.
        force: overwrite the file if it is there already.

    Raises:
        OSError: the folder is missing, or the file is there already or cannot be written.
    """
    refuse_existing([file] if file else [], force)
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(["learner", "exercise", "state", "tried"])
    for learner, *rest in collect(folder):
        writer.writerow([f"'{learner}" if learner[0] in "=+-@＝＋－＠" else learner, *rest])
    if file:
        file.write_text(text.getvalue(), encoding="utf-8", newline="\n")
    else:
        sys.stdout.reconfigure(encoding="utf-8")  # on Windows a pipe has another encoding
        print(text.getvalue(), end="")


def collect(folder):
    """The last verdict on each exercise in each notebook of a folder, without running any.

    What cannot be read is named on stderr, with the reason, and skipped.

    Returns:
        A list of (learner, exercise, state, times tried); the learner is the path in the folder.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"there is no folder {folder}")
    rows = []
    for path in sorted(_returned(folder)):
        learner = _printable(path.relative_to(folder).with_suffix("").as_posix())
        try:
            found, invalid = verdicts(path)
        except (OSError, ValueError, RecursionError) as error:
            _complain(path, error)
            continue
        if invalid:
            _complain(path, f"{invalid} of its verdicts are invalid and do not count")
        elif not found:
            _complain(path, "it holds no verdicts; was it run, and saved after that?")
        rows += [(learner, exercise, *verdict) for exercise, verdict in found.items()]
    return rows


def _returned(folder):
    """The notebooks below a folder, without JupyterLab's own copies; and links to folders."""
    for root, folders, files in os.walk(folder, onerror=lambda e: _complain(e.filename, e)):
        folders[:] = [name for name in folders if name != ".ipynb_checkpoints"]
        links = [name for name in folders if Path(root, name).is_symlink()]
        notebooks = [name for name in files if name.lower().endswith(".ipynb")]
        yield from (Path(root, name) for name in links + notebooks)


def verdicts(path):
    """The last verdict on each exercise in one notebook.

    Returns:
        A dict from its number to (state, times tried); and how many verdicts there are that
        `check` cannot have written.

    Raises:
        OSError, ValueError, RecursionError: this is no notebook, or none that should be read.
    """
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is a link, or something else that is not a plain file")
    if about.st_size > LIMIT * 1_000_000:
        raise ValueError(f"it has {about.st_size // 1_000_000} MB; the limit is {LIMIT} MB")
    notebook = json.loads(path.read_bytes())
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("it is not a notebook")
    latest, invalid = {}, 0
    for cell in notebook["cells"]:
        for output in _get(cell, "outputs", list):
            metadata = _get(output, "metadata", dict)
            if _is_valid(verdict := _get(metadata, "mnist_helpers", dict)):
                latest[verdict["exercise"]] = verdict["state"], verdict["tries"]
            else:
                invalid += "mnist_helpers" in metadata
    return latest, invalid


def _get(thing, key, kind):
    """What is under the key of a dict if it is of that kind; else an empty one."""
    found = thing.get(key) if isinstance(thing, dict) else None
    return found if isinstance(found, kind) else kind()


def _is_valid(verdict):
    number, tries = _get(verdict, "exercise", str), verdict.get("tries")
    is_count = type(tries) is int and tries >= 0  # True is an int too, by isinstance
    return is_count and verdict.get("state") in STATES and bool(NUMBER.fullmatch(number))


def _complain(path, reason):
    print(f"{_printable(path)}: {_printable(reason)}", file=sys.stderr)


def _printable(text):
    """On one line, without the control characters and broken bytes that a file name may have."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
