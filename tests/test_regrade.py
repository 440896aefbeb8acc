"""Answers that are run again: what they get, and what hostile ones can do."""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mnist_helpers.course import COURSE
from mnist_helpers.handout import main
from mnist_helpers.teaching import marks as tables
from mnist_helpers.teaching import regrade, sandbox
from mnist_helpers.teaching.answers import Exercise, to_look_at, too_long, without_check
from mnist_helpers.teaching.hand_ins import hand_ins
from mnist_helpers.teaching.marks import Mark
from tests.thirty import hand_in

LESSON = """\
import torch
from mnist_helpers.exercises.verdicts import show

torch.manual_seed(5)
train = torch.arange(600_000)  # large: it has a file of its own

def check(number, answer):
    if answer is ...:
        return show(number, "not answered", 0, "not answered yet.")
    right = answer == {"98.2": train.sum(), "98.3": 3}.get(number, 42)
    show(number, "right" if right else "wrong", 1, f"{answer} is {right}")"""

LATER = """\
class Box:
    def __init__(self, thing):
        self.thing = thing

def doubled(x):
    return 2 * x

three = Box(1.5)
train.add_(1)
lost = (i for i in range(3))  # cannot be stored"""

FORGED = """\
from IPython.display import display
verdict = {"exercise": "98.9", "state": "right", "tries": 1}
def check(number, answer):
    display({"text/plain": "✓"}, metadata={"mnist_helpers": verdict}, raw=True)
"""
SPOILT = """\
from IPython.display import display
from mnist_helpers.exercises import verdicts
verdicts.display = lambda *_, **__: display({}, metadata={"mnist_helpers": "right"}, raw=True)
answer = 42"""
SEND = """\
kernel = get_ipython().kernel
kernel.session.send(kernel.iopub_socket, {kind!r}, content={{}}, parent=kernel.get_parent())
answer = 42"""
NESTED = """\
import os
for _ in range(3000):
    os.mkdir("in")
    os.chdir("in")
answer = 42"""
UNLINKED = """\
import os, time
kept = []
for number in range(7):
    kept.append(open(f"{number}", "wb"))
    kept[-1].write(bytes(5 * 10**7))
    kept[-1].flush()
    os.unlink(f"{number}")
time.sleep(1000)"""
DAEMON = "sleep 86399"  # seconds that nothing else on a computer sleeps

# What an answer does -> the states that it may get.
HOSTILE = {
    "while True:\n    pass": {"out of time"},
    "import os\nos._exit(0)": {"error"},
    "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nos.abort()": {"error"},
    "held = []\nwhile True:\n    held.append(b'x' * 10**8)": {"out of memory"},
    "open('large', 'wb').write(bytes(10**9))": {"error"},
    "for i in range(40):\n    open(f'{i}', 'wb').write(bytes(5 * 10**7))": {"error"},
    "print('x' * 10**8)\nanswer = 42": {"right"},
    "import os, time\nfor _ in range(200):\n    os.fork() or time.sleep(1000)": {
        "error",
        "out of memory",
    },
    "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)\nanswer = 42": {"right"},
    FORGED + "check('', 0)\nanswer = ...": {"not answered"},
    FORGED + "show = check\nanswer = 0": {"wrong"},
    "get_ipython().user_ns.clear()": {"error", "not answered"},
    f"import subprocess\nsubprocess.Popen('{DAEMON}'.split(), start_new_session=True)\n"
    "answer = 42": {"right"},
    "!ls\n" * 520: {"error"},
    "answer = '\ud800'": {"error"},  # the character itself, which no encoding has
    SPOILT: {"error"},
    SEND.format(kind="stream"): {"error"},
    SEND.format(kind="display_data"): {"error"},
    "get_ipython().kernel.iopub_socket.send_multipart([b'garbage'])\nanswer = 42": {"error"},
    NESTED: {"error", "right"},  # right if the check is faster than the look at the disk
    UNLINKED: {"error"},
}
ON_LINUX = {UNLINKED}  # only there such files are seen


def cell(source, *tags, **more):
    make = new_markdown_cell if source.startswith("# ") else new_code_cell
    return make(source, metadata={"tags": list(tags)}, **more)


