"""The answer bank of lesson 2."""

from copy import deepcopy
from functools import partial
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F

from mnist_helpers import drawing, models, training


def bank(train, test):
    return {
        "2.1": _cross_entropies(),
        "2.2": _nudges(),
        "2.3": _parameters(),
        "2.4": _loops(),
        "2.5": _stops(),
        "2.6": _bias(train, test),
        "2.7": _cuts(),
        "2.8": _drawings(train),
    }


# ---- 2.1 -----------------------------------------------------------------------------------


def _completed(last_line):
    """The starter with its last line: a function of scores, log_total and labels."""

    def cross_entropy(logits, labels):
        scores = logits - logits.max(dim=1, keepdim=True).values
        log_total = scores.exp().sum(dim=1).log()
        return last_line(scores, log_total, labels)

    return cross_entropy


def _pick(scores, labels):
    return scores[torch.arange(len(labels)), labels]


def _total(logits):
    return (logits - logits.max(dim=1, keepdim=True).values).exp().sum(dim=1).log()


def _overflowing(logits, labels):
    p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    return -_pick(p, labels).log().mean()


def _cross_entropies():
    right = [
        _completed(lambda s, total, labels: (total - _pick(s, labels)).mean()),
        _completed(lambda s, total, labels: -(s[range(len(s)), labels] - total).sum() / len(s)),
        _completed(lambda s, total, y: total.mean() - s.gather(1, y[:, None]).mean()),
        lambda logits, labels: -_pick(F.log_softmax(logits, dim=1), labels).mean(),
        F.cross_entropy,
    ]
    wrong = [
        (_completed(lambda s, total, y: (total - s[torch.arange(2), y]).mean()), "for two images"),
        (_completed(lambda s, total, labels: total - _pick(s, labels)), "You return 12 losses"),
        (_completed(lambda s, total, labels: (_pick(s, labels) - total).mean()), "below zero"),
        (_completed(lambda s, total, labels: (total - _pick(s, labels)).sum()), "Sum or mean"),
        (_completed(lambda s, total, y: total.mean() - s[:, y].mean()), "a whole table"),
        (_completed(lambda s, total, labels: total.mean()), "no part in it"),
        (_completed(lambda s, total, y: (total - s.max(1).values).mean()), "no part in it"),
        (_completed(lambda s, total, labels: (total[:, None] - s).mean()), "every class counts"),
        (_completed(lambda s, total, labels: -_pick(s, labels).mean()), "Where is the total"),
        (lambda logits, y: F.cross_entropy(logits.softmax(1), y), "two softmaxes in a row"),
        (lambda logits, y: F.cross_entropy(logits, y).item(), "backward() cannot walk back"),
        (lambda logits, y: F.cross_entropy(logits, y).detach(), "backward() cannot walk back"),
        (_overflowing, "Which exp() overflows"),
        (lambda logits, y: (_total(logits) - _pick(logits, y)).mean(), "Which was shifted"),
        (_completed(lambda s, total, y: (total[:, None] - _pick(s, y)).mean()), "a table of 12 x"),
        (_completed(lambda s, total, y: (total - _pick(s, y)[:, None]).mean()), "a table of 12 x"),
        (_completed(lambda s, total, y: (total - s[y]).mean()), "Shapes that do not fit"),
        (_completed(lambda s, total, y: total.mean() - s[y].mean()), "s[labels] takes whole rows"),
        (_completed(lambda s, total, y: (total - s[y, range(len(y))]).mean()), "comes first"),
        (lambda logits, y: F.cross_entropy(logits, y) / np.log(2), "You have"),
        (lambda logits, labels: (logits.argmax(1) == labels).float().mean(), "You have"),
        (_completed(lambda s, total, labels: ...), "`...` of the starter"),
        (_completed(lambda s, total, labels: None), "returns nothing"),
        (_completed(lambda s, total, labels: s), "needs one number"),
        (F.cross_entropy(torch.zeros(1, 10), torch.tensor([3])), "needs a function"),
    ]
    return right, wrong


# ---- 2.2 -----------------------------------------------------------------------------------


