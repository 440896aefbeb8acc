"""Right and wrong answers to the exercises of lesson 1."""

import numpy as np
import torch
from torch.utils.data import TensorDataset, random_split

from mnist_helpers import data


def bank(train, test):
    return {
        "1.1": shapes(train),
        "1.2": brightness(train, test),
        "1.3": datasets(),
        "1.4": splits(train),
        "1.5": classifiers(train),
    }


def shapes(train):
    images, labels = train.images, train.labels
    a, b, c, d, e = (1, 28, 28), (1, 1, 28, 28), (64, 28, 28), (64,), (1, 28, 28)
    tensors = [images[0], images[:1], images[:64, 0], labels[:64], images[:64].mean(dim=0)]
    right = [
        [a, b, c, d, e],
        ([1, 28, 28], [1, 1, 28, 28], [64, 28, 28], [64], [1, 28, 28]),
        [part.shape for part in tensors],
        [np.zeros(shape).shape for shape in (a, b, c, d, e)],
    ]
    wrong = [
        ([(28, 28), b, c, d, e], "train.images[0]: you have (28, 28). That has too few axes"),
        ([b, b, c, d, e], "train.images[0]: you have (1, 1, 28, 28). That has too many axes"),
        ([(28, 28, 1), b, c, d, e], "Where is PyTorch's channel?"),
        ([a, a, c, d, e], "train.images[:1]: you have (1, 28, 28). That has too few axes"),
        ([a, b, (64, 1, 28, 28), d, e], "train.images[:64, 0]: you have (64, 1, 28, 28). That has"),
        ([a, b, (64, 28), d, e], "That has too few axes"),
        ([a, b, c, (64, 1), e], "A label is one number"),
        ([a, b, c, (64, 1, 28, 28), e], "A label is one number"),
        ([a, b, c, 64, e], "you have the number 64. How is a tuple"),
        ([a, b, c, (), e], "That has too few axes"),
        ([a, b, c, d, (64,)], "A number for each image, or for each pixel?"),
        ([a, b, c, d, (28, 28)], "A number for each image, or for each pixel?"),
        ([a, b, c, d, (64, 1, 28, 28)], "One image, or 64?"),
        ([a, b, c, d, (1, 1, 28, 28)], "One image, or 64?"),
        ([a, b, c, d, (64, 28, 28)], "has the right number of axes. How long is each?"),
        ([a, b, c, d, ...], "this needs a shape; you gave the `...` of the starter"),
        (tensors, "you gave the tensor itself"),
        ([a, b, (65, 28, 28), d, e], "has the right number of axes. How long is each?"),
        ([a, b, c, (60000,), e], "has the right number of axes. How long is each?"),
        ([a, b, c, "64", e], "this needs a shape; you gave str"),
        ([a, b, c, d], "This needs a list of five shapes"),
        ((1, 28, 28), "This needs a list of five shapes"),
    ]
    return right, wrong


def brightness(train, test):
    ink = train.images[train.images > 0]
    mean, share = train.images.mean(), (train.images > 0).float().mean()
    right = [
        ink.mean(),
        mean.item() / share.item(),
        np.float64(train.images.sum() / train.images.count_nonzero()),
        round(ink.mean().item(), 3),
    ]
    wrong = [
        (mean, "the mean of all pixels, black ones too"),
        (share.item(), "the share of pixels with ink"),
        (1 - share, "the share of black pixels"),
        (mean / (1 - share), "you divided by the number of black pixels"),
        (255 * ink.mean(), "Did you take the bytes?"),
        (100 * ink.mean().item(), "Is this a percentage?"),
        (ink.median(), "the median: half of the ink is brighter"),
        (ink[ink > 0.5].mean(), "the mean of all that is brighter than 0.5"),
        (ink.std(), "and that is too small, by"),
        (0.5, "You have 0.5, and that is too small, by"),
        (0.01, "and that is too small, by a factor of 10 or more"),
        (ink[:2], "This needs one number"),
    ]
    if train.source == "mnist":  # in the stand-in, both sets have equally bright ink
        wrong.append((test.images[test.images > 0].mean(), "the ink of the test images"))
    return right, wrong


class Starter(torch.utils.data.Dataset):
    def __init__(self, pixels, labels):
        self.pixels, self.labels = pixels, labels
        self.mean = (pixels / 255).mean()
        self.deviation = (pixels / 255).std()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return ...


def with_item(item):
    """The starter with another `__getitem__`."""
    return type("Standardised", (Starter,), {"__getitem__": item})


