"""Right and wrong answers to the exercises of lesson 4."""

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers import latent, models
from mnist_helpers.models import count_parameters

KERNEL = torch.tensor([[-1.0, 0.0, 1.0]] * 3).view(1, 1, 3, 3)


def bank(train, test):
    torch.manual_seed(0)  # of the decoders
    return {
        "4.1": parameters(),
        "4.2": edges(train, test),
        "4.3": stamps(),
        "4.4": decoders(),
        "4.5": fields(),
        "4.6": objectives(),
    }


def parameters():
    counted = count_parameters(nn.Conv2d(3, 8, 5))
    right = [[608, 608], (counted, counted), np.array([608, 608]), torch.tensor([608.0, 608.0])]
    wrong = [
        ([600, 600], "counts weights only"),
        ([624, 624], "a kernel its own bias"),
        ([208, 208], "one table of 5 × 5"),
        ([200, 200], "one table of 5 × 5"),
        ([603, 603], "three kernels of eight slices"),
        ([224, 224], "belongs to kernels of 3 × 3"),
        ([470400, 1881600], "weights of its own for every place"),
        ([8 * 784 * 2353] * 2, "weights of its own for every place"),
        ([6272, 25088], "how many numbers the layer puts out"),
        ([608, 2432], "Which weight would"),
        ([608, 1216], "You have 1216 for 56 × 56"),
        ([607, 607], "too small, by less than a tenth"),
        ([float("nan")] * 2, "no finite number"),
        (608, "You give one number, 608, and two are asked for"),
        (torch.tensor(600), "You give one number, 600"),
        ([608], "needs the shape (2,)"),
        ([..., ...], "needs a tensor"),
    ]
    return right, wrong


def edges(train, test):
    def answers(digits, label=1, padding=1):
        images = digits.images[digits.labels == label] if label is not None else digits.images
        return [F.conv2d(images, k, padding=padding).abs() for k in (KERNEL, KERNEL.mT)]

    def ratio(upright, level):
        return upright.mean() / level.mean()

    upright, level = answers(test)
    each = upright.mean((1, 2, 3)) / level.mean((1, 2, 3))
    turned = F.conv2d(test.images[test.labels == 1], KERNEL[0, 0].rot90()[None, None]).abs()
    right = [
        ratio(upright, level),
        (upright.sum() / level.sum()).item(),
        np.float64(ratio(*answers(test, padding=0))),
        upright.mean() / (turned.sum() / upright.numel()),
        round((upright.mean() / level.mean()).item(), 1),  # as its own ✓ names it: 2.4
    ]
    wrong = [
        (ratio(level, upright), "level would beat upright"),
        (ratio(*answers(test, label=None)), "what all digits score"),
        (ratio(upright**2, level**2), "compares squares"),
        (ratio(upright**2, level**2).sqrt(), "compares squares"),
        (each.mean(), "one ratio per image"),
        (ratio(*answers(train)), "what the training images score"),
        (upright.mean() - level.mean(), "too small"),
        (upright.mean(), "the strength of one answer"),
        ((upright / level).mean(), "0 / 0"),
        (0.0, "Red and blue of a map cancel"),
        (-5451.6, "Red and blue of a map cancel"),
        (ratio(upright, level) * 1.5, "too large, by less than a factor of 2"),
        (ratio(upright, level) * 1.02, "too large, by less than a tenth"),
        (upright, "needs one number"),
    ]
    return right, wrong


def stamping(put):
    """The loop of exercise 4.3, with the line `put` in it."""

    def stamps(image, kernel, stride):
        n, k = len(image), len(kernel)
        side = (n - 1) * stride + k
        out = torch.zeros(side, side)
        for row in range(n):
            for column in range(n):
                put(out, row * stride, column * stride, k, image[row, column], kernel)
        return out

    return stamps


