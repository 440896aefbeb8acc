"""The answer bank of lab 11."""

from copy import copy, deepcopy

import torch
from torch.utils.tensorboard import SummaryWriter

from mnist_helpers.callbacks import Callback


def bank(train, test):
    return {
        "11.1": _checkpoints(),
        "11.2": _gaps(),
        "11.3": _counters(),
        "11.4": _patience(),
        "11.5": _keepers(),
    }


# ---- 11.1 ----------------------------------------------------------------------------------


def _pair(*parts, give=None, take=None):
    """save and load that store these of model, optimizer and generator."""

    def save(path, model, optimizer, generator):
        things = {"model": model, "optimizer": optimizer, "generator": generator}
        states = {"generator": generator.get_state}
        torch.save(
            {name: states.get(name, getattr(things[name], "state_dict", None))() for name in parts},
            path,
        )

    def load(path, model, optimizer, generator):
        saved = torch.load(path, weights_only=True)
        for thing, name in ((model, "model"), (optimizer, "optimizer")):
            if name in parts:
                thing.load_state_dict(saved[name])
        if "generator" in parts:
            generator.set_state(saved["generator"])

    return give or save, take or load


ALL = ("model", "optimizer", "generator")


def _list_save(path, model, optimizer, generator):
    torch.save([model.state_dict(), optimizer.state_dict(), generator.get_state()], path)


def _list_load(path, model, optimizer, generator):
    weights, averages, place = torch.load(path)
    model.load_state_dict(weights)
    optimizer.load_state_dict(averages)
    generator.set_state(place)


def _save_objects(path, model, optimizer, generator):
    torch.save({"model": model, "optimizer": optimizer}, path)


def _save_generator(path, model, optimizer, generator):
    torch.save({"model": model.state_dict(), "generator": generator}, path)


def _state_dict_of_generator(path, model, optimizer, generator):
    torch.save({"generator": generator.state_dict()}, path)


def _seed_only(path, model, optimizer, generator):
    _pair("model", "optimizer")[1](path, model, optimizer, generator)
    generator.manual_seed(1)


def _forget_to_fill(path, model, optimizer, generator):
    saved = torch.load(path)
    model = saved["model"]  # a new name, and the network stays as it is
    return model, saved["optimizer"]


def _averages_only(path, model, optimizer, generator):
    saved = torch.load(path)
    model.load_state_dict(saved["model"])
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": saved["optimizer"]["state"], "param_groups": groups})


def _one_after_the_other(path, model, optimizer, generator):
    for state in (model.state_dict(), optimizer.state_dict(), generator.get_state()):
        torch.save(state, path)


def _all_into_the_network(path, model, optimizer, generator):
    model.load_state_dict(torch.load(path))


def _state_as_seed(path, model, optimizer, generator):
    _pair("model", "optimizer")[1](path, model, optimizer, generator)
    generator.manual_seed(torch.load(path)["generator"])


def _checkpoints():
    right = [_pair(*ALL), (_list_save, _list_load), list(_pair(*ALL))]
    wrong = [
        (_pair("model"), "Adam is as good as new"),  # the starter
        (_pair("model", "generator"), "Adam is as good as new"),
        (_pair("model", "optimizer"), "Who draws that order"),
        (_pair("optimizer", "generator"), "still has its new weights"),
        (_pair(*ALL, take=_forget_to_fill), "Who fills them in"),
        (_pair(*ALL, take=_averages_only), "not its learning rate"),
        (_pair(*ALL, take=_seed_only), "order of the first epoch comes again"),
        (_pair(*ALL)[::-1], "not there yet"),
        (_pair(*ALL, give=_save_objects), "a whole object"),
        (_pair(*ALL, give=_save_generator), "a whole object"),
        (_pair(*ALL, give=_state_dict_of_generator), "get_state()"),
        (_pair(*ALL, give=_pair("model", "optimizer")[0]), "no 'generator'"),
        (_pair(*ALL, give=lambda *parts: None), "left no file"),
        (_pair(*ALL, give=_one_after_the_other), "holds a single tensor"),
        (_pair(*ALL, take=_all_into_the_network), "under which name"),
        (_pair(*ALL, take=_state_as_seed), "get_state()"),
        (_pair(*ALL)[0], "needs two functions"),
        ((1, 2), "needs a function"),
    ]
    return right, wrong


