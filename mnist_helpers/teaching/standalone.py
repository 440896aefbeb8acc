"""Lessons that stand alone: one more cell brings what of the package the lesson comes to."""

import base64
import io
import re
import tempfile
import zipfile
from modulefinder import ModuleFinder
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from mnist_helpers.course import COURSE, JUDGES, PACKAGE, SOURCES, WEIGHTS

# The folder must last as long as the kernel: some modules are imported late, files are read late,
# and `??` shows the source. A kernel that is shut down or started again removes it.
UNPACK = '''\
#@title Run this first: it brings the helpers of the course along, inside this cell.
def unpack(package):
    import atexit, base64, io, shutil, sys, tempfile, zipfile

    folder = tempfile.mkdtemp(prefix="mnist_helpers-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # when the kernel ends
    zipfile.ZipFile(io.BytesIO(base64.b64decode(package))).extractall(folder)
    sys.path.insert(0, folder)

unpack("""
{package}""")'''

DATA = {  # what a module of the package reads: patterns of files
    "mnist_helpers.expected": ("expected.toml", "measured.json"),
    "mnist_helpers.drawing": ("drawing.js", "drawings/*"),
}


def carry_package(notebook, resources):
    """An nbconvert preprocessor: a folded cell before the first code cell brings the package."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code = "\n".join(TransformerManager().transform_cell(cell.source) for cell in cells)
    cell = nbformat.v4.new_code_cell(
        UNPACK.format(package=base64.encodebytes(zipped(needed(code))).decode()),
        id="helper-package",
        metadata={"cellView": "form", "jupyter": {"source_hidden": True}},
    )
    notebook.cells.insert(notebook.cells.index(cells[0]), cell)
    return notebook, resources


def zipped(paths):
    """These files of the package as a zip archive; the same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(paths):
            entry = zipfile.ZipInfo(path.relative_to(COURSE).as_posix())  # dated 1980
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def needed(code):
    """The files of the package that the code of a lesson comes to: a set of paths."""
    numbers = {number.zfill(2) for number in re.findall(r'\bcheck\("(\d+)\.', code)}
    exercises = [f"mnist_helpers.exercises.lesson{number}" for number in sorted(numbers)]
    # By their names in the code nobody finds these: they are imported while it runs.
    late = [f"mnist_helpers.sources.{source}" for source in SOURCES] + exercises
    modules = reached("\n".join([code, *(f"import {name}" for name in late)]))
    data = {p for name in DATA.keys() & modules for q in DATA[name] for p in PACKAGE.glob(q)}
    for name in exercises:  # their checks may use networks, too
        code += modules[name].read_text(encoding="utf-8") if name in modules else ""
    networks = {path for path in WEIGHTS.iterdir() if f'"{path.stem}"' in code}
    judges = set(JUDGES.iterdir()) if "judge_for" in code else set()
    return {*modules.values()} | data | networks | judges


def reached(code):
    """The modules of the course that the code imports, and those that they import: name -> path."""
    finder = ModuleFinder([str(COURSE)])
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "lesson.py")
        script.write_text(code, encoding="utf-8")
        finder.run_script(str(script))
    found = {name: module.__file__ for name, module in finder.modules.items()}
    return {name: Path(file) for name, file in found.items() if name.startswith(PACKAGE.name)}
