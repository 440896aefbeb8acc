"""Tell the course where it is hosted on GitHub, so that it opens in Colab and Binder.

    python -m mnist_helpers.publish                          # where the remote `origin` is
    python -m mnist_helpers.publish ada/pixels --ref v1.0    # another place, a tag
    python -m mnist_helpers.publish --undo                   # nowhere
    python -m mnist_helpers.publish --students FOLDER        # where the students' edition is

README.md and every lesson get two badges, and the set-up cell of every lesson an install line
for machines that lack the package. Run again, it changes them. Commit and push afterwards: the
badges open what GitHub has. A tag must be set on that commit, or on a later one.

FOLDER was made by `python -m mnist_helpers.handout FOLDER --repository`, and is a repository, or
a branch, of its own: its badges and its install line lead there.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import nbformat

from mnist_helpers.course import COURSE, NOTEBOOKS, lessons
from mnist_helpers.files import say, write_together

# What a name may be made of: it ends up in a command line, in addresses and in Markdown.
NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*/(?!.*\.\.)[A-Za-z0-9_.-]*[A-Za-z0-9_-]"
REF = r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]*"
ORIGIN = r"(?:\w+://(?:[^/@]*@)?|git@)github\.com(?::\d+)?[:/]([^/]+/[^/]+?)(?:\.git)?/?"

TRY = "try:\n    import mnist_helpers\nexcept ModuleNotFoundError:\n"
# --no-deps, because Colab breaks when its own numpy or torch is replaced.
INSTALL = '    %pip install -q --no-deps "git+https://github.com/{}@{}"\n'
EXPLAIN = """\
    raise ModuleNotFoundError(
        "mnist_helpers is missing: run `pip install -e .` in the folder of the course, then "
        "restart the kernel. Colab needs a single-file lesson; README.md says how to make one."
    ) from None
"""
ASK = """\
    raise ModuleNotFoundError(
        "mnist_helpers is missing: is there a cell above this one that brings it? Then run that "
        "first. Else `pip install` the .whl file, or the folder, that came with your lessons, "
        "and restart the kernel."
    ) from None
"""
LICENCE = re.compile(r"(LICEN[CS]E|COPYING)([._-].*)?", re.IGNORECASE)
UNLICENSED = """\
There is no LICENSE file. Without one nobody may reuse the course: copy it, change it or hand it on.
Usual for a course are two licences: one for code, such as MIT or BSD-3-Clause, and CC BY 4.0 for
texts and pictures. Which ones, its owners choose; nothing is written for them."""
GUARD = re.compile(rf"\A{re.escape(TRY)}(?:    .*\n)+\n")
BLOCK = re.compile(r"\n\n<!-- badges -->.*?<!-- /badges -->", re.DOTALL)
BADGES = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{name}/blob/{ref}/{path})\n"
    "[![Open in Binder](https://mybinder.org/badge_logo.svg)]"
    "(https://mybinder.org/v2/gh/{name}/{ref}?labpath={quoted})"
)


def guard(place=None, students=False):
    """What every set-up cell begins with: it installs from `place`, or says what to do."""
    explain = ASK if students else EXPLAIN
    return TRY + (INSTALL.format(*place) if place else explain) + "\n"


def badges(place, lesson):
    """Markdown that opens this lesson, a file name, on Colab and on Binder."""
    name, ref = place
    path = f"{NOTEBOOKS.name}/{lesson}"
    return BADGES.format(name=name, ref=ref, path=path, quoted=quote(path, safe=""))


def new_readme(text, place, lesson):
    """README.md with the badges of this lesson after its first heading, or without any.

    Raises:
        ValueError: it has no heading, or badge comments of its own.
    """
    block = ""
    if place:
        line = "These open the first lesson in your browser; every lesson has two of its own."
        block = f"\n\n<!-- badges -->\n{badges(place, lesson)}\n{line}\n<!-- /badges -->"
    heading = re.search(r"^# .*", text, flags=re.MULTILINE)
    if not heading or re.search("<!-- /?badges -->", BLOCK.sub("", text, count=1)):
        raise ValueError("README.md needs a heading and no badge comments of its own")
    if BLOCK.search(text):
        return BLOCK.sub(lambda _: block, text)
    return text[: heading.end()] + block + text[heading.end() :]


def without_place(notebook, resources):
    """An nbconvert preprocessor: a student's copy that names no place where solutions are."""
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != "badges"]
    for cell in notebook.cells:
        cell.source = GUARD.sub(lambda _: guard(students=True), cell.source)
    return notebook, resources


