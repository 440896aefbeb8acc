"""Run code of learners in a process of its own, with limits on what it takes and touches."""

import logging
import os
import shutil
import site
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from functools import cache
from glob import glob
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from mnist_helpers.course import COURSE, data_folder
from mnist_helpers.teaching.confined import confine

MEMORY = 3_000_000_000  # bytes that a kernel and all that it has started may use
DISK = 300_000_000  # bytes in its folder
BLOCK = 4096  # bytes on disk that the smallest file takes
DEPTH = 20  # folders in folders
PROCESSES = 50
OUTPUTS = 10  # that are kept of a cell
QUIET = logging.getLogger(__name__)
QUIET.addHandler(logging.NullHandler())  # that a kernel dies is no news for the teacher
QUIET.propagate = False
OFTEN = 0.2  # seconds between two looks at what a kernel takes
KEPT = "PATH LANG LC_ALL SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT MNIST_HELPERS_SOURCE".split()


class Stopped(Exception):
    """Code did not run to its end.

    Args:
        state: "error", "out of time" or "out of memory".
        detail: a few words on what happened.
        is_over: whether the kernel can run nothing more.
    """

    def __init__(self, state, detail, is_over=True):
        super().__init__(detail)
        self.state, self.detail, self.is_over = state, detail, is_over


@contextmanager
def own_folder(parent=None):
    """A new folder, a `Path`; it goes away afterwards, whatever was put into it."""
    made = tempfile.TemporaryDirectory(prefix="regrade-", dir=parent, ignore_cleanup_errors=True)
    try:
        yield Path(made.name).resolve()
    finally:
        with suppress(RecursionError):
            made.cleanup()
        if os.name == "posix" and os.path.exists(made.name):
            subprocess.run(["rm", "-rf", made.name])  # folders too deep for Python


@cache
def isolation():
    """Whether this system can, and may, shut code off from the network and from other files."""
    if sys.platform != "linux" or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    with own_folder() as work, own_folder(work) as folder:
        written = "import mnist_helpers; open('written', 'w').close()"
        command = [*confine(folder), sys.executable, "-c", written]
        subprocess.run(command, env=_environment(folder), capture_output=True)
        return (folder / "written").exists()


@contextmanager
def kernel(folder, readable=(), trusted=False):
    """A fresh kernel, and a function `run(code, seconds)` for it.

    `run` returns the outputs, as those of a notebook's cell, and raises Stopped.

    Args:
        folder: what it may write into, a resolved `Path`; it is the kernel's current folder and
            its home. What lies beside it, the kernel cannot see, where the system permits that.
        readable: folders there that it may read.
        trusted: without limits, for the teacher's own code.
    """
    options = dict(kernel_name="python3", record_timing=False, shutdown_kernel="immediate")
    client = _Client(new_notebook(), log=QUIET, **options)
    manager = client.create_kernel_manager()
    manager.connection_file = str(folder / "kernel.json")
    if os.name == "posix":  # sockets that need no network
        manager.transport = "ipc"
    confined = ["-m", "mnist_helpers.teaching.confined"]
    module = ["-m", "ipykernel_launcher"] if trusted else confined
    before = [] if trusted or not isolation() else confine(folder, readable)
    manager.kernel_spec.argv = [*before, sys.executable, *module, "-f", "{connection_file}"]
    with open(os.devnull, "wb") as nowhere:
        streams = {"stdout": nowhere, "stderr": nowhere}
        with client.setup_kernel(env=_environment(folder), cwd=str(folder), **streams):
            watch = _Watch(manager.provisioner.pid, folder)
            if not trusted:
                watch.start()
            try:
                yield lambda code, seconds: _run(client, watch, code, seconds)
            finally:
                watch.kill()


class _Client(NotebookClient):
    def process_message(self, msg, cell, cell_index):
        """Keep a few outputs only: an answer may print without end."""
        is_shown = msg["msg_type"] in ("stream", "display_data", "execute_result", "error")
        if is_shown and len(cell.outputs) >= OUTPUTS or msg["msg_type"].startswith("comm"):
            return None
        if msg["msg_type"] == "stream":
            msg["content"]["text"] = msg["content"]["text"][:10_000]
        return super().process_message(msg, cell, cell_index)


