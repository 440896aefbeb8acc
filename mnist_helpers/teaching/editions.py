"""Copies of the lessons: for students, for teachers, and lessons that stand alone.

Cells say by their tag who sees them: `solution` and `teacher` only come with the solutions.
"""

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from mnist_helpers.files import refuse_existing, refuse_file, write_and_say
from mnist_helpers.publish import without_place
from mnist_helpers.teaching.standalone import carry_package

STUDENT = frozenset({"solution", "teacher"})  # what a student's copy lacks


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
    refuse_place(out, copies, sources[0].parent, force)
    without = frozenset() if solutions else STUDENT
    texts = [edition(source, without, solutions, standalone) for source in sources]
    write_and_say({copy: text.encode() for copy, text in zip(copies, texts, strict=True)})


def refuse_place(out, files, notebooks, force=False):
    """Raise an OSError or a ValueError if these files are not to be written into the folder `out`.

    Args:
        out: the folder, a `Path`.
        files: list of `Path`.
        notebooks: the folder of the lessons themselves, which nothing is written into.
        force: overwrite files that are there already.
    """
    refuse_file(out)
    refuse_lessons_folder([out, *files], notebooks)
    refuse_existing(files, force)


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
    if "solution" in without:
        steps.append(without_place)  # for there the solutions are
    if not outputs:
        steps += [ClearOutputPreprocessor(enabled=True), _clear_widgets]
    if standalone:
        steps.append(carry_package)
    exporter = NotebookExporter(default_preprocessors=[], preprocessors=steps)
    text, _ = exporter.from_notebook_node(nbformat.read(path, as_version=4))
    return text


def _clear_widgets(notebook, resources):
    """An nbconvert preprocessor: widgets forget what they have shown, which is an output too."""
    notebook.metadata.pop("widgets", None)
    return notebook, resources


def _is_within(path, folder):
    path = path.resolve()
    return any(p.exists() and p.samefile(folder) for p in (path, *path.parents))
