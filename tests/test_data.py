import gzip
import os
import shutil
import subprocess
import sys

import pytest
import torch

from mnist_helpers.course import COURSE, PACKAGE
from mnist_helpers.data import Digits, batches, load_mnist, split
from mnist_helpers.sources import mnist


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ---- loading -------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [True, False])
def test_files_on_disk_become_digits(small_mnist, put, tmp_path, no_network, compressed):
    put(small_mnist, compressed)
    train, test = load_mnist(tmp_path)
    assert (train.images.shape, test.images.shape) == ((30, 1, 28, 28), (10, 1, 28, 28))
    assert train.images.dtype == torch.float32 and train.labels.dtype == torch.int64
    assert train.source == "mnist"
    stored = small_mnist["t10k-images-idx3-ubyte"][16:]
    assert (test.images * 255).round().to(torch.uint8).numpy().tobytes() == stored
    assert test.labels.tolist() == list(range(10))


@pytest.mark.skipif(
    os.environ.get("MNIST_HELPERS_SOURCE") != "mnist"
    and not (COURSE / "data/MNIST/raw/train-images-idx3-ubyte.gz").exists(),
    reason="MNIST is not here",
)
def test_real_mnist_has_its_known_statistics(monkeypatch):
    monkeypatch.delenv("MNIST_HELPERS_DATA", raising=False)
    train, test = load_mnist(source="mnist")
    assert len(train) == 60_000 and len(test) == 10_000
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.images.mean().item() == pytest.approx(0.1307, abs=1e-4)


def test_environment_variable_names_the_folder(small_mnist, put, tmp_path, monkeypatch):
    put(small_mnist)
    monkeypatch.setenv("MNIST_HELPERS_DATA", str(tmp_path))
    assert load_mnist()[0].source == "mnist"


def test_argument_goes_before_the_environment_variable(small_mnist, put, tmp_path, monkeypatch):
    put(small_mnist)
    monkeypatch.setenv("MNIST_HELPERS_DATA", str(tmp_path / "elsewhere"))
    assert load_mnist(tmp_path, "mnist")[0].source == "mnist"


def test_read_only_folder_with_compressed_files_alone(small_mnist, put, tmp_path, no_network):
    raw = put(small_mnist)
    before = snapshot(raw)
    raw.chmod(0o555)
    train, _ = load_mnist(tmp_path, "mnist")
    raw.chmod(0o755)
    assert len(train) == 30 and snapshot(raw) == before


# ---- sources -------------------------------------------------------------------------------

CLOTHES = """
import torch

def load(root):
    if root.name != "there":
        raise OSError(f"no clothes in {root}")
    return tuple((torch.rand(n, 1, 28, 28), torch.arange(n) % 10) for n in (40, 20))
"""


@pytest.fixture
def with_clothes(tmp_path):
    """Run code in a copy of the package that has one more file; its output, and its errors."""
    unused = shutil.ignore_patterns("__pycache__", "*.pt")
    package = shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=unused)
    (package / "sources" / "clothes.py").write_text(CLOTHES, encoding="utf-8")

    def run(code, source="auto"):
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "MNIST_HELPERS_SOURCE": source}
        code = f"import mnist_helpers\nfrom mnist_helpers.data import load_mnist\n{code}"
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        return done.stdout, done.stderr

    assert run("print(mnist_helpers.__file__)")[0].strip() == str(package / "__init__.py")
    return run


TOLD = "print(*[(len(x), x.source) for x in load_mnist({})])"


def test_new_source_is_one_new_file(with_clothes):
    both = "(40, 'clothes') (20, 'clothes')\n"
    assert with_clothes(TOLD.format("'there', source='clothes'")) == (both, "")
    assert with_clothes(TOLD.format("'there'"), source="clothes") == (both, "")
    known = with_clothes("from mnist_helpers.course import SOURCES\nprint(*SOURCES)")[0].split()
    assert known == sorted(known) and {"clothes", "mnist", "standin"} <= set(known)
    _, error = with_clothes("load_mnist(source='cloths')")
    assert f"ValueError: source is 'cloths'; it must be one of auto, {', '.join(known)}" in error


def test_new_source_that_cannot_be_loaded_is_not_replaced(with_clothes):
    _, error = with_clothes("load_mnist('elsewhere')", source="clothes")
    assert "OSError: no clothes in elsewhere" in error


LOADED = """
import sys
import mnist_helpers.{}
print(*sorted(name for name in sys.modules if name.startswith("mnist_helpers.")))
"""


