"""What prediction takes as texts, hidden units and threads grow: time and memory.

Usage: python benchmarks/growth.py [--texts N], the most short texts of the memory table (10,000,000)
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import BIN, origin, save
from layers import PRECISIONS, best, layer, texts

from tenor import TextClassifier, native
from tenor.config import Precision

HIDDEN = (64, 128, 256, 512, 1024)
MEGABYTES = (1, 2, 4, 8, 16, 32, 64)
_PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
assert status == 0
sys.stderr.write(str(used.ru_maxrss))
"""
"""The peak of a process is at least what its parent has when it is made: so its parent must be small."""


def by_size() -> dict[str, float]:
    """Seconds from strings to predictions, for 1 to 64 MB of reviews of the packaged model's words."""
    classifier = TextClassifier.load()
    words = np.array(classifier.model.vocabulary.tokens[2:], object)
    rng = np.random.default_rng(0)
    weights = 1 / (np.arange(len(words)) + 2.7)
    drawn = rng.choice(words, (1000, 230), p=weights / weights.sum())
    reviews = [" ".join(row) for row in drawn]
    each = sum(map(len, reviews)) / len(reviews) / 1e6
    found = {}
    classifier.predict(reviews)
    for size in MEGABYTES:
        some = (reviews * (1 + int(size / each) // len(reviews)))[: int(size / each)]
        began = time.perf_counter()
        classifier.predict(some)
        found[f"{size} MB"] = round(time.perf_counter() - began, 3)
    return found


def by_hidden(threads: int, precision: Precision) -> dict[str, float]:
    """Thousand tokens a second of an LSTM in one direction, from ids."""
    native.set_threads(threads)
    rng = np.random.default_rng(0)
    ids, offsets = texts(rng)
    found = {}
    for hidden in HIDDEN:
        made = layer(rng, "lstm", 100, hidden, native.Gating(), precision)
        made.fold(rng.normal(size=(25_000, 100)).astype(np.float32))
        part = offsets[: max(65, len(offsets) * 64 * 64 // hidden**2)]
        some = ids[: part[-1]]
        seconds = best(lambda made=made, some=some, part=part: made.forward(some, part))
        found[f"H = {hidden}"] = round(len(some) / seconds / 1e3, 1)
    return found


def by_texts(most: int) -> dict[str, Any]:
    """Peak memory and seconds of ``tenor predict -f`` over ever more short texts."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in (most // 100, most // 10, most):
            place = Path(folder) / "texts.txt"
            with place.open("w") as file:
                file.writelines(f"number {i} was a good film, not a bad one\n" for i in range(count))
            began = time.perf_counter()
            command = [BIN / "tenor", "predict", "-f", place, "--labels-only"]
            done = subprocess.run([sys.executable, "-c", _PEAK, *command], stderr=subprocess.PIPE, check=True)
            found[f"{count:,} texts"] = {
                "peak, MB": round(int(done.stderr) * (1 if sys.platform == "darwin" else 1024) / 1e6, 1),
                "seconds": round(time.perf_counter() - began, 1),
            }
    return found


def main() -> None:
    """Measure all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000_000)
    args = parser.parse_args()
    measured = origin()
    figures: dict[str, Any] = {"seconds for so much text": by_size()}
    for threads, precision in itertools.product((1, 2), PRECISIONS):
        name = f"LSTM 100→H {precision}, thousand tokens/s, {threads} threads"
        figures[name] = by_hidden(threads, precision)
    figures["short texts from a file"] = by_texts(args.texts)
    save("growth", figures, measured)


if __name__ == "__main__":
    main()
