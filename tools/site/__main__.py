"""Build the site of the course from its stored notebooks. Nothing is executed.

    python -m tools.site              # into site/
    python -m tools.site OUT          # into another folder
    python -m tools.site --serve      # and show it at an address of this computer

Every page works from a USB stick, too; only the playground needs a server.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from mnist_helpers.course import COURSE
from mnist_helpers.files import refuse_file, say
from tools.site import pages
from tools.site.server import served

HERE = Path(__file__).parent
PLAYGROUND = HERE / "playground"


def build(out, course=COURSE, playground=PLAYGROUND):
    """Write the site into the folder `out`, in place of an earlier one.

    Returns:
        Whether it has a playground.

    Raises:
        ModuleNotFoundError: Sphinx is missing.
        OSError: `out` holds something else than a site of this course.
        RuntimeError: Sphinx warns, for example of a link that leads nowhere.
        ValueError: a lesson was never run.
    """
    refuse_other(out)
    has_playground = (playground / "index.html").is_file()
    with tempfile.TemporaryDirectory() as folder:
        source, html = Path(folder) / "source", Path(folder) / "html"
        pages.write(course, source, has_playground)
        run_sphinx(source, html, pages.place(course), has_playground)
        if has_playground:
            shutil.copytree(playground, html / "playground")
        if out.exists():
            refuse_additions(out, html)
            shutil.rmtree(out)
        shutil.copytree(html, out)
    return has_playground


def refuse_other(out):
    """Raise an OSError if this folder is there and holds anything but a site of this course."""
    refuse_file(out)
    inventory = out / "objects.inv"  # Sphinx writes the name of the project into it
    ours = inventory.is_file() and f"# Project: {pages.TITLE}\n".encode() in inventory.read_bytes()
    if out.exists() and any(out.iterdir()) and not ours:
        raise FileExistsError(f"{out} holds other files; give a folder that is new or empty")


def refuse_additions(old, new):
    """Raise an OSError if the folder of an old site holds what no site has, and so somebody's."""
    ours = {path.name for path in new.iterdir()} | {"playground"}
    if others := sorted(path.name for path in old.iterdir() if path.name not in ours):
        raise FileExistsError(
            f"{old} holds other files: {', '.join(others)}; move them, or give another folder"
        )


def run_sphinx(source, html, place, has_playground):
    """Turn the pages in the folder `source` into HTML, in a process of its own."""
    if find_spec("sphinx") is None:
        raise ModuleNotFoundError("Sphinx is missing", name="sphinx")
    settings = ["-A", "has_playground=yes"] if has_playground else []
    if place:
        owner, name = place[0].split("/")
        home = f"{owner.lower()}.github.io"
        address = f"https://{home}/" if name.lower() == home else f"https://{home}/{name}/"
        settings += ["-D", f"html_baseurl={address}", "-D", f"ogp_site_url={address}"]
        settings += ["-A", f"repository=https://github.com/{place[0]}"]
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "-c", HERE]
    command += ["-d", html.with_name("doctrees"), *settings, source, html]
    done = subprocess.run(command, cwd=COURSE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"Sphinx could not build the site:\n{done.stderr}")


def serve(folder):
    """Show a folder at an address that only this computer reaches, until Ctrl + C."""
    with served(folder) as address, suppress(KeyboardInterrupt):
        print(f"{address} (Ctrl + C ends it)", flush=True)
        while True:  # on Windows, Ctrl + C does not end a wait for an event
            time.sleep(3600)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tools.site",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", nargs="?", type=Path, default=COURSE / "site", metavar="OUT")
    parser.add_argument("--serve", action="store_true", help="show it, until Ctrl + C")
    options = parser.parse_args(arguments)
    try:
        has_playground = build(options.out)
    except ModuleNotFoundError as error:
        sys.exit(f'site: {error.name} is missing; run  pip install -e ".[site]"')
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"site: {error}")
    without = "" if has_playground else ", without a playground: tools/site/playground has no page"
    say(f"{options.out}{without}")
    if options.serve:
        serve(options.out)


if __name__ == "__main__":
    main()
