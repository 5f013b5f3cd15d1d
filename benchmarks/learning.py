"""How fast the tutorials' networks and the presets learn: Tenor beside Keras, Flax, MindSpore and PyTorch.

Usage: python benchmarks/learning.py DATA_DIR [--quick]

Every one learns IMDB's reviews from the same first weights with the same Adam, dropout and clipping, in
a process of its own on two threads, and each peer in an environment of its own under build/peers. All
have the same number of weights, which is the tutorial's where it prints one, and before a clock
starts their losses on the same texts are seen to agree, to 1e-4, with NumPy's.

Tenor learns with the batch size of the tutorial. So does the tutorial's own framework, "as in the
tutorial": shuffled, padded or filled up as there. Every peer but MindSpore also learns "at its best":
true lengths, texts of like length together, the best of three batch sizes, for PyTorch of one thread
and two, of packed and dense layouts, of float32 and bf16, for Keras with XLA and without. Where another
batch size than the tutorial's did best when it was tried, both take part, and the rounds decide. They go
there and back again, over batches that are spread evenly over an epoch's lengths; first passes, in
which XLA compiles, are not counted and shown apart. The span is the update: forward, backward,
clipping, optimizer. Tokens are real ones. Seconds of an epoch follow from tokens a second; where
Tenor's are less than half a minute, they are measured as well, to see that they do.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import origin, save, wait_for_quiet
from learning_growth import growth
from learning_networks import Task, networks, spread
from workers import FOLDER, SCRIPTS, Worker, make_environment, python_of, ratio

from tenor import native
from tenor.data import load

PEERS = {
    "torch": ["torch==2.13.0", "numpy==2.4.6"],
    "keras": ["tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy==2.4.6"],
    "flax": ["flax==0.12.8", "jax==0.10.2", "jaxlib==0.10.2", "optax==0.2.8", "numpy==2.4.6"],
    "mindspore": ["mindspore==2.10.0", "numpy==1.26.4"],
}
NAMES = {"torch": "PyTorch", "keras": "Keras", "flax": "Flax", "mindspore": "MindSpore"}
WAYS = {
    "torch": ("packed", "padded", "packed in bf16", "padded in bf16"),
    "keras": ("plain", "compiled"),
    "flax": ("",),
    "mindspore": (),
}
"""What is tried of a peer. Nothing of MindSpore's: one update takes it so long, for it computes with denormal
numbers, that no setting could make up for it."""
BATCHES = (16, 64, 256)
ROUNDS = 5
WHOLE_S = 30
"""Tenor's epochs shorter than this are measured whole."""
TOLERANCE = 1e-4


class Way(NamedTuple):
    """One way in which a peer learns."""

    peer: str
    batch: int
    threads: int = 2
    way: str = ""
    as_tutorial: bool = False

    @property
    def name(self) -> str:
        """For the table."""
        parts = [f"{self.threads} threads", f"batches of {self.batch}", self.way]
        return ", ".join(part for part in parts if part)


class CannotError(RuntimeError):
    """A peer cannot learn in a way on this machine; the message is its own."""


