"""Tell the course where it is hosted on GitHub, so that it opens in Colab and Binder.

    python -m mnist_helpers.publish                          # where the remote `origin` is
    python -m mnist_helpers.publish ada/pixels --ref v1.0    # another place, a tag
    python -m mnist_helpers.publish --undo                   # nowhere

README.md and every lesson get two badges, and the set-up cell of every lesson an install line
for machines that lack the package. Run again, it changes them. Commit and push afterwards: the
badges open what GitHub has. A tag must be set on that commit, or on a later one.
"""

import argparse
import os
import re
import subprocess
from urllib.parse import quote

import nbformat

from mnist_helpers.course import COURSE, NOTEBOOKS, lessons
from mnist_helpers.files import say

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
GUARD = re.compile(rf"\A{re.escape(TRY)}(?:    .*\n)+\n")
BLOCK = re.compile(r"\n\n<!-- badges -->.*?<!-- /badges -->", re.DOTALL)
BADGES = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{name}/blob/{ref}/{path})\n"
    "[![Open in Binder](https://mybinder.org/badge_logo.svg)]"
    "(https://mybinder.org/v2/gh/{name}/{ref}?labpath={quoted})"
)


def guard(place=None):
    """What every set-up cell begins with: it installs from `place`, or says what to do."""
    return TRY + (INSTALL.format(*place) if place else EXPLAIN) + "\n"


def badges(place, lesson):
    """Markdown that opens this lesson, a file name, on Colab and on Binder."""
    name, ref = place
    path = f"{NOTEBOOKS.name}/{lesson}"
    return BADGES.format(name=name, ref=ref, path=path, quoted=quote(path, safe=""))


def new_readme(text, place, lesson):
    """README.md with the badges of this lesson after its first heading, or without any."""
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


def new_lesson(text, place, lesson):
    """The notebook with its set-up cell and, below the title, badges for this place; or none."""
    notebook = nbformat.reads(text, as_version=4)
    cells = [cell for cell in notebook.cells if cell.get("id") != "badges"]
    setup = next((cell for cell in cells if cell.cell_type == "code"), {"source": ""})
    rest = GUARD.sub("", setup["source"])
    if "from mnist_helpers import" not in rest or "import mnist_helpers" in rest:
        raise ValueError(f"{lesson} does not begin with the set-up cell of the other lessons")
    setup["source"] = guard(place) + rest
    if place:
        cells.insert(1, nbformat.v4.new_markdown_cell(badges(place, lesson), id="badges"))
    notebook.cells = cells
    return nbformat.writes(notebook) + "\n"


def changes(course, place):
    """The files that must change to name this place, or none.

    Args:
        course: the folder of the course, a `Path`.
        place: (OWNER/REPO, tag or branch), or None.

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
        new, lesson = (new_readme, paths[0]) if path == readme else (new_lesson, path)
        text = new(old.replace("\r\n", "\n"), place, lesson.name)
        text = text.replace("\n", "\r\n") if "\r\n" in old else text
        if text != old:
            files[path] = text.encode("utf-8")
    return files


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


def main(arguments=None, course=COURSE):
    parser = argparse.ArgumentParser(
        prog="python -m mnist_helpers.publish",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="OWNER/REPO", help="default: remote `origin`")
    parser.add_argument("--ref", help="tag or branch that is opened; default: the current branch")
    parser.add_argument("--undo", action="store_true", help="take badges and install line out")
    options = parser.parse_args(arguments)
    if options.undo and (options.name or options.ref):
        parser.error("--undo goes with nothing else")
    try:
        place = None if options.undo else find_place(course, options.name, options.ref)
        files = changes(course, place)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for path, content in files.items():
        path.write_bytes(content)
    say(f"{'@'.join(place) if place else 'Not published'}: {len(files)} files changed.")


if __name__ == "__main__":
    main()
