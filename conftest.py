"""Set-up of `pytest --nbval`: nothing but test wiring."""

import os
import tempfile
from pathlib import Path

SANITISE = Path(__file__).parent / "tests" / "sanitise.cfg"

# Kernels inherit these: people get progress bars, the comparison of outputs gets none.
os.environ["TQDM_DISABLE"] = "1"


# Lessons begin without checkpoints, and leave none behind.
RUNS = tempfile.TemporaryDirectory()
os.environ["MNIST_HELPERS_CHECKPOINTS"] = RUNS.name


def pytest_configure(config):
    config.option.nbval_sanitize_with = str(SANITISE)
    config.option.nbval_current_env = True  # the environment that pytest runs in, by any name
    config.option.nbval_cell_timeout = 600  # seconds; a dead kernel is waited for no longer


def pytest_itemcollected(item):
    # Warnings and the stand-in's notice go to stderr and may come and go.
    if hasattr(item.parent, "skip_compare") and "stderr" not in item.parent.skip_compare:
        item.parent.skip_compare += ("stderr",)
