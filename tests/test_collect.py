"""What is read from returned lessons, without running them."""

import codecs
import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from mnist_helpers import exercises
from mnist_helpers.course import lessons
from mnist_helpers.exercises import numbers, verdicts
from mnist_helpers.handout import main
from mnist_helpers.teaching import hand_ins
from mnist_helpers.teaching.collect import Row
from mnist_helpers.teaching.collect import collect as collect_rows
from mnist_helpers.teaching.summary import page, summarise
from tests.test_handout import EXERCISE, make_links
from tests.thirty import BROKEN, hand_in, zipped

NO_CELL = "its cell is missing"

SIX = ["3.1", "3.2", "3.3", "3.4", "3.5", "3.6"]


def verdict(exercise="3.2", state="right", tries=1):
    return {"exercise": exercise, "state": state, "tries": tries}


def shown(verdict, said="✓ so it is"):
    """An output as a check leaves it."""
    metadata = {"mnist_helpers": verdict}
    return {"output_type": "display_data", "metadata": metadata, "data": {"text/plain": said}}


def failed(kind="NameError"):
    return {"output_type": "error", "ename": kind, "evalue": "x", "traceback": []}


def starter(number, *outputs):
    """The cell of an exercise, with what it shows."""
    source = f'answer = 42\ncheck("{number}", answer)'
    count = 7 if outputs else None
    return {"cell_type": "code", "source": source, "outputs": outputs, "execution_count": count}


def solution(number, *outputs):
    cell = starter(number, *outputs)
    return cell | {"metadata": {"tags": ["solution"]}}


def lesson(*cells, number=3):
    """The text of a returned notebook."""
    title = {"cell_type": "markdown", "source": [f"# {number} · A lesson\n", "that promises"]}
    return json.dumps({"cells": [title, *cells], "nbformat": 4})


def returned(*found):
    """A returned notebook with such things where a check leaves its verdict on 3.2."""
    return lesson(starter("3.2", *map(shown, found)))


@pytest.fixture
def collect(tmp_path, capsys):
    """Put returned files into a folder and collect it: rows, and the complaints as one text."""

    def run(files, *options):
        folder = tmp_path / "returned"
        folder.mkdir(exist_ok=True)
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
        main(["--collect", str(folder), *options])
        output = capsys.readouterr()
        head, *rows = csv.reader(io.StringIO(output.out))
        assert head == ["learner", "lesson", "exercise", "state", "tried", "detail"]
        return rows, output.err

    return run


def states(rows):
    """(learner, exercise) -> (state, tried, detail), without what was not run."""
    return {(r[0], r[2]): tuple(r[3:]) for r in rows if r[3:] != ["not run", "0", NO_CELL]}


# ---- states --------------------------------------------------------------------------------


def test_seven_states_of_an_exercise_and_each_has_a_row(collect):
    wrong = shown(verdict("3.3", "wrong", 3), "Exercise 3.3: ✗ too large")
    rows, complaints = collect(
        {
            "Ada_03.ipynb": lesson(
                starter("3.1", shown(verdict("3.1", "right", 2), "Exercise 3.1: ✓ yes")),
                starter("3.2", shown(verdict("3.2", "known mistake"), "Exercise 3.2: ✗ the mean")),
                starter("3.3", wrong),
                starter("3.4", shown(verdict("3.4", "not answered", 0)), failed()),
                solution("3.4", shown(verdict("3.4", "right", 1))),
                starter("3.5", failed("ZeroDivisionError")),
                starter("3.6"),
            ),
            "Bob_03.ipynb": lesson(starter("3.1", shown(verdict("3.1", "not answered", 0)))),
        }
    )
    assert [row[:3] for row in rows] == [[n, "03", x] for n in ("Ada", "Bob") for x in SIX]
    assert [row[3:] for row in rows[:7]] == [
        ["right", "2", "✓ yes"],
        ["known mistake", "1", "✗ the mean"],
        ["wrong", "3", "✗ too large"],
        ["solution opened", "0", "before: not answered"],
        ["error", "0", "ZeroDivisionError"],
        ["not run", "0", ""],
        ["not answered", "0", "✓ so it is"],
    ]
    assert states(rows[7:]) == {} and complaints == ""


