"""The project's own files agree with each other."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

from tests import benchmarks

COURSE = Path(__file__).resolve().parent.parent
CONDA_NAMES = {"torch": "pytorch"}  # conda-forge's name where it is not PyPI's


def dependencies():
    project = tomllib.loads((COURSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["dependencies"], project["requires-python"]


def test_environment_yml_lists_what_pyproject_lists():
    text = (COURSE / "environment.yml").read_text(encoding="utf-8")
    conda = set(re.findall(r"^  - (\S+)$", text, flags=re.MULTILINE)) - {
        "conda-forge",
        "pip",
        "pip:",
    }
    listed, python = dependencies()
    renamed = {re.sub(r"^[\w-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), name) for name in listed}
    assert conda == renamed | {f"python{python}"}
    assert text.rstrip().endswith("- pip:\n      - -e .")


def test_every_import_of_the_package_is_declared():
    names = {re.match(r"[\w-]+", name)[0].replace("-", "_") for name in dependencies()[0]}
    names = {{"scikit_learn": "sklearn"}.get(name, name) for name in names}
    sources = [*COURSE.glob("mnist_helpers/**/*.py"), *COURSE.glob("notebooks/*.ipynb")]
    libraries = (
        "torch|torchvision|numpy|scipy|matplotlib|sklearn|tqdm|ipywidgets|pandas|filelock|"
        "tensorboard|nbconvert|nbformat"
    )
    pattern = rf'(?:^|["\s])(?:import|from) ({libraries})\b'
    used = {
        name for path in sources for name in re.findall(pattern, path.read_text(encoding="utf-8"))
    }
    assert used <= names and {"torch", "sklearn", "tqdm"} <= used


def test_no_data_is_committed():
    listed = subprocess.run(["git", "ls-files"], cwd=COURSE, capture_output=True, text=True)
    assert not [name for name in listed.stdout.splitlines() if name.endswith((".gz", "-ubyte"))]


def test_reference_results_in_the_readme_are_the_measured_ones():
    text = (COURSE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.+) \| (\S+) \| (\S+) to (\S+) \|$", text, flags=re.MULTILINE)
    assert len(rows) >= 10
    bands = tomllib.loads((COURSE / "mnist_helpers" / "expected.toml").read_text(encoding="utf-8"))
    for lesson, name, *numbers in rows:
        band = bands[f"0{lesson}"][name]["mnist"]
        assert numbers == [f"{band[key]:#.3g}" for key in ("mean", "low", "high")], name


def test_speed_in_the_readme_is_the_measured_one():
    readme = (COURSE / "README.md").read_text(encoding="utf-8")
    results = json.loads(benchmarks.RESULTS.read_text(encoding="utf-8"))
    assert {entry["part"] for entry in results["rows"]} >= set(benchmarks.PARTS) - {"gpu"}
    assert benchmarks.with_table(readme, results) == readme
