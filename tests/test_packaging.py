"""What is imported is declared, what the package needs is packed, and text is UTF-8 everywhere."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from mnist_helpers import handout
from mnist_helpers.course import COURSE, PACKAGE, lessons
from mnist_helpers.teaching.repository import package_files

CONDA_NAMES = {"torch": "pytorch"}  # conda-forge's name where it is not PyPI's
IMPORT_NAMES = {  # where it is not PyPI's name
    "scikit-learn": "sklearn",
    "ipython": "IPython",
    "mini-racer": "py_mini_racer",
    "pillow": "PIL",
}
# Colab has the first; CI installs the others for a browser.
ONLY_THERE = {"google", "playwright", "axe_playwright_python"}


def settings():
    return tomllib.loads((COURSE / "pyproject.toml").read_text(encoding="utf-8"))


def dependencies():
    return settings()["project"]["dependencies"], settings()["project"]["requires-python"]


def test_environment_yml_lists_what_pyproject_lists():
    text = (COURSE / "environment.yml").read_text(encoding="utf-8")
    conda = set(re.findall(r"^  - (\S+)$", text, flags=re.MULTILINE))
    conda -= {"conda-forge", "pip", "pip:"}
    listed, python = dependencies()
    renamed = {re.sub(r"^[\w-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), name) for name in listed}
    assert conda == renamed | {f"python{python}"}
    assert text.rstrip().endswith("- pip:\n      - -e .")


def programs():
    """Every Python file and every lesson: path -> its syntax tree, or those of its cells."""
    trees = {}
    for folder in ("mnist_helpers", "tools", "tests"):
        for path in COURSE.glob(f"{folder}/**/*.py"):
            trees[path] = [ast.parse(path.read_text(encoding="utf-8"))]
    for path in (lesson.path for lesson in lessons()):
        cells = nbformat.read(path, as_version=4).cells
        sources = [cell.source for cell in cells if cell.cell_type == "code"]
        code = map(TransformerManager().transform_cell, sources)
        trees[path] = [ast.parse(source) for source in code]
    return {path: [n for tree in found for n in ast.walk(tree)] for path, found in trees.items()}


def imports(nodes):
    """The names of the packages that these nodes of a syntax tree import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_every_import_is_declared():
    optional = settings()["project"]["optional-dependencies"].values()
    named = [name for names in (dependencies()[0], *optional) for name in names]
    declared = {re.match(r"[\w-]+", name)[0] for name in named}
    declared = {IMPORT_NAMES.get(name, name) for name in declared}
    own = {"mnist_helpers", "tools", "tests"} | ONLY_THERE
    foreign = {}
    for path, nodes in programs().items():
        for name in set(imports(nodes)) - own - sys.stdlib_module_names:
            foreign.setdefault(name, []).append(path.name)
    undeclared = {name: paths for name, paths in foreign.items() if name not in declared}
    assert undeclared == {} and {"torch", "sklearn", "IPython", "tqdm"} <= set(foreign)


def reads_text(call):
    """Whether this call opens a file as text, in the encoding that the machine happens to have."""
    name = getattr(call.func, "attr", getattr(call.func, "id", None))
    values = [getattr(argument, "value", None) for argument in call.args]
    if name not in ("open", "read_text", "write_text") or "encoding" in {
        k.arg for k in call.keywords
    }:
        return False
    if name != "open":
        return len(values) <= (name == "write_text")
    is_method = isinstance(call.func, ast.Attribute)
    modes = [k.value.value for k in call.keywords if k.arg == "mode"] + values[not is_method :][:1]
    if is_method and modes and not re.fullmatch(r"[rwaxbt+]+", str(modes[0])):
        return False  # no file, but something else that can be opened
    return not modes or "b" not in str(modes[0])


@pytest.mark.parametrize(
    "code, found",
    [
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("path.open(mode='a')", True),
        ("path.read_text()", True),
        ("path.write_text(text)", True),
        ("open(path, 'rb')", False),
        ("path.open('wb')", False),
        ("open(path, encoding='utf-8')", False),
        ("path.write_text(text, 'utf-8')", False),
        ("path.read_text('utf-8')", False),
        ("webbrowser.open(address)", False),
        ("path.read_bytes()", False),
    ],
)
def test_text_without_an_encoding_is_seen(code, found):
    assert reads_text(ast.parse(code).body[0].value) == found


def test_every_text_file_names_its_encoding():
    """Windows reads and writes text in another one, which has no ≈."""
    calls = {
        f"{path.relative_to(COURSE).as_posix()}:{node.lineno}"
        for path, nodes in programs().items()
        for node in nodes
        if isinstance(node, ast.Call) and reads_text(node)
    }
    assert calls == set()


def test_every_file_of_the_package_is_packed():
    patterns = settings()["tool"]["setuptools"]["package-data"]
    folders = {name: COURSE.joinpath(*name.split(".")) for name in patterns}
    packed = {p for name, of in patterns.items() for q in of for p in folders[name].glob(q)}
    files = [p for p in PACKAGE.rglob("*.*") if p.is_file() and "__pycache__" not in p.parts]
    assert [p.name for p in files if p not in packed and p.suffix != ".py"] == []


def can_build():
    """Whether pip and a setuptools that this project takes are here: a build without a network."""
    try:
        return int(version("setuptools").split(".")[0]) >= 77 and bool(version("pip"))
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not can_build(), reason="needs pip and setuptools 77")
def test_wheel_of_the_students_repository_holds_every_file_of_the_package_and_0_others(tmp_path):
    """Built of that repository, which holds copies of all that the course's own is built of."""
    handout.main([str(tmp_path / "students"), "--repository", "01"])
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), str(tmp_path / "students")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    about = {name for name in packed if name.split("/")[0].endswith(".dist-info")}
    files = {path.relative_to(COURSE).as_posix(): path for path in package_files()}
    assert len(files) > 60
    assert {name: packed[name] for name in packed.keys() - about} == {
        name: path.read_bytes() for name, path in files.items()
    }
