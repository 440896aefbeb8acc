"""Right and wrong answers to the exercises of lesson 10."""

import torch
import torch.nn.functional as F

from mnist_helpers import models, training


def runs(
    seed_weights=True, fresh=True, late_seed=False, shuffle=True, measured="valid", constant=None,
    outside=False, epochs=1,
):  # fmt: skip
    """A function like that of 10.2, with the mistakes that are asked for."""

    def three_runs(few, valid, seeds):
        if outside:
            torch.manual_seed(seeds[0])
        errors, model = [], models.DenseAutoencoder(8, hidden=())
        start = {name: w.clone() for name, w in model.state_dict().items()}
        for seed in seeds:
            if seed_weights and not late_seed:
                torch.manual_seed(seed if constant is None else constant)
            if fresh == "copied":
                model.load_state_dict(start)
            elif fresh:
                model = models.DenseAutoencoder(8, hidden=())
            if late_seed:
                torch.manual_seed(seed)
            training.fit(
                model, few, training.reconstruction, epochs=epochs, seed=seed if shuffle else 0,
                verbose=False,
            )  # fmt: skip
            digits = valid if measured == "valid" else few
            errors.append(training.evaluate(model, digits, training.reconstruction))
        return [error["reconstruction"] for error in errors]

    return three_runs


def in_pixels(few, valid, seeds):
    """Right, in another style: its own mean instead of `evaluate`, a tensor instead of a list."""

    def one(seed):
        torch.manual_seed(seed)
        model = models.DenseAutoencoder(8, hidden=())
        training.fit(model, few, training.reconstruction, epochs=1, seed=seed, verbose=False)
        with torch.no_grad():
            return F.mse_loss(model(valid.images), valid.images)

    return torch.stack([one(seed) for seed in seeds])


def one_by_one(outputs):
    return sum(1 for unit in outputs.T if not unit.any())


def by_logits(model, images, labels):
    return F.binary_cross_entropy_with_logits(model(images), images)


def by_formula(model, images, labels):
    s = model(images)
    return (s.clamp(min=0) - s * images + (-s.abs()).exp().log1p()).mean()


def by_hand(model, images, labels):
    drawn = torch.sigmoid(model(images))
    return -(images * drawn.log() + (1 - images) * (1 - drawn).log()).mean()


def on_scores(loss, *change, **options):
    """An objective of the scores: `change` is applied to them first."""

    def objective(model, images, labels):
        scores = model(images)
        for step in change:
            scores = step(scores)
        return loss(scores, images, **options)

    return objective


