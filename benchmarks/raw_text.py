"""From a file of raw text to a label for each line: Tenor's fast preset beside fastText.

Usage: python benchmarks/raw_text.py DATA_DIR

Both are trained on IMDB's training texts and label its test texts, the same bytes, in processes of
their own that are started for each round, in turns, there and back again. Starting is measured
with a file of one line and taken off. fastText's program is compiled from its last release, with
its own flags, under build/peers.
"""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import BIN, origin, save, wait_for_quiet
from workers import FOLDER, ratio

from tenor.data import load

FASTTEXT = FOLDER / "fasttext" / "fasttext"
ROUNDS = 8
MODELS: dict[str, list[str]] = {"fast": [], "fast without n-grams": ["--ngrams", "0"]}
"""Name → what it is trained with besides the preset."""


class Way(NamedTuple):
    """A program with a model, and how many of it run at a time."""

    name: str
    command: tuple[str, ...]
    processes: int
    threads: int

    def run(self, files: Sequence[Path]) -> tuple[float, float]:
        """Label the files, one process each: seconds, and seconds of processors."""
        environment = os.environ | {"TENOR_THREADS": str(self.threads)}
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        running = [
            subprocess.Popen(
                [str(file) if word == "FILE" else word for word in self.command],
                stdout=subprocess.DEVNULL,
                env=environment,
            )
            for file in files
        ]
        assert not any([process.wait() for process in running])
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return seconds, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def make_fasttext() -> None:
    """Compile fastText's program, unless it is there."""
    if FASTTEXT.exists():
        return
    place = FASTTEXT.parent
    place.mkdir(parents=True, exist_ok=True)
    fetch = ["download", "-q", "--no-deps", "--no-binary", "fasttext", "-d", place, "fasttext==0.9.3"]
    subprocess.run([BIN / "pip", *fetch], check=True)
    with tarfile.open(place / "fasttext-0.9.3.tar.gz") as archive:
        archive.extractall(place, filter="data")
    sources = sorted((place / "fasttext-0.9.3" / "src").glob("*.cc"))
    flags = ["-O3", "-march=native", "-funroll-loops", "-std=c++17", "-pthread"]
    subprocess.run(["c++", *flags, *sources, "-o", FASTTEXT], check=True)


def write_texts(data_dir: Path) -> Path:
    """Training texts as fastText wants them, test texts a line each, whole and in halves, and one line."""
    place = FOLDER / "texts"
    if (place / "test.txt").exists():
        return place
    place.mkdir(parents=True, exist_ok=True)
    splits = load("imdb", data_dir=data_dir).splits
    order = np.random.default_rng(0).permutation(len(splits["train"]))
    lines = [
        f"__label__{splits['train'][i].label} {' '.join(splits['train'][i].text.split())}" for i in order
    ]
    (place / "train.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = [" ".join(example.text.split()) + "\n" for example in splits["test"]]
    parts = {"one.txt": texts[:1], "half0.txt": texts[::2], "half1.txt": texts[1::2], "test.txt": texts}
    for name, some in parts.items():
        (place / name).write_text("".join(some), encoding="utf-8")
    return place


def ways(place: Path, data_dir: Path) -> list[Way]:
    """Train what is not there, and say how it is run."""
    found = []
    for grams in (1, 2):
        model = FOLDER / "fasttext" / f"grams{grams}"
        if not model.with_suffix(".bin").exists():
            options = ["-epoch", "5", "-wordNgrams", str(grams), "-thread", "2"]
            train = ["supervised", "-input", place / "train.txt", "-output", model, *options]
            subprocess.run([FASTTEXT, *train], check=True, stderr=subprocess.DEVNULL)
        command = (str(FASTTEXT), "predict", f"{model}.bin", "FILE")
        name = f"fastText, {'unigrams' if grams == 1 else 'bigrams'}"
        found += [Way(name, command, processes, 1) for processes in (1, 2)]
    tenor = str(BIN / "tenor")
    data = ["imdb", "--data-dir", str(data_dir)]
    for name, options in MODELS.items():
        trained = FOLDER / name.replace(" ", "-")
        small = trained.with_name(f"{trained.name}-int8")
        if not small.exists():
            train = ["train", *data, "--preset", "fast", *options, "--force", "-o", trained]
            subprocess.run([tenor, *train], check=True)
            subprocess.run([tenor, "compress", trained, *data, "-o", small], check=True)
        for precision, model in (("float32", trained), ("int8", small)):
            command = (tenor, "predict", "-m", str(model), "-f", "FILE", "--labels-only")
            spreads = ((1, 1), (1, 2), (2, 1))
            found += [Way(f"Tenor {name}, {precision}", command, *spread) for spread in spreads]
    return found


def main(data_dir: Path) -> None:
    """Measure all in turns."""
    measured = origin()
    make_fasttext()
    place = write_texts(data_dir)
    size = (place / "test.txt").stat().st_size
    all_ways = ways(place, data_dir)
    load_before = wait_for_quiet()
    whole = {1: [place / "test.txt"], 2: [place / "half0.txt", place / "half1.txt"]}
    start: dict[Way, list[float]] = {way: [] for way in all_ways}
    seconds: dict[Way, list[float]] = {way: [] for way in all_ways}
    used: dict[Way, list[float]] = {way: [] for way in all_ways}
    for number in range(ROUNDS):
        for way in all_ways if number % 2 == 0 else reversed(all_ways):
            start[way].append(way.run([place / "one.txt"] * way.processes)[0])
            wall, cpu = way.run(whole[way.processes])
            seconds[way].append(wall)
            used[way].append(cpu)
            print(number, way.name, f"{way.processes} × {way.threads}: {wall:.2f} s", flush=True)
    figures: dict[str, Any] = {"load before": load_before, "MB of UTF-8": round(size / 1e6, 2)}
    reading = {way: (np.array(seconds[way]) - np.median(start[way])).tolist() for way in all_ways}
    for way in all_ways:
        figures[f"{way.name}, {way.processes} × {way.threads} threads"] = {
            "MB/s": round(size / 1e6 / float(np.median(reading[way])), 1),
            "start, s": round(float(np.median(start[way])), 3),
            "processor seconds, with the start": round(float(np.median(used[way])), 2),
        }
    for mine, other in itertools.product(all_ways, all_ways):
        processors = (mine.processes * mine.threads, other.processes * other.threads)
        if mine.name.startswith("Tenor") and not other.name.startswith("Tenor") and len(set(processors)) == 1:
            name = f"{mine.name}, {mine.processes} × {mine.threads} to {other.name}, {other.processes} × 1"
            figures[name] = ratio(reading[other], reading[mine])
    save("raw_text", figures, measured)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