class AllAtOnce(TensorDataset):
    def __init__(self, pixels, labels):
        x = pixels.double().flatten(1)
        super().__init__((x - x.mean()) / x.std(correction=0), labels)


class Numpy(Starter):
    def __getitem__(self, i):
        x = self.pixels[i].numpy().reshape(-1) / 255
        return (x - self.mean.item()) / self.deviation.item(), int(self.labels[i])


def datasets():
    def x(self, i):
        return self.pixels[i].flatten() / 255

    def standardised(self, i):
        return (x(self, i) - self.mean) / self.deviation

    def whole(self, i):
        return (self.pixels[i] / 255 - self.mean) / self.deviation, self.labels[i]

    def own(self, i):
        return (x(self, i) - x(self, i).mean()) / x(self, i).std(), self.labels[i]

    def all_images(self, i):
        return (self.pixels.flatten() / 255 - self.mean) / self.deviation, self.labels[i]

    def all_rows(self, i):
        return (self.pixels.flatten(1) / 255 - self.mean) / self.deviation, self.labels[i]

    def all_labels(self, i):
        return standardised(self, i), self.labels

    def no_self(self, i):
        return (pixels[i].flatten() / 255 - self.mean) / self.deviation, self.labels[i]  # noqa: F821

    def of_a_batch(self, i):
        return standardised(self, i), torch.zeros(64)[i]

    def in_bytes(self, i):
        return (self.pixels[i].flatten() - self.mean) / self.deviation, self.labels[i]

    def upside_down(self, i):
        return standardised(self, i).flip(0), self.labels[i]

    good = with_item(lambda self, i: (standardised(self, i), self.labels[i]))
    wrong = [
        (Starter, "yours is the `...` of the starter"),
        (with_item(lambda self, i: (..., self.labels[i])), "A `...` of the starter is still"),
        (with_item(all_images), "those of all 120. Where does `i` come in?"),
        (with_item(all_rows), "those of all 120. Where does `i` come in?"),
        (with_item(all_labels), "those of all 120. Where does `i` come in?"),
        (with_item(no_self), "name 'pixels' is not defined. Does a name lack its `self.`?"),
        (with_item(of_a_batch), "Does a name lack its `self.`?"),
        (good(torch.zeros(2, 1, 28, 28), torch.zeros(2)), "a dataset that is already made"),
        (with_item(standardised), "An item is an image and its label; yours is a Tensor"),
        (
            with_item(lambda self, i: (self.labels[i], standardised(self, i))),
            "Item 0 has its label first",
        ),
        (with_item(lambda self, i: None), "An item is an image and its label; yours is NoneType"),
        (with_item(whole), "Your image has the shape (1, 28, 28). What makes it flat?"),
        (with_item(lambda s, i: (s.pixels[i].flatten().float(), s.labels[i])), "these are the byt"),
        (with_item(lambda s, i: (x(s, i), s.labels[i])), "not yet shifted and scaled"),
        (with_item(lambda s, i: (x(s, i) - s.mean, s.labels[i])), "to do about the deviation?"),
        (with_item(lambda s, i: (x(s, i) / s.deviation, s.labels[i])), "but black is still 0"),
        (with_item(lambda s, i: (x(s, i) - s.mean / s.deviation, s.labels[i])), "divides before"),
        (with_item(in_bytes), "self.mean is of pixels from 0 to 1"),
        (with_item(own), "a mean and deviation of its own"),
        (with_item(lambda s, i: ((x(s, i) - 0.1307) / 0.3081, s.labels[i])), "What fits any set?"),
        (with_item(upside_down), "Is item i image i?"),
        (
            with_item(lambda s, i: (2 * x(s, i) - 1, s.labels[i])),
            "Is that 0 and 1 over the whole set?",
        ),
        (with_item(lambda s, i: (standardised(s, i), s.labels[0])), "Which label has item i?"),
        (with_item(lambda s, i: (standardised(s, i), i)), "Which label has item i?"),
        (dict, "Your answer ran into"),
    ]
    return [good, AllAtOnce, Numpy], wrong


