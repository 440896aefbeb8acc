"""Helpers of the course "From Pixels to Latents": MNIST from pixels to learned codes."""

__version__ = "0.1.0"
