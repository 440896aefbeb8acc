"""What a learner waits for, measured against what they would otherwise run.

    python -m tools.benchmarks                  # everything; half an hour on 2 cores
    python -m tools.benchmarks dense small      # some parts

Run it with nothing else running. It needs MNIST. It prints a table, and writes it to
results.json, to docs/speed.md and, five rows of it, to the README; parts that are not run keep
what was measured. Machines differ, and one machine differs from minute to minute: rows that are
compared are measured in turn, several times, in the same process. Read the ratios.
"""

import argparse
import json
import os
import struct
import tempfile
from pathlib import Path

from mnist_helpers import data
from tools.benchmarks.page import pages, table
from tools.benchmarks.parts import PARTS, WORKLOADS
from tools.benchmarks.stopwatch import machine, peak

RESULTS = Path(__file__).with_name("results.json")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.benchmarks")
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; default: all")
    parser.add_argument("--once", choices=WORKLOADS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    os.environ["TQDM_DISABLE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        train, test = data.load_mnist(source="mnist")
        unpack(Path(folder) / "MNIST" / "raw", train, test)
        if options.once:
            WORKLOADS[options.once](folder, train)
            print(peak())
            return
        results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"rows": []}
        for part in options.parts or PARTS:
            about = {"part": part, "machine": machine()}
            rows = [entry | about for entry in PARTS[part](folder, train, test)]
            kept = [entry for entry in results["rows"] if entry["part"] != part]
            order = list(PARTS)
            kept = sorted(kept + rows, key=lambda entry: order.index(entry["part"]))
            results = {"rows": kept}
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            for path, text in pages(results).items():
                path.write_text(text, encoding="utf-8")
            print(table(rows), flush=True)


def unpack(raw, train, test):
    """Write the files of MNIST without compression, as torchvision's own class wants them."""
    raw.mkdir(parents=True)
    for part, digits in (("train", train), ("t10k", test)):
        pixels = (digits.images * 255).round().byte().numpy().tobytes()
        labels = digits.labels.byte().numpy().tobytes()
        size = len(digits)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4I", 2051, size, 28, 28) + pixels
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, size) + labels)


if __name__ == "__main__":
    main()