# ---- 11.2 ----------------------------------------------------------------------------------


def _gap(value=None, tag="loss/gap", step=len, when="after_epoch", close="close"):
    """The class, with one thing or another done otherwise."""

    class Gap(Callback):
        def __init__(self, folder):
            self.writer = SummaryWriter(folder)

        def write(self, run):
            valid, train = run.history.valid_loss, run.history.train_loss
            if value is not None and train:
                self.writer.add_scalar(tag, value(valid, train), step and step(train))

        def end(self, run):
            if close:
                getattr(self.writer, close)()

    setattr(Gap, when, Gap.write)
    return Gap


def _ratio(valid, train):
    return valid[-1] / train[-1]


class _Opened(Callback):
    """Right in another style: the writer is opened late, and flushed after every epoch."""

    def __init__(self, folder):
        self.folder, self.epoch = folder, 0

    def begin(self, run):
        self.writer = SummaryWriter(self.folder)

    def after_epoch(self, run):
        self.epoch += 1
        history = run.history
        gap = torch.tensor(history.valid_loss[-1]) / history.train_loss[-1]
        self.writer.add_scalar("loss/gap", gap, global_step=self.epoch)
        self.writer.flush()


def _gaps():
    right = [_gap(_ratio), _Opened, _gap(_ratio, close=None)]
    wrong = [
        (_gap(), "holds no scalar"),  # the starter
        (_gap(_ratio, tag="gap"), "You write 'gap'"),
        (_gap(_ratio, step=None), "the step 0"),
        (_gap(_ratio, step=lambda train: len(train) - 1), "Where do you count"),
        (_gap(_ratio, step=lambda train: 8 * len(train)), "their steps are (8, 16, 24)"),
        (_gap(_ratio, when="after_step"), "Which method is called how often"),
        (_gap(lambda valid, train: train[-1] / valid[-1]), "Which way round"),
        (_gap(lambda valid, train: valid[-1] - train[-1]), "the difference"),
        (_gap(lambda valid, train: valid[0] / train[0]), "the ratio of the first one"),
        (_gap(lambda valid, train: valid[-1]), "validation loss alone"),
        (_gap(lambda valid, train: sum(valid) / sum(train)), "no ratio of the two newest"),
        (_gap(lambda valid, train: valid / train), "TypeError"),
        (_gap(lambda valid, train: len(train), step=lambda train: 0.9), "take its three"),
        (Callback(), "already made"),
        (_ratio, "needs a class of callbacks"),
    ]
    return right, wrong


# ---- 11.3 ----------------------------------------------------------------------------------


def _counted(dtype):
    counter = torch.tensor(0, dtype=dtype)
    while counter + 1 != counter:
        counter += 1
    return counter


def _counters():
    right = [256, 256.0, _counted(torch.bfloat16), torch.tensor([256])]
    wrong = [
        (255, "round it to 8 digits"),
        (257, "first number that it misses"),
        (128, "How many digits"),
        (512, "every fourth number"),
        (129, "How many digits"),
        (32_768, "Not all of the 16 bits"),
        (8, "Which numbers can you write"),
        (_counted(torch.float16), "where float16 stops"),
        (2**24, "where float32 stops"),
        (65_535, "Not all of the 16 bits"),
        (65_504, "largest float16"),
        (3.3895e38, "largest bfloat16"),
        (1000, "1000"),
    ]
    return right, wrong


# ---- 11.4 ----------------------------------------------------------------------------------


def _patience():
    right = [(34, 29), [34, 29], (34.0, torch.tensor(29)), torch.tensor([34, 29])]
    wrong = [
        ((29, 34), "the other way round"),
        ((33, 28), "counts from 0"),
        ((33, 29), "count those after the best"),
        ((35, 29), "six epochs"),
        ((34, 34), "five epochs past their best"),
        ((51, 46), "Would you ever have come so far"),
        ((200, 46), "Would you ever have come so far"),
        ((56, 46), "a patience of ten"),
        ((40, 29), "After how many more epochs"),
        ((30, 20), "the loss of epoch 20 is not the lowest"),
        ((34, 28), "the loss of epoch 28 is not the lowest"),
        ((47, 46), "Would you ever have come so far"),
        ((24, 20), "a patience of five"),
        ((34, 0.03622), "whole numbers"),
        (34, "needs two epochs"),
        ((34, 29, 1), "needs two epochs"),
    ]
    return right, wrong


