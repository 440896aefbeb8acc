"""The exercises of lesson 7: doing nothing, noise in the wrong place, Wiener's filter, repairs."""

import torch
import torch.nn.functional as F

from mnist_helpers.exercises import Mistake, compare, describe, exercise, function, number
from mnist_helpers.exercises.probes07 import (
    Bright,
    Recorder,
    called,
    looks_gaussian,
    tries_of,
    variances_of,
)


@exercise("7.1")
def doing_nothing(answer, train, test):
    """The expected MSE of salt and pepper, share 0.3, for those who hand it in as it is."""
    value, x = number(answer), test.images.flatten()
    white, black = (1 - x).square().mean().item(), x.square().mean().item()  # what each one costs
    right = 0.15 * (white + black)
    compare(value, right, [
        (2 * right, f"You have {value:.4g}: a share of 0.3 is lost *altogether*. How likely is a "
         "pixel to become white, and how likely to become black?"),
        (0.3 * white, f"You have {value:.4g}: here every lost pixel becomes white. What do the "
         "others become?"),
        (0.3 * black, f"You have {value:.4g}: here every lost pixel becomes black. What do the "
         "others become?"),
        (0.15 * white, f"You have {value:.4g}: that is the salt. What does the pepper cost?"),
        (0.15 * black, f"You have {value:.4g}: that is the pepper. What does the salt cost?"),
        (white + black, f"You have {value:.4g}: what it costs, but not how likely it is."),
        ((white + black) / 2, f"You have {value:.4g}: here *all* pixels are lost. How many are?"),
        (0.25, "You have 0.25, the score for Gaussian noise. What happens to a pixel here?"),
        (0.09, "You have 0.09, the share squared. What has to be squared is a difference of "
         "brightness: which two?"),
        (0.3, "You have 0.3: so a lost pixel costs 1. Does it, if it was white before and is "
         "white now?"),
        (0.15, "You have 0.15: a difference without squares. What does a *grey* pixel "
         "cost, if its two differences are squared?"),
        (right**0.5, f"You have {value:.4g}: a root. The MSE is the mean *before* the root."),
    ])  # fmt: skip
    return (
        f"On black paper, salt costs 1 and pepper nothing. So most of the ≈ {right:.3f} comes from "
        "white specks."
    )


@exercise("7.2")
def noise_on_the_target(answer, train, test):
    """Repair an objective whose noise is on the target as well."""
    objective, images = function(answer), train.images[:200].clone()
    model, clean = Recorder(), images.clone()
    loss = called(lambda: objective(model, images, train.labels[:200]))
    if not torch.equal(images, clean):
        raise Mistake("Your objective changes the images that it is given. Who needs them clean?")
    if not model.seen:
        raise Mistake("The model is never asked. What does it do with the noisy images?")
    loss, noisy = number(loss), model.seen[-1]
    if torch.equal(noisy, clean):
        raise Mistake("The model sees the clean images. What is there to clean?")
    looks_gaussian(noisy - clean)
    drawn = model.drawn[-1]
    compare(loss, F.mse_loss(drawn, clean).item(), [
        (F.mse_loss(drawn, noisy).item(), "The model's answer is compared with the *noisy* image. "
         "What is it to give back? Look at what the name `images` stands for in the last line."),
        (F.mse_loss(noisy, clean).item(), "You compare the noisy images with the clean ones. "
         "Where is the model's answer?"),
        (F.mse_loss(drawn, clean, reduction="sum").item(), f"Your loss is {loss:.4g}, a sum over "
         "all pixels. What does the M in MSE stand for?"),
        (F.mse_loss(drawn, clean).sqrt().item(), "Your loss is a root. What is the MSE?"),
        (F.l1_loss(drawn, clean).item(), "Your loss is the mean *absolute* difference. Which one "
         "does the lesson use?"),
    ], tolerance=0.003)  # fmt: skip
    objective(model, images, train.labels[:200])
    if torch.equal(model.seen[-1], noisy):
        raise Mistake("Two calls put the same noise on the images. When is it to be drawn?")
    return (
        "Noise goes in, and the clean image is the target. One name for both was the bug: after "
        "its first line, nobody had the clean images any more."
    )


@exercise("7.3")
def loud_directions(answer, train, test):
    """Along how many directions the Wiener filter of variance 0.25 keeps more than half."""
    value = number(answer)
    variances = variances_of(train.images)
    right = int((variances > 0.25).sum())
    if abs(value - right) <= 1:  # one image more or less may move one direction
        return (
            "It keeps more than half where digits are louder than the noise: v above s. PCA would "
            "be best there too, but for the cutting to 0 and 1: that removes ripples, so more "
            "directions pay."
        )
    found = {
        784 - right: "That many it keeps *less* than half of. Which side is asked for?",
        int((variances > 0.5).sum()): "You count where v is above 0.5. Look at v / (v + s) once "
        "more: at which v is it one half?",
        int((variances.sqrt() > 0.25).sum()): "You compare a *deviation* with the strength, which "
        "is a variance. Which of the two has to be squared?",
        int((variances > 0.15).sum()): "That is for the strength 0.15. The question has 0.25.",
        784: "All of them? Then the last directions would be louder than the noise. Look at "
        "`variances[-1]`.",
    }
    for count, diagnosis in found.items():
        if abs(value - count) <= 1:
            raise Mistake(f"You have {value:g}. {diagnosis}")
    if 0 < value < 1:
        raise Mistake(f"You have {value:.4g}, a share. How many of 784 is that?")
    raise Mistake(
        f"You have {value:.4g}, and that is too {'many' if value > right else 'few'}. For which v "
        "is v / (v + s) above one half?",
        known=False,
        late=f"There are {right}.",
    )