class Learning:
    """A process that learns in one way."""

    def __init__(self, way: Way, task: Task, reviews: int) -> None:
        """Start it, and compare its weights and its loss.

        Args:
            way: how it learns.
            task: the network and its texts.
            reviews: about so many make a round.
        """
        self.way = way
        self.order = task.order(way.batch, shuffled=way.as_tutorial)
        self.part = spread(self.order, task.lengths, reviews)
        self.trial = spread(self.order, task.lengths, reviews // 4)
        self.trial_tokens, self.tokens, self.epoch_tokens = (
            int(sum(task.lengths[rows].sum() for rows in some))
            for some in (self.trial, self.part, self.order)
        )
        fill = task.network.fill if way.as_tutorial else 0
        self._worker = Worker(
            [python_of(way.peer), SCRIPTS / f"learn_{way.peer}.py"], {"OMP_NUM_THREADS": str(way.threads)}
        )
        asked = {
            **task.files,
            "model": task.prepared.model.config.to_dict(),
            "train": task.prepared.config.to_dict(),
            "threads": way.threads,
            "way": way.way,
            "fill": fill,
            "fill_id": task.fill_id,
            "probe": task.probe,
            "trial": [rows.tolist() for rows in self.trial],
            "part": [rows.tolist() for rows in self.part],
            "whole": [rows.tolist() for rows in self.order],
        }
        self._worker.send(json.dumps(asked))
        weights, loss = int(self._answer()), self._ask("loss")
        expected, expected_weights = task.losses[fill > 0], task.prepared.model.num_weights
        if weights != expected_weights or abs(loss - expected) > TOLERANCE:
            raise SystemExit(
                f"{way} has {weights:,} weights and a loss of {loss:.6f}; Tenor has {expected_weights:,} and "
                f"{expected:.6f}: they are not the same network"
            )
        self.loss_differs = abs(loss - expected)
        self.first = 0.0
        """Seconds of first passes, in which XLA compiles."""
        self.speed = 0.0
        """Tokens a second, once it was tried."""

    def try_out(self) -> None:
        """Take the speed over a quarter of a round."""
        self.first += self._ask("trial")
        self.speed = self.trial_tokens / self._ask("trial")

    def warm_up(self) -> None:
        """The first pass over a round."""
        self.first += self._ask("part")

    def round(self) -> float:
        """Seconds a token."""
        return self._ask("part") / self.tokens

    def epoch(self) -> float:
        """Seconds of an epoch."""
        return self._ask("whole")

    def close(self) -> None:
        """Let it end."""
        self._worker.close()

    def _ask(self, what: str) -> float:
        self._worker.send(what)
        return self._answer()

    def _answer(self) -> float:
        answer = self._worker.answer()
        if "error" in answer:
            self.close()
            raise CannotError(f"not here: {answer['error']}")
        return float(next(iter(answer.values())))


def fastest(
    ways: Iterable[Way], task: Task, part: int, tried: dict[str, int | str], best: Learning | None = None
) -> Learning | None:
    """The fastest of some ways and the best before them, over a quarter of a round; the others are closed."""
    for way in ways:
        name = f"{NAMES[way.peer]}, {way.name}"
        try:
            learning = Learning(way, task, part)
            learning.try_out()
        except CannotError as error:
            tried[name] = str(error)
            print(name, error, flush=True)
            continue
        tried[name] = round(learning.speed)
        print(NAMES[way.peer], way.name, f"{learning.speed:,.0f} tokens/s", flush=True)
        slower, best = (best, learning) if best is None or learning.speed > best.speed else (learning, best)
        if slower is not None:
            slower.close()
    return best


def tune(peer: str, task: Task, part: int, tried: dict[str, int | str], *, quick: bool) -> list[Learning]:
    """A peer at its best with the tutorial's batch size, and with another one, if that does better.

    First its ways are tried, then the best of them with one thread, then that with other batch sizes.
    """
    size = task.prepared.config.batch_size
    ways = ("padded",) if task.prepared.model.config.cell == "linear" else WAYS[peer]
    own = fastest((Way(peer, size, way=way) for way in ways), task, part, tried)
    if own is not None and peer == "torch":
        own = fastest([own.way._replace(threads=1)], task, part, tried, own)
    if own is None or quick:
        return [] if own is None else [own]
    others = (own.way._replace(batch=other) for other in BATCHES if other != size)
    other = fastest(others, task, part, tried)
    assert other is not None
    if other.speed > own.speed:
        return [own, other]
    other.close()
    return [own]


def name_best(learnings: Mapping[str, Learning], paces: Mapping[str, list[float]]) -> dict[str, str]:
    """Of each that has rounds its name in the table, where a peer's fastest tuned one is at its best."""
    names = {name: name for name in learnings}
    for peer in PEERS:
        tuned = [name for name, of in learnings.items() if of.way.peer == peer and not of.way.as_tutorial]
        if tuned:
            names[min(tuned, key=lambda name: np.median(paces[name]))] = f"{NAMES[peer]} at its best"
    return names


def compare(learnings: Mapping[str, Learning], rounds: int) -> dict[str, Any]:
    """Rounds in turns; the first of them are Tenor's."""
    for learning in learnings.values():
        learning.warm_up()
    paces: dict[str, list[float]] = {name: [] for name in learnings}
    for number in range(rounds):
        for name in list(learnings)[:: 1 if number % 2 == 0 else -1]:
            paces[name].append(learnings[name].round())
            print(number, name, f"{1 / paces[name][-1]:,.0f} tokens/s", flush=True)
    names = name_best(learnings, paces)
    learnings = {names[name]: learning for name, learning in learnings.items()}
    paces = {names[name]: of for name, of in paces.items()}
    figures: dict[str, Any] = {}
    for name, learning in learnings.items():
        pace = float(np.median(paces[name]))
        figures[name] = {
            "setting": learning.way.name,
            "tokens/s": round(1 / pace),
            "seconds of an epoch, from tokens/s": round(pace * learning.epoch_tokens, 1),
            "batches of a round": f"{len(learning.part)} of {len(learning.order)}",
            "seconds of a round": round(pace * learning.tokens, 2),
            "seconds of the first passes, which may compile": round(learning.first, 2),
        }
    if rounds > 1 and figures["Tenor"]["seconds of an epoch, from tokens/s"] < WHOLE_S:
        figures["Tenor"]["seconds of an epoch, measured whole"] = round(learnings["Tenor"].epoch(), 1)
    own = [name for name, learning in learnings.items() if learning.way.peer == "tenor"]
    for name in (name for name in learnings if name not in own):
        figures |= {f"{tenor} to {name}": ratio(paces[name], paces[tenor]) for tenor in own}
    return figures


def measure(task: Task, *, quick: bool) -> dict[str, Any]:
    """Tenor and every peer of a network."""
    network, size = task.network, task.prepared.config.batch_size
    part, peer_part, rounds = (size, size, 1) if quick else (network.part, network.peer_part, ROUNDS)
    tried: dict[str, int | str] = {}
    learnings = {"Tenor": Learning(Way("tenor", size), task, part)}
    if task.prepared.model.config.cell != "linear":
        learnings["Tenor in bf16"] = Learning(Way("tenor", size, way="bf16"), task, part)
    if network.peer is not None:
        way = Way(network.peer, size, as_tutorial=True)
        learnings[f"{NAMES[network.peer]} as in the tutorial"] = Learning(way, task, peer_part)
    for peer in ("torch", network.peer):
        if peer is not None:
            tuned = tune(peer, task, part, tried, quick=quick)
            learnings |= {f"{NAMES[peer]}, batches of {each.way.batch}": each for each in tuned}
    figures = compare(learnings, rounds)
    for learning in learnings.values():
        learning.close()
    differ = max(learning.loss_differs for learning in learnings.values())
    return {
        "weights of each": task.prepared.model.num_weights,
        "largest difference of the first losses from NumPy's": f"{differ:.1e}",
        "tokens of an epoch": int(task.lengths.sum()),
        **figures,
        "tokens/s of every setting that was tried": tried,
    }


def main() -> None:
    """Measure every network, and how time grows with texts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path)
    parser.add_argument(
        "--quick", action="store_true", help="one round over one batch, one batch size; nothing is saved"
    )
    args = parser.parse_args()
    assert native.is_available()
    measured = origin()
    figures: dict[str, Any] = {
        "peers": {NAMES[peer]: ", ".join(packages) for peer, packages in PEERS.items()},
    }
    for peer, packages in PEERS.items():
        make_environment(peer, packages)
    figures["load before"] = wait_for_quiet()
    given = load("imdb", data_dir=args.data_dir)
    folder = FOLDER / "learning_data"
    folder.mkdir(parents=True, exist_ok=True)
    for name, network in networks().items():
        print(name, flush=True)
        figures[name] = measure(Task(network, given, folder), quick=args.quick)
    figures["fast preset, an epoch of so many reviews"] = growth(given, rounds=1 if args.quick else ROUNDS)
    if args.quick:
        print(json.dumps(figures, indent=2))
    else:
        save(f"learning-{native.status().isa}", figures, measured)


if __name__ == "__main__":
    main()