OPENED = {  # outputs of the learner's cell, tries after the solution -> tried, what was before
    "nothing": ([], 1, "0", "not run"),
    "a wrong answer, three times": ([shown(verdict(state="wrong", tries=3))], 4, "3", "wrong"),
    "a right answer": ([shown(verdict(tries=2))], 3, "2", "right"),
    "an error": ([failed()], 1, "0", "error"),
    "an answer after it": ([shown(verdict(tries=5))], 4, "5", "not known"),
}


@pytest.mark.parametrize("what", OPENED)
def test_an_opened_solution_is_never_right_after_five_histories(what, collect):
    own, tries, tried, before = OPENED[what]
    opened = solution("3.2", shown(verdict("3.2", "right", tries)))
    rows, _ = collect({"Ada_03.ipynb": lesson(starter("3.2", *own), opened)})
    assert states(rows)["Ada", "3.2"] == ("solution opened", tried, f"before: {before}")


def test_the_untouched_edition_of_all_lessons_has_nothing_right(collect):
    files = {lesson.path.name: lesson.path.read_bytes() for lesson in lessons()}
    rows, _ = collect({f"Ada/{name}": content for name, content in files.items()})
    assert {row[3] for row in rows} == {"solution opened"}
    assert {row[5] for row in rows} == {"before: not answered"}
    assert {row[0] for row in rows} == {"Ada"} and len({row[1] for row in rows}) == len(files)


def test_an_error_after_a_wrong_answer_does_not_erase_it(collect):
    """In the same run of the cell, or in one after it: the kernel then shows the verdict again."""
    cells = [
        new_code_cell(EXERCISE),
        new_code_cell('answer = 41\ncheck("98.1", answer)'),
        new_code_cell(EXERCISE),  # the set-up is run a second time
    ]
    again = new_code_cell('answer = 40\ncheck("98.1", answer)\nundefined')
    notebook = new_notebook(cells=[*cells, again])
    NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
    kinds = [output.output_type for output in again.outputs]
    assert kinds == ["display_data", "error"]
    assert again.outputs[0].metadata["mnist_helpers"] == verdict("98.1", "known mistake", 2)

    later = new_code_cell('answer = undefined\ncheck("98.1", answer)')
    notebook = new_notebook(cells=[*cells, later, new_code_cell("1 / 0")])
    NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
    assert [output.output_type for output in later.outputs] == ["error", "display_data"]
    assert later.outputs[1].metadata["mnist_helpers"] == verdict("98.1", "known mistake", 1)
    assert "before this error" in later.outputs[1].data["text/plain"]
    assert len(notebook.cells[-1].outputs) == 1

    both = [failed(), shown(verdict("3.2", "wrong", 1), "Exercise 3.2, before this error: ✗ no")]
    rows, _ = collect({"Ada_03.ipynb": lesson(starter("3.2", *both))})
    assert states(rows)["Ada", "3.2"] == ("wrong", "1", "✗ no")


def test_the_last_of_three_verdicts_counts_wherever_it_stands(collect):
    third, first = shown(verdict(state="wrong", tries=3)), shown(verdict(tries=1))
    cells = starter("3.2", third), starter("3.2", first, shown(verdict(tries=2)))
    rows, _ = collect({"Ada_03.ipynb": lesson(*cells)})
    assert states(rows)["Ada", "3.2"][:2] == ("wrong", "3")


# ---- who it is -----------------------------------------------------------------------------