def starter(number):
    return cell(f'answer = ...\ncheck("{number}", answer)', "exercise", id=f"starter-{number[3:]}")


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """A folder with two small lessons: one has three exercises, the other many of the same."""
    cells = [
        cell("# 98 · A lesson"),
        cell(LESSON),
        starter("98.1"),
        cell("#@title Solution 98.1\nanswer = 42", "solution"),
        starter("98.2"),
        cell("raise NotImplementedError", "teacher"),
        cell(LATER),
        starter("98.3"),
    ]
    folder = tmp_path_factory.mktemp("notebooks")
    nbformat.write(new_notebook(cells=cells), folder / "98_small.ipynb")
    starters = [starter(f"97.{number}") for number in range(len(HOSTILE))]
    cells = [cell("# 97 · A lesson"), cell(LESSON), *starters]
    nbformat.write(new_notebook(cells=cells), folder / "97_many.ipynb")
    return folder


def returned(answers):
    """The notebook of a learner: number of an exercise -> code above its check."""
    code = [f'{answer}\ncheck("{number}", answer)' for number, answer in answers.items()]
    lesson = next(iter(answers)).split(".")[0]
    return new_notebook(cells=[cell(f"# {lesson} · A lesson"), *map(cell, code)])


@pytest.fixture(scope="module")
def marked(notebooks, tmp_path_factory):
    """Mark the notebooks of learners: dict from (learner, exercise) to `Mark`."""

    def run(class_):
        folder = tmp_path_factory.mktemp("returned")
        for learner, notebook in class_.items():
            (folder / f"{learner}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        found = regrade.marks(folder, notebooks)
        return {(mark.learner, mark.exercise): mark for mark in found}

    return run


def states(found, learner):
    return {number: mark.state for (name, number), mark in found.items() if name == learner}


# ---- honest answers ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(marked):
    """The marks of five learners."""
    later = "answer = int(doubled(three.thing) * (train[0] == 1))"
    own = 'answer = 6 * 7\ncheck("98.1", answer)\nraise ValueError'
    solved = cell('#@title Solution 98.1\nanswer = 42\ncheck("98.1", answer)', "solution")
    twice = [cell('check("98.1", 42)', id="starter-1"), cell('check("98.1", 0)')]
    return marked(
        {
            "Ada": returned({"98.2": "answer = train.sum()", "98.3": later}),
            "Bo": returned({"98.1": "train.zero_()\nanswer = 0", "98.2": "answer = train.sum()"}),
            "Di": new_notebook(cells=[cell("# 98 · A lesson"), cell(own), starter("98.2")]),
            "Ed": new_notebook(cells=[cell("# 98 · A lesson"), cell(own + "\n("), solved]),
            "Flo": new_notebook(cells=[cell("# 98 · A lesson"), *twice, solved]),
        }
    )


def test_five_learners_get_the_states_of_their_answers(honest):
    # 98.3 needs a class, a function and a changed tensor of the lesson.
    assert states(honest, "Ada") == {"98.1": "not run", "98.2": "right", "98.3": "right"}
    assert states(honest, "Di") == {"98.1": "right", "98.2": "not answered", "98.3": "not run"}
    assert states(honest, "Ed")["98.1"] == "error"
    assert honest["Ed", "98.1"].detail.startswith("SyntaxError")


def test_an_answer_that_spoils_the_data_spoils_no_other_one(honest):
    assert states(honest, "Bo") == {"98.1": "wrong", "98.2": "right", "98.3": "not run"}


def test_of_two_cells_the_one_with_the_starters_id_counts(honest):
    assert states(honest, "Flo")["98.1"] == "right"


@pytest.mark.parametrize(
    "source, code",
    [
        ('x = 1\ncheck("1.2", x + 1)\nlater()', "x = 1\nanswer = x + 1"),
        ("check('1.3', 5)\ncheck('1.2', 6)", "check('1.3', 5)\nanswer = 6"),
        ('check("1.2", answer=7)', "answer = 7"),
        ("answer = 3  # done", "answer = 3"),
        (deep := "answer = " + "-" * 3000 + "1", deep),  # what cannot be taken apart runs as it is
        ("check(", "check("),
        ("!ls", "get_ipython().system('ls')"),
    ],
)
def test_the_check_of_an_answer_becomes_its_answer(source, code):
    assert without_check(source, "1.2") == code


def test_five_kinds_of_answers_are_to_be_read_by_eye():
    solution = "light=train.images.sum()ink=train.images.count_nonzero()answer=light/ink"
    exercise = Exercise("1.2", "", 'answer = ...\ncheck("1.2", answer)', solution)
    copied = (
        "light = train.images.sum()  # mine\nink = train.images.count_nonzero()\n"
        'answer = light / ink\ncheck("1.2", answer)'
    )
    assert "solution" in to_look_at(copied, exercise)
    assert to_look_at("import gc\nanswer = gc.get_objects()", exercise) == "it names gc"
    assert to_look_at("answer = [].__class__", exercise) == "it names __class__"
    assert to_look_at("class A:\n    def __init__(self): pass", exercise) == ""
    assert "check, display" in to_look_at(FORGED + "answer = 1", exercise)
    assert to_look_at('answer = train.images.mean()\ncheck("1.2", answer)', exercise) == ""


def test_two_kinds_of_answers_are_too_long_to_be_taken_apart():
    assert too_long("answer = 1\n" * 1000) == ""
    assert too_long("#" * 20_001) == "too long: 20001 characters; at most 20000 are run"
    assert too_long("%ls\n!ls\n" * 51) == "too long: 102 magics; at most 100 are run"


# ---- hostile answers -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def attacked(marked):
    """The marks of two learners, who attack and answer honestly in turn, each where the other
    does not."""
    if sys.platform == "win32":
        pytest.skip("these attacks use what Windows does not have, such as fork")
    class_ = {"odd": {}, "even": {}}
    for number, attack in enumerate(HOSTILE):
        class_["odd"][f"97.{number}"] = attack if number % 2 else "answer = 42"
        class_["even"][f"97.{number}"] = "answer = 42" if number % 2 else attack
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regrade, "SECONDS", 20)
        patch.setattr(sandbox, "MEMORY", 1_500_000_000)
        return marked({learner: returned(answers) for learner, answers in class_.items()})


