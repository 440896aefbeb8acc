"""Small things about files and streams that every other module may need."""

import os
import shutil
import sys
from contextlib import ExitStack

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
    existing = [str(path) for path in paths if os.path.lexists(path)]
    if existing and not force:
        more = f" and {len(existing) - 5} more" if len(existing) > 5 else ""
        shown = ", ".join(existing[:5]) + more
        raise FileExistsError(f"there already: {shown}. Nothing was written; try --force")


def write_together(contents):
    """Write all of these files, or none: if one fails, what was there before is there again.

    A file that is replaced is not written into: what else leads to it, by a link, stays as it was.

    Args:
        contents: a dict from `Path` to bytes. Missing folders are made.

    Raises:
        OSError: a file cannot be written, or something else is in its place: a folder, a device.
    """
    with ExitStack() as undo:
        parts, replaced = {}, []
        for path, content in contents.items():
            refuse_oddity(path)
            _make_folder(path.parent, undo)
            parts[path] = part = free_name(path, "part")
            undo.callback(part.unlink, missing_ok=True)
            part.write_bytes(content)
            if path.exists():
                shutil.copymode(path, part)
        for path, part in parts.items():
            if os.path.lexists(path):
                replaced.append(before := free_name(path, "before"))
                os.replace(path, before)
                undo.callback(os.replace, before, path)
            else:
                undo.callback(path.unlink, missing_ok=True)
            os.replace(part, path)
        undo.pop_all()
    for before in replaced:
        before.unlink()


def write_and_say(contents):
    """What `write_together` does; then print the path of each file."""
    write_together(contents)
    for path in contents:
        say(str(path))


def _make_folder(folder, undo):
    """Make a folder and those above it; `undo`, an `ExitStack`, learns to remove the new ones."""
    for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        missing.mkdir()
        undo.callback(missing.rmdir)


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


def on_one_line(text):
    """The text without the control characters and broken bytes that a file name may have."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
