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
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from mnist_helpers.course import COURSE, data_folder
from mnist_helpers.teaching.confined import ISOLATION

MEMORY = 3_000_000_000  # bytes that a kernel and all that it has started may use
DISK = 300_000_000  # bytes in its folder
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


@cache
def isolation():
    """What to put before a command so that it has no network and changes no file but in a folder.

    Returns:
        A list of arguments, which the folder has to follow; empty where the system has no such
        thing, or does not permit it.
    """
    if sys.platform != "linux" or not shutil.which("unshare") or not shutil.which("setpriv"):
        return []
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run([*ISOLATION, folder, "true"], capture_output=True)
    return [] if tried.returncode else ISOLATION


@contextmanager
def kernel(folder, trusted=False):
    """A fresh kernel, and a function `run(code, seconds)` for it.

    `run` returns the outputs, as those of a notebook's cell, and raises Stopped.

    Args:
        folder: what it may write into, a `Path`; it is the kernel's current folder and its home.
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
    before = [] if trusted or not isolation() else [*isolation(), str(folder)]
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
            if reason := self._excess():
                self.reason = reason
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
        if _size(self.folder) > DISK:
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
    """Bytes of all files in a folder."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += Path(root, name).lstat().st_size
    return total
