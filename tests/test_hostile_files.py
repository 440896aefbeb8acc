"""Files that are not what their names say: packed, swollen, a bit changed, or no files."""

import copy
import gzip
import io
import os
import random
import shutil
import socket
import subprocess
import sys
import tracemalloc
import zipfile
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path

import pytest
import torch

from mnist_helpers import checkpoints, devices, drawing, judging, models
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.course import COURSE, JUDGES, WEIGHTS, data_folder
from mnist_helpers.data import Digits, load_mnist
from mnist_helpers.files import oddity
from mnist_helpers.sources import mnist
from mnist_helpers.stored import stored_weights
from mnist_helpers.training import fit, reconstruction
from tests.killed import curves, train

# ---- checkpoints ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    """The run that nobody disturbs."""
    return train()


@pytest.fixture
def path(tmp_path):
    """The checkpoint of a run that has ended; the one before it lies beside it."""
    train(path := tmp_path / "runs" / "dense.pt")
    return path


def repack(path, compression=zipfile.ZIP_STORED, edit=lambda name, content: content, more=()):
    """Write a checkpoint anew, with other entries, or compressed."""
    with zipfile.ZipFile(path) as archive:
        entries = [(name, edit(name, archive.read(name))) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in [*entries, *more]:
            archive.writestr(name, content)


def overlapping(path):
    """Let the table at the end of the file name each entry a hundred times."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.filelist *= 100
        archive.writestr("archive/more", b"")


def pickled(name, content, instead):
    return instead if name.endswith("data.pkl") else content


def with_part(path, part, **change):
    content = torch.load(path, weights_only=True)
    content[part].update(change)
    torch.save(content, path)


def with_recipe(path, recipe):
    torch.save(torch.load(path, weights_only=True) | {"recipe": recipe}, path)


def many_lists(levels=30):
    """A list whose repr would have 10 ** 30 numbers; a checkpoint holds it in a few bytes."""
    nested = [1]
    for _ in range(levels):
        nested = [nested] * 10
    return nested


HUGE = torch.zeros(1).expand(10**6, 10**6)  # four bytes that say they are 4 TB
RECIPE, STATE = partial(with_part, part="recipe"), partial(with_part, part="state")
NO_RECIPE, NO_FIT = "its recipe is no dict of texts and numbers", "its state does not fit this run"

# What is done to a checkpoint, and what the learner is told about it.
HOSTILE = {
    "compressed": (partial(repack, compression=zipfile.ZIP_DEFLATED), "it is compressed"),
    "entries on top of each other": (overlapping, "says that it holds more"),
    "a damaged table of contents": (
        partial(repack, edit=partial(pickled, instead=b"garbage")),
        "it is damaged",
    ),
    "an empty table of contents": (
        partial(repack, edit=partial(pickled, instead=b"")),
        "it is damaged",
    ),
    "no recipe": (partial(with_recipe, recipe=None), NO_RECIPE),
    "a list as recipe": (partial(with_recipe, recipe=[1, 2]), NO_RECIPE),
    "numbers as names": (partial(with_recipe, recipe={1: 2}), NO_RECIPE),
    "a tensor in the recipe": (partial(RECIPE, batch_size=torch.arange(5)), NO_RECIPE),
    "lists in the recipe": (partial(RECIPE, objective=[[1, [2]]]), NO_RECIPE),
    "endless lists in the recipe": (partial(RECIPE, objective=many_lists()), "parts"),
    "a text of 10 MB": (partial(RECIPE, objective="x" * 10**7), "holds another run: objective is"),
    "a name of 10 MB": (partial(RECIPE, **{"k" * 10**7: 1}), "holds another run: kkk"),
    "100,000 names": (
        partial(RECIPE, **{f"key {n}": n for n in range(100_000)}),
        "and 99997 more",
    ),
    "endless lists in the state": (partial(STATE, optimizer=many_lists()), "parts"),
    "other weights": (partial(STATE, model={"a": torch.ones(3)}), NO_FIT),
    "huge weights": (partial(STATE, model={"encoder.1.weight": HUGE}), NO_FIT),
    "step NaN": (partial(STATE, step=float("nan")), f"{NO_FIT}: it is at step nan of 10"),
    "step -3": (partial(STATE, step=-3), f"{NO_FIT}: it is at step -3 of 10"),
    "a text as step": (partial(STATE, step="3"), NO_FIT),
    "a text as loss": (partial(STATE, loss="abc"), NO_FIT),
    "a text as history": (partial(STATE, history="x"), NO_FIT),
    "a longer history": (partial(STATE, history={"train_loss": [0.1] * 9}), "differ in length"),
    "a million threads": (partial(STATE, threads=10**6), f"{NO_FIT}: it takes 1000000 threads"),
    "another state": (partial(STATE, mine=1), "its state is none of a run"),
}


def test_24_hostile_checkpoints_get_a_short_right_reason_and_stay_as_they_were_24_of_24(path):
    kept = path.read_bytes()
    path.with_name("dense.pt.previous").unlink()
    right = 0
    for make, words in HOSTILE.values():
        path.write_bytes(kept)
        make(path)
        hostile = path.read_bytes()
        with pytest.raises(ValueError) as error:
            train(path)
        said = str(error.value).replace(str(path), "")
        assert words in said and len(said) < 500, said[:1000]
        right += path.read_bytes() == hostile
    assert right == 24 == len(HOSTILE)


def test_state_that_fits_only_in_part_is_undone_and_the_file_before_it_is_loaded(
    path, whole, capsys
):
    STATE(path, random=[1])  # weights and optimizer are loaded by then
    run = train(path)
    assert "Going back to dense.pt.previous" in capsys.readouterr().err
    assert all(map(torch.equal, run[0].state_dict().values(), whole[0].state_dict().values()))
    assert curves(run[1]) == curves(whole[1])


def test_refused_state_leaves_the_model_as_it_was(tmp_path):
    digits = Digits(torch.rand(40, 1, 28, 28), torch.arange(40) % 10)
    settings = dict(epochs=1, verbose=False, callbacks=[Checkpoint(tmp_path / "run.pt")])
    fit(models.DenseAutoencoder(4), digits, reconstruction, **settings)
    STATE(tmp_path / "run.pt", random=[1])
    model = models.DenseAutoencoder(4)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=NO_FIT):
        fit(model, digits, reconstruction, **settings)
    assert all(map(torch.equal, model.state_dict().values(), before.values()))


def peak_memory_of_reading(path):
    """Print by how many MB the memory of this process grew, and why it could not read the file."""
    import resource

    def peak():
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

    before = peak()
    with pytest.raises(ValueError) as error:
        checkpoints.read(Path(path))
    print(peak() - before, error.value)


def in_another_process(call):
    """What a call in this module prints; a call that hangs is stopped, and fails the test."""
    command = [sys.executable, "-c", f"from tests.test_hostile_files import *; {call}"]
    run = subprocess.run(command, cwd=COURSE, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_checkpoint_that_unpacks_to_200_mb_is_refused_within_50_mb(tmp_path):
    pytest.importorskip("resource")  # Windows has none
    path = tmp_path / "run.pt"
    content = io.BytesIO()
    torch.save({"recipe": {}, "state": {"weights": torch.zeros(5 * 10**7)}}, content)
    with zipfile.ZipFile(content) as archive, zipfile.ZipFile(path, "w", 8, True, 1) as packed:
        for name in archive.namelist():
            packed.writestr(name, archive.read(name))
    assert path.stat().st_size < 5e6
    grown, _, reason = in_another_process(f"peak_memory_of_reading({str(path)!r})").partition(" ")
    assert float(grown) < 50 and "it is compressed" in reason


# ---- weights that come with the course -----------------------------------------------------


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """Copies of the four stored networks: the path of each -> what loads it."""
    monkeypatch.setattr(models, "WEIGHTS", shutil.copytree(WEIGHTS, tmp_path / "weights"))
    monkeypatch.setattr(judging, "JUDGES", shutil.copytree(JUDGES, tmp_path / "judges"))
    digits = Digits(torch.rand(2, 1, 28, 28), torch.arange(2), "mnist")
    loaders = {p: partial(models.pretrained, p.stem) for p in models.WEIGHTS.glob("*.pt")}
    return loaders | {judging.JUDGES / "mnist.pt": partial(judging.judge_for, digits)}


def refused(load, path, words):
    """Whether a network is not loaded, and the reason names the file and what helps."""
    with pytest.raises(OSError) as error:
        load()
    said = str(error.value)
    return all(x in said for x in (str(path), words, f"git checkout {path.stem}.*"))


def test_4_stored_networks_load_and_none_of_80_flipped_bits_is_loaded(networks):
    rng, noticed = random.Random(0), 0
    for path, load in networks.items():
        whole = path.read_bytes()
        assert not load().training
        for _ in range(20):
            flipped = bytearray(whole)
            flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
            noticed += refused(load, path, "is damaged: its sha256")
    assert noticed == 80 and len(networks) == 4


def test_3_other_faults_of_4_stored_networks_are_told_apart_12_of_12(networks):
    told = 0
    for path, load in networks.items():
        zeros = bytes(path.stat().st_size)
        for content, words in (
            (zeros, "is damaged: its sha256"),
            (b"", "is empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "`git lfs pull`"),
        ):
            path.write_bytes(content)
            told += refused(load, path, words)
    assert told == 12


def test_2_faults_of_the_text_beside_4_stored_networks_are_told_8_of_8(networks):
    told = 0
    for path in networks:
        for content in (b"", b"version https://git-lfs.github.com/spec/v1\n"):
            path.with_suffix(".json").write_bytes(content)
            words = "cannot be checked: the .json beside it is damaged"
            told += refused(partial(stored_weights, path), path, words)
    assert told == 8


# ---- no files ------------------------------------------------------------------------------


def no_files(folder):
    """Put a folder, a link to a device and, where there are such, a pipe and a socket there."""
    (folder / "folder").mkdir()
    kinds = {folder / "folder": "a folder"}
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        (folder / "device").symlink_to(os.devnull)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(folder / "socket"))  # a long path is refused
        names = {"pipe": "a named pipe", "device": "a device", "socket": "a socket"}
        kinds |= {folder / name: kind for name, kind in names.items()}
    return kinds


def test_4_kinds_of_no_file_are_named_and_files_and_links_to_files_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert all(oddity(path) == kind for path, kind in no_files(tmp_path).items())
    (tmp_path / "file").write_bytes(b"")
    assert oddity(tmp_path / "file") is oddity(tmp_path / "nothing") is None
    if hasattr(os, "mkfifo"):  # a system on which everybody may make links
        (tmp_path / "link").symlink_to(tmp_path / "file")
        assert oddity(tmp_path / "link") is None


def open_pipes(folder):
    """Print what is said where a named pipe is in place of each of eleven files."""
    folder = models.WEIGHTS = judging.JUDGES = drawing.DRAWINGS = Path(folder)
    shutil.copy(WEIGHTS / "conv-2d.json", folder)
    digits = Digits(torch.rand(2, 1, 28, 28), torch.arange(2), "mnist")
    calls = {
        "train-images-idx3-ubyte": partial(mnist.find, folder, "train-images-idx3-ubyte"),
        "t10k-labels-idx1-ubyte.gz": partial(mnist.find, folder, "t10k-labels-idx1-ubyte"),
        "conv-2d.pt": partial(models.pretrained, "conv-2d"),
        "conv-2d-5.json": partial(models.pretrained, "conv-2d-5"),
        "mnist.pt": partial(judging.judge_for, digits),
        "two.json": partial(drawing.stored, "two"),
        "a.pt": partial(train, folder / "a.pt"),
        "b.pt.previous": partial(train, folder / "b.pt"),
        "c.pt.new": partial(train, folder / "c.pt"),
        "d.pt.lock": partial(train, folder / "d.pt"),
        "e.pt": partial(checkpoints.read, str(folder / "e.pt")),
    }
    for name, call in calls.items():
        os.mkfifo(folder / name)
        try:
            with redirect_stderr(sys.stdout):
                call()
        except OSError as error:
            print(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_11_named_pipes_in_place_of_files_hang_nothing_are_named_and_stay_11_of_11(tmp_path):
    said = in_another_process(f"open_pipes({str(tmp_path)!r})").splitlines()
    assert [str(tmp_path) in line and " is a named pipe" in line for line in said] == [True] * 11
    assert sum(path.is_fifo() for path in tmp_path.iterdir()) == 11


def test_4_kinds_of_no_file_in_place_of_mnist_are_kept_aside_and_the_file_is_fetched_4_of_4(
    small_mnist, put, mirror, tmp_path, monkeypatch, capsys
):
    (tmp_path / "kinds").mkdir()
    monkeypatch.chdir(tmp_path)
    fetched = 0
    kinds = no_files(tmp_path / "kinds")
    for number, (path, kind) in enumerate(kinds.items(), start=1):
        place = put(small_mnist) / "t10k-labels-idx1-ubyte.gz"
        place.with_suffix("").unlink(missing_ok=True)
        place.unlink()
        path.rename(place)
        train, _ = load_mnist(tmp_path, "mnist")
        aside = place.with_name(f"{place.name}.damaged-{number}")
        assert f"{place} is {kind}. It is kept as {aside.name}." in capsys.readouterr().err
        fetched += len(train) == 30 and oddity(aside) == kind
    assert fetched == len(kinds) == (4 if hasattr(os, "mkfifo") else 1)


def test_mnist_file_that_unpacks_to_1_gb_is_kept_aside_within_150_mb(
    small_mnist, put, no_network, tmp_path, capsys
):
    place = put(small_mnist) / "t10k-labels-idx1-ubyte.gz"
    with gzip.open(place, "wb", 1) as file:
        for _ in range(1000):
            file.write(bytes(10**6))
    tracemalloc.start()
    with pytest.raises(OSError, match="the download failed"):
        load_mnist(tmp_path, "mnist")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"{place} is damaged. It is kept as" in capsys.readouterr().err and peak < 150e6


# ---- settings ------------------------------------------------------------------------------


def test_4_settings_that_are_empty_or_blank_count_as_unset_8_of_8(
    small_mnist, put, tmp_path, monkeypatch
):
    put(small_mnist)
    model = models.ConvAutoencoder()
    asked = {
        "DATA": data_folder,
        "SOURCE": lambda: load_mnist(tmp_path)[0].source,
        "CHECKPOINTS": checkpoints.folder,
        "PRECISION": lambda: devices.pick_precision(model, "cpu"),
    }
    counted = 0
    for name, ask in asked.items():
        monkeypatch.delenv(f"MNIST_HELPERS_{name}", raising=False)
        unset = ask()
        for value in ("", "  "):
            monkeypatch.setenv(f"MNIST_HELPERS_{name}", value)
            counted += ask() == unset
    assert counted == 8


def test_blanks_around_a_setting_are_none_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_HELPERS_DATA", f"{tmp_path} ")  # as `set` on Windows leaves it
    assert data_folder() == tmp_path