# ---- 11.5 ----------------------------------------------------------------------------------


def _keeper(copied, better=lambda loss, best: loss < best, start=float("inf")):
    """The starter, with its copy and its comparison made in one way or another."""

    def keep_the_best(model, train_epoch, measure, epochs):
        best, weights = start, None
        for _ in range(epochs):
            train_epoch(model)
            loss = measure(model)
            if weights is None or better(loss, best):
                best, weights = loss, copied(model)
        model.load_state_dict(weights)
        return model

    return keep_the_best


def _whole_copy(model, train_epoch, measure, epochs):
    best, kept = measure(model), model
    for _ in range(epochs):
        train_epoch(model)
        if measure(model) < best:
            best, kept = measure(model), deepcopy(model)
    return kept


def _cloned(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _first_rise(model, train_epoch, measure, epochs):
    best, weights = float("inf"), None
    for _ in range(epochs):
        train_epoch(model)
        if measure(model) > best:
            break
        best, weights = measure(model), _cloned(model)
    model.load_state_dict(weights)
    return model


def _than_before(model, train_epoch, measure, epochs):
    before = float("inf")
    for _ in range(epochs):
        train_epoch(model)
        loss = measure(model)
        if loss < before:
            weights = _cloned(model)
        before = loss
    model.load_state_dict(weights)
    return model


def _weights_without_buffers(model, train_epoch, measure, epochs):
    kept = _keeper(_cloned)(model, train_epoch, measure, epochs)
    kept.seen.fill_(epochs)
    return kept


def _measured_too_early(model, train_epoch, measure, epochs):
    best, weights = float("inf"), None
    for _ in range(epochs):
        if measure(model) < best:
            best, weights = measure(model), _cloned(model)
        train_epoch(model)
    model.load_state_dict(weights)
    return model


def _no_return(model, train_epoch, measure, epochs):
    _keeper(_cloned)(model, train_epoch, measure, epochs)


def _keepers():
    right = [_keeper(lambda model: deepcopy(model.state_dict())), _keeper(_cloned), _whole_copy]
    wrong = [
        (_keeper(lambda model: model.state_dict()), "are they a copy"),  # the starter
        (_keeper(lambda model: model.state_dict().copy()), "are they a copy"),
        (_keeper(lambda model: dict(model.state_dict())), "are they a copy"),
        (_keeper(lambda model: copy(model.state_dict())), "are they a copy"),
        (_keeper(lambda m: {k: x.detach() for k, x in m.state_dict().items()}), "are they a copy"),
        (_keeper(lambda model: model.state_dict().clone()), "What in it can be cloned"),
        (_keeper(lambda m: {k: x.clone() for k, x in m.named_parameters()}), "no buffers"),
        (_keeper(_cloned, better=lambda loss, best: loss > best), "the worst"),
        (_weights_without_buffers, "with the buffers of epoch 6"),
        (_keeper(_cloned, better=lambda loss, best: loss < float("inf")), "who notes the best"),
        (_keeper(lambda model: list(model.parameters())), "What did you put into"),
        (_keeper(deepcopy), "What did you put into"),
        (_keeper(lambda model: model.copy()), "how did section 11.5"),
        (_measured_too_early, "Is it measured, too"),
        (_first_rise, "You stop at the first rise"),
        (_than_before, "Better than the best"),
        (_keeper(_cloned, better=lambda loss, best: True), "the last one"),
        (lambda model, train_epoch, measure, epochs: model, "never trained"),
        (_no_return, "You give back NoneType"),
        (lambda *parts: _cloned(parts[0]), "What was asked for is the network"),
        (0.5, "needs a function"),
    ]
    return right, wrong
