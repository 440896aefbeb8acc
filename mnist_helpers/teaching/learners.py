"""Whose work is it? What the names of files and folders tell about a learner."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache

from mnist_helpers.course import NOTEBOOKS
from mnist_helpers.files import on_one_line

LIMIT = 100  # characters

# Moodle names a folder or a file like this; Canvas a file, which may be a zip.
MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_")
CANVAS = re.compile(r"(.+?)(?:_LATE)?_(\d{3,})_\d{3,}_.")
NUMBER = re.compile(r"(?i)(?:^|(?<=[ ._-]))(?:lesson|lab|hw|ex)?[ ._-]*([0-9]{1,2})(?=[ ._-]|$)")
COPY = re.compile(r"(?: ?\(\d+\)|-Copy\d+| - Copy)$")  # what browsers, JupyterLab and Windows add
COLAB = re.compile(r"^Copy of ")
# Folders of everybody, which tell nothing; and those of a class, which tell classes apart.
SHARED = re.compile(
    r"(?i)(?:lesson|lab|week|unit|day|hw|homework|assignment|version)[ _-]*\d{1,2}|\d{1,2}"
    r"|homework|notebooks|my_lessons|submissions"
)
CLASS = re.compile(r"(?i)(?:class|course|all)(?:[ _-]+\w{1,3}|\d\w{0,2})?")


@dataclass(frozen=True)
class _Path:
    """What a path tells: names of folders, and what stands before and behind the file's number."""

    folders: tuple
    before: str
    after: str


def with_learners(found):
    """The same hand-ins, each with the learner and the account that its path tells.

    The name is Moodle's or Canvas', else that of a folder, else it is in the name of the file.
    People of one name are told apart, by more of the path, if they hand in the same lesson.

    Args:
        found: list of `HandIn`.

    Returns:
        A list of `HandIn`.
    """
    paths = [_read(one.place, one.lesson) for one in found]
    children, own, bare = defaultdict(set), defaultdict(set), set()
    for path in paths:
        for depth, folder in enumerate(path.folders):
            children[path.folders[:depth]].add(folder)
        if path.before:
            own[path.folders].add(path.before)
        else:
            bare.add(path.folders)

    def whose(path, place):
        """The learner's name, and more of the path, which tells people of that name apart."""
        folders = path.folders
        if path.before and (not folders or len(own[folders]) > 1 or CLASS.fullmatch(folders[-1])):
            return path.before, "/".join([*folders, f"{path.before} {path.after}".strip()])
        if not folders:
            return path.after or _stem(place.name) or "?", _stem(place.as_posix())
        while len(folders) > 1 and not CLASS.fullmatch(folders[-2]):
            above = folders[:-1]
            if len(children[above]) > 1 or above not in bare and own[above]:
                break
            folders = above
        return folders[-1], "/".join(folders)

    told = [_system(one.place) or (*whose(path, one.place), "") for one, path in zip(found, paths)]
    return _told_apart(found, told)


def _told_apart(found, told):
    """The hand-ins with learners, from a list of (name, the same with more to it, account)."""
    spelled, same = {}, defaultdict(set)
    for one, (name, longer, _) in zip(found, told):
        spelled.setdefault(name.casefold(), name)
        same[name.casefold(), one.lesson].add(longer.casefold())
    ambiguous = {name for (name, _), longer in same.items() if len(longer) > 1}
    return [
        replace(
            one,
            learner=(longer if name.casefold() in ambiguous else spelled[name.casefold()])[-LIMIT:],
            account=account,
        )
        for one, (name, longer, account) in zip(found, told)
    ]


def lesson_of(place):
    """The number of the lesson, two digits, from the name of a file; "" if it has none."""
    stem = _stem(place.name)
    known = [name[:2] for name in _lesson_names() if name in stem]
    return (known or [number.zfill(2) for number in NUMBER.findall(stem)] or [""])[-1]


def _system(place):
    """Name, longer name and account as Moodle or Canvas tells them; None if it tells nothing."""
    for part in place.parts:
        is_file = part == place.name or part.lower().endswith(".zip")
        if found := MOODLE.match(part) or (is_file and CANVAS.match(part)):
            name, account = _clean(found[1]), found[2]
            longer = f"{name} ({account})"
            # A blind marking, in English: each lesson has its own numbers.
            return longer if name == "Participant" else name, longer, account
    return None


def _read(place, lesson):
    folders = [_stem(part) for part in place.parts[:-1]]
    told = [name for name in folders if not SHARED.fullmatch(name) and name not in _lesson_names()]
    before, after = _split(_stem(place.name), lesson)
    is_name = before.isdigit() or not SHARED.fullmatch(before)
    return _Path(tuple(told), before if is_name else "", after)


def _split(stem, lesson):
    """What stands before the number or the name of the lesson, and behind it."""
    for name in _lesson_names():
        if name in stem and name[:2] == lesson:
            before, _, after = stem.partition(name)
            break
    else:
        numbers = [n for n in NUMBER.finditer(stem) if n[1].zfill(2) == lesson]
        if not numbers:
            return COPY.sub("", stem), ""
        before, after = stem[: numbers[-1].start()], stem[numbers[-1].end() :]
    return before.strip(" ._-"), COPY.sub("", after).strip(" ._-")


@cache
def _lesson_names():
    return sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def _stem(name):
    return _clean(re.sub(r"(?i)\.(ipynb|zip)$", "", name))


def _clean(name):
    """In one spelling: macOS takes letters like ë apart."""
    return COLAB.sub("", on_one_line(unicodedata.normalize("NFC", name)))
