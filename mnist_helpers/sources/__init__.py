"""Every module here is a data source: its `load(root)` takes the folder of the data, a `Path`, and
returns two pairs (images, labels), to learn from and to test on."""