def test_21_hostile_answers_cost_their_own_rows_only(attacked):
    assert len(HOSTILE) == 21
    for number, (attack, allowed) in enumerate(HOSTILE.items()):
        attacker, other = ("odd", "even") if number % 2 else ("even", "odd")
        if sys.platform == "linux" or attack not in ON_LINUX:
            assert attacked[attacker, f"97.{number}"].state in allowed, attack
        assert attacked[other, f"97.{number}"].state == "right"


def test_nothing_of_a_learner_is_left_running(attacked):
    assert attacked["even", "97.12"].state == "right"
    commands = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert DAEMON.split() not in commands


def test_a_kernel_that_does_not_start_costs_the_answers_only(tmp_path):
    nbformat.write(returned({"98.1": "answer = 42"}), tmp_path / "Ada.ipynb")
    (hand_in,) = hand_ins(tmp_path)
    exercises = [Exercise("98.1", "", "", ""), Exercise("98.2", "", "", "")]
    missing = tmp_path / "missing"
    first, second = regrade.mark_hand_in(hand_in, exercises, tmp_path, missing)
    assert (first.state, second.state) == ("error", "not run")
    assert "FileNotFoundError" in first.detail


@pytest.mark.skipif(sys.platform == "win32", reason="no path is that long on Windows")
def test_3000_folders_in_folders_are_an_excess_and_deleted_all_the_same():
    with sandbox.own_folder() as folder:
        subprocess.run([sys.executable, "-c", NESTED], cwd=folder, check=True)
        with pytest.raises(ValueError, match="more than 20 folders in folders"):
            sandbox._size(folder)
    assert not folder.exists()


