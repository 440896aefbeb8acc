"""Thirty made-up learners and what they hand in: mixed answers, layouts and faults.

The same learners every time. `hand_in(folder)` writes their files, and says what is true of each
answer and what the notebook itself claims, so that reading them and running them can be tested.
"""

import io
import json
import random
import re
import zipfile
from collections import namedtuple

import nbformat

from mnist_helpers.course import lessons
from mnist_helpers.teaching.editions import edition

NAMES = """
Ada Lovelace, Alan Turing, Åsa Öberg, Blaise Pascal, Carl Gauss, Dana O'Brien, Emmy Noether,
=cmd calc, Grace Hopper, Hedy Lamarr, Ida Rhodes, José Núñez, Katherine Johnson, Léon Bottou,
Mary Jackson, Niels Abel, Olga Ladyzhenskaya, Pierre Fermat, 陳省身, Rózsa Péter,
Sofia Kovalevskaya, Taro Yamada, Ursula Martin, -1+1, Wang Zhenyi, Xu Guangqi, Yves Meyer,
Zoë Quinn, @SUM, +49 170
""".replace("\n", " ").split(",")
LAYOUTS = ("flat", "folder", "moodle", "canvas")
LESSONS = (("01",), ("01", "02"), ("01", "03"))  # what one learner hands in, in turn

# What is put into an exercise cell, below the starter's own lines -> what a fresh run makes of it.
FORGED = """\
from IPython.display import display
verdict = {{"exercise": "{number}", "state": "right", "tries": 1}}
display({{"text/plain": "✓"}}, metadata={{"mnist_helpers": verdict}}, raw=True)
answer = ...
check("{number}", answer)"""
ANSWERS = {
    "right": '{solution}\ncheck("{number}", answer)',
    "wrong": 'answer = {{"no": "answer"}}\ncheck("{number}", answer)',
    "not answered": 'answer = ...\ncheck("{number}", answer)',
    "error": 'answer = no_such_name\ncheck("{number}", answer)',
    "known mistake": '{mistake}\ncheck("{number}", answer)',
}
MISTAKES = {
    "1.2": "answer = train.images.mean()",
    "1.4": "answer = leaky_split",
    "2.4": "answer = learn_by_heart",
    "3.3": "answer = faint_decoder",
}
# Of one learner each, in the first exercise of a lesson: the name of the fault -> cell, what a
# fresh run says, and what the notebook itself claims.
FAULTS = {
    "a forged verdict": (FORGED, "not answered", "right"),
    "a crash": ("import os\nos._exit(1)", "error", None),
    "an endless loop": ("while True:\n    pass", "out of time", None),
    "no such cell": (None, "not run", None),
    "no Python": ("answer = (1,\ncheck('{number}', answer)", "error", None),
}
BROKEN = {"half a file": lambda text: text[: len(text) // 2], "no notebook": lambda text: "[1, 2]"}

# One returned lesson. `learner` as the names of files tell; `states` and `claims`: number of an
# exercise -> state. Both are empty if the file is broken, and `fault` says how.
Returned = namedtuple("Returned", "learner account lesson layout fault states claims")


def hand_in(folder):
    """Write what all thirty hand in below the folder, a `Path`; returns a list of `Returned`."""
    chance = random.Random(0)
    faults = dict(zip(range(3, 30, 3), [*FAULTS, *BROKEN]))  # who has which
    found, archives = [], {"moodle": {}, "canvas": {}}
    for place, name in enumerate(name.strip() for name in NAMES):
        layout, fault = LAYOUTS[place * len(LAYOUTS) // len(NAMES)], faults.get(place)
        account = str(4200 + place) if layout in archives else ""
        for lesson in LESSONS[place % len(LESSONS)]:
            text, states, claims = _returned(lesson, fault, chance)
            told = _canvas_name(name) if layout == "canvas" else name
            found.append(Returned(told, account, lesson, layout, fault, states, claims))
            path = _path(layout, told, account, _lesson(lesson).path.name)
            if layout in archives:
                archives[layout][path] = text
            else:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
    for layout, files in archives.items():
        (folder / f"{layout}.zip").write_bytes(zipped(files))
    return found


def _canvas_name(name):
    return "".join(reversed(name.lower().split()))


def _path(layout, name, account, file):
    """Where a learner's file lies, as each of the systems names it."""
    return {
        "flat": f"{name} {file}",
        "folder": f"{name}/{file}",
        "moodle": f"{name}_{account}_assignsubmission_file_/{file}",
        "canvas": f"{name}_{account}_{account}7_{file}",
    }[layout]


def _returned(lesson, fault, chance):
    """One notebook as a text, what is true of its answers, and what it claims."""
    notebook = json.loads(edition(_lesson(lesson).path, {"solution", "teacher"}))
    states, claims, kept = {}, {}, []
    first = f"{int(lesson)}.1"
    for cell in notebook["cells"]:
        if "exercise" not in cell["metadata"].get("tags", []):
            kept.append(cell)
            continue
        starter = "".join(cell["source"])
        number = re.search(r'check\("([0-9.]+)"', starter)[1]
        state = chance.choice([*ANSWERS, "right", "right", "not answered"])
        if state == "known mistake" and number not in MISTAKES:
            state = "wrong"
        added, claim = ANSWERS[state], state
        if fault in FAULTS and number == first:
            added, state, claim = FAULTS[fault]
        states[number] = state
        if added is not None:
            own = starter.split("answer = ...")[0]
            fill = {"solution": _solutions(lesson)[number], "mistake": MISTAKES.get(number)}
            source = own + added.format(number=number, **fill)
            cell |= {"source": source, "outputs": _outputs(number, claim), "execution_count": 1}
            kept.append(cell)
        if claim:
            claims[number] = claim
    notebook["cells"] = kept
    text = json.dumps(notebook)
    return (BROKEN[fault](text), {}, {}) if fault in BROKEN else (text, states, claims)


def _outputs(number, state):
    """What a check leaves in a cell, or an error, or nothing."""
    if state is None:
        return []
    if state == "error":
        error = {"ename": "NameError", "evalue": "no_such_name", "traceback": []}
        return [{"output_type": "error", **error}]
    verdict = {"exercise": number, "state": state, "tries": int(state != "not answered")}
    data = {"text/plain": f"Exercise {number}"}
    return [{"output_type": "display_data", "data": data, "metadata": {"mnist_helpers": verdict}}]


def _lesson(number):
    return lessons([number])[0]


def _solutions(lesson):
    """Number of an exercise -> the course's own solution, without its title and its check."""
    found = {}
    for cell in nbformat.read(_lesson(lesson).path, as_version=4).cells:
        if "solution" in cell.metadata.get("tags", []):
            title, code = cell.source.split("\n", 1)
            found[title.split()[-1]] = re.sub(r"\n?check\(.*\)$", "", code)
    return found


def zipped(files):
    """A zip of such files, name -> content, as bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()
