"""Small things about files and streams that every other module may need."""

import os
import sys

PLAIN = str.maketrans({"≈": "~", "✓": "+", "✗": "x", "·": "-"})


def free_name(path, ending):
    """The first of `path.ending-1`, `path.ending-2`, ... that no file has."""
    number = 1
    while (name := path.with_name(f"{path.name}.{ending}-{number}")).exists():
        number += 1
    return name


def set_aside(path, ending):
    """Rename a file, if it is there, to the first free name of `path.ending-1`, `-2`, ...

    Returns:
        The new path, or None if there was nothing to rename.

    Raises:
        OSError: it cannot be renamed, and stays where it is.
    """
    return path.rename(free_name(path, ending)) if path.exists() else None


def oddity(path):
    """What a path leads to that is neither nothing nor a plain file, such as "a folder"; else None.

    Who opens a named pipe waits until somebody writes into it.
    """
    if path.is_file() or not path.exists():
        return None
    kinds = {"a folder": path.is_dir, "a named pipe": path.is_fifo, "a socket": path.is_socket}
    return next((kind for kind, is_one in kinds.items() if is_one()), "a device")


def refuse_oddity(path):
    """Raise OSError if this path of a file leads to something else."""
    if kind := oddity(path):
        raise OSError(f"{path} is {kind}; it must be a plain file")


def read_plain(path):
    """The bytes of a plain file.

    Raises:
        OSError: it is none, or it cannot be read.
    """
    refuse_oddity(path)
    return path.read_bytes()


def refuse_file(folder):
    """Raise NotADirectoryError if this path of a folder is one of a file."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; give a folder")


def refuse_existing(paths, force=False):
    """Raise FileExistsError if one of these files is there already, unless `force` is given."""
    existing = ", ".join(str(path) for path in paths if os.path.lexists(path))
    if existing and not force:
        raise FileExistsError(f"there already: {existing}. Nothing was written; try --force")


def say(text, stream=None):
    """Print a line, also where the stream has no ≈: on Windows, output sent to a file has none.

    Args:
        text: the line.
        stream: where to; default: `sys.stdout`.
    """
    print(printable(text, stream), file=stream or sys.stdout)


def printable(text, stream=None):
    """The text in the characters that the stream (default: `sys.stdout`) can take."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode(encoding, errors="replace").decode(encoding)
