"""A short text that changes whenever the results of a lesson on one data source might.

It is made of the code of the lesson up to its last result, and of the module of the data source
and the helper modules that this code uses, with those that they import. Comments, docstrings,
looks and exercises are left out, and so are other data sources.
"""

import ast
import hashlib

import nbformat

from mnist_helpers.course import PACKAGE, WEIGHTS
from tools.notebooks import parsed, tags

# What checks and draws results, and changes none.
HARMLESS = {"exercises", "expected", "plots"}


def fingerprint(lesson, source, package=PACKAGE):
    """Twelve characters for a `Lesson` on a data source; None if it checks no results."""
    notebook = nbformat.read(lesson.path, as_version=4)
    cells = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and not {"exercise", "solution"} & tags(cell)
    ]
    checked = [number for number, cell in enumerate(cells) if "expect(" in cell]
    if not checked:
        return None
    set_up, *code = map(parsed, cells[: checked[-1] + 1])
    # The set-up is the same in every lesson, and names the place where the course is hosted.
    texts = [ast.unparse(tree) for tree in code]
    used = helpers([set_up, *code], package)
    used |= with_imports({package / "sources" / f"{source}.py"}, package)
    texts += [without_docstrings(path) for path in sorted(used)]
    texts += [path.read_text(encoding="utf-8") for path in weights(code)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def helpers(trees, package=PACKAGE):
    """Paths of the helper modules that the code uses, and of those that they import in turn."""
    used = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = {path for tree in trees for name, path in imports(tree, package) if name in used}
    return with_imports(found, package)


def with_imports(paths, package):
    """These modules of the package, and all that they import."""
    found, waiting = set(), set(paths)
    while waiting:
        found.add(path := waiting.pop())
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting |= {path for _, path in imports(tree, package)} - found
    return found


def imports(tree, package):
    """Pairs of an imported name and the path of the module that it is, or comes from."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        parent, *folders = node.module.split(".")
        place = package.joinpath(*folders)
        for alias in node.names if parent == package.name else ():
            for path in (place.with_suffix(".py"), place / f"{alias.name}.py"):
                if not HARMLESS & {*folders, alias.name} and path.is_file():
                    yield alias.asname or alias.name, path


def without_docstrings(path):
    """The code of a module as one text, without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def weights(trees):
    """Paths of the provenance of every pretrained network that the code names."""
    texts = {x.value for tree in trees for x in ast.walk(tree) if isinstance(x, ast.Constant)}
    return [path for path in sorted(WEIGHTS.glob("*.json")) if path.stem in texts]
