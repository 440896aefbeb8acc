"""The code stays what learners can read: short files, one screen for `fit`, imports one way."""

import ast
import inspect

import pytest

from mnist_helpers.course import COURSE, PACKAGE
from mnist_helpers.training import fit

MODULES = sorted([*PACKAGE.rglob("*.py"), *(COURSE / "tools").rglob("*.py")])


def name_of(path):
    return ".".join(path.relative_to(COURSE).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """Names of the modules of the course that a file imports, anywhere in it."""
    known, found = set(map(name_of, MODULES)), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & known


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_file_is_longer_than_one_reads(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


def test_fit_is_seen_on_one_screen():
    source = inspect.getsource(fit)
    without = len(source.splitlines()) - len(fit.__doc__.splitlines())
    assert without <= 45
    assert len(inspect.signature(fit).parameters) <= 14


def test_imports_go_one_way():
    """No module reaches itself, and nothing in the package imports tools or tests."""
    graph = {name_of(path): imports(path) for path in MODULES}
    below = {}

    def reach(name, above=()):
        assert name not in above, " -> ".join([*above, name])
        if name not in below:
            parts = [reach(other, (*above, name)) for other in graph[name] - {name}]
            below[name] = graph[name].union(*parts)
        return below[name]

    for name in graph:
        if name.startswith("mnist_helpers"):
            assert not [other for other in reach(name) if not other.startswith("mnist_helpers")]
        reach(name)
    models = {"mnist_helpers.models", "mnist_helpers.training"}
    assert not below["mnist_helpers.data"] & models
    assert "mnist_helpers.data" not in below["mnist_helpers.models"]
    assert not below["mnist_helpers.training"] & {"mnist_helpers.plots", "mnist_helpers.expected"}
    assert not below["mnist_helpers.plots"]
