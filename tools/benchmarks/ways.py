"""The four ways of lesson 9 from noise to digits: the lesson's own cells are timed.

They do a little more than to train: the GAN is scored after each epoch, clouds are fitted in three
numbers, and clouds and flow each count the autoencoder whose codes they need.
"""

import json
import os

import nbformat
from nbclient import NotebookClient

from mnist_helpers.course import lessons
from tools.benchmarks.stopwatch import cell_seconds, row
from tools.notebooks import tags

# Runs behind the lesson, in its kernel: how long 10,000 digits take, and what the judge said.
DRAWING = """
import json, time

def seconds_of(draw):
    start = time.perf_counter()
    draw()
    return time.perf_counter() - start

drawing = {
    "GAN": seconds_of(lambda: draw_gan(generator)),
    "VAE": seconds_of(lambda: latent.decode(vae, torch.randn(10000, 20))),
    "clouds": seconds_of(lambda: decode(throw(mixtures[30]))),
    "flow": seconds_of(lambda: flow(20, 1.25)),
}
print(json.dumps({way: scores[ways[way]] | {"drawing": drawing[way]} for way in drawing}))
"""


def four_ways():
    """A row for each way: seconds of the cells tagged with its name, and its scores."""
    notebook = nbformat.read(lessons(["09"])[0].path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(DRAWING))
    client = NotebookClient(notebook, timeout=600, kernel_name="python3")
    client.execute(env=os.environ | {"MNIST_HELPERS_SOURCE": "mnist"})
    scores = json.loads(notebook.cells[-1].outputs[-1].text)
    for way, score in scores.items():
        cells = [cell for cell in notebook.cells if f"trains-{way}" in tags(cell)]
        seconds = sum(map(cell_seconds, cells))
        yield row("12", f"10,000 digits by the {way} of lesson 9", [seconds],
                  read=score["read"], frechet=score["Fréchet distance"], recall=score["recall"],
                  drawing=score["drawing"])  # fmt: skip
