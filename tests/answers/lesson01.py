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
        "1.4": splits(),
        "1.5": classifiers(),
    }


def shapes(train):
    images, labels = train.images, train.labels
    a, b, c, d = (1, 28, 28), (1, 1, 28, 28), (64, 28, 28), (64,)
    right = [
        [a, b, c, d],
        ([1, 28, 28], [1, 1, 28, 28], [64, 28, 28], [64]),
        [images[0].shape, images[:1].shape, images[:64, 0].shape, labels[:64].shape],
        [np.zeros(a).shape, np.zeros(b).shape, np.zeros(c).shape, np.zeros(d).shape],
    ]
    wrong = [
        ([(28, 28), b, c, d], "train.images[0]: you have (28, 28). That has too few axes"),
        ([b, b, c, d], "train.images[0]: you have (1, 1, 28, 28). That has too many axes"),
        ([(28, 28, 1), b, c, d], "Where does PyTorch put the channel?"),
        ([a, a, c, d], "train.images[:1]: you have (1, 28, 28). That has too few axes"),
        ([a, b, (64, 1, 28, 28), d], "train.images[:64, 0]: you have (64, 1, 28, 28). That has"),
        ([a, b, (64, 28), d], "That has too few axes"),
        ([a, b, c, (64, 1)], "A label is one number, not an image"),
        ([a, b, c, (64, 1, 28, 28)], "A label is one number, not an image"),
        ([a, b, c, 64], "How do you write a tuple with one entry?"),
        ([a, b, c, ()], "That has too few axes"),
        ([images[0], images[:1], images[:64, 0], labels[:64]], "you gave the tensor itself"),
        ([a, b, (65, 28, 28), d], "The number of axes, 3, is right. How long"),
        ([a, b, c, (60000,)], "The number of axes, 1, is right. How long"),
        ([a, b, c, "64"], "this needs a shape; you gave str"),
        ([a, b, c], "This needs a list of four shapes"),
        ((1, 28, 28), "This needs a list of four shapes"),
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
        (ink.median(), "it should lie between"),
        (ink.std(), "it should lie between"),
        (0.5, "You have 0.5; it should lie between"),
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

    def in_bytes(self, i):
        return (self.pixels[i].flatten() - self.mean) / self.deviation, self.labels[i]

    def upside_down(self, i):
        return standardised(self, i).flip(0), self.labels[i]

    good = with_item(lambda self, i: (standardised(self, i), self.labels[i]))
    wrong = [
        (Starter, "`__getitem__` still returns `...`"),
        (good(torch.zeros(2, 1, 28, 28), torch.zeros(2)), "a dataset that is already made"),
        (with_item(standardised), "An item is an image and its label; yours is a Tensor"),
        (with_item(lambda self, i: None), "An item is an image and its label; yours is NoneType"),
        (with_item(whole), "Your image has the shape (1, 28, 28)"),
        (with_item(lambda s, i: (s.pixels[i].flatten().float(), s.labels[i])), "these are the byt"),
        (with_item(lambda s, i: (x(s, i), s.labels[i])), "not yet shifted and scaled"),
        (with_item(lambda s, i: (x(s, i) - s.mean, s.labels[i])), "to do about the deviation?"),
        (with_item(lambda s, i: (x(s, i) / s.deviation, s.labels[i])), "but black is still 0"),
        (with_item(lambda s, i: (x(s, i) - s.mean / s.deviation, s.labels[i])), "divides before"),
        (with_item(in_bytes), "self.mean is of pixels from 0 to 1"),
        (with_item(own), "a mean and deviation of its own"),
        (with_item(lambda s, i: ((x(s, i) - 0.1307) / 0.3081, s.labels[i])), "What fits any set?"),
        (with_item(upside_down), "item i should be image i"),
        (with_item(lambda s, i: (2 * x(s, i) - 1, s.labels[i])), "they should have -0.01 to 0.01"),
        (with_item(lambda s, i: (standardised(s, i), s.labels[0])), "Which label has item i?"),
        (with_item(lambda s, i: (standardised(s, i), i)), "Which label has item i?"),
        (dict, "Your answer ran into"),
    ]
    return [good, AllAtOnce, Numpy], wrong


def splits():
    def one_order(digits):
        order = torch.randperm(len(digits))
        cut = int(0.8 * len(digits))
        return digits.subset(order[:cut]), digits.subset(order[cut:])

    def one_mask(digits):
        held = torch.zeros(len(digits), dtype=torch.bool)
        held[np.random.permutation(len(digits))[: len(digits) // 5]] = True
        return [digits.subset(~held), digits.subset(held)]

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

    right = [one_order, one_mask, twice_the_same, data.split]
    right += [lambda digits: random_split(digits, [0.8, 0.2])]
    wrong = [
        (broken, "Where does each part get its order from?"),
        (with_draws, "Where does each part get its order from?"),
        (cut_at(lambda n: n, lambda n: n * 4 // 5), "Where is the cut?"),
        (cut_at(lambda n: n * 4 // 5, lambda n: n * 4 // 5 + 1), "0 are in both, 1 in none"),
        (cut_at(lambda n: n * 4 // 5, lambda n: n * 4 // 5 - 1), "1 are in both, 0 in none"),
        (cut_at(lambda n: 48000, lambda n: 48000), "Do your sizes hold for one dataset only?"),
        (cut_at(lambda n: n // 5, lambda n: n // 5), "which is the large one?"),
        (labels_stay, "Some images have another image's label now"),
        (no_shuffle, "in steps of 1, every time"),
        (every_fifth, "in steps of 5, every time"),
        (cut_at(lambda n: n // 2, lambda n: n // 2), "it should be 40 and 10"),
        (lambda digits: digits, "A split has two parts"),
        (lambda digits: None, "A split has two parts; yours is NoneType"),
        (lambda digits: digits.missing, "Your answer ran into AttributeError"),
    ]
    return right, wrong


def classifiers():
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

    wrong = [
        (positions, "What turns a position into a label?"),
        (farthest, "Is a small distance near or far?"),
        (other_axis, "Along which axis do you compare?"),
        (lambda images, examples, labels: distances(images, examples), "Which example is nearest?"),
        (nearest_mean, "the digits with the nearest mean"),
        (absolute, "the sum of absolute differences"),
        (lambda images, examples, labels: None, "Your function returns nothing"),
        (largest_product, "get another label than that of their nearest example"),
        (lambda images, examples, labels: labels[: len(images)], "get another label"),
        (lambda images, examples, labels: 7 * torch.ones(len(images)), "gets 7; it should be"),
        (column, "This needs the shape (30,); yours is (30, 1)"),
        (lambda images, examples, labels: 0.83, "This needs the shape (30,); yours is ()"),
        (not_flat, "Your answer ran into"),
        (lambda images: images, "Your answer ran into TypeError"),
    ]
    return [with_cdist, with_a_loop, with_numpy, digit_by_digit, in_place], wrong
