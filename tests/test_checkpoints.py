"""Runs that are stopped, killed, disturbed and damaged, and what is left of them."""

import errno
import math
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from functools import partial, wraps
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from mnist_helpers import checkpoints
from mnist_helpers.checkpoints import Checkpoint
from mnist_helpers.data import Digits
from mnist_helpers.models import DenseAutoencoder
from mnist_helpers.randomness import random_states, set_random_states
from mnist_helpers.training import fit, pixel_accuracy, reconstruction, stop_after
from tests.killed import curves, noisy, train, train_and_tell


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "dense.pt"


@pytest.fixture(scope="module")
def whole():
    """The run that nobody disturbs."""
    return train()


def same(run, other):
    """Whether two runs ended with the same bits in every weight, and with the same curves."""
    (model, history), (other_model, other_history) = run, other
    pairs = zip(model.state_dict().values(), other_model.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs) and curves(history) == curves(other_history)


def failing(at, error=KeyboardInterrupt):
    """The objective `noisy`, except that its n-th call fails."""
    calls = []

    @wraps(noisy)
    def objective(*arguments):
        calls.append(1)
        if len(calls) == at:
            raise error
        return noisy(*arguments)

    return objective


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".lock"}


# ---- stopped and killed --------------------------------------------------------------------

# An epoch calls the objective 10 times for its steps, and once for the validation images.
STOPS = {
    "in the first batch": 1,
    "in the middle of an epoch": 17,
    "inside validation": 11,
    "in the first batch after an epoch": 12,
    "in the last batch": 43,
}


@pytest.mark.parametrize("when", STOPS)
def test_interrupted_run_goes_on_and_ends_identical(path, whole, capsys, when):
    _, history = train(path, failing(STOPS[when]))
    finished = (STOPS[when] - 1) // 11
    assert len(history.seconds) == len(history.valid_loss) == len(history.steps) == finished
    assert f"Stopped by you; {finished} of 4 epochs are complete" in capsys.readouterr().out
    assert same(train(path), whole)