def stamps():
    def add(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] += pixel * kernel

    def overwrite(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] = pixel * kernel

    def brightest(out, top, left, k, pixel, kernel):
        part = out[top : top + k, left : left + k]
        part.copy_(torch.maximum(part, pixel * kernel))

    def full(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] += kernel

    def no_kernel(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] += pixel

    def flipped(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] += pixel * kernel.flip(0, 1)

    def columns_first(out, top, left, k, pixel, kernel):
        out[left : left + k, top : top + k] += pixel * kernel

    def transposed_kernel(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] += pixel * kernel.T

    def unfinished(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] += ...

    def squared(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] += pixel * kernel**2

    def nothing(out, top, left, k, pixel, kernel): ...

    def multiply(out, top, left, k, pixel, kernel):
        out[top : top + k, left : left + k] *= pixel * kernel

    def one_short(out, top, left, k, pixel, kernel):
        out[top : top + k - 1, left : left + k - 1] += pixel * kernel

    def three_wide(out, top, left, k, pixel, kernel):
        out[top : top + 3, left : left + 3] += pixel * kernel

    def pixel_of_out(image, kernel, stride):
        out = torch.zeros(((len(image) - 1) * stride + len(kernel),) * 2)
        for row in range(len(image)):
            for column in range(len(image)):
                top, left, k = row * stride, column * stride, len(kernel)
                out[top : top + k, left : left + k] += image[top, left] * kernel
        return out

    def without_stride(image, kernel, stride):
        n, k = len(image), len(kernel)
        out = torch.zeros((n - 1) * stride + k, (n - 1) * stride + k)
        for row in range(n):
            for column in range(n):
                out[row : row + k, column : column + k] += image[row, column] * kernel
        return out

    def in_numpy(image, kernel, stride):
        image, kernel = image.numpy(), kernel.numpy()
        n, k = len(image), len(kernel)
        out = np.zeros(((n - 1) * stride + k,) * 2)
        for (row, column), pixel in np.ndenumerate(image):
            top, left = row * stride, column * stride
            out[top : top + k, left : left + k] += pixel * kernel
        return out

    def by_torch(image, kernel, stride):
        layer = nn.ConvTranspose2d(1, 1, len(kernel), stride, bias=False)
        layer.weight.data = kernel[None, None]
        return layer(image[None, None])[0, 0]

    def by_convolution(image, kernel, stride):
        k = len(kernel)
        apart = torch.zeros((len(image) - 1) * stride + 1, (len(image) - 1) * stride + 1)
        apart[::stride, ::stride] = image
        return F.conv2d(apart[None, None], kernel.flip(0, 1)[None, None], padding=k - 1)[0, 0]

    wrong = [
        (stamping(nothing), "gives nothing but zeros"),
        (stamping(multiply), "gives nothing but zeros"),
        (stamping(full), "Every place gets the full kernel"),
        (stamping(overwrite), "Where stamps overlap"),
        (stamping(brightest), "Where stamps overlap"),
        (stamping(one_short), "does not fit the part"),
        (stamping(three_wide), "does not fit the part"),
        (pixel_of_out, "count those of `image`"),
        (without_stride, "leaves its first trace in row 1, column 2"),
        (stamping(columns_first), "which slice goes with `top`"),
        (lambda image, kernel, stride: None, "gives nothing back"),
        (lambda image, kernel, stride: ..., "`...` of the starter"),
        (stamping(unfinished), "`...` of the starter"),
        (stamping(no_kernel), "leave nine times 0.5"),
        (stamping(flipped), "in reverse order"),
        (stamping(transposed_kernel), "the columns of the kernel"),
        (stamping(squared), "What becomes of each number"),
        (lambda image, kernel, stride: F.conv2d(image[None, None], kernel[None, None]), "shape"),
        (stamping(add)(torch.ones(3, 3), torch.ones(3, 3), 2), "needs a function"),
    ]
    return [stamping(add), in_numpy, by_torch, by_convolution], wrong


