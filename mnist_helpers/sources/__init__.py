"""The data sources. Each is a module here, and a new file is found by its name.

Its `load(root)` takes the folder of the data, a `Path`, and returns two pairs (images, labels), to
learn from and to test on: images (N, 1, 28, 28) float32 in [0, 1], labels (N,) int64.
"""
