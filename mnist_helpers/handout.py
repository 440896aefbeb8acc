"""Hand a class its lessons, and read what comes back.

python -m mnist_helpers.handout OUT               # every lesson, without solutions
python -m mnist_helpers.handout OUT 01 03         # some
python -m mnist_helpers.handout OUT --solutions   # everything, with the teacher's notes
python -m mnist_helpers.handout OUT --standalone  # lessons that run on their own, as on Colab
python -m mnist_helpers.handout OUT --slides      # slides with outputs, one HTML file a lesson
python -m mnist_helpers.handout --collect FOLDER  # the verdicts of returned lessons, as CSV
"""

import argparse
import sys
from pathlib import Path

from mnist_helpers.course import NOTEBOOKS, lessons
from mnist_helpers.teaching.collect import report
from mnist_helpers.teaching.editions import hand_out
from mnist_helpers.teaching.slides import make_slides


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
    if options.slides:
        return make_slides(sources, options.out, options.force)
    hand_out(sources, options.out, options.solutions, options.standalone, options.force)


def _options(arguments):
    about = "Hand a class its lessons, and read what comes back."
    parser = argparse.ArgumentParser("python -m mnist_helpers.handout", description=about)
    add = parser.add_argument
    add("out", nargs="?", type=Path, metavar="OUT", help="folder for the copies of the lessons")
    add("numbers", nargs="*", metavar="LESSON", help="such as 03; all lessons if none is given")
    add("--solutions", action="store_true", help="keep solutions, outputs and teacher's notes")
    add("--standalone", action="store_true", help="put the helpers into each lesson, for Colab")
    add("--slides", action="store_true", help="make slides, which need no network to be shown")
    add("--collect", type=Path, metavar="FOLDER", help="list the verdicts of returned lessons")
    add("--csv", type=Path, metavar="FILE", help="where --collect writes to, not to the screen")
    add("--force", action="store_true", help="overwrite files that are there already")
    options = parser.parse_intermixed_args(arguments)
    if (options.out is None) == (options.collect is None):
        parser.error("give either OUT or --collect FOLDER")
    if options.csv and options.out or options.collect and (options.solutions or options.standalone):
        parser.error("--csv goes with --collect, --solutions and --standalone go with OUT")
    if options.slides and (options.solutions or options.standalone or options.collect):
        parser.error("--slides goes with OUT alone")
    return options


if __name__ == "__main__":
    main()
