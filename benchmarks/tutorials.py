"""Every training behind docs/tutorials.md: as published, put right, and flaw by flaw.

Usage: python benchmarks/tutorials.py DATA_DIR [--only TEXT] [--jobs N] [--hours H] [--list]

Each training that is done leaves a JSON file in docs/tutorials/results/, and is not done again. One
that was stopped, by --hours or Ctrl-C or a kill, goes on the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from common import BIN, ROOT, origin
from tutorials_page import RESULTS, seeds_as_published

from tenor import TextClassifier, native
from tenor.atomic import write_file
from tenor.config import TokenizerConfig, VocabularyConfig
from tenor.lock import Lock
from tenor.recipes import Recipe, load_recipe
from tenor.vocabulary import Vocabulary

WORK = ROOT / "build" / "tutorials"
"""Models and run folders."""
CHEAP_FIRST = (
    "tensorflow-imdb", "pytorch-vanilla-sst", "neural-perspective-polarity", "jax-birnn-imdb",
    "tensorflow-imdb-stacked", "mindspore-imdb",
)  # fmt: skip

IN_BF16 = ("jax-birnn-imdb", "mindspore-imdb")
"""The longest trainings, learnt in bf16 on these instruction sets: half the time of float32. Elsewhere it
would take twice the time."""
FAST_IN_BF16 = ("avx512bf16", "amx")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training of a recipe."""

    recipe: str
    variants: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    as_published: bool = False
    fold: int | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """Of its result."""
        changes = [*self.variants, *(["as-published"] if self.as_published else self.flaws)]
        fold = [] if self.fold is None else [f"fold{self.fold}"]
        return "+".join([self.recipe, *changes, *fold, f"seed{self.seed}"])

    @property
    def skip_gram(self) -> Path:
        """Word vectors learnt from the training texts of its fold."""
        return WORK / f"skip-gram-fold{self.fold}.vec"

    def arguments(self, data_dir: str, precision: str) -> list[str]:
        """Of ``tenor train``."""
        named = [f"--variant={name}" for name in self.variants] + [f"--flaw={name}" for name in self.flaws]
        named += ["--as-published"] if self.as_published else []
        named += [] if self.fold is None else [f"--fold={self.fold}"]
        named += [f"--vectors={self.skip_gram}"] if "skip-gram" in self.variants else []
        named += [] if precision == "auto" else ["--precision", precision]
        return ["--recipe", self.recipe, *named, "--seed", str(self.seed), "--data-dir", data_dir]


class Training(NamedTuple):
    """One that is under way."""

    began_on: dict[str, Any]
    process: subprocess.Popen[bytes]


def plan() -> Iterator[Run]:
    """What is trained, in this order: first what each tutorial is held against, then the details."""
    for name in CHEAP_FIRST:
        yield from (Run(recipe=name, as_published=True, seed=seed) for seed in seeds_as_published(name))
        yield from (Run(recipe=name, seed=seed) for seed in range(3))
    yield from _vanilla()
    yield from _polarity()
    for name in CHEAP_FIRST:
        recipe = load_recipe(name)
        for flaw in recipe.flaws:
            if flaw.settings:
                yield Run(recipe=name, flaws=(flaw.name,))
    for name in ("tensorflow-imdb", "tensorflow-imdb-stacked"):
        yield Run(recipe=name, variants=("gru",))
    yield Run(recipe="jax-birnn-imdb", variants=("last-states",))
    yield Run(recipe="jax-birnn-imdb", variants=("frozen",))


def _polarity() -> Iterator[Run]:
    """Three cells with three seeds for the readings; ten folds of each with each kind of vectors."""
    name = "neural-perspective-polarity"
    for cell in (("lstm",), ("rnn",)):
        yield from (Run(recipe=name, variants=cell, seed=seed) for seed in range(3))
    for vectors in ((), ("skip-gram",), ("glove",)):
        for cell in ((), ("lstm",), ("rnn",)):
            yield from (Run(recipe=name, variants=(*cell, *vectors), fold=fold) for fold in range(10))
    for more in (("attention",), ("attention", "skip-gram"), ("attention", "glove"), ("two-layers",)):
        yield from (Run(recipe=name, variants=more, fold=fold) for fold in range(10))


def _vanilla() -> Iterator[Run]:
    """The improvements that the tutorial names, each added to those before it."""
    added = ("longer", "glove", "lstm", "both-directions", "attention", "two-layers")
    for count in range(1, len(added) + 1):
        yield from (Run(recipe="pytorch-vanilla-sst", variants=added[:count], seed=seed) for seed in range(3))


def start(run: Run, data_dir: str, threads: int) -> subprocess.Popen[bytes]:
    """Begin a training, or go on with one that was stopped; what it says goes into a file."""
    WORK.mkdir(parents=True, exist_ok=True)
    folder, model = WORK / f"{run.name}.run", WORK / run.name
    checkpoints = folder / "checkpoints"
    if checkpoints.is_dir() and any(place.name.startswith("step-") for place in checkpoints.iterdir()):
        arguments = ["--resume", str(folder)]
    else:
        in_bf16 = run.recipe in IN_BF16 and native.status().isa in FAST_IN_BF16
        arguments = run.arguments(data_dir, "bf16" if in_bf16 else "auto")
    with (WORK / f"{run.name}.log").open("ab") as log:
        if "skip-gram" in run.variants and not run.skip_gram.is_file():
            learn = [str(BIN / "tenor"), "vectors", "train", "sentence-polarity", "--fold", str(run.fold)]
            learn += ["--data-dir", data_dir, "-o", str(run.skip_gram)]
            subprocess.run(learn, stderr=log, check=True)
        command = [str(BIN / "tenor"), "train", *arguments, "-o", str(model), "--force"]
        few = os.environ | {"TENOR_THREADS": str(threads)}
        return subprocess.Popen(command, env=few, stderr=log, stdout=log, start_new_session=True)


