"""Find what a class has handed in, in folders and in zips, and say whose it is.

Nothing is run, nothing is unpacked to the disk, and no link is followed.
"""

import io
import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mnist_helpers.files import on_one_line
from mnist_helpers.teaching.cells import read_cells
from mnist_helpers.teaching.learners import lesson_of, with_learners

LIMIT = 20  # MB of a notebook; most have 1, and in memory they take 25 times as much
ZIP_LIMIT = 200  # MB of a zip in a zip, which is read in memory
UNPACKED = 1_000  # MB of all that is in a zip
NAME = 255  # characters of a file name, as on a disk
ENTRIES = 10_000  # files in a zip
DEPTH = 20  # folders in folders
ZIP_DEPTH = 2  # a learner's zip in the zip of a class
IGNORED = {".ipynb_checkpoints", "__MACOSX"}
NO_FILE = "it is a link, or something else that is not a plain file"


@dataclass(frozen=True)
class HandIn:
    """A notebook that was handed in, or something in its place that cannot be read.

    Attributes:
        place: the path in the folder, a `PurePosixPath`; that of a zip goes on inside it.
        lesson: two digits, or "" if nothing tells.
        cells: list of `Cell`.
        problem: why it cannot be read, or "".
        learner: who handed it in, as far as the names of files and folders tell.
        account: the number that Moodle or Canvas has put into the name, or "".
    """

    place: PurePosixPath
    lesson: str
    cells: list = field(default_factory=list)
    problem: str = ""
    learner: str = ""
    account: str = ""


def hand_ins(folder):
    """Everything that was handed in, in the order of the paths.

    Args:
        folder: a `Path`, of a folder or of a zip.

    Returns:
        A list of `HandIn`. Two learners of one name are told apart by account or folder.

    Raises:
        NotADirectoryError: there is no such folder, and no such zip.
        FileNotFoundError: the folder holds neither notebooks nor zips.
    """
    if folder.is_dir():
        found = list(_in_folder(folder, PurePosixPath()))
    elif folder.is_file() and _is_zip(folder):
        found = list(_in_zip(folder, PurePosixPath()))
    else:
        raise NotADirectoryError(f"there is no folder, and no zip, {folder}")
    if not found:
        raise FileNotFoundError(f"{folder} holds no notebooks (.ipynb) and no zips of them")
    return with_learners(found)


def _in_folder(folder, place):
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        return (yield _unreadable(place, error))
    if len(place.parts) > DEPTH:
        return (yield _unreadable(place, f"it lies more than {DEPTH} folders deep"))
    for entry in entries:
        inside = place / entry.name
        if entry.name in IGNORED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _in_folder(entry.path, inside)
        elif _is_wanted(entry.name) or entry.is_symlink() and os.path.isdir(entry.path):
            yield from _from_disk(entry, inside)


def _from_disk(entry, place):
    try:
        about = os.lstat(entry.path)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError(NO_FILE)
        if _is_zip(place):
            yield from _in_zip(entry.path, place)
        else:
            _check_size(about.st_size)
            yield _notebook(Path(entry.path).read_bytes(), place)
    except (OSError, ValueError) as error:
        yield _unreadable(place, error)


def _in_zip(file, place, depth=1, room=None):
    """What lies in a zip: a path, or a file in memory."""
    room = room or _Room()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > ENTRIES:
                raise ValueError(f"it holds {len(entries)} files; the limit is {ENTRIES}")
            wanted = [entry for entry in entries if _is_wanted(*_names(entry))]
            if not wanted:
                raise ValueError("it holds no notebook (.ipynb)")
            for entry in sorted(wanted, key=lambda entry: entry.filename):
                inside = [name[:NAME] for name in _names(entry) if name not in ("", "..")]
                yield from _unpacked(archive, entry, place.joinpath(*inside), depth, room)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        yield _unreadable(place, error)


def _names(entry):
    return entry.filename.replace("\\", "/").split("/")


class _Room:
    """What may still be unpacked of a zip, and of those in it."""

    left = UNPACKED * 1_000_000

    def take(self, size):
        self.left -= size
        if self.left < 0:
            raise ValueError(f"there are more than {UNPACKED} MB in its zip; this is not read")


def _unpacked(archive, entry, place, depth, room):
    try:
        _check_size(entry.file_size, ZIP_LIMIT if _is_zip(place) else LIMIT)
        room.take(entry.file_size)
        with archive.open(entry) as file:  # more than it declares, it never gives
            content = file.read()
        if not _is_zip(place):
            yield _notebook(content, place)
        elif depth == ZIP_DEPTH:
            raise ValueError("it is a zip in a zip in a zip")
        else:
            yield from _in_zip(io.BytesIO(content), place, depth + 1, room)
    # An encrypted entry is a RuntimeError; damaged data raise almost anything.
    except Exception as error:
        yield _unreadable(place, error)


def _check_size(size, limit=LIMIT):
    if size > limit * 1_000_000:
        raise ValueError(f"it has {size // 1_000_000} MB; the limit is {limit} MB")


def _is_zip(place):
    return place.name.lower().endswith(".zip")


def _is_wanted(*names):
    """Whether a path is one of a notebook or a zip, and no copy that a program has put there."""
    is_ours = names[-1].lower().endswith((".ipynb", ".zip")) and not names[-1].startswith("._")
    return is_ours and not IGNORED.intersection(names)


def _notebook(content, place):
    lesson, cells = read_cells(content)
    return HandIn(place, lesson or lesson_of(place), cells)


def _unreadable(place, error):
    problem = on_one_line(error).strip() or type(error).__name__
    return HandIn(place, lesson_of(place), problem=problem)
