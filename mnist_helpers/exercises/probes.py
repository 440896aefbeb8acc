"""What the checks of several lessons put answers to the test with."""

from copy import deepcopy
from inspect import isfunction, signature

import torch
import torch.nn.functional as F
from torch import nn

from mnist_helpers.exercises import Mistake, describe, function, returned, tensor
from mnist_helpers.models import Autoencoder, DenseAutoencoder


def check_range(drawn, images):
    """Raise the mistake that shows in what a decoder draws, (64, 1, 28, 28)."""
    low, high = drawn.min().item(), drawn.max().item()
    totals, real = drawn.sum(dim=(1, 2, 3)), images.sum(dim=(1, 2, 3))
    if 0.5 <= low < 1:
        raise Mistake(
            f"No pixel is darker than {low:.2f}, and paper is 0. The last layer gives 0.5 for 0; "
            "what keeps it from getting anything below 0?"
        )
    if torch.allclose(totals, totals[0], rtol=1e-3):
        raise Mistake(
            f"The pixels of every drawing add up to {totals[0]:.2f}; those of real digits to "
            f"anything from {real.min():.0f} to {real.max():.0f}. Which layer makes the sums alike?"
        )
    if torch.allclose(drawn.sum(dim=0), torch.ones(1), rtol=1e-3):
        raise Mistake(
            "Each pixel, added up over the 64 drawings of the batch, gives 1.00. Should a drawing "
            "depend on which others are in its batch?"
        )
    if low < 0:
        if low >= -1 and high <= 1:
            raise Mistake(f"Pixels run from {low:.2g} to {high:.2g}. Which value is black paper?")
        raise Mistake(
            f"Pixels run from {low:.3g} to {high:.3g}, and paper is 0, ink 1. What "
            "squeezes any number into 0 to 1?"
        )
    if high > 1:
        raise Mistake(f"Pixels reach {high:.3g}, and white is 1. What sets a limit at the top too?")


def fit_decoder(decoder, codes, images):
    """The error after the decoder has learned for 60 steps to draw these images."""
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    for _ in range(60):
        loss = F.mse_loss(decoder(codes), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def mean_drawer(train):
    """A model that draws almost the mean image, whatever comes in."""
    with torch.no_grad():
        torch.manual_seed(0)
        model = DenseAutoencoder(8, hidden=())
        mean = train.images[:1000].mean(dim=0).flatten()
        model.decoder[0].bias.copy_(mean.logit(eps=1e-3))
    return model


def errors_of(model, images):
    """Mean squared error and mean miss of each image, both (N,)."""
    with torch.no_grad():
        gap = model(images) - images
    return gap.square().mean(dim=(1, 2, 3)), gap.abs().mean(dim=(1, 2, 3))


def edges(images):
    """Sizes of the answers to the edge kernel of 4.3, upright and level, quicker than conv2d."""
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    columns = images[..., :-2] + images[..., 1:-1] + images[..., 2:]
    upright, level = rows[..., 2:] - rows[..., :-2], columns[..., 2:, :] - columns[..., :-2, :]
    return upright.abs_(), level.abs_()


def mean_ratio(upright, level):
    """How many times larger the mean of the first is; a float."""
    return (upright.mean() / level.mean()).item()


class Dim(nn.Module):
    """A decoder that dims each place of the image in its own way, so that a move shows."""

    def __init__(self):
        super().__init__()
        self.share = nn.Parameter(torch.rand(28, 28))

    def forward(self, z):
        return self.share * z


def loss_of_answer(answer, model, images, labels):
    """What the learner's objective gives, if that is one tensor."""
    loss = function(answer)(model, images, labels)
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        raise Mistake(f"This needs one loss, a tensor; yours is {describe(loss)}. What is missing?")
    return loss


def check_shifts(found):
    """Raise the mistake that shows in a set of shifts, unless they are -2 to 2."""
    seen = ", ".join(map(str, sorted(found)))
    if found == {0}:
        raise Mistake(
            "In 80 calls the loss was always that of images in their old place. What do you move: "
            "the images that go in? And along which dimension?"
        )
    if len(found) == 1:
        raise Mistake(f"In 80 calls the shift was always {seen}. Where is it drawn anew?")
    if found == {-2, -1, 0, 1}:
        raise Mistake(f"You shift by {seen}. Does `torch.randint` include its upper end?")
    if min(found) >= 0 or max(found) <= 0:
        raise Mistake(f"You shift by {seen}. What about the other direction?")
    if found != set(range(-2, 3)):
        raise Mistake(f"You shift by {seen}; all from -2 to 2 should occur.", known=False)


def stamp_both(answer, image, kernel, stride):
    """What the learner's function stamps, and what torch does."""
    right = F.conv_transpose2d(image[None, None], kernel[None, None], stride=stride)[0, 0]
    out = function(answer)(image.clone(), kernel.clone(), stride)
    nothing = "Your function gives nothing back. Does it end with `return out`?"
    return tensor(returned(out, nothing), right.shape), right


def draw_codes(answer, codes):
    """What a copy of the decoder draws, in the right shape."""
    if isinstance(answer, Autoencoder):
        raise Mistake("That is a whole autoencoder. Which half of it takes codes?")
    if isfunction(answer) and not signature(answer).parameters:
        raise Mistake("That function builds a decoder. What has to stand behind its name?")
    if not callable(answer):
        raise Mistake(f"This needs a decoder; you gave {describe(answer)}.", known=False)
    decoder = deepcopy(answer)
    if isinstance(decoder, nn.Module):
        decoder.cpu().eval()
    with torch.no_grad():
        out = decoder(codes.clone())
    if not isinstance(out, torch.Tensor):
        raise Mistake(f"From codes it makes {describe(out)}, and no images.", known=False)
    one_short = "One of the two steps up is still a pixel short: which?"
    sizes = {
        25: "7 became 13 and then 25. On the way down 13 and 14 both become 7. How do you ask for "
        "the larger one on the way up?",
        26: f"7 became 13 and then 26. {one_short}",
        27: f"7 became 14 and then 27. {one_short}",
        30: "Nothing cuts off the frame that the last layer adds. What does?",
    }
    if out.shape[-1] in sizes:
        raise Mistake(f"Your images are {out.shape[-1]} pixels wide. {sizes[out.shape[-1]]}")
    if out.shape != (len(codes), 1, 28, 28):
        raise Mistake(
            f"{len(codes)} codes should give ({len(codes)}, 1, 28, 28), and yours give "
            f"{tuple(out.shape)}. Which layer still has to change the shape?",
            known=out.numel() == len(codes) * 784,
        )
    return out.float()


def patient(losses, patience, forget=True, before=False, ties=False):
    """After which epoch early stopping stops, and which it keeps; both count from 1.

    The options are mistakes that people make: not to `forget` the bad epochs at a new lowest
    loss, to compare with the epoch `before`, to take `ties` for a new lowest loss.
    """
    best, waited = 1, 0
    for epoch, loss in enumerate(losses, start=1):
        rival = losses[max(epoch - 2, 0) if before else best - 1]
        if epoch == 1 or loss < rival or (ties and loss == rival):
            best, waited = epoch, 0 if forget else waited
        else:
            waited += 1
        if waited == patience:
            break
    return epoch, best
