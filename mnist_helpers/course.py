"""The one list of lessons, data sources and folders: whoever needs one of them takes it from here.

A lesson is a notebook `NN_its_name.ipynb`, and a data source is a module in `sources/`; each is in
the list as soon as it is in its folder.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
COURSE = PACKAGE.parent
NOTEBOOKS = COURSE / "notebooks"
PICTURES = COURSE / "pictures"
WEIGHTS = PACKAGE / "weights"
JUDGES = PACKAGE / "judges"
DRAWINGS = PACKAGE / "drawings"

SOURCES = tuple(sorted(path.stem for path in (PACKAGE / "sources").glob("[a-z]*.py")))


def setting(name):
    """What an environment variable says, without blanks around it; None if unset or empty."""
    return os.environ.get(name, "").strip() or None


def data_folder(root=None):
    """The folder for data.

    Args:
        root: its path. Default: the environment variable MNIST_HELPERS_DATA, else `data/` at the
            root of the course; where the package is installed without the course, `data/` in the
            current folder.

    Raises:
        NotADirectoryError: it is a file.
    """
    root = root or setting("MNIST_HELPERS_DATA")
    root = root or (COURSE if NOTEBOOKS.is_dir() else Path.cwd()) / "data"
    root = Path(root).expanduser()
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; give the folder that holds MNIST/raw/")
    return root


@dataclass(frozen=True)
class Lesson:
    """One notebook of the course.

    Attributes:
        path: where it is.
        number: two digits, such as "03".
        title: its first heading, without the number.
    """

    path: Path

    @property
    def number(self):
        return self.path.name[:2]

    @property
    def title(self):
        text = self.path.read_text(encoding="utf-8")
        found = re.search(r'"# \d+ · ([^"\\]+)', text)
        return found[1] if found else self.path.stem


def lessons(numbers=(), notebooks=NOTEBOOKS):
    """The lessons with these numbers ("03", or "3"); all of them when none is given.

    Args:
        numbers: texts; the lessons come in this order.
        notebooks: the folder that they are in.

    Returns:
        A list of `Lesson`.

    Raises:
        FileNotFoundError: the package is installed without the course around it.
        ValueError: there is no lesson of such a number.
    """
    found = [Lesson(path) for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))]
    known = {lesson.number: lesson for lesson in found}
    if not known:
        raise FileNotFoundError(f"no lessons in {notebooks}; run this in a copy of the course")
    numbers = dict.fromkeys(number.zfill(2) for number in numbers)
    if unknown := [number for number in numbers if number not in known]:
        raise ValueError(f"no lesson {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[number] for number in numbers or known]