@pytest.mark.skipif(not sandbox.isolation(), reason="this system cannot shut answers off")
def test_seven_ways_out_of_its_folder_are_shut_to_an_answer(marked, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "42")
    shared = os.readlink("/proc/self/ns/ipc")  # the name of what shares System V memory
    beside = "import os\nanswer = 40 + len(os.listdir('..'))  # its own folder, and the lesson's"
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX) as local,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        local.bind(f"{folder}/socket")
        local.listen()
        connect = f"socket.socket(socket.AF_UNIX).connect({local.getsockname()!r})"
        ways = {
            "97.0": f"open({str(COURSE / 'README.md')!r}, 'a')",
            "97.1": f"import shutil\nshutil.rmtree({folder!r})",
            "97.2": f"import socket\nsocket.create_connection({server.getsockname()})",
            "97.3": "import os\nanswer = int(os.environ['SECRET_OF_THE_TEACHER'])",
            "97.4": f"import socket\n{connect}",
            "97.5": beside,
            "97.6": f"import os\nanswer = 41 + (os.readlink('/proc/self/ns/ipc') != {shared!r})",
        }
        found = marked({"Ada": returned(ways), "Bo": returned({"97.5": beside})})
    details = [found["Ada", number].detail.split(":")[0] for number in list(ways)[:5]]
    missing = "FileNotFoundError"
    assert details == ["OSError", missing, "OSError", "KeyError", missing]
    assert found["Ada", "97.5"].state == found["Bo", "97.5"].state == "right"
    assert found["Ada", "97.6"].state == "right"


START = """
import sys
from pathlib import Path
from mnist_helpers.teaching.sandbox import kernel
with kernel(Path(sys.argv[1])) as run:
    print("started", flush=True)
    run("import time; time.sleep(10**6)", 10**6)
"""


