"""The students' edition as a repository, or a branch, of its own: lessons, helpers, a README.

The command line is `python -m mnist_helpers.handout OUT --repository`. It has the same layout as
the course, so `python -m mnist_helpers.publish --students OUT` gives it its badges.
"""

import re

from mnist_helpers.course import COURSE, NOTEBOOKS, PACKAGE
from mnist_helpers.files import say, write_together
from mnist_helpers.publish import licences
from mnist_helpers.teaching.editions import STUDENT, edition, refuse_place

# Of a run, an editor or a system, in the path of a file.
LEFT_OVER = re.compile(r"(^|/)(\.|__pycache__/)|(~|\.orig|\.rej)$")

README = """\
# From Pixels to Latents

Lessons in PyTorch that go from the raw pixels of MNIST to learned representations of them, and on
to digits that nobody wrote.

You need Python 3.11 to 3.13. In the folder of this file:

```sh
python3 -m venv .venv
. .venv/bin/activate        # on Windows: .venv\\Scripts\\activate
pip install -e .
jupyter lab notebooks
```

Begin with the first lesson, from the top, a cell at a time (Shift + Enter). In an exercise, put
your answer in the place of `...` and run the cell: the check says what it sees, as often as you
try. MNIST (11 MB) is downloaded the first time. `≈` stands before every number that depends on the
data or on chance.

To see how a helper works, put two question marks after its name, as in `training.fit??`, and run
the cell.
"""


def hand_out_repository(sources, out, force=False):
    """Write all that students need into the folder `out`: every file of it, or none.

    Args:
        sources: the paths of the lessons.
        out: the folder, a `Path`; it is made if it is missing.
        force: overwrite files that are there already.

    Raises:
        OSError: a file is there already, or cannot be written.
        ValueError: a copy would replace a lesson itself.
    """
    files = {out / "README.md": README.encode()}
    for path in [*project_files(), *package_files()]:
        files[out / path.relative_to(COURSE)] = path.read_bytes()
    for source in sources:
        files[out / NOTEBOOKS.name / source.name] = edition(source, STUDENT).encode()
    refuse_place(out, list(files), sources[0].parent, force)
    write_together(files)
    say(f"{out}: {len(sources)} lessons, the helpers, and a README.md")


def project_files():
    """What pip, conda, Binder and Git need beside the package; and the licences, if there are."""
    names = ("pyproject.toml", "environment.yml", ".gitignore", ".gitattributes")
    return [*(COURSE / name for name in names), *licences(COURSE)]


def package_files():
    """Every file of the package that is no left-over of a run."""
    found = [path for path in PACKAGE.rglob("*") if path.is_file()]
    return sorted(
        path for path in found if not LEFT_OVER.search(path.relative_to(PACKAGE).as_posix())
    )