def _run(client, watch, code, seconds):
    client.timeout = seconds
    client.nb.cells = [cell := new_code_cell(code)]
    try:
        client.execute_cell(cell, 0, store_history=False)
    except CellTimeoutError:
        raise Stopped("out of time", f"it ran for more than {seconds} seconds") from None
    except CellExecutionError as error:
        state = "out of memory" if _lacks_memory(error) else "error"
        raise Stopped(state, f"{error.ename}: {error.evalue}", is_over=False) from None
    except (DeadKernelError, RuntimeError):
        raise Stopped(*watch.reason or ("error", "its process ended")) from None
    return cell.outputs


def _lacks_memory(error):
    return error.ename == "MemoryError" or "allocate memory" in str(error.evalue)


def _environment(folder):
    """The few variables that a kernel needs: none that may hold a secret."""
    home = dict.fromkeys(["HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR"], folder)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    more = {
        "PYTHONPATH": COURSE,
        "PYTHONUSERBASE": site.getuserbase(),  # packages that are not in a virtual environment
        "MNIST_HELPERS_DATA": data_folder(),
        "MNIST_HELPERS_CHECKPOINTS": folder / "checkpoints",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": 1,
        "TQDM_DISABLE": 1,
    }
    return kept | {name: str(value) for name, value in (home | more).items()}


class _Watch(threading.Thread):
    """Looks at a process and all that it has started, and kills them when they take too much."""

    def __init__(self, pid, folder):
        super().__init__(daemon=True)
        self.process, self.folder = psutil.Process(pid), folder
        self.seen, self.reason, self.over = {self.process}, None, threading.Event()

    def run(self):
        while not self.over.wait(OFTEN):
            try:
                self.reason = self._excess()
            except Exception as error:  # what cannot be measured has no limit
                self.reason = "error", f"what it takes cannot be measured: {error}"
            if self.reason:
                return self.kill()

    def _excess(self):
        """The reason why it has to be stopped, as the arguments of Stopped; or None."""
        with suppress(psutil.Error):
            self.seen.update(self.process.children(recursive=True))
        running = [process for process in self.seen if process.is_running()]
        if len(running) > PROCESSES:
            return "error", f"it started more than {PROCESSES} processes"
        memory = 0
        for process in running:
            with suppress(psutil.Error):
                memory += process.memory_info().rss
        if memory > MEMORY:
            return "out of memory", f"it took more than {MEMORY / 1e9:g} GB of memory"
        if _size(self.folder) + _deleted(running) > DISK:
            return "error", f"it wrote more than {DISK / 1e6:g} MB"
        return None

    def kill(self):
        """End all that was seen running; the first one first, for it may take the others along."""
        self.over.set()
        with suppress(psutil.Error):
            self.seen.update(self.process.children(recursive=True))
        for process in [self.process, *self.seen]:
            with suppress(psutil.Error):
                process.kill()


def _size(folder):
    """Bytes of all that is in a folder; each file and folder has a block at least.

    Raises:
        ValueError: it holds too many folders in folders.
    """
    total, folders = 0, [(folder, 0)]
    while folders and total <= DISK:
        place, depth = folders.pop()
        if depth > DEPTH:
            raise ValueError(f"there are more than {DEPTH} folders in folders")
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, depth + 1))
                with suppress(FileNotFoundError):
                    total += max(entry.stat(follow_symlinks=False).st_size, BLOCK)
    return total


def _deleted(processes):
    """Bytes of files that processes hold open after they were deleted; only Linux tells."""
    sizes = {}
    for process in processes:
        for opened in glob(f"/proc/{process.pid}/fd/*"):
            with suppress(OSError):
                about = os.stat(opened)
                if not about.st_nlink:
                    sizes[about.st_dev, about.st_ino] = about.st_size
    return sum(sizes.values())
