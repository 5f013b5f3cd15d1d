"""``tenor train``: test accuracy, time from text to model, peak memory.

IMDB with the preset of the packaged model, sentence polarity with the default one.

Usage: python benchmarks/train.py imdb | polarity
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import BIN, save

SEEDS = (0, 1, 2)
VECTORS = "glove.6B.100d.zip"


def run(*arguments: str) -> dict[str, float]:
    """Train in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        began = time.perf_counter()
        subprocess.run([BIN / "tenor", "train", *arguments, "-o", model], check=True)
        seconds = time.perf_counter() - began
        metrics = json.loads((model / "config.json").read_text(encoding="utf-8"))["metrics"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return {
        "test_accuracy": metrics["test_accuracy"], "test_loss": metrics["test_loss"],
        "seconds": round(seconds, 1), "peak_gb": round(peak, 2),
    }  # fmt: skip


def mean_of_seeds(*arguments: str) -> dict[str, float]:
    """Mean and spread of the test accuracy over seeds."""
    found = [run(*arguments, "--seed", str(seed))["test_accuracy"] for seed in SEEDS]
    return {
        "mean": round(statistics.mean(found), 4), "lowest": round(min(found), 4),
        "highest": round(max(found), 4), "seeds": len(found),
    }  # fmt: skip


def main(corpus: str, data_dir: str) -> None:
    """One corpus; the archives and vectors lie in ``data_dir``."""
    if corpus == "imdb":
        save("train_imdb", run("imdb", "--data-dir", data_dir, "--preset", "fast"))
        return
    plain = ["sentence-polarity", "--data-dir", data_dir]
    vectors = ["--vectors", str(Path(data_dir, VECTORS))]
    save("train_polarity", {"default": mean_of_seeds(*plain), VECTORS: mean_of_seeds(*plain, *vectors)})


if __name__ == "__main__":
    main(*sys.argv[1:])
