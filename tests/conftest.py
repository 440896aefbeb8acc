"""Small data for the unit tests: digits made in milliseconds, and MNIST files made of them."""

import gzip
import hashlib
import http.server
import os
import shutil
import struct
import subprocess
import sys
import threading
from functools import partial

import matplotlib
import pytest
import torch
from torchvision.datasets import MNIST

from mnist_helpers.data import Digits, load_mnist
from mnist_helpers.sources import mnist
from tools.site.measure import CHROMIUM

matplotlib.use("agg")


@pytest.fixture
def digits():
    """200 images that can be learned: digit d is a bright row at height 2 d + 4, with noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 10
    images = torch.rand(200, 1, 28, 28, generator=generator) * 0.2
    images[torch.arange(200), 0, 2 * labels + 4] += 0.8
    return Digits(images, labels)


@pytest.fixture
def small_mnist(monkeypatch):
    """The four files of a made-up MNIST, 30 + 10 images: name -> uncompressed bytes.

    The md5 sums that the loader checks are set to theirs.
    """
    generator = torch.Generator().manual_seed(0)
    files = {}
    for part, count in (("train", 30), ("t10k", 10)):
        pixels = torch.randint(256, (count, 28, 28), dtype=torch.uint8, generator=generator)
        labels = torch.arange(count, dtype=torch.uint8) % 10
        header = struct.pack(">IIII", 2051, count, 28, 28)
        files[f"{part}-images-idx3-ubyte"] = header + pixels.numpy().tobytes()
        files[f"{part}-labels-idx1-ubyte"] = (
            struct.pack(">II", 2049, count) + labels.numpy().tobytes()
        )
    for name, content in files.items():
        monkeypatch.setitem(mnist.MNIST_MD5, name, hashlib.md5(content).hexdigest())
    for variable in ("MNIST_HELPERS_DATA", "MNIST_HELPERS_SOURCE"):
        monkeypatch.delenv(variable, raising=False)
    return files


@pytest.fixture(scope="session")
def real_mnist():
    """MNIST itself, (train, test); the test is skipped where it is missing."""
    try:
        return load_mnist(source="mnist")
    except OSError as error:
        pytest.skip(f"MNIST is not on this computer: {error}")


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as control:
        chromium = control.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def no_network(monkeypatch):
    """Point torchvision at a port of this machine where nobody listens."""
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])


class Shelf(http.server.SimpleHTTPRequestHandler):
    """Serves the files of `folder`, those named t10k-* with the `fault` that it was given.

    The faulty ones are the last two of the four, so the download has something to lose by then.
    """

    protocol_version = "HTTP/1.1"  # the version that can send a file in chunks

    def __init__(self, *arguments, folder, fault, over):
        self.fault, self.over = fault, over
        super().__init__(*arguments, directory=folder)

    def do_GET(self):
        self.close_connection = True
        if self.fault is None or "t10k" not in self.path:
            return super().do_GET()
        path = self.translate_path(self.path)
        with open(path, "rb") as file:
            content = file.read()
        half = content[: len(content) // 2]
        if isinstance(self.fault, int):
            self.send_error(self.fault)
        elif self.fault == "never answers":
            self.over.wait()
        elif self.fault == "hangs halfway":
            self.answer("Content-Length", len(content), half)
            self.wfile.flush()
            self.over.wait()
        elif self.fault == "sends half a file":
            self.answer("Content-Length", len(content), half)
        elif self.fault == "sends half a file in chunks":
            self.answer("Transfer-Encoding", "chunked", b"%x\r\n%b" % (len(content), half))
        elif self.fault == "sends the wrong file":
            self.answer("Content-Length", len(half), half[::-1])
        elif self.fault == "sends another digit file":
            self.path = self.path.replace("t10k", "train")
            super().do_GET()
        elif self.fault == "hangs up":
            pass
        elif self.fault == "speaks no HTTP":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        else:
            raise ValueError(self.fault)

    def answer(self, header, value, body):
        self.send_response(200)
        self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Say nothing when a client hangs up early, which torchvision's first request does."""


@pytest.fixture
def serve():
    """Start download servers on this machine: `serve(folder, fault)` is the address of one."""
    servers, over = [], threading.Event()

    def start(folder, fault=None):
        server = Server(("127.0.0.1", 0), partial(Shelf, folder=folder, fault=fault, over=over))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def packed(small_mnist, monkeypatch, tmp_path_factory):
    """A folder with the made-up MNIST as .gz files, which torchvision takes for MNIST."""
    folder = tmp_path_factory.mktemp("mirror")
    resources = []
    for name, content in small_mnist.items():
        (folder / f"{name}.gz").write_bytes(gz := gzip.compress(content, mtime=0))
        resources.append((f"{name}.gz", hashlib.md5(gz).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)
    return folder


@pytest.fixture
def mirror(packed, serve, monkeypatch):
    """The folder of a download server that torchvision takes for the only MNIST mirror."""
    monkeypatch.setattr(MNIST, "mirrors", [serve(packed)])
    return packed


@pytest.fixture
def put(tmp_path):
    """Write files, compressed or not, where `load_mnist(tmp_path)` looks; returns that folder."""

    def write(files, compressed=True):
        raw = tmp_path / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = raw / (f"{name}.gz" if compressed else name)
            path.write_bytes(gzip.compress(content, mtime=0) if compressed else content)
        return raw

    return write


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own at tmp_path/"disk": `disk(options)` mounts it, or changes it."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        again = "remount," if os.path.ismount(folder) else ""
        command = ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        return folder

    if not (sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount")):
        pytest.skip("only the administrator of a Linux machine can mount a small disk")
    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)