ONE = returned(verdict())
PLACES = {  # where a lesson 3 lies -> whose it is
    "Åsa_03.ipynb": "Åsa",
    "Åsa.ipynb": "Åsa",
    "Åsa_03_dense_autoencoder.ipynb": "Åsa",
    "03_dense_autoencoder_Åsa.ipynb": "Åsa",
    "group-12.ipynb": "group-12",
    "Åsa/03_dense_autoencoder.ipynb": "Åsa",
    "Åsa/Lesson 3 final.ipynb": "Åsa",
    "class 1/Åsa/notebooks/03_dense_autoencoder-Copy1.ipynb": "Åsa",
    "lesson 3/Åsa.ipynb": "Åsa",
    "03/Åsa_03.ipynb": "Åsa",
    "Åsa Öst_123_assignsubmission_file/03_dense_autoencoder.ipynb": "Åsa Öst",
    "Åsa Öst_123_assignsubmission_file_/work/03.ipynb": "Åsa Öst",
    "Åsa Öst_123_assignsubmission_file_03_dense_autoencoder.ipynb": "Åsa Öst",
    "ostasa_12345_678901_03_dense_autoencoder.ipynb": "ostasa",
    "ostasa_LATE_12345_678901_03_dense_autoencoder-1.ipynb": "ostasa",
}


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_fifteen_places_tell_whose_a_lesson_is_in_folders_and_zips(place, pack, collect):
    rows, complaints = collect({"submissions.zip": zipped({place: ONE})} if pack else {place: ONE})
    assert {(row[0], row[1]) for row in rows} == {(PLACES[place], "03")}
    assert len(rows) == 6 and complaints == ""


FOLDERS = {  # where notebooks lie, with the number of the lesson -> whose they are
    "courses": ({"PHYS_101_2024_spring/Ada_03": 3, "PHYS_101_2024_spring/Bob_03": 3}, "Ada Bob"),
    "a folder in each": ({"Ada/homework/03": 3, "Bob/homework/04": 4, "Cy/03": 3}, "Ada Bob Cy"),
    "zips of GitHub": ({"Ada/pixels-main/notebooks/03": 3, "Bob/pixels-main/04": 4}, "Ada Bob"),
    "an older copy": ({"Ada/03_dense": 3, "Ada/old/03_dense": 3, "Bob/03": 3}, "Ada Bob"),
    "teams": ({"Team-1-01": 1, "Team-3-03": 3, "group 12_03": 3, "group 12_04": 4},
              "Team-1 Team-3 group_12"),
    "teams in folders": ({"Group 1/03_dense": 3, "Group 2/03_dense": 3}, "Group_1 Group_2"),
    "numbers": ({"123456/03": 3, "123457/03": 3, "s12_03": 3, "s12_04": 4}, "123456 123457 s12"),
    "numbers of people": ({"pc 1/01": 1, "pc 1/02": 2, "pc 2/01": 1, "pc 2/02": 2}, "pc_1 pc_2"),
    "one loose file": ({"10a/01": 1, "10a/ada/01": 1, "10a/bob/01": 1}, "10a ada bob"),
    "what stands behind": ({"my_01_ada": 1, "my_01_bob": 1, "12_01": 1, "12_02": 2},
                           "12 my_ada my_bob"),
    "no Canvas": ({"lab_01_123456_a": 1, "lab_01_123457_b": 1}, "123456_a 123457_b"),
    "seats": ({"7/lesson1": 1, "8/lesson1": 1}, "7/lesson1 8/lesson1"),
    "names like classes": ({"Allen/a_01": 1, "Allan/a_02": 2, "Day/x_01": 1}, "Allan Allen Day"),
    "copies of Colab": ({"Copy of Ada_01": 1, "Ada_01 - Copy": 1, "Copy of Bob_01": 1}, "Ada Bob"),
    "copies": ({"Ada": 3, "Ada (1)": 3, "Ada-Copy1": 3}, "Ada"),
    "weeks": ({"week 1/Ada_01": 1, "week 2/Ada_01": 1, "week 2/Ada_03": 3}, "Ada"),
    "two spellings": ({"Zoe\u0308_01": 1, "Zo\xeb_03": 3, "ada_03": 3, "Ada_01": 1}, "Ada Zo\xeb"),
    "a blind marking": ({"Participant_7_assignsubmission_file/03": 3,
                         "Participant_9_assignsubmission_file/04": 4},
                        "Participant_(7) Participant_(9)"),
    "classes": ({"class 1/Bo_03": 3, "class 2/Bo_03": 3, "class 1/Cy_03": 3},
                "Cy class_1/Bo class_2/Bo"),
}  # fmt: skip


