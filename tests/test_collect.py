"""What is read from returned lessons, without running them."""

import csv
import io
import json
import os
import sys

import pytest

from mnist_helpers.handout import main
from mnist_helpers.teaching import collect as collecting
from tests.test_handout import make_links

# ---- collecting ----------------------------------------------------------------------------


def returned(*found):
    """The text of a returned notebook with such things where a check leaves its verdict."""
    outputs = [{"output_type": "display_data", "metadata": {"mnist_helpers": v}} for v in found]
    return json.dumps({"cells": [{"cell_type": "code", "outputs": outputs}], "nbformat": 4})


def verdict(exercise="3.2", state="right", tries=1):
    return {"exercise": exercise, "state": state, "tries": tries}


@pytest.fixture
def collect(tmp_path, capsys):
    """Put returned files into a folder and collect it: rows, and the complaints as one text."""

    def run(files):
        folder = tmp_path / "returned"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            except OSError:
                if sys.platform == "linux":
                    raise
                pytest.skip("this system has no files of such names")
        capsys.readouterr()
        main(["--collect", str(folder)])
        output = capsys.readouterr()
        head, *rows = csv.reader(io.StringIO(output.out))
        assert head == ["learner", "exercise", "state", "tried"]
        return rows, output.err

    return run


def test_collects_the_last_verdict_of_each_exercise(collect):
    again = verdict("3.2", "right", 2)
    rows, complaints = collect(
        {
            "b.ipynb": returned(verdict("3.2", "wrong"), verdict("3.10", "not answered", 0), again),
            "class 1/Åsa.ipynb": returned(verdict("1.1", "known mistake", 7)),
            "class 1/.ipynb_checkpoints/Åsa-checkpoint.ipynb": returned(verdict()),
            "class 1/notes.txt": "no notebook",
        }
    )
    assert rows == [
        ["b", "3.2", "right", "2"],
        ["b", "3.10", "not answered", "0"],
        ["class 1/Åsa", "1.1", "known mistake", "7"],
    ]
    assert complaints == ""


HOSTILE = {
    "is empty": b"",
    "is no JSON": b"<html>",
    "is no notebook": b"[1, 2]",
    "has no list of cells": b'{"cells": 5}',
    "is not UTF-8": b'{"cells": ["\xff\xfe\x00"]}',
    "is deep": b"[" * 1_000_000,
    "has a number too long": b'{"cells": [' + b"9" * 10_000 + b"]}",
    "holds nothing": b'{"cells": []}',
    "holds other types": b'{"cells": [5, {"outputs": 7}, {"outputs": [1, {"metadata": []}]}]}',
    "is too large": returned(verdict()).encode() + b" " * collecting.LIMIT * 1_000_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_lesson_is_named_and_skipped(what, collect):
    rows, complaints = collect({f"{what}.ipynb": HOSTILE[what], "z.ipynb": returned(verdict())})
    assert rows == [["z", "3.2", "right", "1"]]
    (line,) = complaints.splitlines()
    assert f"{what}.ipynb: " in line and len(line.split(".ipynb: ")[1]) > 10


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "right",
        [],
        {},
        verdict(state="excellent"),
        verdict(state=["right"]),
        verdict(state=None),
        verdict(exercise=3.2),
        verdict(exercise="=1+1"),
        verdict(exercise="3.2\n"),
        verdict(exercise="٣.٢"),
        verdict(tries=-1),
        verdict(tries=True),
        verdict(tries=1.0),
        verdict(tries="1"),
        verdict(tries=float("nan")),
    ],
)
def test_invalid_verdicts_are_named_and_do_not_count(wrong, collect):
    rows, complaints = collect({"a.ipynb": returned(verdict(tries=3), wrong)})
    assert rows == [["a", "3.2", "right", "3"]]
    assert "a.ipynb: 1 of its verdicts are invalid" in complaints


def test_links_and_pipes_are_named_and_not_followed(collect, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.ipynb").write_text(returned(verdict()), encoding="utf-8")
    folder = tmp_path / "returned"
    folder.mkdir()
    inside = [folder / name for name in ("file.ipynb", "nowhere.ipynb", "folder")]
    make_links(dict(zip(inside, [outside / "secret.ipynb", outside / "nothing", outside])))
    if hasattr(os, "mkfifo"):  # Windows has no pipes among its files
        os.mkfifo(folder / "pipe.ipynb")
        inside.append(folder / "pipe.ipynb")
    (folder / "just a folder.ipynb").mkdir()
    rows, complaints = collect({"z.ipynb": returned(verdict())})
    assert rows == [["z", "3.2", "right", "1"]]
    for path in inside:
        assert f"{path}: it is a link, or something else" in complaints
    assert len(complaints.splitlines()) == len(inside)


@pytest.mark.parametrize(
    "name, learner",
    [
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("a=b", "a=b"),
        ("<script>alert(1)<", "<script>alert(1)<"),
        ('a";=1+1,"b', 'a";=1+1,"b'),
        ("two\nlines\x1b[2J", r"two\nlines\x1b[2J"),
        ("bytes \udcff", r"bytes \udcff"),
    ],
)
def test_names_cannot_harm_a_spreadsheet_or_a_terminal(name, learner, collect):
    rows, complaints = collect({f"{name}.ipynb": returned(verdict(), None)})
    assert rows == [[learner, "3.2", "right", "1"]]
    assert len(complaints.splitlines()) == 1 and "\x1b" not in complaints


def test_csv_file_is_written_once(tmp_path, capsys):
    (tmp_path / "Åsa.ipynb").write_text(returned(verdict()), encoding="utf-8")
    command = ["--collect", str(tmp_path), "--csv", str(tmp_path / "class.csv")]
    main(command)
    expected = '"learner","exercise","state","tried"\n"Åsa","3.2","right",1\n'
    assert (tmp_path / "class.csv").read_bytes() == expected.encode()
    assert capsys.readouterr().out == ""
    (tmp_path / "class.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="there already: .*class.csv"):
        main(command)
    assert (tmp_path / "class.csv").read_text(encoding="utf-8") == "mine"
    main([*command, "--force"])
    assert (tmp_path / "class.csv").read_bytes() == expected.encode()
