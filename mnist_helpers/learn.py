"""Your own copies of the lessons: without outputs, so that what you predict is not there yet.

    python -m mnist_helpers.learn                        # into my_lessons/, and JupyterLab opens
    python -m mnist_helpers.learn FOLDER                 # into another folder
    python -m mnist_helpers.learn FOLDER --no-browser    # other options are JupyterLab's

A copy that is there stays as it is, with all that you wrote into it. If the course has a newer
lesson since, that one comes beside it. Solutions are in, folded up; teacher's notes are not.
"""

import argparse
import hashlib
import os
import sys
from itertools import count
from pathlib import Path

import nbformat
from jupyterlab.labapp import LabApp

from mnist_helpers.course import COURSE, lessons
from mnist_helpers.files import refuse_file, say
from mnist_helpers.teaching.editions import edition, refuse_lessons_folder

MINE = COURSE / "my_lessons"


def main(arguments=None):
    """The command line."""
    about = "Make your own copies of the lessons, and open JupyterLab on them."
    more = "Further options go to JupyterLab, such as --no-browser."
    parser = argparse.ArgumentParser("python -m mnist_helpers.learn", None, about, more)
    parser.add_argument("folder", nargs="?", type=Path, default=MINE, help=f"default: {MINE.name}")
    options, others = parser.parse_known_args(arguments)
    try:
        bring([lesson.path for lesson in lessons()], options.folder)
    except (OSError, ValueError) as error:
        sys.exit(f"learn: {error}")
    LabApp.launch_instance([str(options.folder), *others])


def bring(sources, folder):
    """Copy those lessons into a folder that it does not hold yet, and overwrite nothing.

    Args:
        sources: the paths of the lessons.
        folder: a `Path`; it is made if it is missing.

    Raises:
        OSError: the folder cannot be written to.
        ValueError: it is the folder of the lessons themselves.
    """
    refuse_file(folder)
    refuse_lessons_folder([folder], sources[0].parent)
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        text, name = _marked_copy(source)
        there = sorted(folder.glob(f"{source.stem}*.ipynb"))
        if name in map(_edition_name, there):
            continue
        copy = folder / source.name
        if there:
            numbered = (folder / f"{source.stem}.new-{n}.ipynb" for n in count(1))
            copy = next(path for path in numbered if not path.exists())
            say(f"{source.name} has changed in the course. Yours stays; the new one is {copy.name}")
        _write(copy, text)
    say(f"Your lessons are in {folder}")


def _marked_copy(source):
    """The text of a learner's copy, and the name of its edition, which its metadata hold."""
    text = edition(source, without={"teacher"})
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata["mnist_helpers"] = {"edition": name}
    return nbformat.writes(notebook), name


def _edition_name(path):
    """From which edition a copy was made; None if nobody can tell."""
    try:
        return nbformat.read(path, as_version=4).metadata.get("mnist_helpers", {}).get("edition")
    except (OSError, ValueError, AttributeError, nbformat.ValidationError):
        return None


def _write(path, text):
    """Write a file that is there whole, or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)


if __name__ == "__main__":
    main()
