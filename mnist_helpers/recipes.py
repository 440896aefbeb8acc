"""What tells one run from another: names and fingerprints of all that goes into it.

A checkpoint keeps the recipe of its run, and goes on only with the same one.
"""

import dis
import functools
import inspect
import platform
import zlib
from types import CodeType, FunctionType, MethodType

import torch

PYTHON = "Python version"


def name_of(measure):
    """The name of a function; behind `functools.partial` with what is filled in.

    So two partials of one function have two names, such as "pixel_accuracy(tolerance=0.5)".
    """
    if isinstance(measure, functools.partial):
        filled = [_short(x) for x in measure.args]
        filled += [f"{key}={_short(x)}" for key, x in measure.keywords.items()]
        return f"{name_of(measure.func)}({', '.join(filled)})"
    return getattr(measure, "__name__", type(measure).__name__)


def names_of(measures):
    """A name for each measure.

    Raises:
        ValueError: two different ones have the same name.
    """
    named = {}
    for measure in measures:
        if named.setdefault(name_of(measure), measure) is not measure:
            raise ValueError(
                f"two different measures are both named {name_of(measure)!r}, so one would hide "
                "the other: give each function a name of its own (def ...)"
            )
    return [name_of(measure) for measure in measures]


def recipe_of(
    model, optimizer, schedule, train, valid, objective, metrics, batch_size, seed, precision, steps
):
    """What must be the same for a checkpoint to go on.

    Args:
        steps: of the whole run; they matter to a schedule, whose rates depend on them.
        The others are as in `fit`, with a schedule that has been made.

    Returns:
        A flat dict of texts and numbers.
    """
    layers = str(model).splitlines()
    recipe = {f"line {number} of the model": line for number, line in enumerate(layers, start=1)}
    recipe["parameters of the model"] = sum(p.numel() for p in model.parameters())
    recipe |= _data_recipe("training", train) | _data_recipe("validation", valid)
    recipe |= {"batch_size": batch_size, "seed": seed, "precision": precision}
    recipe |= {"objective": name_of(objective), "metrics": ", ".join(names_of(metrics))}
    recipe["code of the objective"] = fingerprint(objective)
    recipe |= {f"code of the metric {name_of(x)}": fingerprint(x) for x in metrics}
    recipe[PYTHON] = platform.python_version_tuple()[1]
    recipe["optimizer"] = type(optimizer).__name__
    recipe |= {f"{key} of the optimizer": str(x) for key, x in optimizer.defaults.items()}
    if schedule:
        recipe |= {"schedule": type(schedule).__name__, "steps of the schedule": steps}
        rates = {key: float(x) for key, x in optimizer.param_groups[0].items() if "_lr" in key}
        recipe |= {f"{key} of the schedule": x for key, x in (_plain(schedule) | rates).items()}
    return recipe


def differences(there, here):
    """One phrase for each entry of two recipes that is not the same, three at most.

    Another Python translates the same code differently, so there code is not compared.
    """
    names = [n for n in there | here if there.get(n, "missing") != here.get(n, "missing")]
    if PYTHON in names:
        names = [n for n in names if n != PYTHON and not n.startswith("code of ")]
    phrases = [
        f"the {_cut(n)} is not the same"
        if n.startswith("code of ")
        else f"{_cut(n)} is {_cut(repr(there.get(n, 'missing')))} there "
        f"and {_cut(repr(here.get(n, 'missing')))} here"
        for n in names[:3]
    ]
    return phrases + ([f"and {len(names) - 3} more"] if len(names) > 3 else [])


def is_recipe(value):
    """Whether this is a flat dict of texts and numbers, as `recipe_of` returns it."""
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(entry, (str, int, float))
        for name, entry in value.items()
    )


def fingerprint(function):
    """Eight characters that change with a function's code, defaults, and what it uses by name.

    That includes numbers, texts, tensors and functions of the notebook or module that it is
    in. It includes neither what imported packages do nor what the function changes by itself,
    such as a counter or a list. Comments and layout do not matter.
    """
    return f"{zlib.crc32(repr(_described(function, set())).encode()):08x}"


# ---- details -------------------------------------------------------------------------------


def _cut(text, length=200):
    """A text, or the beginning of a long one."""
    return text if len(text) <= length else f"{text[:length]}..."


def _data_recipe(name, digits):
    if digits is None:
        return {}
    # A checksum of all images would take longer than an epoch of a small network.
    content = digits.images[::100].cpu().numpy().tobytes() + digits.labels.cpu().numpy().tobytes()
    return {
        f"source of the {name} images": digits.source,
        f"number of {name} images": len(digits),
        f"checksum of the {name} data": zlib.crc32(content),
    }


def _plain(schedule):
    """The settings of a schedule that are numbers or texts; how far it has come is none."""
    progress = ("last_epoch", "total_steps", "verbose")
    settings = {k: x for k, x in schedule.state_dict().items() if k[0] != "_" and k not in progress}
    return {k: x for k, x in settings.items() if isinstance(x, (int, float, str))}


def _short(value):
    plain = value is None or isinstance(value, (bool, int, float, str))
    return repr(value) if plain else name_of(value)


def _described(value, seen):
    """A value as something whose `repr` is the same in every session."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, tuple):
        return [_described(part, seen) for part in value]
    if isinstance(value, functools.partial):
        return _described((value.func, *value.args, *value.keywords.items()), seen)
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), zlib.crc32(value.detach().float().cpu().numpy().tobytes())
    if isinstance(value, FunctionType):
        value = inspect.unwrap(value)  # `stop_after` wraps an objective and changes no result
        if value.__code__ in seen:
            return value.__name__
        seen.add(value.__code__)
        return _code(value.__code__), _described(_used(value), seen)
    if isinstance(value, MethodType):
        return _described(value.__func__, seen)
    call = type(value).__dict__.get("__call__")
    if not isinstance(call, FunctionType):  # a module, a class, a network, a list, ...
        return name_of(value)
    settings = {k: x for k, x in vars(value).items() if isinstance(x, (int, float, str))}
    return name_of(value), _described((*settings.items(), call), seen)


def _used(function):
    """Pairs (name, value) of what a function reads and does not set, and its defaults."""
    found = inspect.getclosurevars(function)
    changed = {
        step.argval
        for step in dis.get_instructions(function)
        if step.opname in ("STORE_DEREF", "STORE_GLOBAL")
    }
    pairs = sorted((found.globals | found.nonlocals).items())
    defaults = (function.__defaults__, *(function.__kwdefaults__ or {}).items())
    return (*[(name, value) for name, value in pairs if name not in changed], defaults)


def _code(code):
    """Instructions, constants and names of a function, and of those that are inside it."""
    constants = [_constant(x) for x in code.co_consts]
    return code.co_code.hex(), constants, code.co_names, code.co_varnames


def _constant(value):
    if isinstance(value, CodeType):
        return _code(value)
    # The elements of a set of texts come in another order in every session.
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