@pytest.mark.parametrize("what", FOLDERS)
def test_nineteen_classes_have_no_learner_twice_and_nobody_is_lost(what, collect):
    places, learners = FOLDERS[what]
    rows, _ = collect({f"{place}.ipynb": lesson(number=n) for place, n in places.items()})
    assert " ".join(sorted({row[0].replace(" ", "_") for row in rows})) == learners


def test_one_learner_with_five_lessons_is_one_learner(collect):
    files = {f"Ada_0{n}.ipynb": lesson(number=n) for n in range(1, 6)}
    rows, _ = collect(files)
    assert {row[0] for row in rows} == {"Ada"}
    assert {row[1] for row in rows} == {"01", "02", "03", "04", "05"}


def test_two_learners_of_one_name_stay_two_by_folder_and_by_account(collect):
    wrong = returned(verdict(state="wrong"))
    rows, _ = collect(
        {
            "class 1/Åsa_03.ipynb": ONE,
            "class 2/Åsa_03.ipynb": wrong,
            "Bo Ek_7_assignsubmission_file/03.ipynb": ONE,
            "Bo Ek_8_assignsubmission_file/03.ipynb": wrong,
        }
    )
    assert {learner: state for (learner, _), (state, *_) in states(rows).items()} == {
        "class 1/Åsa": "right",
        "class 2/Åsa": "wrong",
        "Bo Ek (7)": "right",
        "Bo Ek (8)": "wrong",
    }


def test_of_two_copies_the_better_answer_counts(collect):
    wrong = shown(verdict("3.1", "wrong", 9))
    copy = lesson(starter("3.1", wrong), starter("3.2", shown(verdict("3.2", "wrong"))))
    rows, _ = collect(
        {"Ada/03_dense_autoencoder (1).ipynb": copy, "Ada/03_dense_autoencoder.ipynb": ONE}
    )
    assert len(rows) == 6
    assert {key[1]: value[0] for key, value in states(rows).items()} == {
        "3.1": "wrong",
        "3.2": "right",
    }