def _nudging(line, together=False):
    """The starter with its missing line: a function of the loss, the weights, the nudge and h."""

    def slopes(loss_of, weights, h=0.01):
        gradient = []
        for i in range(len(weights)):
            nudge = torch.zeros_like(weights)
            nudge[slice(None) if together else i] = h
            gradient.append(line(loss_of, weights, nudge, h))
        return torch.tensor(gradient)

    return slopes


def _both_sides(loss, w, nudge, h):
    return (loss(w + nudge) - loss(w - nudge)) / (2 * h)


def _autograd(loss_of, weights, h=0.01):
    weights = weights.clone().requires_grad_()
    loss_of(weights).backward()
    return weights.grad


def _as_list(loss_of, weights, h=0.01):
    return [float(slope) for slope in _nudging(_both_sides)(loss_of, weights, h)]


def _in_place(loss_of, weights, h=0.01):
    gradient = []
    for i in range(len(weights)):
        weights[i] += h
        up = loss_of(weights)
        weights[i] -= 2 * h
        gradient.append((up - loss_of(weights)) / (2 * h))
    return torch.tensor(gradient)


def _nudges():
    right = [
        _nudging(_both_sides),
        _nudging(lambda loss, w, n, h: (loss(w + n) - loss(w - n)) / h / 2),
        _autograd,
        _as_list,
    ]
    wrong = [
        (_nudging(lambda loss, w, n, h: (loss(w - n) - loss(w + n)) / (2 * h)), "the wrong sign"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w - n)) / h), "twice too large"),
        (_nudging(lambda loss, w, n, h: loss(w + n) - loss(w - n)), "differences of losses"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w - n)) * 2 * h), "far too small"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w - n)) / 2), "far too small"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w - n)) / 2 * h), "(a / 2) * h"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w)) / h), "you only nudge up"),
        (_nudging(lambda loss, w, n, h: (loss(w) - loss(w - n)) / h), "you only nudge down"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w)) / (2 * h)), "divided by two"),
        (_nudging(lambda loss, w, n, h: loss(w + n)), "These are losses"),
        (_nudging(lambda loss, w, n, h: (loss(w + h) - loss(w - h)) / (2 * h)), "nudged at once"),
        (_nudging(_both_sides, together=True), "nudged at once"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w - n)) / 0.02), "Where else does h"),
        (_nudging(lambda loss, w, n, h: (loss(w + n) - loss(w - n)) / (2 * n)), "whole row"),
        (lambda loss, w, h=0.01: _nudging(_both_sides)(loss, w).flip(0), "in reverse order"),
        (lambda loss, w, h=0.01: _nudging(_both_sides)(loss, w).sum(), "You give 1 numbers"),
        (_in_place, "The weights that you were given have moved"),
        (_nudging(lambda loss, w, n, h: ...), "`...` of the starter"),
        (_nudging(lambda loss, w, n, h: torch.zeros(())), "something else"),
        (lambda loss, w, h=0.01: None, "returns nothing"),
        (lambda loss, w, h=0.01: ..., "`...` of the starter"),
        (torch.zeros(3), "needs a function"),
    ]
    return right, wrong


# ---- 2.3 -----------------------------------------------------------------------------------


def _parameters():
    right = [109_386, 109386.0, np.int64(109_386), torch.tensor(109_386)]
    right += [models.count_parameters(models.Classifier(hidden=(128, 64)))]
    wrong = [
        (109_184, "weights alone"),
        (110_160, "one bias for each input"),
        (109_187, "one bias for each layer"),
        (111_528, "four times everything"),
        (103_242, "still has 32 columns"),
        (108_736, "hidden layers alone"),
        (100_480, "first layer alone"),
        (101_770, "one hidden layer"),
        (30_634, "hidden=(32, 128)"),
        (27_882, "the old network"),
        (81_504, "come on top"),
        (109_312, "layer(s) of 64 and 10 units have no bias"),
        (109_258, "layer(s) of 128 units have no bias"),
        (109_376, "layer(s) of 10 units have no bias"),
        (109_385, "You have"),
        (109_386.5, "You have"),
        (109.386, "You have"),
        (float("inf"), "You have"),
        ("109386", "needs one number"),
    ]
    return right, wrong


# ---- 2.4 -----------------------------------------------------------------------------------


