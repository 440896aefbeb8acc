"""Hand a class its lessons, and read what comes back.

python -m mnist_helpers.handout OUT               # every lesson, without solutions
python -m mnist_helpers.handout OUT 01 03         # some
python -m mnist_helpers.handout OUT --solutions   # everything, with the teacher's notes
python -m mnist_helpers.handout OUT --standalone  # lessons that run on their own, as on Colab
python -m mnist_helpers.handout OUT --repository  # lessons, helpers and README, to be published
python -m mnist_helpers.handout --collect FOLDER  # the verdicts of returned lessons, as CSV
"""

import argparse
import sys
from pathlib import Path

from mnist_helpers.course import NOTEBOOKS, lessons
from mnist_helpers.teaching.collect import report
from mnist_helpers.teaching.editions import hand_out
from mnist_helpers.teaching.repository import hand_out_repository


def main(arguments=None, notebooks=NOTEBOOKS):
    """The command line; `notebooks` is the folder of the lessons."""
    options = _options(arguments)
    try:
        if options.out:
            _make(options, notebooks)
        else:
            report(options.collect, options.csv, options.force)
    except (OSError, ValueError) as error:
        sys.exit(f"handout: {error}")


def _make(options, notebooks):
    """Write copies of the lessons into the folder OUT."""
    sources = [lesson.path for lesson in lessons(options.numbers, notebooks)]
    if options.repository:
        hand_out_repository(sources, options.out, options.force)
    else:
        hand_out(sources, options.out, options.solutions, options.standalone, options.force)


def _options(arguments):
    about = "Hand a class its lessons, and read what comes back."
    parser = argparse.ArgumentParser("python -m mnist_helpers.handout", description=about)
    add = parser.add_argument
    add("out", nargs="?", type=Path, metavar="OUT", help="folder for the copies of the lessons")
    add("numbers", nargs="*", metavar="LESSON", help="such as 03; all lessons if none is given")
    add("--solutions", action="store_true", help="keep solutions, outputs and teacher's notes")
    add("--standalone", action="store_true", help="put the helpers into each lesson, for Colab")
    add("--repository", action="store_true", help="with helpers and README, to be published")
    add("--collect", type=Path, metavar="FOLDER", help="list the verdicts of returned lessons")
    add("--csv", type=Path, metavar="FILE", help="where --collect writes to, not to the screen")
    add("--force", action="store_true", help="overwrite files that are there already")
    options = parser.parse_intermixed_args(arguments)
    if (options.out is None) == (options.collect is None):
        parser.error("give either OUT or --collect FOLDER")
    kinds = options.solutions, options.standalone, options.repository
    if options.csv and options.out or options.collect and any(kinds):
        parser.error("--csv goes with --collect; what a copy is like, with OUT")
    if options.repository and any(kinds[:2]):
        parser.error("--repository goes with neither --solutions nor --standalone")
    return options


if __name__ == "__main__":
    main()
