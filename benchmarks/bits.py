"""Whether a text's answer depends on anything but the text: the 25,000 IMDB test reviews.

Each runtime reads them alone, in batches of 2 to 512, shuffled, and with 1 and 2 threads; PyTorch
reads them in padded batches. Counted: logits that differ by a bit, and labels that differ.

Usage: python benchmarks/bits.py DATA_DIR
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import save

from tenor import TextClassifier, native
from tenor.data import load
from tenor.prediction import label_ids

SAMPLE = 2_000
"""Reviews that are read in every way; all are read in one."""


def main(data_dir: str) -> None:
    """Compare the two runtimes with themselves, with each other, and with PyTorch."""
    texts = [example.text for example in load("imdb", data_dir=data_dir).splits["test"]]
    figures = {"reviews": len(texts), "sample": SAMPLE}
    everything = {}
    for runtime in ("native", "numpy"):
        classifier = TextClassifier.load(runtime=runtime)
        everything[runtime] = classifier.predict_logits(texts)
        sample = everything[runtime][:: len(texts) // SAMPLE]
        some = texts[:: len(texts) // SAMPLE]
        for way, found in ways(classifier, some):
            figures[f"{runtime}: {way}, differing"] = int((found != sample).sum())
        figures[f"{runtime}: other number of threads, differing"] = other_threads(runtime, data_dir, sample)
    figures |= compare("native and numpy", everything["native"], everything["numpy"])
    figures |= compare("numpy and torch", everything["numpy"], torch_logits(classifier, texts))
    save("bits", figures)


def ways(classifier: TextClassifier, texts: list[str]) -> list[tuple[str, np.ndarray]]:
    """The texts' logits, read in other company."""
    found = []
    for size in (1, 2, 16, 128, 512):
        parts = [classifier.predict_logits(texts[i : i + size]) for i in range(0, len(texts), size)]
        found.append(("alone" if size == 1 else f"in batches of {size}", np.concatenate(parts)))
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = np.empty_like(found[0][1])
    shuffled[order] = classifier.predict_logits([texts[i] for i in order])
    longest = max(texts, key=len)
    beside = [classifier.predict_logits([text, longest])[0] for text in texts[:200]]
    beside_all = np.concatenate([np.array(beside), found[0][1][200:]])
    return [*found, ("shuffled", shuffled), ("beside the longest", beside_all)]


def other_threads(runtime: str, data_dir: str, expected: np.ndarray) -> int:
    """The sample read by a process with 1 thread, and one with 2: logits that differ."""
    different = 0
    for count in ("1", "2"):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "logits.npy")
            code = (
                "import numpy as np\nfrom tenor import TextClassifier\nfrom tenor.data import load\n"
                f"texts = [e.text for e in load('imdb', data_dir={data_dir!r}).splits['test']]\n"
                f"texts = texts[:: len(texts) // {SAMPLE}]\n"
                f"np.save({str(out)!r}, TextClassifier.load(runtime={runtime!r}).predict_logits(texts))"
            )
            threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TENOR_THREADS"), count)
            subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | threads)
            different += int((np.load(out) != expected).sum())
    return different


def compare(name: str, one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """The largest difference of a logit, relative to 1 + its size, and the labels that differ."""
    difference = np.abs(one - other) / (1 + np.abs(one))
    return {
        f"{name}: largest difference": float(f"{difference.max():.2g}"),
        f"{name}: labels differing": int((label_ids(one) != label_ids(other)).sum()),
    }


def torch_logits(classifier: TextClassifier, texts: list[str]) -> np.ndarray:
    """The same network in PyTorch, in batches of 64 in the order of the texts; n-grams are added by NumPy."""
    import torch

    from tenor.batching import join
    from tenor.ngrams import Ngrams
    from tenor.training.pytorch import network

    model = classifier.model
    weights = {name: torch.from_numpy(np.array(weight)) for name, weight in model.weights.items()}
    spelled = [model.vocabulary.spell(classifier.tokenizer.tokens(text)) for text in texts]
    token_ids = [[token_id for token_id in ids if token_id >= 0] for ids in spelled]
    with torch.inference_mode():
        scores = [
            network.logits(weights, model.config, join(token_ids[start : start + 64])).numpy()
            for start in range(0, len(texts), 64)
        ]
    ngrams = Ngrams.of(model.config, model.weights)
    return np.concatenate(scores) + ngrams.scores(join(spelled))


if __name__ == "__main__":
    assert native.is_available(), native.status().reason
    main(*sys.argv[1:])