def test_a_zip_in_a_zip_is_read_and_eleven_hostile_ones_cost_their_own_row_only(
    collect, monkeypatch
):
    monkeypatch.setattr(hand_ins, "LIMIT", 1)
    monkeypatch.setattr(hand_ins, "ENTRIES", 20)
    inner = zipped({"notebooks/03_dense_autoencoder.ipynb": ONE, "__MACOSX/._03.ipynb": b"x"})
    whole = bytearray(zipped({"a_03.ipynb": ONE}))
    damaged = bytes(whole[:60]) + bytes([whole[60] ^ 1]) + bytes(whole[61:])
    locked = bytes(whole[:6]) + b"\x01" + bytes(whole[7:])  # the flag of an encrypted entry
    directory = locked.rindex(b"PK\x01\x02")
    locked = locked[: directory + 8] + b"\x01" + locked[directory + 9 :]
    hostile = {
        "bomb_03": zipped({"03.ipynb": b" " * 1_000_001}),
        "broken_03": zipped({"03.ipynb": b"{"}),
        "damaged_03": damaged,
        "deep_03": zipped({"x.zip": zipped({"y.zip": inner})}),
        "empty_03": b"",
        "half_03": bytes(whole[: len(whole) // 2]),
        "locked_03": locked,
        "many_03": zipped({f"{n}_03.ipynb": ONE for n in range(21)}),
        "no zip_03": ONE.encode(),
        "without_03": zipped({"report.pdf": b"%PDF"}),
        "up_03": zipped({"../../../up/03.ipynb": b"[]"}),
    }
    rows, complaints = collect(
        {f"{name}.zip": content for name, content in hostile.items()}
        | {"class.zip": zipped({"Ada.zip": inner})}
    )
    unreadable = [row for row in rows if row[3] == "not readable"]
    assert len(unreadable) == 11 and len(complaints.splitlines()) == 11
    assert [row[:3] for row in rows if row not in unreadable] == [["Ada", "03", x] for x in SIX]


def test_a_zip_may_stand_for_the_folder(tmp_path, capsys):
    (tmp_path / "moodle.zip").write_bytes(zipped({"Bo Ek_7_assignsubmission_file/03.ipynb": ONE}))
    main(["--collect", str(tmp_path / "moodle.zip")])
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert {tuple(row[:2]) for row in rows[1:]} == {("Bo Ek", "03")}
    with pytest.raises(SystemExit, match="there is no folder, and no zip, .*class.csv"):
        main(["--collect", str(tmp_path / "class.csv")])


# ---- what is hostile -----------------------------------------------------------------------

HOSTILE = {
    "is empty": b"",
    "is no JSON": b"<html>",
    "is no notebook": b"[1, 2]",
    "has no list of cells": b'{"cells": 5}',
    "is no text": b'{"cells": ["\xff\xfe\x00"]}',
    "is deep": b"[" * 1_000_000,
    "has a number too long": b'{"cells": [' + b"9" * 10_000 + b"]}",
    "holds nothing": b'{"cells": []}',
    "holds other types": b'{"cells": [5, {"outputs": 7}, {"outputs": [1, {"metadata": []}]}]}',
    "is too large": ONE.encode() + b" " * hand_ins.LIMIT * 1_000_000,
    "has too many cells": json.dumps({"cells": [{}] * 2001}).encode(),
    "is of no lesson": lesson(starter("99.99"), number=99).encode(),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_twelve_files_that_are_no_lesson_cost_their_own_row_only(what, collect):
    rows, complaints = collect({f"{what}.ipynb": HOSTILE[what], "z.ipynb": ONE})
    own, *others = rows
    assert own[0] == what and own[3] == "not readable" and len(own[5]) > 10
    assert [row[:3] for row in others] == [["z", "03", x] for x in SIX]
    (line,) = complaints.splitlines()
    assert line.startswith(f"{what}.ipynb: ") and own[5] in line


def test_a_million_empty_lines_are_read_as_fast_as_one(collect):
    empty = {"cell_type": "code", "source": "\n" * 1_000_000, "outputs": []}
    rows, _ = collect({"a.ipynb": lesson(empty, starter("3.2", shown(verdict())))})
    assert states(rows)["a", "3.2"][0] == "right"


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
        verdict(exercise="99.99"),
        verdict(exercise="4.1"),
        verdict(exercise=["3.2"]),
        verdict(tries=-1),
        verdict(tries=True),
        verdict(tries=1.0),
        verdict(tries="1"),
        verdict(tries=float("nan")),
        verdict(tries=10**4199),
    ],
)
def test_twenty_invalid_verdicts_are_named_and_do_not_count(wrong, collect):
    rows, complaints = collect({"a.ipynb": returned(verdict(tries=3), wrong)})
    assert states(rows)["a", "3.2"][:2] == ("right", "3")
    assert complaints == "a.ipynb: 1 of its verdicts are invalid and do not count\n"


def test_five_links_and_pipes_are_named_and_not_followed(collect, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.ipynb").write_text(ONE, encoding="utf-8")
    folder = tmp_path / "returned"
    folder.mkdir()
    inside = [folder / name for name in ("file.ipynb", "nowhere.ipynb", "folder", "secret.zip")]
    targets = [outside / "secret.ipynb", outside / "nothing", outside, outside / "secret.zip"]
    make_links(dict(zip(inside, targets)))
    if hasattr(os, "mkfifo"):  # Windows has no pipes among its files
        os.mkfifo(folder / "pipe.ipynb")
        inside.append(folder / "pipe.ipynb")
    (folder / "just a folder.ipynb").mkdir()
    rows, complaints = collect({"z.ipynb": ONE})
    assert len(rows) == len(inside) + 6
    for path in inside:
        assert f"{path.name}: it is a link, or something else" in complaints
    assert len(complaints.splitlines()) == len(inside)


def test_three_hostile_paths_cost_their_own_row_only(collect, tmp_path):
    """A name of dots, a path longer than the system can open, and 1,000 folders in folders."""
    rows, _ = collect({"..ipynb": ONE, "z.ipynb": ONE})
    assert {row[0] for row in rows} == {".", "z"}
    folder = tmp_path / "returned"
    with nested(folder, "x" * 250, 20), nested(folder, "x", 1000):
        rows, complaints = collect({})
    assert {row[0] for row in rows if row[3] != "not readable"} == {".", "z"}
    assert len([row for row in rows if row[3] == "not readable"]) == 2
    assert "20 folders deep" in complaints


@contextmanager
def nested(folder, name, depth):
    """Folders in folders, made one step at a time: the whole path would be too long."""
    if not os.supports_dir_fd or os.mkdir not in os.supports_dir_fd:
        pytest.skip("this system opens no folder within another one")
    above = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=above)
        below = os.open(name, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)
    yield
    subprocess.run(["rm", "-r", folder / name], check=True)  # shutil.rmtree cannot go so deep


def test_an_empty_folder_says_so(tmp_path):
    (tmp_path / "notes.txt").write_text("no notebook", encoding="utf-8")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "Ada-checkpoint.ipynb").write_text(ONE, encoding="utf-8")
    with pytest.raises(SystemExit, match="holds no notebooks .* and no zips"):
        main(["--collect", str(tmp_path)])


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
def test_nine_names_cannot_harm_a_spreadsheet_or_a_terminal(name, learner, collect):
    rows, complaints = collect({f"{name}.ipynb": returned(verdict(), None)})
    assert {row[0] for row in rows} == {learner}
    assert len(complaints.splitlines()) == 1 and "\x1b" not in complaints