def _loop(*calls, lr=0.1, before=(), make=torch.optim.SGD, times=1, **options):
    """A loop over these calls; `before` holds those that come once, before it."""

    def learn_by_heart(model, images, labels, steps):
        optimizer = make(model.parameters(), lr=lr, **options)
        if "zero" in before:
            optimizer.zero_grad()
        for _ in range(times * steps):
            loss = F.cross_entropy(model(images), labels)
            for call in calls:
                {"zero": optimizer.zero_grad, "back": loss.backward, "step": optimizer.step}[call]()
        return loss.item()

    return learn_by_heart


def _model_zero(model, images, labels, steps):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        model.zero_grad(set_to_none=False)
        loss = training.classification(model, images, labels)
        loss.backward()
        optimizer.step()
    return loss


def _by_hand(model, images, labels, steps):
    for _ in range(steps):
        weights = list(model.parameters())
        loss = F.cross_entropy(model(images), labels)
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, slope in zip(weights, slopes, strict=True):
                weight -= 0.1 * slope
    return loss.item()


def _silent(model, images, labels, steps):
    _by_hand(model, images, labels, steps)


def _new_optimizer(model, images, labels, steps):
    for _ in range(steps):
        _loop("back", "step")(model, images, labels, 1)


def _loops():
    right = [
        _loop("zero", "back", "step"),
        _loop("back", "step", "zero"),
        _model_zero,
        _by_hand,
    ]
    wrong = [
        (_loop("back", "step"), "step 2 follows the sum of all slopes"),  # the starter
        (_loop("back", "step", before=("zero",)), "follows the sum of all slopes"),
        (_new_optimizer, "follows the sum of all slopes"),
        (_loop("back", "zero", "step"), "step() found no slopes"),
        (_loop("zero", "back"), "no weight moved"),
        (_loop("zero", "step", "back"), "no weight moved. Who moves them, and when"),
        (_loop("back", "step", lr=0.01), "0.01 times the slope"),
        (_loop("zero", "back", "step", lr=0.05), "0.05 times the slope"),
        (_uphill, "-0.1 times the slope"),
        (_loop("zero", "back", "step", momentum=0.9), "Change only what is broken"),
        (_loop("zero", "back", "step", make=torch.optim.Adam), "Change only what is broken"),
        (_loop("zero", "back", "step", times=2), "Change only what is broken"),
        (_silent, "your function returns nothing"),
        (lambda *batch: _by_hand(*batch) and [0.1, 0.05], "needs one number"),
        (lambda model, loader, optimizer: None, "TypeError"),
        (0.013, "needs a function"),
    ]
    return right, wrong


def _uphill(model, images, labels, steps):
    for _ in range(steps):
        model.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.1 * weight.grad


# ---- 2.5 -----------------------------------------------------------------------------------


def _early_stop(losses, patience):
    best, waited = 1, 0
    for epoch, loss in enumerate(losses, start=1):
        if epoch == 1 or loss < losses[best - 1]:
            best, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            break
    return best


def _by_distance(losses, patience, keep=True):
    """Without a counter: how far behind is the best one?"""
    best = 0
    for i in range(len(losses)):
        if losses[i] < losses[best]:
            best = i
        if i - best >= patience:
            break
    return 1 + (best if keep else i)


def _as_tensor(losses, patience):
    return torch.tensor(_early_stop(losses, patience))


def _counting(losses, patience, reset=True, rival="best", equal=False):
    best, waited = 1, 0
    for epoch, loss in enumerate(losses, start=1):
        other = losses[best - 1] if rival == "best" else losses[max(0, epoch - 2)]
        if epoch == 1 or loss < other or (equal and loss == other):
            best = epoch
            if reset:
                waited = 0
        else:
            waited += 1
            if waited >= patience:
                return best
    return best


