"""Hand a class its lessons, and read what comes back.

    python -m mnist_helpers.handout OUT               # every lesson, without solutions
    python -m mnist_helpers.handout OUT 01 03         # some
    python -m mnist_helpers.handout OUT --solutions   # everything, with the teacher's notes
    python -m mnist_helpers.handout OUT --standalone  # lessons that run on their own, as on Colab
    python -m mnist_helpers.handout OUT --repository  # lessons, helpers and README, to be published
    python -m mnist_helpers.handout OUT --slides      # slides with outputs, one HTML file a lesson
    python -m mnist_helpers.handout OUT --print       # a page of paper for each; needs ".[print]"
    python -m mnist_helpers.handout --collect FOLDER  # the verdicts of returned lessons, as CSV
    python -m mnist_helpers.handout --collect FOLDER --summary PAGE.html  # where a class is stuck
    python -m mnist_helpers.handout --regrade FOLDER  # their answers run again, and marked

OUT and FOLDER are folders. What is there already is only overwritten with --force.
"""

import argparse
import io
import re
import sys
from pathlib import Path

from mnist_helpers.course import NOTEBOOKS, lessons
from mnist_helpers.files import refuse_existing, say, write_and_say
from mnist_helpers.teaching.collect import collect, table
from mnist_helpers.teaching.editions import hand_out
from mnist_helpers.teaching.regrade import regrade
from mnist_helpers.teaching.repository import hand_out_repository
from mnist_helpers.teaching.slides import make_slides
from mnist_helpers.teaching.summary import head, page, summarise

GOES_WITH = dict.fromkeys(("solutions", "standalone", "repository", "slides", "print"), "out")
GOES_WITH |= {"csv": "collect", "summary": "collect", "marks": "regrade"}


def main(arguments=None, notebooks=NOTEBOOKS):
    """The command line; `notebooks` is the folder of the lessons."""
    options = _options(arguments)
    try:
        if options.out:
            _make(options, lessons(options.numbers, notebooks))
        elif options.regrade:
            regrade(options.regrade, options.marks or Path("marks"), options.force, notebooks)
        else:
            _collect(options)
    except (OSError, ValueError) as error:
        sys.exit(f"handout: {error}")


def _make(options, found):
    """Write what these lessons are to be made into to the folder OUT."""
    sources = [lesson.path for lesson in found]
    if options.print:
        try:  # not everybody has installed what printing needs
            from mnist_helpers.teaching.printing import print_out

            print_out(found, options.out, options.solutions, options.force)
        except ModuleNotFoundError as error:
            sys.exit(f'handout: {error.name} is missing; run  pip install -e ".[print]"')
    elif options.slides:
        make_slides(sources, options.out, options.force)
    elif options.repository:
        hand_out_repository(sources, options.out, options.force)
    else:
        hand_out(sources, options.out, options.solutions, options.standalone, options.force)


def _collect(options):
    """Write the table of verdicts, or the summary of it, or both."""
    refuse_existing([path for path in (options.csv, options.summary) if path], options.force)
    rows = collect(options.collect)
    files = {options.csv: table(rows).encode("utf-8-sig")} if options.csv else {}  # for Excel
    files |= {options.summary: page(rows).encode()} if options.summary else {}
    write_and_say(files)
    if options.summary:
        say(head(rows))
        for standing in summarise(rows):
            say(f"{standing.exercise}: {standing.shares}; {standing.remark}")
    elif not options.csv:
        if isinstance(sys.stdout, io.TextIOWrapper):  # on Windows a pipe has another encoding
            sys.stdout.reconfigure(encoding="utf-8")
        print(table(rows), end="")


def _options(arguments):
    about = "Hand a class its lessons, and read what comes back."
    parser = argparse.ArgumentParser("python -m mnist_helpers.handout", description=about)
    add = parser.add_argument
    add("out", nargs="?", type=Path, metavar="OUT", help="folder for the copies of the lessons")
    add("numbers", nargs="*", metavar="LESSON", help="such as 03; all lessons if none is given")
    add("--solutions", action="store_true", help="keep solutions, outputs and teacher's notes")
    one = parser.add_mutually_exclusive_group().add_argument
    one("--standalone", action="store_true", help="put the helpers into each lesson, for Colab")
    one("--repository", action="store_true", help="lessons, helpers and README, to be published")
    one("--slides", action="store_true", help="slides, which need no network to be shown")
    one("--print", action="store_true", help="a PDF page for each lesson instead of a copy")
    add("--collect", type=Path, metavar="FOLDER", help="list the verdicts of returned lessons")
    add("--csv", type=Path, metavar="FILE", help="where --collect writes to, not to the screen")
    add("--summary", type=Path, metavar="PAGE", help="where the class is stuck: lines, and HTML")
    add("--regrade", type=Path, metavar="FOLDER", help="run the answers of returned lessons")
    add("--marks", type=Path, metavar="OUT", help="where --regrade writes to, not to marks/")
    add("--force", action="store_true", help="overwrite files that are there already")
    options = parser.parse_intermixed_args(arguments)
    if options.out and re.fullmatch(r"\d{1,2}", str(options.out)):
        parser.error("give a folder before the numbers of lessons, such as  my_class 01 03")
    if [options.out, options.collect, options.regrade].count(None) != 2:
        parser.error("give one of OUT, --collect FOLDER and --regrade FOLDER")
    for option, command in GOES_WITH.items():
        if getattr(options, option) and not getattr(options, command):
            parser.error(f"--{option} goes with {'OUT' if command == 'out' else f'--{command}'}")
    if options.csv and options.csv == options.summary:
        parser.error("--csv and --summary name the same file; give two")
    if options.solutions and (options.repository or options.slides):
        parser.error("what students see, a repository or slides, has no solutions")
    return options


if __name__ == "__main__":
    main()