def decoders():
    def decoder(first=1, second=1, last=nn.Sigmoid, cut=1):
        return nn.Sequential(
            nn.Linear(32, 16 * 7 * 7), nn.Unflatten(1, (16, 7, 7)), nn.LeakyReLU(0.01),
            nn.ConvTranspose2d(16, 16, 3, 2, 1, output_padding=first), nn.LeakyReLU(0.01),
            nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=second), nn.LeakyReLU(0.01),
            nn.ConvTranspose2d(8, 1, 3, stride=1, padding=cut), last(),
        )  # fmt: skip

    class Tanh(nn.Module):
        def __init__(self):
            super().__init__()
            self.decoder = decoder(last=nn.Tanh)

        def forward(self, codes):
            return (self.decoder(codes) + 1) / 2

    class Relu(nn.Sequential):
        """The likeliest patch: a sigmoid behind the ReLU."""

        def __init__(self):
            super().__init__(nn.ReLU(), nn.Sigmoid())

    def resized(*last):
        return nn.Sequential(*decoder(0, 0)[:-1], *last, nn.Sigmoid())

    class Stretched(nn.Module):
        def __init__(self):
            super().__init__()
            self.decoder = decoder(0, 0)

        def forward(self, codes):
            return F.interpolate(self.decoder(codes), size=28)

    middle = nn.Sequential(*decoder(0, 0)[:4], nn.Upsample(size=(14, 14)), *decoder(1, 1)[4:])
    dense = nn.Sequential(
        nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    even = nn.Sequential(
        nn.Linear(32, 784), nn.Unflatten(1, (16, 7, 7)), nn.BatchNorm2d(16), nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(8, 1, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip
    upsampled = nn.Sequential(
        nn.Linear(32, 784), nn.Unflatten(1, (16, 7, 7)), nn.LeakyReLU(0.01),
        nn.Upsample(size=(14, 14)), nn.Conv2d(16, 8, 3, padding=1), nn.LeakyReLU(0.01),
        nn.Upsample(scale_factor=(2, 2)), nn.Conv2d(8, 1, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip
    black = models.ConvAutoencoder(32)
    nn.init.constant_(black.decoder[-2].bias, -2.0)
    right = [decoder(), Tanh(), even, upsampled, black.decoder, black.decode]
    wrong = [
        (decoder(0, 0, nn.ReLU), "7 became 13 and then 25"),  # as it stands
        (decoder(0, 0), "7 became 13 and then 25"),
        (decoder(0, 1), "7 became 13 and then 26"),
        (decoder(1, 0), "7 became 14 and then 27"),
        (decoder(cut=0), "cuts off the frame"),
        (decoder(last=nn.ReLU), "pixels run from 0 to"),
        (decoder(last=nn.LeakyReLU), "What squeezes"),
        (decoder(last=nn.Identity), "What squeezes"),
        (decoder(last=Relu), "No pixel gets darker than 0.50"),
        (decoder(last=lambda: nn.Sequential(nn.Sigmoid(), nn.Sigmoid())), "darker than 0.50"),
        (
            decoder(last=lambda: nn.Sequential(nn.LogSigmoid(), nn.Sigmoid())),
            "No pixel gets brighter than 0.50",
        ),
        (dense, "no convolution made them"),
        (resized(nn.Upsample(size=(28, 28))), "Something stretches"),
        (resized(nn.Upsample(scale_factor=28 / 25)), "Something stretches"),
        (resized(nn.ZeroPad2d((1, 2, 1, 2))), "draws 25 pixels a side"),
        (Stretched(), "draws 25 pixels a side"),
        (middle, "Something stretches"),
        (decoder(last=nn.Tanh), "pixels run from -1 to 1"),
        (decoder(last=lambda: nn.Softmax(dim=1)), "add up to 1.00"),
        (decoder(last=lambda: nn.Softmax(dim=-1)), "add up to 1.00"),
        (decoder(last=lambda: nn.Hardtanh(0, 1)), "What bends instead of cutting"),
        (nn.Sequential(decoder(), nn.Flatten()), "should give (6, 1, 28, 28)"),
        (black, "Which half of it takes codes?"),
        (black.encoder, "ran into"),
        (lambda: decoder(), "What has to stand behind its name?"),
        (lambda codes: None, "no images"),
        (lambda codes: torch.full((len(codes), 1, 28, 28), 0.1), "six different drawings"),
        (torch.zeros(6, 1, 28, 28), "needs a decoder"),
    ]
    return right, wrong


def fields():
    right = [[3, 7, 15], (3.0, 7.0, 15.0), np.array([3, 7, 15]), torch.tensor([3, 7, 15])]
    wrong = [
        ([3, 5, 9, 17], "belongs to the encoder of section 4.8"),
        ([3, 5, 7], "right for strides of 1"),
        ([3, 6, 9], "adds a whole kernel"),
        ([3, 5, 9], "Which stride comes first here"),
        ([1, 3, 7], "those that come out"),
        ([3, 9, 27], "multiplies kernels"),
        ([3, 7, 11], "only the stride of the layer before"),
        ([5, 13, 21], "the stride of the layer itself"),
        ([3, 9, 21], "adds three places"),
        ([14, 7, 7], "how large the maps are"),
        ([9, 49, 225], "counts all pixels"),
        ([15, 7, 3], "runs the other way"),
        (15, "three are asked for"),
        ([3, 7, 14], "You have 14, and that is too small"),
        ([3, 7, 14.5], "You have 14.5, and that is too small"),
        ([3, 7], "needs the shape (3,)"),
    ]
    return right, wrong


def objectives():
    def objective(low=-2, end=3, move=None, loss=None):
        move = move or (lambda images, right: images.roll(right, dims=-1))
        loss = loss or (lambda model, moved, images: F.mse_loss(model(moved), moved))

        def shifted(model, images, labels):
            right = int(torch.randint(low, end, ()))
            return loss(model, move(images, right), images)

        return shifted

    def by_python(model, images, labels):
        moved = torch.roll(images, random.choice([-2, -1, 0, 1, 2]), 3)
        return ((model.decode(model.encode(moved)) - moved) ** 2).mean()

    def by_padding(model, images, labels):
        right = np.random.randint(-2, 3)
        moved = F.pad(images, (right, -right))
        return nn.MSELoss()(model(moved), moved)

    def moved_twice(model, images, labels):
        right = int(torch.randint(-2, 3, ()))
        return F.mse_loss(model(images).roll(right, dims=-1), images.roll(right, dims=-1))

    def target_only(model, images, labels):
        return F.mse_loss(model(images), images.roll(int(torch.randint(-2, 3, ())), dims=-1))

    def vertically(images, right):
        return images.roll(right, dims=2)

    def each_image(low=-2, end=3):
        def shifted(model, images, labels):
            own = torch.randint(low, end, (len(images),)).tolist()
            moved = torch.stack([x.roll(s, dims=-1) for x, s in zip(images, own)])
            return F.mse_loss(model(moved), moved)

        return shifted

    right = [objective(), by_python, by_padding, each_image()]
    wrong = [
        (each_image(end=2), "upper end"),
        (each_image(low=0), "the other direction"),
        (lambda model, images, labels: ..., "`...` of the starter"),
        (lambda model, images, labels: None, "What is missing?"),
        (objective(loss=lambda model, x, old: F.mse_loss(model(x), old)), "in their old place."),
        (target_only, "you moved them afterwards"),
        (moved_twice, "the images that go in?"),
        (objective(move=vertically), "moved up or down"),
        (objective(move=lambda images, right: images.roll(right)), "in the next row"),
        (objective(move=lambda images, right: images), "in their old place. What do you move"),
        (
            objective(move=lambda images, right: images.roll(right, dims=1)),
            "in their old place. What do you move",
        ),
        (objective(2, 3), "always 2"),
        (objective(-2, 2), "upper end"),
        (objective(0, 3), "the other direction"),
        (objective(-3, 4), "all from -2 to 2"),
        (
            objective(loss=lambda model, x, _: F.mse_loss(model(x), x, reduction="sum")),
            "many times too large",
        ),
        (
            objective(loss=lambda model, x, _: F.mse_loss(latent.reconstruct(model, x), x)),
            "gradient",
        ),
        (objective(loss=lambda model, x, _: model(x)), "needs one loss"),
        (objective(loss=lambda model, x, _: F.mse_loss(model(x), x).item()), "needs one loss"),
        (
            objective(loss=lambda model, x, _: F.l1_loss(model(x), x)),
            "no shift of the images explains",
        ),
        (objective, "ran into"),
    ]
    return right, wrong