def _stops():
    wrong = [
        (lambda losses, patience: 1, "You always keep epoch 1"),  # the starter
        (lambda losses, patience: _early_stop(losses, patience) - 1, "from 0"),
        (lambda losses, patience: losses[_early_stop(losses, patience) - 1], "What is its number"),
        (lambda losses, patience: int(np.argmin(losses)) + 1, "the losses behind the stop"),
        (partial(_by_distance, keep=False), "the epoch at which you stop"),
        (lambda losses, patience: _early_stop(losses, patience + 1), "one epoch too many"),
        (lambda losses, patience: _early_stop(losses, max(1, patience - 1)), "one epoch too early"),
        (lambda losses, patience: _counting(losses, patience, reset=False), "all bad epochs"),
        (lambda losses, patience: _counting(losses, patience, rival="last"), "the epoch before"),
        (lambda losses, patience: _counting(losses, patience, equal=True), "an equal loss"),
        (lambda losses, patience: len(losses), "you return 5. Go through them by hand"),
        (lambda losses, patience: None, "returns nothing"),
        (lambda losses, patience: ..., "`...` of the starter"),
        (lambda losses, patience: (2, 0.5), "needs one number"),
        (2, "needs a function"),
    ]
    return [_early_stop, _by_distance, _as_tensor, _counting], wrong


# ---- 2.6 -----------------------------------------------------------------------------------


def _share(means, digits, factor):
    """Accuracy of the ten dot products plus `factor` times the squared length of each mean."""
    scores = digits.images.flatten(1) @ means.T + factor * (means**2).sum(dim=1)
    return (scores.argmax(dim=1) == digits.labels).float().mean()


def _rooted(means, digits):
    scores = digits.images.flatten(1) @ means.T - means.norm(dim=1) / 2
    return (scores.argmax(dim=1) == digits.labels).float().mean()


def _bias(train, test):
    means = [train.images[train.labels == k].flatten(1).mean(dim=0) for k in range(10)]
    means = torch.stack(means)
    best, plain = _share(means, test, -0.5), _share(means, test, 0)
    nearest = torch.cdist(test.images.flatten(1), means).argmin(dim=1)
    right = [
        best - plain,
        (best - plain).item(),
        np.float64((nearest == test.labels).double().mean()) - plain.item(),
        round((best - plain).item(), 3),
    ]
    on_train = _share(means, train, -0.5) - _share(means, train, 0)
    wrong = [
        (plain - best, "would do harm"),
        (100 * (best - plain), "percentage points"),
        (10_000 * (best - plain), "a number of images"),
        (best, "the share with the bias"),
        (plain.item(), "the share without the bias"),
        (on_train, "on the training images"),
        (_share(means, test, 0.5) - plain, "pushed up here, or down"),
        (_share(means, test, -1) - plain, "your bias is too large"),
        (0.5, "You have"),
        (_share(means, test, 0) - plain, "decides nothing"),  # the same bias for all ten digits
        (_rooted(means, test) - plain, "a length, or its square"),
        ((best, plain), "needs one number"),
    ]
    return right, wrong


# ---- 2.7 -----------------------------------------------------------------------------------


def _without(model, units):
    cut = deepcopy(model)
    with torch.no_grad():
        cut.layers[1].weight[units] = 0
        cut.layers[1].bias[units] = 0
    return cut


def _without_loop(model, units):
    cut = deepcopy(model)
    for unit in units:
        cut.layers[1].weight.data[unit] *= 0
        cut.layers[1].bias.data[unit] *= 0
    return cut


def _unheard(model, units):
    """The units speak, and nobody listens: the same for every output."""
    cut = deepcopy(model)
    with torch.no_grad():
        cut.layers[3].weight[:, units] = 0
    return cut


def _zeroing(weight_rows, bias_rows, copy=deepcopy, layer=1):
    def without(model, units):
        cut = copy(model)
        with torch.no_grad():
            cut.layers[layer].weight[weight_rows(units)] = 0
            cut.layers[layer].bias[bias_rows(units)] = 0
        return cut

    return without


def _all_of(units):
    return units


def _none_of(units):
    return []


def _rest_of(units):
    return [unit for unit in range(32) if unit not in units]


def _with_record(model, units):
    cut = deepcopy(model)
    cut.layers[1].weight[units] = 0
    cut.layers[1].bias[units] = 0
    return cut


