"""Copies of the lessons: for students, for teachers, and lessons that stand alone.

Cells say by their tag who sees them: `solution` and `teacher` only come with the solutions.
"""

import base64
import io
import zipfile

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from mnist_helpers.course import JUDGES, PACKAGE, WEIGHTS
from mnist_helpers.files import refuse_existing, refuse_file, say

UNPACK = '''\
#@title Run this first: it brings the helpers of the course along, inside this cell.
def unpack(package):
    import base64, io, sys, tempfile, zipfile

    folder = tempfile.mkdtemp(prefix="mnist_helpers-")
    zipfile.ZipFile(io.BytesIO(base64.b64decode(package))).extractall(folder)
    sys.path.insert(0, folder)

unpack("""
{package}""")'''


def hand_out(sources, out, solutions=False, standalone=False, force=False):
    """Write copies of these lessons into the folder `out`: of all of them, or of none.

    Args:
        sources: the paths of the lessons.
        out: the folder, a `Path`; it is made if it is missing.
        solutions: keep solutions, outputs and teacher's notes.
        standalone: put the package into each copy.
        force: overwrite files that are there already.

    Raises:
        OSError: a copy is there already, or cannot be written.
        ValueError: a copy would replace a lesson itself.
    """
    copies = [out / source.name for source in sources]
    refuse_file(out)
    refuse_lessons_folder([out, *copies], sources[0].parent)
    refuse_existing(copies, force)
    without = set() if solutions else {"solution", "teacher"}
    texts = [edition(source, without, solutions, standalone) for source in sources]
    out.mkdir(parents=True, exist_ok=True)
    for copy, text in zip(copies, texts, strict=True):
        copy.write_text(text, encoding="utf-8", newline="\n")
        say(str(copy))


def refuse_lessons_folder(paths, folder):
    """Raise ValueError if one of the paths leads into the folder of the lessons themselves."""
    for path in paths:
        if _is_within(path, folder):
            raise ValueError(f"{path} leads to where the lessons themselves are")


def edition(path, without=frozenset(), outputs=False, standalone=False):
    """One lesson as it is handed out.

    Args:
        path: of the lesson.
        without: leave out the cells that have one of these tags.
        outputs: keep what the cells have shown.
        standalone: put the package into a folded cell of its own.

    Returns:
        The text of a notebook file.
    """
    steps = [TagRemovePreprocessor(enabled=True, remove_cell_tags=set(without))]
    if not outputs:
        steps.append(ClearOutputPreprocessor(enabled=True))
    if standalone:
        steps.append(_carry_package)
    exporter = NotebookExporter(default_preprocessors=[], preprocessors=steps)
    text, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
    return text


def _carry_package(notebook, resources):
    """An nbconvert preprocessor: a folded cell before the first code cell brings the package."""
    code = "".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    cell = nbformat.v4.new_code_cell(
        UNPACK.format(package=base64.encodebytes(_zipped_package(code)).decode()),
        id="helper-package",
        metadata={"cellView": "form", "jupyter": {"source_hidden": True}},
    )
    first = [cell.cell_type for cell in notebook.cells].index("code")
    notebook.cells.insert(first, cell)
    return notebook, resources


def _zipped_package(code):
    """The package as a zip archive, with those networks that the code names; always the same."""
    unused = {path for path in WEIGHTS.iterdir() if f'"{path.stem}"' not in code}
    unused |= set((PACKAGE / "teaching" / "reveal").iterdir())
    unused |= set() if "judge_for" in code else set(JUDGES.iterdir())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(PACKAGE.rglob("*")):
            name = path.relative_to(PACKAGE.parent)
            hidden = any(part.startswith((".", "__pycache__")) for part in name.parts)
            if path.is_file() and not hidden and path not in unused:
                entry = zipfile.ZipInfo(name.as_posix())  # dated 1980
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _is_within(path, folder):
    path = path.resolve()
    return any(p.exists() and p.samefile(folder) for p in (path, *path.parents))
