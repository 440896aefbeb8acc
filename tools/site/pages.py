"""The sources of the site: what the course has as notebooks and Markdown, as Sphinx wants it.

Pages keep their folders, so that links between them hold as they are. The beginning of README.md
is the front page, and its part for teachers a page of its own, to which the teacher's notes of all
lessons are moved.
"""

import re
import shutil
from pathlib import Path

import nbformat

from mnist_helpers.course import NOTEBOOKS, PICTURES, lessons
from mnist_helpers.publish import BLOCK, GUARD
from tools.notebooks import tagged, tags

TITLE = "From Pixels to Latents"
BADGE = re.compile(r"\[!\[(Open in \w+)\]\([^)]*\)\]\(([^)]*)\)")
PUBLISHED = re.compile(r"\(https://colab\.research\.google\.com/github/([^/]+/[^/]+)/blob/([^/]+)/")
CODE = r"`[^`\n]+`"  # code has brackets, too
LINK = re.compile(rf"{CODE}|(?<!!)\[([^]\n]+)\]\(([^():#\s]+)\)")  # to a file of the course
SECTION = re.compile(r"^(#+ (\d+\.\d+) )", re.MULTILINE)
TO_SECTION = re.compile(r"\[(\d+\.\d+)\]\([^)\s]+\.ipynb\)")
GRAPH = re.compile(r"^```mermaid\n.*?^```\n", re.MULTILINE | re.DOTALL)  # GitHub draws it
SOLUTION = re.compile(r"\A#@title (Solution \d+\.\d+)\n")
NOTE = re.compile(r"\A\*\*For the teacher\.\*\*.*\n+")

CONTENTS = """
```{toctree}
:hidden:
:caption: Lessons and labs
:glob:

notebooks/*
```

```{toctree}
:hidden:
:caption: More
:glob:

teachers
docs/*
```
"""
PLAYGROUND = '<a class="button" href="playground/index.html">Open the playground</a>'


def place(course):
    """(OWNER/REPO, tag or branch) where `publish` says that the course is; None if nowhere."""
    block = BLOCK.search((course / "README.md").read_text(encoding="utf-8"))
    return PUBLISHED.search(block[0]).groups() if block else None


def write(course, source, has_playground=False):
    """Write all sources of the site into the folder `source`.

    Raises:
        ValueError: a lesson was never run.
    """
    where = place(course)
    found = lessons((), course / NOTEBOOKS.name)
    notebooks = {lesson: nbformat.read(lesson.path, as_version=4) for lesson in found}
    readme = (course / "README.md").read_text(encoding="utf-8")
    texts = {
        course / "index.md": front_page(readme, has_playground) + CONTENTS,
        course / "teachers.md": teachers_page(readme, notebooks),
    }
    for path in (course / "docs").glob("*.md"):
        text = GRAPH.sub("", path.read_text(encoding="utf-8"))
        texts[path] = TO_SECTION.sub(r"[\1](#section-\1)", text)
    known = {*texts, *(lesson.path for lesson in found)}
    texts = {path: links(text, path.parent, known, course, where) for path, text in texts.items()}
    for lesson, notebook in notebooks.items():
        notebook = lesson_page(notebook, lesson.path)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = links(cell.source, lesson.path.parent, known, course, where)
        texts[lesson.path] = nbformat.writes(notebook)
    for path, text in texts.items():
        page = source / path.relative_to(course)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    shutil.copytree(course / PICTURES.name, source / PICTURES.name)


def links(text, folder, pages, course, where):
    """The text of a page with links that hold on the site.

    A link to a file of the course that is no page leads to GitHub, where `publish` has put it;
    else it is no link any more. A badge becomes a plain button: its picture is on another site.

    Args:
        text: Markdown.
        folder: where the links start from.
        pages: the paths of all pages.
        course: the folder of the course.
        where: its place, as `place` has it.
    """

    def link(found):
        path = Path(folder, found[2] or "").resolve()
        if found[2] is None or path in pages:
            return found[0]
        kind, name = ("tree" if path.is_dir() else "blob"), path.relative_to(course).as_posix()
        address = where and f"https://github.com/{where[0]}/{kind}/{where[1]}/{name}"
        return f"[{found[1]}]({address})" if where else found[1]

    return LINK.sub(link, BADGE.sub(r"[\1](\2){.button}", text))


def front_page(readme, has_playground):
    """README.md down to what only teachers and maintainers need."""
    title, rest = readme.split("## For teachers")[0].split("\n", 1)
    return "\n\n".join([title, PLAYGROUND, rest]) if has_playground else f"{title}\n{rest}"


def teachers_page(readme, notebooks):
    """What README.md says to teachers, and the teacher's note of every lesson."""
    part = readme.split("## For teachers")[1].split("\n## ")[0]
    notes = [
        f"## {lesson.number}: {lesson.title}\n\n{NOTE.sub('', tagged(notebook, 'teacher').source)}"
        for lesson, notebook in notebooks.items()
    ]
    return "\n\n".join([f"# For teachers{part}", *notes])


def lesson_page(notebook, path):
    """A lesson as its page has it: without the teacher's note, and with its solutions folded.

    Raises:
        ValueError: it was never run.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not any(cell.outputs for cell in code):
        raise ValueError(
            f"{path.name} has no outputs; run  python -m tools.regenerate {path.name[:2]}"
        )
    picture = tagged(notebook, "cover-picture")
    alt = tagged(notebook, "cover").metadata.get("alt", "Where this lesson ends")
    picture.source = f"![{alt}](../{PICTURES.name}/{path.stem}.png)"
    notebook.cells = [cell for cell in notebook.cells if "teacher" not in tags(cell)]
    notebook.metadata.pop("widgets", None)  # what they last held, pictures and all
    for cell in notebook.cells:
        if cell.cell_type == "code":
            code_cell(cell)
        else:
            cell.source = SECTION.sub(r"(section-\2)=\n\1", cell.source)
    return notebook


def code_cell(cell):
    """Tell myst-nb in its own words what a code cell says of itself."""
    settings = cell.metadata.setdefault("mystnb", {})
    if "alt" in cell.metadata:
        settings["image"] = {"alt": cell.metadata["alt"]}
    cell.source = GUARD.sub("", cell.source)
    if found := SOLUTION.match(cell.source):
        cell.source = SOLUTION.sub("", cell.source)
        settings |= {"code_prompt_show": found[1], "code_prompt_hide": found[1]}
        cell.metadata["tags"] = [*cell.metadata["tags"], "hide-cell"]
    for output in cell.outputs:
        # A widget lives in a kernel, which a page does not have; some have a still picture.
        widget = output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        if widget and "image/png" not in output.data:
            output.data = {
                "text/markdown": f"*In a running lesson:* {cell.metadata.get('alt', 'a widget')}"
            }