def test_interrupted_between_epochs(path, whole, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mnist_helpers.callbacks.Progress.after_epoch", stop)
    _, history = train(path)
    monkeypatch.undo()
    assert len(history.train_loss) == 1 and same(train(path), whole)


def test_killed_at_20_random_moments_and_resumed_20_of_20_identical(tmp_path, whole):
    """SIGKILL, which nobody can catch: 10 times somewhere, 10 times inside a save."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system cannot make the processes to be killed")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.killed"])
    rng = random.Random(0)

    def run(*arguments, seconds=None):
        process = context.Process(target=train_and_tell, args=arguments)
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode

    def result(file):
        return torch.load(file, weights_only=True)

    run("", tmp_path / "whole")  # the first process also waits for the imports
    start = time.perf_counter()
    run("", tmp_path / "whole")
    duration = time.perf_counter() - start

    expected, identical, in_saves = result(tmp_path / "whole"), 0, 0
    for number in range(20):
        path, end = tmp_path / f"{number}.pt", tmp_path / f"{number}.result"
        if number % 2:
            exitcode = run(path, end, rng.randint(1, 150))
            assert exitcode == -signal.SIGKILL
            in_saves += 1
        else:
            run(path, end, seconds=rng.uniform(0, duration))
        assert run(path, end) == 0
        got = result(end)
        identical += got["curves"] == expected["curves"] and all(
            torch.equal(got["weights"][name], w) for name, w in expected["weights"].items()
        )
    print(f"{identical} of 20 identical, {in_saves} of them killed inside a save")
    assert (identical, in_saves) == (20, 10)


def test_complete_run_returns_at_once(path, whole, capsys):
    train(path)
    capsys.readouterr()
    again = train(path, failing(1, AssertionError("it trains again")))
    assert same(again, whole)
    assert capsys.readouterr().out == "dense.pt holds all 4 epochs: nothing is left to train.\n"


def test_resuming_is_said_in_one_line(path, capsys):
    train(path, failing(17), verbose=False)
    capsys.readouterr()
    train(path, verbose=False)
    line = "Going on from dense.pt: epoch 2 of 4, after step 3 of 10.\n"
    assert capsys.readouterr().out == line


def test_a_sitting_at_a_time(path, whole):
    for sitting in range(1, 4):
        _, history = train(path, stop_after(12, noisy))
        assert len(history.steps) == sitting
    assert same(train(path, stop_after(None, noisy)), whole)


def test_more_epochs_go_on_where_there_is_no_schedule(path):
    train(path, scheduler=None, epochs=1)
    assert same(train(path, scheduler=None), train(scheduler=None))


def test_saving_changes_nothing(path, whole):
    assert same(train(path), whole) and same(train(path, fresh=True), whole)


def test_clock_going_backwards_does_not_matter(path, whole, monkeypatch):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: next(now))
    train(path, failing(30))
    os.utime(path, (0, 0))  # the newest file seems the oldest
    assert same(train(path), whole)


# ---- another run ---------------------------------------------------------------------------

MORE = Digits(torch.zeros(160, 1, 28, 28), torch.zeros(160, dtype=torch.long), "standin")


def edited(model, images, labels):
    return 2 * noisy(model, images, labels)


edited.__name__ = "noisy"
loose = partial(pixel_accuracy, tolerance=0.5)

OTHER_RECIPES = {
    "the code of the objective is not the same": dict(objective=edited),
    "precision is 'float32' there and 'bfloat16' here": dict(precision="bfloat16"),
    "metrics is 'pixel_accuracy' there and 'pixel_accuracy, pixel_accuracy": dict(
        metrics=(pixel_accuracy, loose)
    ),
    "metrics is 'pixel_accuracy' there and '' here": dict(metrics=()),
    "batch_size is 16 there and 32 here": dict(batch_size=32),
    "seed is 0 there and 1 here": dict(seed=1),
    "objective is 'noisy' there and 'reconstruction' here": dict(objective=reconstruction),
    "steps of the schedule is 40 there and 50 here": dict(epochs=5),
    "schedule is 'OneCycleLR' there and 'missing' here": dict(scheduler=None),
    "source of the validation images is 'custom' there and 'standin' here": dict(valid=MORE),
}


@pytest.mark.parametrize("difference", OTHER_RECIPES)
def test_another_recipe_is_refused_by_name(path, difference):
    train(path, failing(17))
    before = contents(path.parent)
    with pytest.raises(ValueError, match=f"holds another run:.*{difference}.*fresh=True"):
        train(path, **OTHER_RECIPES[difference])
    assert contents(path.parent) == before


def scaled(model, images, labels, beta):
    return beta * reconstruction(model, images, labels)


def test_another_value_that_is_filled_in_is_refused_and_fresh_is_the_way_out(path):
    train(path, partial(scaled, beta=1))
    words = r"objective is 'scaled\(beta=1\)' there and 'scaled\(beta=2\)' here"
    with pytest.raises(ValueError, match=words):
        train(path, partial(scaled, beta=2))
    _, history = train(path, partial(scaled, beta=2), fresh=True)
    assert history.train_loss[0] > 0.1
    assert {len(values) for values in (history.train_loss, *history.metrics.values())} == {4}


def test_a_stopped_run_says_truly_how_to_go_on(path, capsys):
    advice = "Call fit in the same way to go on from the last save.\n"
    train(path, failing(2))
    assert capsys.readouterr().out.endswith("complete.\nNothing is saved in dense.pt yet.\n")
    train(path, failing(17))
    assert capsys.readouterr().out.endswith(advice)
    train(path, failing(17), fresh=True)
    assert capsys.readouterr().out.endswith(advice.replace("way to", "way, without fresh=True, to"))
    _, history = train(path, failing(1))  # without fresh, in the same way: it goes on
    assert "Going on from dense.pt: epoch 2" in capsys.readouterr().out


def quick(path, model=None, images=None, **options):
    model = model or DenseAutoencoder(4, hidden=(16,))
    images = torch.rand(40, 1, 28, 28) if images is None else images
    digits = Digits(images, torch.arange(len(images)) % 10)
    options = dict(epochs=1, verbose=False, callbacks=[Checkpoint(path)]) | options
    return fit(model, digits, reconstruction, **options)


def test_another_architecture_other_images_and_another_optimizer_are_refused(path):
    images = torch.rand(40, 1, 28, 28)
    quick(path, images=images)
    with pytest.raises(ValueError, match=r"\(1\): Linear.*out_features=16.*there.*out_features=8"):
        quick(path, DenseAutoencoder(4, hidden=(8,)), images)
    with pytest.raises(ValueError, match="checksum of the training data"):
        quick(path, images=images.flip(-1))
    model = DenseAutoencoder(4, hidden=(16,))
    for optimizer, words in (
        (torch.optim.SGD(model.parameters(), lr=1e-3), "optimizer is 'Adam' there and 'SGD'"),
        (torch.optim.Adam(model.parameters(), lr=1e-2), "lr of the optimizer is '0.001' there"),
    ):
        with pytest.raises(ValueError, match=words):
            quick(path, model, images, optimizer=optimizer)
    assert len(quick(path, images=images).steps) == 1  # the run itself is still there


def test_fresh_starts_over_and_keeps_the_old_files(path, whole):
    train(path, seed=1)
    before = contents(path.parent)
    assert same(train(path, fresh=True), whole)
    after = contents(path.parent)
    assert after["dense.pt.kept-1"] == before["dense.pt"]
    assert after["dense.pt.previous.kept-1"] == before["dense.pt.previous"]


# ---- damaged files -------------------------------------------------------------------------


class Evil:
    """Unpickling it runs code."""

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def damage(how, path):
    whole = path.read_bytes()
    middle = len(whole) // 2
    if how == "of the wrong type":
        torch.save([1, 2, 3], path)
    else:
        path.write_bytes(
            {
                "truncated": whole[:middle],
                "empty": b"",
                "of random bytes": random.Random(0).randbytes(5000),
                "a text": b"my notes",
                "with one byte changed": whole[:middle] + b"!?" + whole[middle + 2 :],
            }[how]
        )
    return path.read_bytes()


DAMAGES = ["truncated", "empty", "of random bytes", "of the wrong type", "a text",
           "with one byte changed"]  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_newest_file_falls_back_to_the_one_before(path, whole, capsys, how):
    train(path, failing(30))
    damaged = damage(how, path)
    assert same(train(path), whole)
    notice = capsys.readouterr().err
    assert f"{path} cannot be read as a checkpoint" in notice
    assert "Going back to dense.pt.previous" in notice
    assert (path.parent / "dense.pt.damaged-1").read_bytes() == damaged


def test_missing_newest_file_is_named_and_the_one_before_is_loaded(path, whole, capsys):
    train(path, failing(30))
    path.unlink()
    assert same(train(path), whole)
    assert f"{path} is missing. Going back to dense.pt.previous." in capsys.readouterr().err


def test_damaged_newest_file_on_a_disk_that_is_read_only(disk, whole, capsys):
    path = disk("size=8m") / "dense.pt"
    train(path, failing(30))
    damage("truncated", path)
    before = contents(path.parent)
    disk("ro,size=8m")
    with pytest.warns(UserWarning, match="cannot be (locked|saved)"):
        assert same(train(path), whole)
    assert "Going back to dense.pt.previous" in capsys.readouterr().err
    assert contents(path.parent) == before


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_file_with_nothing_before_it_is_refused_and_stays(path, how):
    quick(path)
    damaged = damage(how, path)
    with pytest.raises(ValueError, match="dense.pt cannot be read as a checkpoint.*fresh=True"):
        quick(path)
    assert contents(path.parent) == {"dense.pt": damaged}


def test_flipped_at_60_random_bits_never_loaded_wrong(tmp_path):
    """A flip in the padding of the file changes nothing; any other must be noticed."""
    path, rng = tmp_path / "run.pt", random.Random(0)
    content = {"recipe": {}, "state": {"weights": torch.rand(2000), "random": [1.5, "text"]}}
    checkpoints.write(path, content)
    whole = path.read_bytes()
    refused = unchanged = 0
    for _ in range(60):
        flipped = bytearray(whole)
        flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        try:
            state = checkpoints.read(path)["state"]
        except Exception:
            refused += 1
            continue
        assert torch.equal(state["weights"], content["state"]["weights"])
        unchanged += state["random"] == content["state"]["random"]
    assert refused + unchanged == 60 and refused > 40


def test_file_that_would_run_code_is_refused_and_runs_nothing(path, tmp_path):
    Evil.folder = tmp_path / "made by the file"
    path.parent.mkdir()
    torch.save({"recipe": {}, "state": Evil()}, path)
    with pytest.raises(ValueError, match="it would run code, which is never done"):
        quick(path)
    assert not Evil.folder.exists()
    torch.load(path, weights_only=False)
    assert Evil.folder.exists()  # the file does what this test says


# ---- two at once, and disks that do not take it --------------------------------------------


def test_second_run_on_the_same_path_is_told(path, whole):
    @wraps(noisy)
    def disturbed(*arguments):
        states = random_states()
        with pytest.raises(RuntimeError, match="another run is saving to .*dense.pt right now"):
            train(path)
        set_random_states(states)
        return noisy(*arguments)

    assert same(train(path, disturbed), whole) and same(train(path), whole)


def warned(path, *words):
    """Train where nothing can be saved: it must end, and warn once for each kind of trouble."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = train(path)
    warned = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    assert len(warned) == len(words) and all(x in y for x, y in zip(words, warned)), warned
    assert "goes on without saving, and tries again" in warned[-1]
    return run


def test_folder_that_cannot_be_made(tmp_path, whole):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    path = tmp_path / "file" / "dense.pt"
    assert same(warned(path, "cannot be locked", "cannot be saved"), whole)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.fixture
def small_disk(disk):
    """A disk of 64 kB."""
    return disk("size=64k")


def test_folder_that_cannot_be_locked_saves_all_the_same_and_hides_no_later_trouble(
    path, whole, monkeypatch
):
    """A network folder without locks: the run is saved, until the disk is full."""

    def no_locks(self):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints.FileLock, "acquire", lambda self: no_locks(self))
    with pytest.warns(UserWarning, match="cannot be locked.*Let no other run save there") as caught:
        train(path, failing(30))
    assert [str(w.message) for w in caught if "saved" in str(w.message)] == []
    assert path.exists()  # as it did not say that it would not be saved
    monkeypatch.setattr(checkpoints, "write", full)
    assert same(warned(path, "cannot be locked", "cannot be saved"), whole)


