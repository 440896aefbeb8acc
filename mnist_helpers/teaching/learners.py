"""Whose work is it? What the names of files and folders tell about a learner."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache

from mnist_helpers.course import NOTEBOOKS
from mnist_helpers.files import on_one_line

NAME_LIMIT = 100  # characters

# Moodle names a folder or a file like this; Canvas a file, which may be a zip.
MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_")
CANVAS = re.compile(r"(.+?)(?:_LATE)?_(\d+)_\d{3,}_.")
NUMBER = re.compile(r"(?i)(?:^|(?<=[ ._-]))(?:lesson|lab|hw|ex)?[ ._-]*([0-9]{1,2})(?=[ ._-]|$)")
COPY = re.compile(r"(?: \(\d+\)|-Copy\d+)$")  # what browsers and JupyterLab add
# Folders of everybody, which tell nothing; and those of a class, which tell classes apart.
SHARED = re.compile(
    r"(?i)(?:lesson|lab|week|unit|day|hw|homework|assignment)?[ _-]*\d{0,2}"
    r"|notebooks|my_lessons|submissions|.*-(?:main|master)"
)
CLASS = re.compile(r"(?i)(?:class|course|all)[ _-]*\w{0,2}")


@dataclass(frozen=True)
class _Path:
    """What a path tells: names of folders, and the learner's own name in that of the file."""

    folders: tuple
    own: str
    rest: str


def with_learners(found):
    """The same hand-ins, each with the learner and the account that its path tells.

    The name is Moodle's or Canvas', else one in the name of the file, else that of a folder.
    People of one name are told apart, by account or by folder, if they hand in the same lesson.

    Args:
        found: list of `HandIn`.
    """
    paths = [_read(one.place, one.lesson) for one in found]
    children, own, bare = defaultdict(set), defaultdict(set), set()
    for path in paths:
        for depth, folder in enumerate(path.folders):
            children[path.folders[:depth]].add(folder)
        if path.own:
            own[path.folders].add(path.own)
        else:
            bare.add(path.folders)

    def whose(path):
        """The learner, and the folders down to where that is told."""
        *_, inner = folders = path.folders or ("",)
        if path.own and (not inner or len(own[folders]) > 1 or CLASS.fullmatch(inner)):
            return path.own, path.folders
        while len(folders) > 1 and not CLASS.fullmatch(folders[-2]):
            above = folders[:-1]
            if above not in bare and (len(children[above]) > 1 or own[above]):
                break
            folders = above
        return folders[-1] or path.rest, folders[:-1]

    told = [_system(one.place) or (*whose(path), "") for one, path in zip(found, paths)]
    return _told_apart(found, told)


def _told_apart(found, told):
    """The hand-ins with learners and accounts, from a list of (learner, folders, account)."""
    spelled, same = {}, defaultdict(set)
    for one, (learner, *where) in zip(found, told):
        spelled.setdefault(learner.casefold(), learner)
        same[learner.casefold(), one.lesson].add(tuple(where))
    ambiguous = {learner for (learner, _), who in same.items() if len(who) > 1}
    named = []
    for one, (learner, folders, account) in zip(found, told):
        name = spelled[learner.casefold()]
        if learner.casefold() in ambiguous:
            name = f"{name} ({account})" if account else "/".join([*folders, name])
        named.append(replace(one, learner=name[-NAME_LIMIT:] or "?", account=account))
    return named


def lesson_of(place):
    """The number of the lesson, two digits, from the name of a file; "" if it has none."""
    stem = _stem(place.name)
    known = [name[:2] for name in _lesson_names() if name in stem]
    return (known or [number.zfill(2) for number in NUMBER.findall(stem)] or [""])[-1]


def _system(place):
    """Learner, folders and account as Moodle or Canvas tells them; None if it tells nothing."""
    for part in place.parts:
        is_file = part == place.name or part.lower().endswith(".zip")
        if found := MOODLE.match(part) or (is_file and CANVAS.match(part)):
            name, account = _clean(found[1]), found[2]
            blind = name == "Participant"  # of a blind marking
            return f"{name} {account}" if blind else name, (), account
    return None


def _read(place, lesson):
    folders = [_split(_stem(part), lesson) for part in place.parts[:-1]]
    names = [before for before, _ in folders if before and not SHARED.fullmatch(before)]
    stem = _stem(place.name)
    before, after = _split(stem, lesson)
    return _Path(tuple(names), "" if SHARED.fullmatch(before) else before, after or stem or "?")


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
    return on_one_line(unicodedata.normalize("NFC", name))
