"""A short text that changes whenever the results of a lesson on one data source might.

It is made of the code of the lesson up to its last result, and of what this code and the data
source use of the helper modules. Comments, docstrings, looks and exercises are left out, and so
are other data sources, and functions and classes that the lesson never comes to.
"""

import ast
import hashlib

import nbformat

from mnist_helpers.course import JUDGES, PACKAGE, WEIGHTS
from tools.notebooks import parsed, tags

# What checks arguments, checks results or draws them, and changes none.
HARMLESS = {"arguments", "exercises", "expected", "plots"}


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
    place = package / "sources" / f"{source}.py"
    modules = helpers([set_up, *code], package) | with_imports({place}, package) - {place}
    code.append(without_docstrings(place))
    texts = [ast.unparse(tree) for tree in code]
    texts += sorted({ast.unparse(part) for part in reached(code, modules, package.name)})
    texts += [path.read_text(encoding="utf-8") for path in weights(code, source)]
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


def reached(trees, paths, package):
    """The parts of these modules of the package that the code uses, directly or in turn.

    A part is a definition, a constant or an import, and counts if its name occurs in the code
    or in a part that counts, whatever is meant there: too many are safer than too few.
    """
    parts = [part for path in paths for part in parts_of(without_docstrings(path), package)]
    names, found = names_in(trees), []
    while new := [part for part in parts if part not in found and names_of(part) & names]:
        found += new
        names |= names_in(new)
    return found


def parts_of(module, package):
    """The statements of a module, each import with one name; none from the package itself.

    So code may move from one module to another. Its new place does not change what it does.
    """
    for node in module.body:
        match node:
            case ast.Import():
                yield from (ast.Import([alias]) for alias in node.names)
            case ast.ImportFrom():
                names = [a for a in node.names if a.asname or not is_inside(node, package)]
                yield from (ast.ImportFrom(node.module, [name], node.level) for name in names)
            case _:
                yield node


def is_inside(node, package):
    """Whether an import takes its names from the package."""
    return (node.module or "").split(".")[0] == package


def names_of(part):
    """The names that a statement at the top of a module gives something to."""
    match part:
        case ast.FunctionDef() | ast.ClassDef():
            return {part.name}
        case ast.Import() | ast.ImportFrom():
            return {(alias.asname or alias.name).split(".")[0] for alias in part.names}
    return {x.id for x in ast.walk(part) if isinstance(x, ast.Name)}


def names_in(trees):
    """All names and attributes that occur in the code."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in nodes if isinstance(node, ast.Name)}


def without_docstrings(path):
    """The syntax tree of a module without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def weights(trees, source):
    """Paths of the provenance of every pretrained network that the code names, or judges with."""
    texts = {x.value for tree in trees for x in ast.walk(tree) if isinstance(x, ast.Constant)}
    judge = JUDGES / f"{source}.json"
    judges = [judge] if "judge_for" in names_in(trees) and judge.is_file() else []
    return [path for path in sorted(WEIGHTS.glob("*.json")) if path.stem in texts] + judges
