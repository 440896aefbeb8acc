"""Damaged files, bad download mirrors and full disks: what becomes of MNIST, and of the files."""

import gzip
import os
import random
import socket
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch
from torchvision.datasets import MNIST

from mnist_helpers.data import load_mnist
from mnist_helpers.sources import mnist

REAL = Path(__file__).resolve().parent.parent.parent / "shared/data/MNIST/raw"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def snapshot(folder):
    """Every file below a folder, with its bytes."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def is_mnist(splits, contents, step=1):
    """Whether every label and every step-th image are those of four uncompressed files."""

    def stored(name, header):
        return torch.frombuffer(bytearray(contents[name][header:]), dtype=torch.uint8)

    return all(
        digits.source == "mnist"
        and torch.equal(digits.labels, stored(f"{part}-labels-idx1-ubyte", 8).long())
        and len(digits.images) == len(digits.labels)
        and torch.equal(
            (digits.images[::step] * 255).round().to(torch.uint8),
            stored(f"{part}-images-idx3-ubyte", 16).view(-1, 1, 28, 28)[::step],
        )
        for part, digits in zip(("train", "t10k"), splits, strict=True)
    )


# ---- damaged files -------------------------------------------------------------------------


def truncated(content, offset, chance):
    return content[:offset]


def flipped(content, offset, chance):
    return (
        content[:offset]
        + bytes([content[offset] ^ chance.randrange(1, 256)])
        + content[offset + 1 :]
    )


def damage_20(how, compressed, files, put, folder):
    """Put the four files on disk 20 times, one of them damaged; yields its path and its bytes."""
    chance = random.Random(0)
    for number in range(20):
        raw = put(files, compressed)
        path = sorted(raw.glob("*-ubyte*"))[number % 4]
        content = path.read_bytes()
        damaged = how(content, chance.randrange(len(content)), chance)
        path.write_bytes(damaged)
        yield path, damaged
        for left in folder.rglob("*-ubyte*"):
            left.unlink()


def outcome(splits, path, damaged, files, notice):
    """What became of a damaged file, in a word or two."""
    aside = path.with_name(f"{path.name}.damaged-1")
    if splits is not None and not is_mnist(splits, files):
        return "wrong digits"
    if aside.exists():
        kept = aside.read_bytes() == damaged and f"{path} is damaged" in notice
        return "set aside" if kept and splits else "set aside, no digits" if kept else "lost"
    # A flip in the time stamp of a .gz file changes no digit: the right digits are in it.
    return "content unharmed" if splits and path.read_bytes() == damaged else "lost"


@pytest.fixture(params=[True, False], ids=["compressed", "uncompressed"])
def compressed(request):
    return request.param


def load_20(how, compressed, files, put, folder, capsys):
    outcomes = Counter()
    for path, damaged in damage_20(how, compressed, files, put, folder):
        try:
            splits = load_mnist(folder, "mnist")
        except OSError as error:
            assert "the download failed" in str(error)
            splits = None
        outcomes[outcome(splits, path, damaged, files, capsys.readouterr().err)] += 1
    return outcomes


def test_file_truncated_at_20_offsets_is_set_aside_and_fetched_again_20_times(
    compressed, small_mnist, put, mirror, tmp_path, capsys
):
    outcomes = load_20(truncated, compressed, small_mnist, put, tmp_path, capsys)
    assert outcomes == {"set aside": 20}


def test_file_truncated_at_20_offsets_without_network_is_never_used_and_never_lost(
    compressed, small_mnist, put, no_network, tmp_path, capsys
):
    outcomes = load_20(truncated, compressed, small_mnist, put, tmp_path, capsys)
    assert outcomes == {"set aside, no digits": 20}


def test_file_flipped_at_20_bytes_gives_the_right_digits_20_times_and_is_never_lost(
    compressed, small_mnist, put, mirror, tmp_path, capsys
):
    outcomes = load_20(flipped, compressed, small_mnist, put, tmp_path, capsys)
    unharmed = outcomes["content unharmed"] if compressed else 0
    assert outcomes["set aside"] + unharmed == 20 and outcomes["set aside"] >= 10


def test_file_flipped_at_20_bytes_without_network_is_never_used_and_never_lost(
    compressed, small_mnist, put, no_network, tmp_path, capsys
):
    outcomes = load_20(flipped, compressed, small_mnist, put, tmp_path, capsys)
    unharmed = outcomes["content unharmed"] if compressed else 0
    kept = outcomes["set aside, no digits"]
    assert kept + unharmed == 20 and kept >= 10


def test_flip_in_each_of_the_6_gzip_bytes_that_hold_no_digits_moves_nothing_6_of_6(
    small_mnist, put, no_network, tmp_path
):
    unharmed = 0
    for offset in range(4, 10):  # the time, the level and the system that it was packed with
        path = put(small_mnist) / "t10k-labels-idx1-ubyte.gz"
        path.write_bytes(flipped(path.read_bytes(), offset, random.Random(offset)))
        before = snapshot(tmp_path)
        splits = load_mnist(tmp_path, "mnist")
        unharmed += is_mnist(splits, small_mnist) and snapshot(tmp_path) == before
    assert unharmed == 6


# ---- bad mirrors ---------------------------------------------------------------------------

# What the mirror does -> what the learner is told.
FAULTS = {
    403: "HTTP Error 403: Forbidden",
    404: "HTTP Error 404: Not Found",
    "never answers": "timed out",
    "hangs halfway": "timed out",
    "sends half a file": "File not found or corrupted",
    "sends half a file in chunks": "IncompleteRead",
    "sends the wrong file": "File not found or corrupted",
    "sends another digit file": "File not found or corrupted",
    "hangs up": "closed connection without response",
    "speaks no HTTP": "SSH-2.0",
}


@pytest.fixture
def impatient(monkeypatch):
    """Give up on a mirror that hangs after 1 second already."""
    monkeypatch.setattr(mnist, "PATIENCE", 1)


@pytest.fixture(params=FAULTS)
def fault(request):
    if request.param in ("never answers", "hangs halfway"):
        request.getfixturevalue("impatient")
    return request.param


@pytest.fixture
def files(request, monkeypatch):
    """A folder of four .gz files for a mirror to serve: MNIST itself, or else a made-up one."""
    for variable in ("MNIST_HELPERS_DATA", "MNIST_HELPERS_SOURCE"):
        monkeypatch.delenv(variable, raising=False)
    if all((REAL / name).exists() for name, _ in MNIST.resources):
        return REAL
    return request.getfixturevalue("packed")


@cache
def unpacked(folder):
    return {p.stem: gzip.decompress(p.read_bytes()) for p in folder.glob("*-ubyte.gz")}


def test_only_mirror_is_bad_so_the_reason_is_told_and_nothing_half_downloaded_stays(
    fault, files, serve, monkeypatch, tmp_path
):
    monkeypatch.setattr(MNIST, "mirrors", [address := serve(files, fault)])
    with pytest.raises(OSError, match="MNIST cannot be loaded.*copy the four files") as error:
        load_mnist(tmp_path, "mnist")
    assert FAULTS[fault] in str(error.value) and address in str(error.value)
    assert snapshot(tmp_path) == {}
    assert list(tmp_path.glob("download-*")) == []
    assert socket.getdefaulttimeout() is None


def test_first_mirror_is_bad_so_the_second_gives_mnist(fault, files, serve, monkeypatch, tmp_path):
    monkeypatch.setattr(MNIST, "mirrors", [serve(files, fault), serve(files)])
    assert is_mnist(load_mnist(tmp_path, "mnist"), expected := unpacked(files), step=20)
    found = snapshot(tmp_path)
    raw = Path("MNIST/raw")
    assert {path.name: found[path] for path in found if not path.suffix} == expected
    assert set(found) == {raw / name for name in expected} | {
        raw / f"{name}.gz" for name in expected
    }
    assert list(tmp_path.glob("download-*")) == []


@pytest.mark.parametrize("fault", ["never answers", "sends half a file in chunks"], indirect=True)
def test_only_mirror_is_bad_so_auto_gives_the_stand_in_loudly(
    fault, files, serve, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(MNIST, "mirrors", [serve(files, fault)])
    train, test = load_mnist(tmp_path)
    notice = capsys.readouterr().err
    assert (train.source, test.source) == ("standin", "standin")
    assert "THIS IS NOT MNIST" in notice and FAULTS[fault] in notice
    assert snapshot(tmp_path) == {}


def test_every_one_of_10_bad_mirrors_is_named_with_its_reason(
    packed, serve, impatient, monkeypatch, tmp_path
):
    addresses = {serve(packed, fault): reason for fault, reason in FAULTS.items()}
    monkeypatch.setattr(MNIST, "mirrors", list(addresses))
    with pytest.raises(OSError) as error:
        load_mnist(tmp_path, "mnist")
    told = [a in str(error.value) and reason in str(error.value) for a, reason in addresses.items()]
    assert sum(told) == 10 and snapshot(tmp_path) == {}


def test_damaged_file_and_only_bad_mirrors_loses_none_of_the_4_files(
    small_mnist, put, packed, serve, monkeypatch, tmp_path
):
    raw = put(small_mnist)
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    before = snapshot(raw)
    monkeypatch.setattr(MNIST, "mirrors", [serve(packed, 404), serve(packed, "sends half a file")])
    with pytest.raises(OSError, match="the download failed"):
        load_mnist(tmp_path, "mnist")
    before[Path("t10k-labels-idx1-ubyte.gz.damaged-1")] = before.pop(
        Path("t10k-labels-idx1-ubyte.gz")
    )
    assert snapshot(raw) == before


# ---- folders that take no files ------------------------------------------------------------


@pytest.fixture
def damaged_set(small_mnist, tmp_path):
    """Write the four made-up files below a folder, one of them damaged; returns MNIST/raw."""

    def write(folder):
        raw = folder / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name, content in small_mnist.items():
            (raw / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        (raw / "t10k-images-idx3-ubyte.gz").write_bytes(b"damaged")
        return raw

    return write


def test_disk_full_during_the_download_loses_nothing_and_leaves_nothing_half_written(
    disk, damaged_set, small_mnist, mirror
):
    root = disk("size=64k")
    raw = damaged_set(root)
    before = snapshot(raw)
    with pytest.raises(OSError, match="the download failed.*No space left on device"):
        load_mnist(root, "mnist")
    damaged = Path("t10k-images-idx3-ubyte.gz")
    before[damaged.with_name(f"{damaged}.damaged-1")] = before.pop(damaged)
    assert snapshot(raw) == before
    assert [path.name for path in root.iterdir()] == ["MNIST"]

    disk("size=1m")  # with room, the same call succeeds
    assert is_mnist(load_mnist(root, "mnist"), small_mnist)


def test_19_disks_that_fill_up_at_different_moments_leave_nothing_half_written_19_of_19(
    disk, small_mnist, mirror
):
    root = disk("size=4k")
    left_nothing = 0
    for kilobytes in range(4, 80, 4):  # the eight files of a whole download take 80 kB
        disk(f"size={kilobytes}k")
        with pytest.raises(OSError, match="MNIST cannot be loaded.*No space left on device"):
            load_mnist(root, "mnist")
        left_nothing += snapshot(root) == {} and not list(root.glob("download-*"))
    assert left_nothing == 19


def test_disk_that_cannot_be_written_says_so_and_keeps_all_4_files(
    disk, damaged_set, mirror, capsys
):
    root = disk("size=1m")
    raw = damaged_set(root)
    before = snapshot(root)
    disk("ro,size=1m")
    with pytest.raises(OSError, match="that folder is not writable"):
        load_mnist(root, "mnist")
    assert f"{raw / 't10k-images-idx3-ubyte.gz'} is damaged and stays" in capsys.readouterr().err
    assert snapshot(root) == before


@pytest.mark.skipif(
    ROOT or not hasattr(os, "geteuid"), reason="the administrator may write anywhere"
)
def test_folder_that_cannot_be_written_says_so_and_keeps_all_4_files(
    damaged_set, mirror, tmp_path, capsys
):
    raw = damaged_set(tmp_path)
    before = snapshot(tmp_path)
    raw.chmod(0o555)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OSError, match="that folder is not writable"):
            load_mnist(tmp_path, "mnist")
    finally:
        tmp_path.chmod(0o755)
        raw.chmod(0o755)
    assert "t10k-images-idx3-ubyte.gz is damaged and stays" in capsys.readouterr().err
    assert snapshot(tmp_path) == before


def test_path_below_a_file_says_so_and_leaves_the_file_as_it_was(small_mnist, mirror, tmp_path):
    (tmp_path / "MNIST").write_bytes(b"mine")
    with pytest.raises(OSError, match="that folder is not writable"):
        load_mnist(tmp_path, "mnist")
    assert snapshot(tmp_path) == {Path("MNIST"): b"mine"}