@pytest.mark.parametrize("module", ["data", "sources.mnist", "sources.standin"])
def test_modules_of_data_know_nothing_of_models(module):
    command = [sys.executable, "-c", LOADED.format(module)]
    run = subprocess.run(command, cwd=COURSE, capture_output=True, text=True, check=True)
    allowed = {f"mnist_helpers.{name}" for name in (module, "course", "files", "sources")}
    assert set(run.stdout.split()) <= allowed


# ---- damage --------------------------------------------------------------------------------

DAMAGE = {
    "cut in half": lambda content: gzip.compress(content)[: len(content) // 2],
    "empty": lambda content: b"",
    "not gzip": lambda content: b"<html>Access denied</html>",
    "one byte flipped": lambda content: gzip.compress(content[:50] + b"\xff" + content[51:]),
    "one label short": lambda content: gzip.compress(content[:-1]),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_file_is_named_kept_and_fetched_again(
    how, small_mnist, put, tmp_path, mirror, capsys
):
    raw = put(small_mnist)
    damaged = DAMAGE[how](small_mnist["train-labels-idx1-ubyte"])
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(damaged)
    train, _ = load_mnist(tmp_path, "mnist")
    assert train.labels.tolist() == [n % 10 for n in range(30)]
    assert (raw / "train-labels-idx1-ubyte.gz.damaged-1").read_bytes() == damaged
    assert "train-labels-idx1-ubyte.gz is damaged" in capsys.readouterr().err


def test_damaged_uncompressed_file_gives_way_to_the_good_compressed_one(
    small_mnist, put, tmp_path, no_network
):
    raw = put(small_mnist)
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"x")
    assert load_mnist(tmp_path, "mnist")[1].labels.tolist() == list(range(10))
    assert (raw / "t10k-labels-idx1-ubyte.damaged-1").read_bytes() == b"x"


def test_second_damaged_file_does_not_replace_the_first(small_mnist, put, tmp_path, mirror):
    raw = put(small_mnist)
    for content in (b"first", b"second"):
        (raw / "t10k-labels-idx1-ubyte").write_bytes(content)
        load_mnist(tmp_path, "mnist")
    assert (raw / "t10k-labels-idx1-ubyte.damaged-1").read_bytes() == b"first"
    assert (raw / "t10k-labels-idx1-ubyte.damaged-2").read_bytes() == b"second"


# ---- download ------------------------------------------------------------------------------


def test_download_into_an_empty_folder(small_mnist, tmp_path, mirror):
    train, test = load_mnist(tmp_path / "new", "mnist")
    assert (len(train), len(test)) == (30, 10)
    left = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert left == ["MNIST"]  # no half-finished download beside it


def test_download_of_a_wrong_file_is_refused_and_leaves_nothing(small_mnist, tmp_path, mirror):
    (mirror / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(OSError, match="download failed"):
        load_mnist(tmp_path, "mnist")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_half_a_download_is_never_used(small_mnist, tmp_path, mirror):
    whole = (mirror / "train-images-idx3-ubyte.gz").read_bytes()
    (mirror / "train-images-idx3-ubyte.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match="download failed"):
        load_mnist(tmp_path, "mnist")
    (mirror / "train-images-idx3-ubyte.gz").write_bytes(whole)
    assert len(load_mnist(tmp_path, "mnist")[0]) == 30


def test_nothing_is_printed_to_stdout(small_mnist, tmp_path, mirror, capsys):
    load_mnist(tmp_path, "mnist")
    captured = capsys.readouterr()
    assert captured.out == "" and "Downloading MNIST" in captured.err


# ---- the stand-in --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standin():
    return load_mnist(source="standin")


def test_standin_looks_like_mnist_to_a_program(standin):
    train, test = standin
    for digits, count in ((train, 60_000), (test, 10_000)):
        assert digits.images.shape == (count, 1, 28, 28) and digits.images.dtype == torch.float32
        assert digits.images.min() == 0 and digits.images.max() == 1
        assert digits.labels.dtype == torch.int64 and digits.source == "standin"
        shares = digits.labels.bincount(minlength=10) / count
        assert shares.min() > 0.09 and shares.max() < 0.11


def test_standin_is_the_same_every_time(standin):
    assert torch.equal(load_mnist(source="standin")[1].images, standin[1].images)


def test_standin_is_loud_and_says_how_to_get_mnist(small_mnist, tmp_path, no_network, capsys):
    train, _ = load_mnist(tmp_path)
    notice = capsys.readouterr().err
    assert train.source == "standin"
    for words in (
        "THIS IS NOT MNIST",
        "the download failed",
        "numbers",
        str(tmp_path),
        "MNIST_HELPERS_DATA",
        *(f"{name}.gz" for name in mnist.MNIST_MD5),
    ):
        assert words in notice


def test_standin_that_was_asked_for_is_as_loud(capsys):
    load_mnist(source="standin")
    notice = capsys.readouterr().err
    assert "THIS IS NOT MNIST" in notice and "you asked for it" in notice and "numbers" in notice


def test_auto_can_be_told_the_source_by_the_environment(small_mnist, put, tmp_path, monkeypatch):
    put(small_mnist)
    monkeypatch.setenv("MNIST_HELPERS_SOURCE", "standin")
    assert load_mnist(tmp_path)[0].source == "standin"
    assert load_mnist(tmp_path, source="mnist")[0].source == "mnist"


# ---- bad input -----------------------------------------------------------------------------


def test_wrong_source_is_named_with_the_right_ones():
    with pytest.raises(ValueError, match="'minst'.*auto, .*mnist, "):
        load_mnist(source="minst")


def test_root_that_is_a_file(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"mine")
    with pytest.raises(NotADirectoryError, match="notes.txt is a file; give the folder"):
        load_mnist(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_bytes() == b"mine"


def test_mnist_insisted_on_but_not_to_be_had(small_mnist, tmp_path, no_network):
    with pytest.raises(OSError, match="download failed.*copy the four files"):
        load_mnist(tmp_path, source="mnist")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere"
)
def test_folder_that_cannot_be_written(small_mnist, tmp_path, mirror):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OSError, match="not writable"):
            load_mnist(tmp_path, source="mnist")
        assert load_mnist(tmp_path)[0].source == "standin"
    finally:
        tmp_path.chmod(0o755)


def test_folder_that_cannot_be_made(small_mnist, tmp_path, mirror):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="not writable.*copy the four files"):
        load_mnist(tmp_path / "file" / "data", source="mnist")


# ---- batches and splits --------------------------------------------------------------------


def test_batches_hold_every_image_once(digits):
    seen = torch.cat([images for images, _ in batches(digits, batch_size=64)])
    assert [len(labels) for _, labels in batches(digits, batch_size=64)] == [64, 64, 64, 8]
    assert {x.numpy().tobytes() for x in seen} == {x.numpy().tobytes() for x in digits.images}


def test_batches_keep_images_and_labels_together(digits):
    pairs = {x.numpy().tobytes(): int(y) for x, y in zip(*digits.tensors)}
    for images, labels in batches(digits, batch_size=7):
        assert all(pairs[x.numpy().tobytes()] == y for x, y in zip(images, labels))


def test_order_depends_on_the_seed_and_on_nothing_else(digits):
    def order(seed):
        return [labels.tolist() for _, labels in batches(digits, seed=seed)]

    first = order(0)
    torch.rand(5)
    assert order(0) == first != order(1)


def test_every_epoch_has_an_order_of_its_own(digits):
    loader = batches(digits, batch_size=200)
    (_, first), (_, second) = next(iter(loader)), next(iter(loader))
    assert first.tolist() != second.tolist()


def test_batches_leave_the_global_random_numbers_alone(digits):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    for _ in batches(digits):
        pass
    assert torch.rand(1) == expected


def test_split_has_no_image_on_both_sides(digits):
    train, valid = split(digits, 0.2)
    assert (len(train), len(valid)) == (160, 40)
    sides = [{x.numpy().tobytes() for x in part.images} for part in (train, valid)]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 200
    assert split(digits, 0.2)[1].labels.tolist() == valid.labels.tolist()


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, 0.001])
def test_split_that_leaves_a_side_empty(digits, fraction):
    with pytest.raises(ValueError, match="leaves one part empty"):
        split(digits, fraction)


def test_batch_size_zero_and_empty_dataset(digits):
    with pytest.raises(ValueError, match="batch_size is 0; it must be at least 1"):
        batches(digits, batch_size=0)
    with pytest.raises(ValueError, match="the dataset is empty"):
        batches(digits.subset([]))


def test_subset_keeps_the_source():
    some = Digits(torch.zeros(3, 1, 28, 28), torch.arange(3), "mine").subset([2, 0])
    assert some.labels.tolist() == [2, 0] and some.source == "mine"