def _cuts():
    lesson_model = models.Classifier()
    wrong = [
        (lambda model, units: deepcopy(model), "All units answer as before"),
        (lambda model, units: _without(model, units) and model, "All units answer as before"),
        (_zeroing(_all_of, _none_of), "say 0.5 to every image"),
        (_zeroing(_none_of, _all_of), "only lost their bias"),
        (_zeroing(_rest_of, _rest_of), "removed all units but [3, 17, 30]"),
        (_zeroing(lambda u: u[-1], lambda u: u[-1]), "only 30 is gone"),
        (_zeroing(lambda u: (slice(None), u), _all_of), "lost pixels [3, 17, 30]"),
        (_zeroing(_all_of, _all_of, copy=lambda model: model), "The original has lost weights"),
        (_with_record, "Which `with` line"),
        (lambda model, units: _without(lesson_model, units), "Whose copy is it"),
        (lambda model, units: models.Classifier(), "Whose copy is it"),
        (lambda model, units: None, "returns nothing"),
        (lambda model, units: ..., "`...` of the starter"),
        (lambda model, units: 0.95, "You return float (0.95)"),
        (_zeroing(_all_of, _all_of, layer=3), "Which layer looks at the pixels"),
        (lambda model, units: _without(model, units[:1]), "only 3 is gone"),
        (lambda model, units: _without(model, units[1:]), "Which layer looks at the pixels"),
        (lambda unit: None, "TypeError"),
        (lesson_model, "ran into"),
    ]
    return [_without, _without_loop, _unheard, _zeroing(_all_of, _all_of)], wrong


# ---- 2.8 -----------------------------------------------------------------------------------


def _drawings(train):
    means = torch.stack([train.images[train.labels == k].mean(dim=0).flatten() for k in range(10)])

    def model(images):
        """The nearest mean, as a classifier: the larger, the nearer."""
        return -torch.cdist(images.flatten(1), means)

    found = _misread(model)
    place, size, fine = (found[why] for why in ("place", "size", "none"))
    mixed = [*place[:2], size[0]]
    image, meant, _ = place[0]
    tidy, *_ = next(one for one in fine if torch.equal(drawing.centred(one[0]), one[0]))

    def answer(drawn):
        return model, dict(enumerate(drawn, start=1))

    right = [answer(mixed), list(answer([*size[:2], place[0]])), answer([*place, *size])]
    wrong = [
        (mixed, "needs `model, mine`"),
        ((model, mixed), "`mine` must be the dict"),
        (answer(mixed[:2]), "Drawings in `mine`: 2"),
        (answer([image, image, image]), "needs `pad.image, digit, word`"),
        (answer([("pad", meant, "place"), *mixed]), "needs `pad.image` first"),
        (answer([(image, str(meant), "place"), *mixed]), "needs the digit that you meant"),
        (answer([(image, meant, "ink"), *mixed]), "one of 'place', 'size', 'shape'"),
        (answer([(torch.zeros_like(image), meant, "place"), *mixed]), "an empty page"),
        (answer([(tidy, 6, "shape"), *mixed]), "somebody else"),
        (answer([(*fine[0][:2], "place"), *mixed]), "Draw one that is not"),
        (answer([(tidy, 2, "shape"), *mixed]), "Is the tick at `centre` set?"),
        (answer([place[0], place[0], size[0]]), "there twice"),
        (answer(max(place, size, key=len)[:3]), "for the same reason"),
        (answer([(image, meant, "shape"), *mixed]), "why should shape matter"),
        (answer([(*size[0][:2], "place"), *mixed]), "What else does MNIST's preparation do"),
        (answer([(*size[0][:2], "shape"), *mixed]), "what is to blame"),
        (answer([(image.byte(), meant, "place"), *mixed]), "float32"),
    ]
    return right, wrong


def _misread(model):
    """Stored drawings in many sizes, by what it takes to have them read: (image, digit, why)."""
    found = {"none": [], "place": [], "size": [], "shape": []}
    for name, meant in {"two": 2, "five": 5, "seven": 7}.items():
        for size, right in product((1, 0.9, 0.8, 0.7, 0.6, 0.5), (0, 0.3)):
            lines = drawing.stored(name)
            strokes = [[(right + size * x, size * y) for x, y in line] for line in lines]
            image = drawing.shrunk(drawing.ink(strokes))
            tries = torch.cat([image, drawing.in_the_middle(image), drawing.centred(image)])
            reads = [*model(tries).argmax(dim=1).tolist(), meant]
            why = list(found)[reads.index(meant)]
            found[why].append((image, meant, why))
    found["none"].append((drawing.centred(drawing.ink(drawing.stored("two"))), 2, "none"))
    return found
