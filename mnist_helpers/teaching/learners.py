"""Whose work is it? What the names of files and folders tell about a learner."""

import re
from collections import defaultdict
from dataclasses import replace
from functools import cache

from mnist_helpers.course import NOTEBOOKS

NAME_LIMIT = 100  # characters

# Names that Moodle gives to a folder or a file, and Canvas to a file.
SYSTEMS = [
    re.compile(r"(?P<name>.+?)_(?P<account>\d+)_assignsubmission_"),
    re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<account>\d+)_\d{3,}_."),
]
NUMBERED = re.compile(r"(?i)(?:(.+?)[ _-]+)??(?:lesson|lab)?[ _-]*([0-9]{1,2})(?:[ _-]+(.+))?")
COPY = re.compile(r"[ _-]*(?:\(?\d+\)?|Copy\d+)")  # what browsers and JupyterLab add
OF_ALL = re.compile(r"(?i)(?:lesson|lab|week|unit|day)?[ _-]*\d*|notebooks|my_lessons|submissions")


def whose(place, lesson):
    """The name of the learner, and the number of the account or "".

    Args:
        place: a path, a `PurePosixPath`.
        lesson: two digits; this number is no part of a name, others are.
    """
    for part in place.parts:
        for system in SYSTEMS:
            if found := system.match(part):
                return _name(found["name"]), found["account"]
    *folders, file = map(_without_ending, place.parts)
    before, number, after = _split(file)
    if number != lesson:
        return _name(file), ""
    people = [name for name in folders if not OF_ALL.fullmatch(name) and not _split(name)[1]]
    return _name(before or (people[-1] if people else after or file)), ""


def lesson_of(place):
    """The number of the lesson, two digits, from the name of a file; "" if it has none."""
    return _split(_without_ending(place.name))[1]


def _split(file):
    """What stands before the number of the lesson in a file's name, that number, what follows."""
    for stem in _lesson_names():
        if stem in file:
            before, _, after = file.partition(stem)
            return before.strip(" _-"), stem[:2], _uncopied(after)
    found = NUMBERED.fullmatch(file)
    if not found:
        return "", "", file
    before = found[1] or ""
    return "" if OF_ALL.fullmatch(before) else before, found[2].zfill(2), _uncopied(found[3] or "")


def _uncopied(after):
    return "" if COPY.fullmatch(after) else after.strip(" _-")


@cache
def _lesson_names():
    return sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def _without_ending(name):
    return re.sub(r"(?i)\.(ipynb|zip)$", "", name)


def _name(text):
    return printable(text)[:NAME_LIMIT] or "?"


def told_apart(found):
    """The same hand-ins with different names for people of one name: by account, else by folder.

    They are different people if they hand in the same lesson from different accounts or folders.

    Args:
        found: list of `HandIn`.
    """
    same = defaultdict(set)
    for one in found:
        same[one.learner, one.lesson].add(_apart(one))
    ambiguous = {learner for (learner, _), who in same.items() if len(who) > 1}
    return [
        replace(one, learner=_name(_apart(one))) if one.learner in ambiguous else one
        for one in found
    ]


def _apart(one):
    if one.account:
        return f"{one.learner} ({one.account})"
    return (one.place.parent / one.learner).as_posix()


def printable(text):
    """On one line, without the control characters and broken bytes that a file name may have."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
