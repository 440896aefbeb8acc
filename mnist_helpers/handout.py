"""Hand a class its lessons, and read what comes back.

    python -m mnist_helpers.handout OUT               # every lesson, without solutions
    python -m mnist_helpers.handout OUT 01 03         # some
    python -m mnist_helpers.handout OUT --solutions   # everything, with the teacher's notes
    python -m mnist_helpers.handout OUT --standalone  # lessons that run on their own, as on Colab
    python -m mnist_helpers.handout --collect FOLDER  # the verdicts of returned lessons, as CSV

Cells say by their tag who sees them: `solution` and `teacher` only come with `--solutions`.
"""

import argparse
import base64
import csv
import io
import json
import os
import re
import stat
import sys
import zipfile
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

PACKAGE = Path(__file__).resolve().parent
NOTEBOOKS = PACKAGE.parent / "notebooks"
STATES = ("right", "known mistake", "wrong", "not answered")
NUMBER = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")  # of an exercise
LIMIT = 20  # MB of a returned lesson; most have 1, and in memory they take 25 times as much

UNPACK = '''\
#@title Run this first: it brings the helpers of the course along, inside this cell.
def unpack(package):
    import base64, io, sys, tempfile, zipfile

    folder = tempfile.mkdtemp(prefix="mnist_helpers-")
    zipfile.ZipFile(io.BytesIO(base64.b64decode(package))).extractall(folder)
    sys.path.insert(0, folder)

unpack("""
{package}""")'''


def main(arguments=None, notebooks=NOTEBOOKS):
    """The command line; `notebooks` is the folder of the lessons."""
    options = _options(arguments)
    try:
        if options.out:
            sources = lessons(options.numbers, notebooks)
            hand_out(sources, options.out, options.solutions, options.standalone, options.force)
        else:
            report(options.collect, options.csv, options.force)
    except (OSError, ValueError) as error:
        sys.exit(f"handout: {error}")


def _options(arguments):
    about = "Hand a class its lessons, and read what comes back."
    parser = argparse.ArgumentParser("python -m mnist_helpers.handout", description=about)
    add = parser.add_argument
    add("out", nargs="?", type=Path, metavar="OUT", help="folder for the copies of the lessons")
    add("numbers", nargs="*", metavar="LESSON", help="such as 03; all lessons if none is given")
    add("--solutions", action="store_true", help="keep solutions, outputs and teacher's notes")
    add("--standalone", action="store_true", help="put the helpers into each lesson, for Colab")
    add("--collect", type=Path, metavar="FOLDER", help="list the verdicts of returned lessons")
    add("--csv", type=Path, metavar="FILE", help="where --collect writes to, not to the screen")
    add("--force", action="store_true", help="overwrite files that are there already")
    options = parser.parse_intermixed_args(arguments)
    if (options.out is None) == (options.collect is None):
        parser.error("give either OUT or --collect FOLDER")
    if options.csv and options.out or options.collect and (options.solutions or options.standalone):
        parser.error("--csv goes with --collect, --solutions and --standalone go with OUT")
    return options


# ---- handing out ---------------------------------------------------------------------------


def hand_out(sources, out, solutions=False, standalone=False, force=False):
    """Write copies of these lessons into the folder `out`: of all of them, or of none.

    It raises OSError if a copy is there already or cannot be written, and ValueError if one
    would replace a lesson itself.
    """
    copies = [out / source.name for source in sources]
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; give a folder")
    for path in (out, *copies):
        if _is_within(path, sources[0].parent):
            raise ValueError(f"{path} leads to where the lessons themselves are")
    _refuse_existing(copies, force)
    texts = [edition(source, solutions, standalone) for source in sources]
    out.mkdir(parents=True, exist_ok=True)
    for copy, text in zip(copies, texts, strict=True):
        copy.write_text(text, encoding="utf-8", newline="\n")
        print(copy)


def lessons(numbers=(), notebooks=NOTEBOOKS):
    """Paths of the lessons with these numbers ("01", ...); of all lessons when none is given.

    It raises FileNotFoundError where the package is installed without the course around it,
    and ValueError if there is no lesson of such a number.
    """
    paths = {path.name[:2]: path for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))}
    if not paths:
        raise FileNotFoundError(f"no lessons in {notebooks}; run this in a copy of the course")
    numbers = dict.fromkeys(number.zfill(2) for number in numbers)
    if unknown := [number for number in numbers if number not in paths]:
        raise ValueError(f"no lesson {', '.join(unknown)}; there are: {', '.join(paths)}")
    return [paths[number] for number in numbers or paths]


def edition(path, solutions=False, standalone=False):
    """The text of one lesson as it is handed out, as a notebook file."""
    steps = []
    if not solutions:
        steps.append(TagRemovePreprocessor(enabled=True, remove_cell_tags={"solution", "teacher"}))
        steps.append(ClearOutputPreprocessor(enabled=True))
    if standalone:
        steps.append(_carry_package)
    exporter = NotebookExporter(default_preprocessors=[], preprocessors=steps)
    text, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
    return text


def _carry_package(notebook, resources):
    """An nbconvert preprocessor: a folded cell before the first code cell brings the package."""
    cell = nbformat.v4.new_code_cell(
        UNPACK.format(package=base64.encodebytes(_zipped_package()).decode()),
        id="helper-package",
        metadata={"cellView": "form", "jupyter": {"source_hidden": True}},
    )
    first = [cell.cell_type for cell in notebook.cells].index("code")
    notebook.cells.insert(first, cell)
    return notebook, resources


def _zipped_package():
    """The files of this package as a zip archive, the same bytes every time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(PACKAGE.rglob("*")):
            name = path.relative_to(PACKAGE.parent)
            hidden = any(part.startswith((".", "__pycache__")) for part in name.parts)
            if path.is_file() and not hidden:
                entry = zipfile.ZipInfo(name.as_posix())  # dated 1980
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _is_within(path, folder):
    path = path.resolve()
    return any(p.exists() and p.samefile(folder) for p in (path, *path.parents))


def _refuse_existing(paths, force):
    existing = ", ".join(str(path) for path in paths if os.path.lexists(path))
    if existing and not force:
        raise FileExistsError(f"there already: {existing}. Nothing was written; try --force")


# ---- collecting ----------------------------------------------------------------------------


def report(folder, file=None, force=False):
    """Write what `collect` finds as CSV, quoted so that no spreadsheet runs a name like =1+1."""
    _refuse_existing([file] if file else [], force)
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

    Returns a list of (learner, exercise, state, times tried); the learner is the path in the
    folder. What cannot be read is named on stderr, with the reason, and skipped.
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
    """The last verdict on each exercise in one notebook: number -> (state, times tried).

    With it comes how many more there are that `check` cannot have written. It raises OSError,
    ValueError or RecursionError where this is no notebook, or none that should be read.
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


if __name__ == "__main__":
    main()
