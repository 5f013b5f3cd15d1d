"""From a file of labelled text to a model: Tenor's presets, fastText, TF-IDF with logistic regression.

Usage: python benchmarks/from_text.py DATA_DIR

All learn IMDB's training texts, in processes of their own, in turns, there and back again, and are
then tried on its test texts. Tenor and TF-IDF are given the texts as they are; fastText, which
splits at spaces only, gets words that were split and written in lower case before, which is not in
its time. Seconds are from the start of a process to its end; the model is saved within them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import BIN, origin, save, wait_for_quiet
from raw_text import FASTTEXT, make_fasttext
from workers import FOLDER, SCRIPTS, make_environment, python_of

from tenor import TextClassifier, preset
from tenor.data import Example, load, read_vectors
from tenor.presets import PRESETS
from tenor.tokenizer import Tokenizer

ROUNDS = 3
PLACE = FOLDER / "learning"
Outcome = dict[str, float]


def write_texts(data_dir: Path) -> None:
    """The training texts in one order, and the test texts, in fastText's format; and cut into words."""
    splits = load("imdb", data_dir=data_dir).splits
    order = np.random.default_rng(0).permutation(len(splits["train"]))
    PLACE.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(preset().tokenizer)
    for name, examples in (("train", [splits["train"][i] for i in order]), ("test", splits["test"])):
        _write(PLACE / f"{name}.txt", examples, lambda text: " ".join(text.split()))
        _write(PLACE / f"{name}_words.txt", examples, lambda text: " ".join(tokenizer.tokens(text)))


def _write(file: Path, examples: list[Example], words: Callable[[str], str]) -> None:
    lines = [f"__label__{example.label} {words(example.text)}\n" for example in examples]
    file.write_text("".join(lines), encoding="utf-8")


def timed(command: list[str | Path]) -> Outcome:
    """Run a program to its end: seconds, and the memory it took at most."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    outcome = {"seconds": time.perf_counter() - began, "peak_gb": used.ru_maxrss / 1e6}
    return outcome | (json.loads(said) if said.startswith("{") else {})


def with_tenor(name: str, texts: list[str], labels: list[str], *more: str | Path) -> Callable[[int], Outcome]:
    """A preset, with more options; a round is a seed."""

    def learn(seed: int) -> Outcome:
        model = PLACE / "tenor"
        for old in (model, model.with_name("tenor.run")):
            shutil.rmtree(old, ignore_errors=True)
        command = [BIN / "tenor", "train", PLACE / "train.txt", "--preset", name, "--seed", str(seed)]
        outcome = timed([*command, *more, "-o", model])
        guesses = [prediction.label for prediction in TextClassifier.load(model).predict(texts)]
        return outcome | {"accuracy": float(np.mean([a == b for a, b in zip(guesses, labels, strict=True)]))}

    return learn


def with_fasttext(grams: int, epochs: int, vectors: Path | None = None) -> Callable[[int], Outcome]:
    """Of fastText on both cores, with the learning rate and width that are its best and fastest here.

    Vectors to start from set the width.
    """

    def learn(seed: int) -> Outcome:
        model = PLACE / "fasttext"
        options = ["-wordNgrams", str(grams), "-epoch", str(epochs), "-thread", "2", "-seed", str(seed)]
        options += ["-lr", "0.5", "-dim", "10" if vectors is None else "100"]
        options += [] if vectors is None else ["-pretrainedVectors", str(vectors)]
        outcome = timed(
            [FASTTEXT, "supervised", "-input", PLACE / "train_words.txt", "-output", model, *options]
        )
        tried = subprocess.run(
            [FASTTEXT, "test", f"{model}.bin", PLACE / "test_words.txt"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return outcome | {"accuracy": float(tried.stdout.split("P@1")[1].split()[0])}

    return learn


def write_vectors(glove: Path, to: Path) -> None:
    """GloVe as fastText reads it: with a first line that says how many and how wide."""
    vectors = read_vectors(glove)
    rows = (
        f"{word} {' '.join(map(str, row))}\n" for word, row in zip(vectors.words, vectors.matrix, strict=True)
    )
    with to.open("w", encoding="utf-8") as file:
        file.write(f"{len(vectors.words)} {vectors.matrix.shape[1]}\n")
        file.writelines(rows)


def with_sklearn(_: int) -> Outcome:
    """TF-IDF and logistic regression, in an environment of their own."""
    make_environment("sklearn", ["scikit-learn==1.7.2"])
    script = SCRIPTS / "with_sklearn.py"
    return timed([python_of("sklearn"), script, PLACE / "train.txt", PLACE / "test.txt"])


def main(data_dir: Path) -> None:
    """Every way in every round."""
    measured = origin()
    make_fasttext()
    write_texts(data_dir)
    lines = (PLACE / "test.txt").read_text(encoding="utf-8").splitlines()
    labels, texts = zip(
        *((label[9:], text) for label, _, text in (x.partition(" ") for x in lines)), strict=True
    )
    glove = data_dir / "glove.6B.100d.zip"
    write_vectors(glove, PLACE / "glove.vec")  # by which Tenor's cache of it is filled too
    tests = list(texts), list(labels)
    ways: dict[str, Callable[[int], Outcome]] = {
        "fastText, bigrams, 5 epochs": with_fasttext(2, 5),
        **{f"Tenor, {name}": with_tenor(name, *tests) for name in PRESETS},
        "Tenor, fast, 1 epoch": with_tenor("fast", *tests, "--epochs", "1"),
        "Tenor, fast, from GloVe": with_tenor("fast", *tests, "--vectors", glove),
        "fastText, bigrams, 5 epochs, from GloVe": with_fasttext(2, 5, PLACE / "glove.vec"),
        "TF-IDF of bigrams, logistic regression": with_sklearn,
    }
    found: dict[str, list[Outcome]] = {name: [] for name in ways}
    with_sklearn(0)  # makes its environment
    wait_for_quiet()
    for turn in range(ROUNDS):
        for name in list(ways)[:: 1 if turn % 2 == 0 else -1]:
            found[name].append(ways[name](turn))
            print(name, found[name][-1], flush=True)
    first = [outcome["seconds"] for outcome in found["fastText, bigrams, 5 epochs"]]
    save("from_text", {name: _figures(outcomes, first) for name, outcomes in found.items()}, measured)


def _figures(outcomes: list[Outcome], first: list[float]) -> dict[str, Any]:
    accuracies = [outcome["accuracy"] for outcome in outcomes]
    ratios = [outcome["seconds"] / other for outcome, other in zip(outcomes, first, strict=True)]
    return {
        "test accuracy, mean": round(statistics.mean(accuracies), 4),
        "test accuracy, range": f"{min(accuracies):.4f} to {max(accuracies):.4f}",
        "seconds, median": round(statistics.median(outcome["seconds"] for outcome in outcomes), 1),
        "in times of fastText, median": round(statistics.median(ratios), 2),
        "peak memory, GB": round(max(outcome["peak_gb"] for outcome in outcomes), 2),
        "rounds": len(outcomes),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