def new_lesson(text, place, lesson, students=False):
    """The notebook with its set-up cell and, below the title, badges for this place; or none.

    Raises:
        ValueError: its set-up cell is not that of the course, or it has solutions for students.
    """
    notebook = nbformat.reads(text, as_version=4)
    cells = [cell for cell in notebook.cells if cell.get("id") != "badges"]
    setup = next((cell for cell in cells if cell.cell_type == "code"), {"source": ""})
    rest = GUARD.sub("", setup["source"])
    if "from mnist_helpers import" not in rest or "import mnist_helpers" in rest:
        raise ValueError(f"{lesson} does not begin with the set-up cell of the other lessons")
    if students and any("solution" in cell.metadata.get("tags", []) for cell in cells):
        raise ValueError(f"{lesson} has solutions: this is not the students' edition")
    setup["source"] = guard(place, students) + rest
    if place:
        cells.insert(1, nbformat.v4.new_markdown_cell(badges(place, lesson), id="badges"))
    notebook.cells = cells
    return nbformat.writes(notebook) + "\n"


def changes(course, place, students=False):
    """The files that must change to name this place, or none.

    Args:
        course: the folder of the course, a `Path`.
        place: (OWNER/REPO, tag or branch), or None.
        students: it is the folder of the students' edition.

    Returns:
        A dict from path to new content, as bytes.

    Raises:
        OSError, ValueError: this is not the folder of the course, or a file is not as expected.
    """
    readme, paths = course / "README.md", [x.path for x in lessons((), course / NOTEBOOKS.name)]
    if not readme.is_file():
        raise ValueError(f"{course} is not the folder of the course: it has no README.md")
    files = {}
    for path in [readme, *paths]:
        old = path.read_bytes().decode("utf-8")
        text = old.replace("\r\n", "\n")
        if path == readme:
            text = new_readme(text, place, paths[0].name)
        else:
            text = new_lesson(text, place, path.name, students)
        text = text.replace("\n", "\r\n") if "\r\n" in old else text
        if text != old:
            files[path] = text.encode("utf-8")
    return files


def licences(course):
    """The files of this folder that say how the course may be used."""
    return [path for path in course.iterdir() if LICENCE.fullmatch(path.name) and path.is_file()]


def git(course, *words):
    """What git prints in the repository of the course; nothing when it fails or is missing."""
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(course.parent)}  # no repo around it
    command = ["git", "-C", str(course), *words]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_place(course, name, ref):
    """OWNER/REPO and the tag or branch, checked; what is None comes from git.

    Raises:
        ValueError: a name is missing, or is none that GitHub, Colab and Binder can open.
    """
    if name is None:
        url = git(course, "remote", "get-url", "origin")
        if not (match := re.fullmatch(ORIGIN, url)):
            shown = re.sub("//.*@", "//", url) or "missing"
            raise ValueError(f"the remote `origin` is {shown}; give OWNER/REPO on github.com")
        name = match[1]
    if not re.fullmatch(NAME, name) or name.endswith(".git"):
        raise ValueError(f"{name!r} is no repository on GitHub; expected one like ada/pixels")
    ref = git(course, "branch", "--show-current") if ref is None else ref
    if not re.fullmatch(REF, ref):
        raise ValueError(
            f"{ref!r} is no tag or branch that can be published; give --ref one like v1.0 or main, "
            "of letters, digits, dots, - and _ (Colab takes what follows a slash for a folder)"
        )
    return name, ref


def refuse_full_edition(course, folder, place):
    """Raise ValueError if the course, in another folder, says that it is in this place itself."""
    (name, ref), readme = place, course / "README.md"
    if folder.resolve() == course.resolve() or not readme.is_file():
        return
    if f"/github/{name}/blob/{ref}/" in readme.read_text(encoding="utf-8"):
        raise ValueError(f"{name}@{ref} has the full edition; give --ref the students' branch")


def main(arguments=None, course=COURSE):
    """The command line; `course` is the folder of the course."""
    options, error = _options(arguments)
    folder, students = options.students or course, options.students is not None
    try:
        if not (folder / NOTEBOOKS.name).is_dir():
            made = "  python -m mnist_helpers.handout FOLDER --repository  makes one"
            raise ValueError(f"{folder} holds no lessons in {NOTEBOOKS.name}/;{made}")
        place = None if options.undo else find_place(folder, options.name, options.ref)
        if students and place:
            refuse_full_edition(course, folder, place)
        files = changes(folder, place, students)
        write_together(files)
    except (OSError, ValueError) as problem:
        error(str(problem))
    say(f"{'@'.join(place) if place else 'Not published'}: {len(files)} files changed.")
    if place and not licences(folder):
        say(UNLICENSED, sys.stderr)


def _options(arguments):
    """The options, and the function that ends the command with a message."""
    parser = argparse.ArgumentParser(
        prog="python -m mnist_helpers.publish",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", nargs="?", metavar="OWNER/REPO", help="default: remote `origin`")
    add("--ref", help="tag or branch that is opened; default: the current branch")
    add("--students", type=Path, metavar="FOLDER", help="publish the students' edition in there")
    add("--undo", action="store_true", help="take badges and install line out")
    options = parser.parse_args(arguments)
    if options.undo and (options.name or options.ref):
        parser.error("--undo goes with no place")
    return options, parser.error


if __name__ == "__main__":
    main()