def keep(run: Run, began_on: dict[str, Any]) -> None:
    """Write a result, beside the machine, versions and commit that it began on."""
    classifier = TextClassifier.load(WORK / run.name)
    model = classifier.model
    rows = (WORK / f"{run.name}.run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    # One that was stopped may have gone on where another precision would have been taken.
    arguments = run.arguments("DATA_DIR", model.record["train"]["precision"])
    result = {
        "command": " ".join(["tenor train", *arguments]).replace(f"{WORK}/", ""),
        **began_on,
        "recipe": run.recipe,
        "variants": list(run.variants),
        "flaws": model.record["recipe"]["flaws"],
        "as_published": run.as_published,
        "fold": run.fold,
        "seed": run.seed,
        "num_weights": model.num_weights,
        "vocab_size": len(model.vocabulary),
        "data": model.record["data"],
        "metrics": model.record["metrics"],
        "epochs": [json.loads(row) for row in rows],
        "texts": list(_answers(load_recipe(run.recipe), classifier)),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    write_file(RESULTS / f"{run.name}.json", text.encode())


def _answers(recipe: Recipe, trained: TextClassifier) -> Iterator[dict[str, Any]]:
    """What the model says of the tutorial's own texts, in each way of presenting them."""
    ways = _ways(recipe, trained)
    for text, label in recipe.texts:
        found = {}
        for way, classifier in ways.items():
            shares = classifier.predict([text])[0].probabilities
            found[way] = {name: round(share, 6) for name, share in shares.items()}
        asked = label if len(trained.labels) > 2 else trained.labels[-1]
        reading = [
            [word.token.text, round(word.probabilities[asked], 6)] for word in trained.read(text).words[:40]
        ]
        logits = trained.predict_logits([text])[0].tolist()
        yield {
            "text": text, "label": label, "ways": found, "logits": logits, "reading": {asked: reading},
        }  # fmt: skip


def _ways(recipe: Recipe, trained: TextClassifier) -> dict[str, TextClassifier]:
    """The model as it was trained, without and with filling, and as the tutorial's own function reads."""
    model = trained.model
    ways = {"as trained": trained}
    frames: dict[str, dict[str, Any]] = {"true length": {"fill_to": None}}
    for flaw in recipe.flaws:
        if "fill_to" in flaw.settings.get("vocabulary", {}):
            frames["filled"] = dict(flaw.settings["vocabulary"])
        if flaw.reading:
            frames["tutorial's function"] = dict(flaw.reading)
    for way, settings in frames.items():
        tokenizer = settings.pop("tokenizer", {})
        settings = settings.pop("vocabulary", settings)
        config = VocabularyConfig.from_dict(model.vocabulary.config.to_dict() | settings)
        tokens = TokenizerConfig.from_dict(model.tokenizer.to_dict() | tokenizer)
        vocabulary = Vocabulary(model.vocabulary.tokens, config)
        ways[way] = TextClassifier(replace(model, vocabulary=vocabulary, tokenizer=tokens))
    return ways


def main() -> int:
    """Train what has no result, so many at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data_dir", help="where the archives of the corpora and of GloVe are")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings at a time")
    parser.add_argument(
        "--hours", type=float, default=1000.0, help="stop after so many, to go on another time"
    )
    parser.add_argument("--list", action="store_true", help="say what is there and what is missing")
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error("--jobs must be at least 1")
    runs = [run for run in plan() if args.only in run.name]
    missing = [run for run in runs if not (RESULTS / f"{run.name}.json").is_file()]
    if args.list:
        for run in runs:
            print("missing" if run in missing else "there  ", run.name)
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    lock = Lock(WORK / "lock")  # two at once would train the same and fall over each other
    if not lock.acquire(wait=False):
        print(f"{WORK} is worked in by process {lock.holder()}; wait for it", file=sys.stderr)
        return 1
    try:
        until = time.monotonic() + 3600 * args.hours
        return _work_off(missing, os.path.abspath(args.data_dir), args.jobs, until)
    finally:
        lock.release()


def _work_off(runs: list[Run], data_dir: str, jobs: int, until: float) -> int:
    failed = 0
    running: dict[Run, Training] = {}
    waiting = list(runs)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with suppress(KeyboardInterrupt), _saved_at_the_end(running):
        while (running or waiting) and time.monotonic() < until:
            while waiting and len(running) < jobs:
                run = waiting.pop(0)
                running[run] = Training(origin(), start(run, data_dir, threads))
                _tell("began", run)
            time.sleep(1)
            failed += _take_in(running)
    print(f"{len(waiting) + len(running)} left, {failed} failed")
    return 1 if failed else 0


@contextmanager
def _saved_at_the_end(running: dict[Run, Training]) -> Iterator[None]:
    """Have trainings that are under way save themselves, however this ends."""
    try:
        yield
    finally:
        for training in running.values():
            training.process.send_signal(signal.SIGTERM)
        for run, training in running.items():
            training.process.wait()
            _tell("saved, to go on another time", run)


def _take_in(running: dict[Run, Training]) -> int:
    """Keep the results of trainings that have ended; how many failed."""
    failed = 0
    for run in [run for run, training in running.items() if training.process.poll() is not None]:
        training = running.pop(run)
        if training.process.returncode:
            failed += 1
            _tell(f"FAILED (see {WORK})", run)
        else:
            keep(run, training.began_on)
            _tell("done", run)
    return failed


def _tell(what: str, run: Run) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what:7} {run.name}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