def test_what_a_check_said_cannot_harm_a_spreadsheet_either(collect):
    said = shown(verdict(), "=1+1\x1b[2J\nnext")
    rows, _ = collect({"a.ipynb": lesson(starter("3.2", said))})
    assert states(rows)["a", "3.2"][2] == r"'=1+1\x1b[2J"


def test_csv_file_is_written_once_and_shows_umlauts_in_excel(tmp_path, capsys):
    (tmp_path / "Åsa.ipynb").write_text(ONE, encoding="utf-8")
    command = ["--collect", str(tmp_path), "--csv", str(tmp_path / "class.csv")]
    main(command)
    written = (tmp_path / "class.csv").read_bytes()
    assert written.startswith(codecs.BOM_UTF8 + b'"learner","lesson",')
    assert '\n"Åsa","03","3.2","right",1,"✓ so it is"\n'.encode() in written
    assert capsys.readouterr().out == f"{tmp_path / 'class.csv'}\n"
    (tmp_path / "class.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="there already: .*class.csv"):
        main(command)
    assert (tmp_path / "class.csv").read_text(encoding="utf-8") == "mine"
    main([*command, "--force"])
    assert (tmp_path / "class.csv").read_bytes() == written


# ---- the class -----------------------------------------------------------------------------


def test_thirty_learners_with_mixed_layouts_and_faults_are_all_in_the_table(tmp_path, capsys):
    handed_in = hand_in(tmp_path)
    rows = {(row.learner, row.exercise): row for row in collect_rows(tmp_path)}
    complaints = capsys.readouterr().err.splitlines()
    assert len({one.learner for one in handed_in}) == 30 == len({learner for learner, _ in rows})
    for one in handed_in:
        if one.fault in BROKEN:
            assert rows[one.learner, ""].state == "not readable"
            continue
        claimed = {n: rows[one.learner, n].state for n in numbers(one.lesson)}
        assert claimed == {n: one.claims.get(n, "not run") for n in claimed}
    assert len(complaints) == sum(one.fault in BROKEN for one in handed_in)


def test_a_late_hint_that_gives_the_range_away_is_not_quoted(tmp_path, monkeypatch):
    """The check says more from the fourth try on; the page is projected in front of the class."""
    shown_here = []
    monkeypatch.setattr(verdicts, "display", lambda data, **_: shown_here.append(data))
    monkeypatch.setattr(verdicts, "_tries", Counter())
    monkeypatch.setitem(exercises._exercises, "3.2", lambda a, *_: exercises.compare(a, 2.0, []))
    for _ in range(4):
        exercises.checks(None, None)("3.2", 2.5)
    said = shown_here[-1]["text/plain"]
    assert "between 1.98 and 2.02" in said
    late = lesson(starter("3.2", shown(verdict(state="wrong", tries=4), said)))
    for name in ("Ada", "Bob"):
        (tmp_path / f"{name}_03.ipynb").write_text(late, encoding="utf-8")
    text = page(collect_rows(tmp_path))
    assert "You have 2.5, and that is too large" in text and "1.98" not in text


def class_of(*details, state="known mistake"):
    return [Row(f"Learner {n}", "03", "3.2", state, n, text) for n, text in enumerate(details)]


def test_summary_has_a_line_for_each_exercise_and_two_of_a_kind_make_a_diagnosis():
    low, high = (f"✗ You have {x}, and that is too large." for x in ("0.25", "1,000.5"))
    rows = [*class_of(low, "✗ the mean", high), Row("Zoe", "03", "3.10", "not run")]
    rows += [Row("Ada", "03", "3.9", "right", 3), Row("Bob", "03", "", "not readable")]
    second, ninth, tenth = summarise(rows)
    assert [s.exercise for s in (second, ninth, tenth)] == ["3.2", "3.9", "3.10"]
    assert second.shares == "known mistake 100% (3)" and ninth.shares == "right 100% (1)"
    assert second.remark == 'median tries 1.5; most often: "You have 0.25, and that is too large."'
    assert tenth.remark == "median tries 0"
    (alone,) = summarise(class_of("✗ only one", "✗ another"))
    assert alone.diagnosis == ""


def test_summary_is_one_page_with_a_bar_for_each_of_six_exercises_and_no_names(tmp_path, capsys):
    said = shown(verdict("3.2", "wrong"), "Exercise 3.2: ✗ <b>no</b>")
    for name in ("Ada", "Bob", "Zoe"):
        right = starter("3.1", shown(verdict("3.1")))
        (tmp_path / f"{name}_03.ipynb").write_text(lesson(right, starter("3.2", said)), "utf-8")
    written = tmp_path / "class.html"
    main(["--collect", str(tmp_path), "--summary", str(written)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(written) and lines[1].startswith("3 learners")
    assert lines[2] == "3.1: right 100% (3); median tries 1"
    assert '3.2: wrong 100% (3); median tries 1; most often: "<b>no</b>"' in lines
    text = written.read_text(encoding="utf-8")
    assert text.count('class="bar"') == 6 and "&lt;b&gt;no" in text and "<b>" not in text
    assert not any(word in text for word in ("Ada", "Bob", "Zoe", "http", "src=", "url("))
    with pytest.raises(SystemExit, match="there already: .*class.html"):
        main(["--collect", str(tmp_path), "--summary", str(written)])