def bank(train, test):
    bce, with_logits = F.binary_cross_entropy, F.binary_cross_entropy_with_logits
    return {
        "10.1": (
            [72, 72.0, 2 * (3 * 0.02 / 0.01) ** 2, torch.tensor(72)],
            [
                (36, "a difference has two"),
                (144, "both settings together"),
                (8, "to one standard error. How many"),
                (4, "one mean to one standard error"),
                (18, "as large as the scatter"),
                (12, "if the standard error fell with n"),
                (6, "That is a root"),
                (72**0.5, "is the root of it"),
                (3, "From how many runs?"),
            ],
        ),
        "10.2": (
            [runs(), in_pixels, runs(shuffle=False)],
            [
                (runs(fresh=False), "With which weights did the third run begin?"),
                (runs(fresh=False, shuffle=False), "With which weights did the third run begin?"),
                (runs(late_seed=True), "before the seed is set?"),
                (runs(seed_weights=False), "before the seed is set?"),
                (runs(constant=0, shuffle=False), "what should it change?"),
                (runs(constant=0), "Which seed should the weights have?"),
                (runs(fresh="copied"), "before the first seed is set?"),
                (runs(measured="few"), "Who should judge a choice?"),
                (runs(epochs=3), "What did you change beside the bug?"),
                (lambda few, valid, seeds: None, "return errors"),
                (lambda few, valid, seeds: 0.07, "Where is the list filled?"),
                (lambda few, valid, seeds: [0.07], "Where is the list filled?"),
                ([0.07, 0.06, 0.05], "needs a function"),
            ],
        ),
        "10.3": (
            [
                lambda outputs: (outputs == 0).all(dim=0).sum(),
                lambda outputs: int((outputs.amax(dim=0) <= 0).sum()),
                lambda outputs: (~(outputs > 0).any(0)).sum().item(),
                lambda outputs: (outputs.sum(dim=0) == 0).sum().float(),
                one_by_one,
            ],
            [
                (lambda outputs: ..., "of the starter"),
                (lambda outputs: None, "gives no count back"),
                (lambda outputs: (outputs > 0).any(dim=0).sum(), "Those are the others"),
                (lambda outputs: (outputs == 0).any(dim=0).sum(), "one, or all?"),
                (lambda outputs: (outputs == 0).all(dim=1).sum(), "Which axis is theirs?"),
                (lambda outputs: (outputs == 0).any(dim=1).sum(), "That counts images"),
                (lambda outputs: (outputs == 0).sum(), "Those are zeros"),
                (lambda outputs: (outputs == 0).float().mean(), "the share of zeros"),
                (lambda outputs: (outputs == 0).all(dim=0).float().mean(), "the share of units"),
                (lambda outputs: (outputs == 0).all(dim=0), "How many of them are True?"),
                (lambda outputs: (outputs[0] == 0).sum(), "one, or all?"),
                (lambda outputs: (outputs[1] == 0).sum(), "That is one image"),
                (lambda outputs: outputs == 0, "Over which axes"),
                (lambda outputs: (outputs == 0).all().sum(), "Which value has a dead unit"),
                (lambda outputs: ((outputs == 0).float().mean(0) > 0.9).sum(), "a single image"),
                (lambda outputs: (outputs.mean(dim=0) < 0.01).sum(), "a single image"),
                (14, "needs a function"),
            ],
        ),
        "10.4": (
            [by_logits, by_formula, on_scores(torch.nn.BCEWithLogitsLoss())],
            [
                (on_scores(bce), "takes any number?"),
                (on_scores(bce, torch.sigmoid), "Which function takes the scores as they are?"),
                (on_scores(with_logits, torch.sigmoid), "through a sigmoid twice"),
                (on_scores(lambda s, x: with_logits(x, s)), "takes the images for scores"),
                (on_scores(with_logits, reduction="sum"), "a sum over pixels and images"),
                (on_scores(lambda s, x: 784 * with_logits(s, x)), "a sum over the pixels"),
                (on_scores(with_logits, reduction="none"), "become one number?"),
                (on_scores(F.mse_loss), "is a squared error"),
                (on_scores(F.mse_loss, torch.sigmoid), "is a squared error"),
                (on_scores(lambda s, x: -with_logits(s, x)), "the wrong sign"),
                (by_hand, "its logarithm is infinite"),
                (lambda m, x, labels: torch.nn.BCEWithLogitsLoss(m(x), x), "first make it"),
                (lambda m, x, labels: with_logits(m(x), labels), "different shapes"),
                (lambda m, x, labels: with_logits(m, x), "the model itself"),
                (lambda model, images, labels: None, "gives no loss back"),
                (lambda model, images, labels: ..., "of the starter"),
            ],
        ),
        "10.5": (
            [5 / (784 * 64), 9.96e-5, torch.tensor(5 / 784 / 64)],
            [
                (5 / 784, "makes up for the pixels"),
                (0.006378, "makes up for the pixels"),
                (5 / 64, "makes up for the batch"),
                (5 * 784 * 64, "And the step?"),
                (5 * 784, "And the step?"),
                (5, "is the old rate"),
                (1 / (784 * 64), "What was the old rate?"),
                (5 / 60_000 / 784, "divides by all images"),
                (5 / 10_000 / 784, "divides by all images of a run"),
            ],
        ),
    }