@pytest.mark.skipif(not sandbox.isolation(), reason="this system cannot shut answers off")
def test_no_answer_runs_on_when_the_marking_is_killed(tmp_path):
    command = [sys.executable, "-c", START, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as marking:
        assert marking.stdout.readline() == b"started\n"
        family = psutil.Process(marking.pid).children(recursive=True)
        assert len(family) >= 2
        marking.kill()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []


# ---- tables --------------------------------------------------------------------------------


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


MARKS = [
    Mark("=Ada", "12", "01", "1.1", "right"),
    Mark("=Ada", "12", "01", "1.2", "wrong", "=1+1", "it names gc"),
    Mark("=Ada", "12", "02", "2.1", "right"),
    Mark("Bo", "", "01", "1.1", "out of time"),
    Mark("Bo", "", "01", "1.2", "not run"),
    Mark("Cy", "", "01", "", "not readable", "Cy.ipynb: it is not a notebook"),
]


def test_four_tables_for_a_teacher_moodle_and_canvas(tmp_path, capsys):
    tables.write(tables.tables(MARKS), tmp_path / "marks")
    names = ["canvas.csv", "marks.csv", "moodle-01.csv", "moodle-02.csv"]
    assert sorted(path.name for path in (tmp_path / "marks").iterdir()) == names
    assert rows(tmp_path / "marks" / "canvas.csv") == [
        ["Student", "ID", "Section", "Lesson 01", "Lesson 02"],
        ["    Points Possible", "", "", "2", "1"],
        ["'=Ada", "12", "", "1", "1"],
        ["Bo", "", "", "0", ""],
    ]
    head, row = rows(tmp_path / "marks" / "moodle-01.csv")
    assert dict(zip(head, row)) == {
        "Identifier": "Participant 12",
        "Full name": "'=Ada",
        "Grade": "1",
        "Maximum Grade": "2",
        "Last modified (grade)": "",
    }
    table = rows(tmp_path / "marks" / "marks.csv")
    assert table[0] == ["learner", "lesson", "exercise", "state", "detail", "points", "look"]
    assert table[2] == ["'=Ada", "01", "1.2", "wrong", "'=1+1", "0", "it names gc"]
    assert len(table) == 1 + len(MARKS)


def test_one_learner_with_two_accounts_has_one_row_for_canvas():
    twice = [Mark("Ada", "7", "01", "1.1", "right"), Mark("Ada", "9", "02", "2.1", "right")]
    *_, row = tables.tables(twice)["canvas.csv"]
    assert row == ["Ada", "", "", 1, 1]
    meet = [*twice, Mark("Ada", "9", "01", "1.1", "wrong")]
    _, _, *both = tables.tables(meet)["canvas.csv"]
    assert both == [["Ada", "7", "", 1, ""], ["Ada", "9", "", 0, 1]]


@pytest.mark.parametrize("better, worse", [("wrong", "not run"), ("out of time", "not answered")])
def test_the_better_of_two_answers_counts_among_those_without_a_point(better, worse):
    two = [Mark("Ada", "", "01", "1.1", state) for state in (worse, better)]
    for of_two in (two, two[::-1]):
        assert [mark.state for mark in tables.best_of(of_two)] == [better]


def test_marks_that_cannot_be_written_go_into_a_folder_beside(tmp_path, capsys):
    (tmp_path / "marks" / "marks.csv").mkdir(parents=True)
    tables.write(tables.tables(MARKS), tmp_path / "marks", force=True)
    assert len(rows(tmp_path / "marks-1" / "marks.csv")) == 1 + len(MARKS)
    assert "the marks are in " + str(tmp_path / "marks-1") in capsys.readouterr().err


def test_tables_of_an_earlier_run_go_and_other_files_stay(tmp_path):
    (tmp_path / "mine.csv").write_text("mine", encoding="utf-8")
    tables.refuse_marks(tmp_path)
    tables.write(tables.tables(MARKS), tmp_path)
    tables.write(tables.tables(MARKS[:2]), tmp_path, force=True)
    names = ["canvas.csv", "marks.csv", "mine.csv", "moodle-01.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_marks_are_written_once(notebooks, tmp_path):
    folder, out = tmp_path / "returned", tmp_path / "marks"
    folder.mkdir()
    (folder / "Ada.ipynb").write_text("[]", encoding="utf-8")
    command = ["--regrade", str(folder), "--marks", str(out)]
    main(command, notebooks)
    (out / "marks.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="there already: .*marks.csv"):
        main(command, notebooks)
    assert (out / "marks.csv").read_text(encoding="utf-8") == "mine"
    main([*command, "--force"], notebooks)
    assert rows(out / "marks.csv")[1][3] == "not readable"


def test_a_lesson_that_fails_itself_costs_its_own_marks_only(notebooks, tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "returned").mkdir()
    broken = new_notebook(cells=[cell("# 99 · A lesson"), cell("1 / 0")])
    nbformat.write(broken, tmp_path / "notebooks" / "99_broken.ipynb")
    shutil.copy(notebooks / "98_small.ipynb", tmp_path / "notebooks")
    for number in ("98.1", "99.1"):
        notebook = returned({number: "answer = 42"})
        nbformat.write(notebook, tmp_path / "returned" / f"Ada {number[:2]}.ipynb")
    command = ["--regrade", str(tmp_path / "returned"), "--marks", str(tmp_path / "marks")]
    main(command, tmp_path / "notebooks")
    reason = "99_broken.ipynb itself fails: ZeroDivisionError"
    assert f"lesson 99: {reason}" in capsys.readouterr().err
    found = {(row[1], row[2]): row for row in rows(tmp_path / "marks" / "marks.csv")}
    assert found["98", "98.1"][3] == "right"
    assert found["99", ""][3] == "not run" and reason in found["99", ""][4]


def test_five_hand_ins_of_a_lesson_by_one_learner_are_run(tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=[cell("# 98 · A")]), tmp_path / "notebooks" / "98_a.ipynb")
    for number in range(7):
        folder = tmp_path / "returned" / "Ada" / f"Week {number}"
        folder.mkdir(parents=True)
        nbformat.write(returned({"98.1": "answer = 42"}), folder / "98_a.ipynb")
    regrade.marks(tmp_path / "returned", tmp_path / "notebooks")
    assert capsys.readouterr().err.count("not run, for 5 of this lesson") == 2


# ---- a class -------------------------------------------------------------------------------


@pytest.mark.class_of_thirty
def test_thirty_learners_with_fifty_hand_ins_get_the_marks_of_their_answers(tmp_path):
    class_ = hand_in(tmp_path)
    assert len({one.learner for one in class_}) == 30 and len(class_) == 50
    found = {(m.learner, m.account, m.exercise): m.state for m in regrade.marks(tmp_path)}
    for one in class_:
        own = {n: found.get((one.learner, one.account, n)) for n in one.states}
        assert own == one.states, one