@exercise("7.4")
def stale_noise(answer, train, test):
    """Repair a noise function that draws the same numbers in every call."""
    spoil, images = function(answer), train.images[:500].clone()
    clean = images.clone()
    first, again = (tries_of(lambda: spoil(images), images.shape) for _ in range(2))
    if not torch.equal(images, clean):
        raise Mistake("Your function changes the images that it is given. Who needs them clean?")
    if torch.equal(first, clean):
        raise Mistake("The images come back as they were. Where is the noise?")
    if torch.equal(first, again):
        raise Mistake(
            "Two calls give the same noise. In the first training step and in the last one, image "
            "5 of a batch is spoiled in the same way: what is there to learn by heart? Which line "
            "must not start anew in every call?"
        )
    looks_gaussian(first - clean)
    return (
        "The network had learned the fixed patterns by heart, and took them off. `fit` fixes the "
        "seed once, before the first step: that makes runs repeatable, and each step still draws "
        "anew."
    )


@exercise("7.5")
def cross_table(answer, train, test):
    """Repair a table of scores whose test noise is always the training noise."""
    fill, digits = function(answer), test.subset(torch.arange(50))
    networks = {"a": Bright(0.1), "b": Bright(0.3), "c": Bright(0.6)}
    kinds = {"a": lambda x: x + 0.2, "b": lambda x: x + 0.5, "c": lambda x: 1 - x}
    scores = called(lambda: fill(networks, kinds, digits))
    if not isinstance(scores, dict):
        raise Mistake(f"This needs a dict of scores; you gave {describe(scores)}.", known=False)
    pairs = [(trained, tested) for trained in networks for tested in kinds]
    if set(scores) != set(pairs):
        raise Mistake(
            f"Your dict has {len(scores)} scores. It needs one for each pair (training noise, test "
            f"noise): {len(pairs)} here."
        )

    def table(input_of, target_of=lambda pair, x: x, network_of=lambda pair: networks[pair[0]]):
        x = digits.images
        return [F.mse_loss(network_of(p)(input_of(p, x)), target_of(p, x)).item() for p in pairs]

    own, asked = (lambda p, x: kinds[p[0]](x)), (lambda p, x: kinds[p[1]](x))
    values = torch.tensor([number(scores[pair]) for pair in pairs])
    known = [
        (table(own), "Each network still meets its own noise in every column. Which of the two "
         "names, `trained` and `tested`, says what noise the test images get?"),
        (table(asked, asked), "Your networks are compared with *noisy* test images. What is the "
         "target?"),
        (table(lambda p, x: x), "Your test images are clean. Where does the noise come in?"),
        (table(own, network_of=lambda p: networks[p[1]]), "Rows and columns have changed places: "
         "which network does a row belong to, and which noise?"),
        (table(asked, network_of=lambda p: networks[p[1]]), "The *column* chooses the network now, "
         "and the noise too. Which network does a row belong to?"),
        (table(asked, lambda p, x: kinds[p[0]](x)), "The target has noise on it, that of the "
         "training. What is the target?"),
    ]  # fmt: skip
    if torch.allclose(values, torch.tensor(table(asked)), rtol=1e-3):
        return (
            "Rows keep their network, columns their noise. A table in which all columns are equal "
            "is a warning: three networks, three noises, and no difference at all?"
        )
    for wrong, diagnosis in known:
        if torch.allclose(values, torch.tensor(wrong), rtol=1e-3):
            raise Mistake(diagnosis)
    raise Mistake(
        f"With a network trained on noise a and tested on noise b, yours scores {values[1]:.4g}. "
        "What does `evaluate` give for that pair, if you call it by hand?",
        known=False,
    )


@exercise("7.6")
def fill_in(answer, train, test):
    """A function (model, known, mask, steps): images that agree with `known` where mask is True."""
    fill, known = function(answer), train.images[:8]
    mask = (torch.arange(28) < 14)[:, None].expand(8, 1, 28, 28)
    model = Recorder()
    drawn = tries_of(lambda: fill(model, known.clone(), mask, 40), known.shape)
    if not model.seen:
        raise Mistake("The model is never asked. Who invents the lower half?")
    if len(model.seen) < 40:
        raise Mistake(f"Your model cleans {len(model.seen)} times. How many steps were asked for?")
    if torch.equal(drawn[~mask], known[~mask]):
        raise Mistake(
            "Where the mask is False, you give the known pixels: the mask is turned round."
        )
    if not torch.allclose(drawn[mask], known[mask], atol=1e-5):
        raise Mistake("Where the mask is True, your images are not the known ones. In which step "
                      "do they go into the guess?")  # fmt: skip
    middle = model.seen[20]  # half of the noise is left
    extra = middle - known
    if torch.equal(middle, model.drawn[19]):
        raise Mistake("Nothing that your model sees is noisy. Where does fresh noise come in?")
    if extra[mask].abs().max() < 1e-5:
        raise Mistake(
            "The model sees the known pixels without noise, beside noisy ones. No training image "
            "looked like that. Do they go in before the noise, or after it?"
        )
    if F.mse_loss(middle[mask], model.drawn[19][mask]) < 1.05 * extra[mask].var():
        raise Mistake(
            "On its way, your model sees its own guess in the upper half, and the known pixels "
            "come at the end. How is it to know what it has to go on with?"
        )
    if extra[mask].std() > 0.8 or extra[mask].std() < 0.25:
        raise Mistake("In the middle of the way the noise should be half as strong as at first. "
                      "What is `randn` multiplied with?")  # fmt: skip
    return (
        "The known half leads, and the rest follows: the network was never trained for this. One "
        "denoiser, and it cleans, draws and repairs."
    )
