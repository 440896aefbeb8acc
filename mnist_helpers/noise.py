"""Ways to spoil images: each function makes one, `noise(images) -> noisy images`.

All draw anew in every call, from PyTorch's random numbers, and leave the images that they are
given as they were. Vincent et al., "Extracting and Composing Robust Features with Denoising
Autoencoders" (2008), set pixels to black; "Stacked Denoising Autoencoders" (2010), section 4.1,
adds Gaussian noise and salt and pepper.
"""

import torch


def gaussian(deviation=0.5):
    """Noise that adds a normal random number to every pixel; the result is not cut to [0, 1].

    Args:
        deviation: standard deviation of the number, in brightness (1 is black to white), 0 to 10.

    Raises:
        ValueError: deviation lies outside.
    """
    _check("deviation", deviation, 10)

    def noise(images):
        return images + deviation * torch.randn_like(images)

    return noise


def salt_and_pepper(share=0.3):
    """Noise that makes a share of the pixels black or white, half of them each.

    Args:
        share: how likely a pixel is to be lost, 0 to 1.

    Raises:
        ValueError: share lies outside.
    """
    _check("share", share, 1)

    def noise(images):
        drawn = torch.rand_like(images)
        return torch.where(drawn < share, (drawn < share / 2).to(images.dtype), images)

    return noise


def cut_out(side=12):
    """Noise that paints one black square over each image, at a random place inside it.

    Args:
        side: of the square, in pixels, 0 to 28.

    Raises:
        ValueError: side lies outside, or is no whole number.
    """
    _check("side", side, 28)
    if side != int(side):
        raise ValueError(f"side is {side!r}; give a whole number of pixels")

    def noise(images):
        size = images.shape[-1]
        corners = torch.randint(size - side + 1, (2, len(images), 1), device=images.device)
        places = torch.arange(size, device=images.device)
        rows, columns = (places >= corners) & (places < corners + side)  # (N, size) each
        return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)

    return noise


def _check(name, value, most):
    if not 0 <= value <= most:  # also false for NaN
        raise ValueError(f"{name} is {value!r}; it must lie between 0 and {most}")