def test_disk_full_training_goes_on_with_the_exact_reason(small_disk, whole):
    run = warned(small_disk / "dense.pt", os.strerror(errno.ENOSPC))
    assert same(run, whole)
    assert contents(small_disk) == {}  # no half a file that fills the disk for others


def test_disk_that_fills_up_keeps_the_last_good_file(small_disk, whole):
    path = small_disk / "dense.pt"
    checkpoints.write(path, {"recipe": {}, "state": {"weights": torch.rand(5000)}})
    before = path.read_bytes()
    large = SimpleNamespace(recipe={}, state_dict=DenseAutoencoder(4, hidden=(16,)).state_dict)
    with pytest.warns(UserWarning, match="No space"):
        Checkpoint(path).save(large)
    assert path.read_bytes() == before


@pytest.fixture
def read_only(path):
    """The folder of a stopped run, into which nobody can write."""
    train(path, failing(30))
    path.parent.chmod(0o555)
    bound = False
    if os.access(path.parent, os.W_OK):  # the administrator may write into it nevertheless
        command = ["mount", "--bind", "-o", "ro", str(path.parent), str(path.parent)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("the administrator may write anywhere")
        bound = True
    yield path
    if bound:
        subprocess.run(["umount", str(path.parent)], check=True)
    path.parent.chmod(0o755)


def test_read_only_folder_resumes_and_goes_on_without_saving(read_only, whole):
    before = contents(read_only.parent)
    run = warned(read_only, "cannot be locked", "cannot be saved")
    assert same(run, whole)
    assert contents(read_only.parent) == before


# ---- what may not be saved -----------------------------------------------------------------


def test_broken_loss_is_never_saved(path):
    def explodes(model, images, labels):
        return reconstruction(model, images, labels) * math.nan

    digits = Digits(torch.rand(64, 1, 28, 28), torch.arange(64) % 10)
    with pytest.raises(FloatingPointError, match="in epoch 1"):
        fit(DenseAutoencoder(2), digits, explodes, epochs=2, batch_size=8,
            callbacks=[Checkpoint(path, every=2)])  # fmt: skip
    assert not path.exists()


def test_bad_arguments(path, tmp_path):
    with pytest.raises(ValueError, match="every is 0; it must be at least 1 step"):
        Checkpoint(path, every=0)
    with pytest.raises(ValueError, match="is a folder; give a file"):
        quick(tmp_path)


# ---- where ---------------------------------------------------------------------------------


def test_folder_is_a_local_one_and_drive_is_harmless_elsewhere(monkeypatch):
    monkeypatch.delenv("MNIST_HELPERS_CHECKPOINTS", raising=False)
    assert checkpoints.folder() == checkpoints.folder(drive=True) == Path("checkpoints")
    monkeypatch.setenv("MNIST_HELPERS_CHECKPOINTS", "/elsewhere")
    assert checkpoints.folder(drive=True) == Path("/elsewhere")


def test_folder_on_colab_is_on_the_drive_when_asked_for(monkeypatch):
    mounted = []
    colab = ModuleType("google.colab")
    colab.drive = SimpleNamespace(mount=mounted.append)
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.delenv("MNIST_HELPERS_CHECKPOINTS", raising=False)
    assert checkpoints.folder() == Path("checkpoints") and mounted == []
    assert checkpoints.folder(drive=True) == Path("/content/drive/MyDrive/checkpoints")
    assert mounted == ["/content/drive"]
    monkeypatch.setenv("MNIST_HELPERS_CHECKPOINTS", "/elsewhere")
    assert checkpoints.folder(drive=True) == Path("/elsewhere") and len(mounted) == 1
