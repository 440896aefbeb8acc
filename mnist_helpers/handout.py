"""Hand a class its lessons, and read what comes back.

python -m mnist_helpers.handout OUT               # every lesson, without solutions
python -m mnist_helpers.handout OUT 01 03         # some
python -m mnist_helpers.handout OUT --solutions   # everything, with the teacher's notes
python -m mnist_helpers.handout OUT --standalone  # lessons that run on their own, as on Colab
python -m mnist_helpers.handout --collect FOLDER  # the verdicts of returned lessons, as CSV
python -m mnist_helpers.handout --regrade FOLDER  # their answers run again, and marked
"""

import argparse
import sys
from pathlib import Path

from mnist_helpers.course import NOTEBOOKS, lessons
from mnist_helpers.files import refuse_existing, say
from mnist_helpers.teaching.collect import collect, report
from mnist_helpers.teaching.editions import hand_out
from mnist_helpers.teaching.regrade import regrade
from mnist_helpers.teaching.summary import head, page, summarise


def main(arguments=None, notebooks=NOTEBOOKS):
    """The command line; `notebooks` is the folder of the lessons."""
    options = _options(arguments)
    try:
        if options.out:
            _make(options, notebooks)
        elif options.regrade:
            regrade(options.regrade, options.marks or Path("marks"), options.force, notebooks)
        else:
            _collect(options)
    except (OSError, ValueError) as error:
        sys.exit(f"handout: {error}")


def _make(options, notebooks):
    """Write copies of the lessons into the folder OUT."""
    sources = [lesson.path for lesson in lessons(options.numbers, notebooks)]
    hand_out(sources, options.out, options.solutions, options.standalone, options.force)


def _collect(options):
    """Write the table of verdicts, or the summary of it, or both."""
    refuse_existing([path for path in (options.csv, options.summary) if path], options.force)
    rows = collect(options.collect)
    if options.csv or not options.summary:
        report(rows, options.csv)
    if options.summary:
        options.summary.write_text(page(rows), encoding="utf-8", newline="\n")
        say(head(rows))
        for standing in summarise(rows):
            say(f"{standing.exercise}: {standing.shares}; {standing.remark}")


def _options(arguments):
    about = "Hand a class its lessons, and read what comes back."
    parser = argparse.ArgumentParser("python -m mnist_helpers.handout", description=about)
    add = parser.add_argument
    add("out", nargs="?", type=Path, metavar="OUT", help="folder for the copies of the lessons")
    add("numbers", nargs="*", metavar="LESSON", help="such as 03; all lessons if none is given")
    add("--solutions", action="store_true", help="keep solutions, outputs and teacher's notes")
    add("--standalone", action="store_true", help="put the helpers into each lesson, for Colab")
    add("--collect", type=Path, metavar="FOLDER", help="list the verdicts of returned lessons")
    add("--csv", type=Path, metavar="FILE", help="where --collect writes to, not to the screen")
    add("--summary", type=Path, metavar="PAGE", help="where the class is stuck: lines, and HTML")
    add("--regrade", type=Path, metavar="FOLDER", help="run the answers of returned lessons")
    add("--marks", type=Path, metavar="OUT", help="where --regrade writes to, not to marks/")
    add("--force", action="store_true", help="overwrite files that are there already")
    options = parser.parse_intermixed_args(arguments)
    if [options.out, options.collect, options.regrade].count(None) != 2:
        parser.error("give either OUT, --collect FOLDER or --regrade FOLDER")
    if not options.collect and (options.csv or options.summary):
        parser.error("--csv and --summary go with --collect")
    if not options.regrade and options.marks:
        parser.error("--marks goes with --regrade")
    if not options.out and (options.solutions or options.standalone):
        parser.error("--solutions and --standalone go with OUT")
    return options


if __name__ == "__main__":
    main()