def splits(train):
    def one_order(digits):
        order = torch.randperm(len(digits))
        cut = int(0.8 * len(digits))
        return digits.subset(order[:cut]), digits.subset(order[cut:])

    def one_mask(digits):
        held = torch.zeros(len(digits), dtype=torch.bool)
        held[np.random.permutation(len(digits))[: len(digits) // 5]] = True
        return [digits.subset(~held), digits.subset(held)]

    def seeded(digits):
        torch.manual_seed(0)
        return one_order(digits)

    def own_generator(digits):
        order = torch.randperm(len(digits), generator=torch.manual_seed(3))
        cut = len(digits) * 4 // 5
        return digits.subset(order[:cut]), digits.subset(order[cut:])

    def shuffled_first(digits):
        digits = digits.subset(torch.randperm(len(digits)))
        cut = int(0.8 * len(digits))
        return digits.subset(slice(None, cut)), digits.subset(slice(cut, None))

    def shuffled_in_turn(digits):
        cut = int(0.8 * len(digits))
        learn = digits.subset(torch.randperm(len(digits))).subset(slice(None, cut))
        return learn, digits.subset(torch.randperm(len(digits))).subset(slice(cut, None))

    def twice_the_same(digits):
        torch.manual_seed(0)
        learn = digits.subset(torch.randperm(len(digits))[: int(0.8 * len(digits))])
        torch.manual_seed(0)
        return learn, digits.subset(torch.randperm(len(digits))[int(0.8 * len(digits)) :])

    def broken(digits):
        cut = int(0.8 * len(digits))
        learn = digits.subset(torch.randperm(len(digits))[:cut])
        valid = digits.subset(torch.randperm(len(digits))[cut:])
        return learn, valid

    def with_draws(digits):
        positions = torch.randint(len(digits), (len(digits),))
        cut = int(0.8 * len(digits))
        return digits.subset(positions[:cut]), digits.subset(positions[cut:])

    def cut_at(learn, valid):
        def split(digits):
            order = torch.randperm(len(digits))
            return digits.subset(order[: learn(len(digits))]), digits.subset(
                order[valid(len(digits)) :]
            )

        return split

    def labels_stay(digits):
        order, cut = torch.randperm(len(digits)), int(0.8 * len(digits))
        mixed = TensorDataset(digits.images[order], digits.labels)
        return TensorDataset(*mixed[:cut]), TensorDataset(*mixed[cut:])

    def no_shuffle(digits):
        cut = int(0.8 * len(digits))
        return digits.subset(slice(0, cut)), digits.subset(slice(cut, None))

    def every_fifth(digits):
        held = torch.arange(len(digits)) % 5 == 0
        return digits.subset(~held), digits.subset(held)

    right = [one_order, one_mask, seeded, own_generator, shuffled_first, data.split]
    right += [lambda digits: random_split(digits, [0.8, 0.2])]
    wrong = [
        (broken, "Where does each part get its order from?"),
        (shuffled_in_turn, "Where does each part get its order from?"),
        (twice_the_same, "Your two shuffles agree only because `torch.manual_seed` resets"),
        (lambda digits: ..., "A `...` of the starter is still at work"),
        (lambda digits: (digits, ...), "A `...` of the starter is still at work"),
        (lambda digits: data.split(train), "50 images went in, 60000 came out"),
        (with_draws, "Where does each part get its order from?"),
        (cut_at(lambda n: n, lambda n: n * 4 // 5), "Where is the cut?"),
        (cut_at(lambda n: n * 4 // 5, lambda n: n * 4 // 5 + 1), "0 are in both, 1 in none"),
        (cut_at(lambda n: n * 4 // 5, lambda n: n * 4 // 5 - 1), "1 are in both, 0 in none"),
        (cut_at(lambda n: 48000, lambda n: 48000), "Do your sizes hold for one dataset only?"),
        (cut_at(lambda n: n // 5, lambda n: n // 5), "which is the large one?"),
        (labels_stay, "Some images have another image's label now"),
        (no_shuffle, "images 40, 41, 42 and so on, every time"),
        (
            lambda digits: (digits.images[:40], digits.images[40:]),
            "yours is a Tensor of shape (40, 1, 28, 28). See `subset`.",
        ),
        (
            lambda digits: torch.randperm(len(digits)).split(40),
            "yours is a Tensor of shape (40,). See `subset`.",
        ),
        (lambda digits: (digits[:40], digits[40:]), "yours is tuple"),
        (every_fifth, "images 0, 5, 10 and so on, every time"),
        (cut_at(lambda n: n // 2, lambda n: n // 2), "What is a fifth of 50?"),
        (lambda digits: digits, "A split has two parts"),
        (lambda digits: None, "A split has two parts; yours is NoneType"),
        (lambda digits: digits.missing, "Your answer ran into AttributeError"),
    ]
    return right, wrong


def classifiers(train):
    def distances(images, examples, p=2.0):
        return torch.cdist(images.flatten(1), examples.flatten(1), p=p)

    def with_cdist(images, examples, labels):
        return labels[distances(images, examples).argmin(dim=1)]

    def with_a_loop(images, examples, labels):
        found = []
        for image in images:
            found.append(labels[((examples - image) ** 2).sum(dim=(1, 2, 3)).argmin()])
        return found

    def with_numpy(images, examples, labels):
        gaps = (images.numpy()[:, None] - examples.numpy()[None]).reshape(-1, len(examples), 784)
        return labels.numpy()[np.linalg.norm(gaps, axis=2).argmin(axis=1)]

    def digit_by_digit(images, examples, labels):
        best = [distances(images, examples[labels == k]).min(dim=1).values for k in range(10)]
        return torch.stack(best).argmin(dim=0)

    def in_place(images, examples, labels):
        return with_cdist(images.mul_(2), examples.mul_(2), labels.int())

    def positions(images, examples, labels):
        return distances(images, examples).argmin(dim=1)

    def global_labels(images, examples, labels):
        return train.labels[distances(images, examples).argmin(dim=1)]

    def farthest(images, examples, labels):
        return labels[distances(images, examples).argmax(dim=1)]

    def other_axis(images, examples, labels):
        return labels[distances(images, examples).argmin(dim=0) % len(labels)]

    def nearest_mean(images, examples, labels):
        means = torch.stack([examples[labels == k].mean(dim=0) for k in range(10)])
        return distances(images, means).argmin(dim=1)

    def absolute(images, examples, labels):
        return labels[distances(images, examples, p=1.0).argmin(dim=1)]

    def largest_product(images, examples, labels):
        return labels[(images.flatten(1) @ examples.flatten(1).T).argmax(dim=1)]

    def column(images, examples, labels):
        return with_cdist(images, examples, labels)[:, None]

    def not_flat(images, examples, labels):
        return labels[torch.cdist(images, examples).argmin(dim=1)]

    def all_flat(images, examples, labels):
        return labels[torch.cdist(images.flatten(), examples.flatten()).argmin(dim=1)]

    def no_pairs(images, examples, labels):
        return labels[((images - examples) ** 2).sum(dim=(1, 2, 3)).argmin(dim=0)]

    def no_dim(images, examples, labels):
        return labels[distances(images, examples).argmin()]

    def pair(images, examples, labels):
        return distances(images, examples).min(dim=1)

    def pair_as_position(images, examples, labels):
        return labels[distances(images, examples).min(dim=1)]

    def how_near(images, examples, labels):
        return distances(images, examples).min(dim=1).values

    def near_as_position(images, examples, labels):
        return labels[how_near(images, examples, labels)]

    wrong = [
        (positions, "What turns a position into a label?"),
        (global_labels, "Which labels are those of `examples`?"),
        (farthest, "Is small near or far?"),
        (other_axis, "Along which axis do you compare?"),
        (lambda images, examples, labels: distances(images, examples), "Which example is nearest?"),
        (nearest_mean, "the digits with the nearest mean"),
        (absolute, "the sum of absolute differences"),
        (lambda images, examples, labels: None, "Your function returns nothing"),
        (lambda images, examples, labels: ..., "A `...` of the starter is still at work"),
        (not_flat, "What makes one row of pixels of an image, for `cdist` to compare?"),
        (all_flat, "What makes one row of pixels of an image, for `cdist` to compare?"),
        (no_pairs, "What makes one row of pixels of an image, for `cdist` to compare?"),
        (no_dim, "What do you look up in `labels`?"),
        (lambda *given: no_dim(*given[:2], torch.arange(10**6)), "one number for all images"),
        (pair, "the pair of `min`. Which half says where?"),
        (pair_as_position, "What do you look up in `labels`?"),
        (near_as_position, "What do you look up in `labels`?"),
        (how_near, "distances. What is the label of the example that is so near?"),
        (largest_product, "get another label than their nearest example has"),
        (lambda images, examples, labels: labels[: len(images)], "get another label"),
        (lambda images, examples, labels: 7 * torch.ones(len(images)), "get another label"),
        (column, "This needs the shape (30,); yours is (30, 1)"),
        (lambda images, examples, labels: 0.83, "This needs the shape (30,); yours is ()"),
        (lambda images: images, "Your answer ran into TypeError"),
    ]
    return [with_cdist, with_a_loop, with_numpy, digit_by_digit, in_place], wrong
