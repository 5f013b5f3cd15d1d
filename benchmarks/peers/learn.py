"""What every worker of the benchmark of learning shares; needs NumPy only.

A worker is sent what to learn as a line of JSON, says how many weights it learns, and then answers
each line: ``loss`` with its loss on some texts, ``part`` and ``whole`` with the seconds of the updates
on some batches or on all of an epoch.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

Texts = list[np.ndarray[Any, Any]]
Batch = tuple[Texts, np.ndarray[Any, Any]]
"""Ids of texts, and their labels (B,)."""


class Learner(NamedTuple):
    """A network that learns."""

    num_weights: int
    loss: Callable[[Texts, np.ndarray[Any, Any]], float]
    """Of the weights as they are, without dropout: the mean over the texts, in nats."""
    learn: Callable[[Iterable[Batch]], float]
    """One update for each batch; the seconds of the updates."""


def serve(make: Callable[[dict[str, Any], Mapping[str, Any]], Learner]) -> None:
    """Run a worker.

    Args:
        make: (settings, weights by Tenor's names) → the network. Settings are ``model`` and ``train`` as
            Tenor has them, ``threads``, ``way`` (of several that the peer has) and ``fill``: how long
            texts are made with ``fill_id``, which is then read; 0 reads texts as long as they are.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print what they like
    asked = json.loads(sys.stdin.readline())
    data = np.load(asked["texts"])
    offsets, targets = data["offsets"], data["targets"]
    texts = np.split(data["token_ids"], offsets[1:-1])
    if asked["fill"]:
        texts = [np.pad(t, (0, asked["fill"] - len(t)), constant_values=asked["fill_id"]) for t in texts]
    with np.load(asked["weights"]) as weights:
        learner = make(asked, weights)

    def chosen(rows: list[int]) -> Batch:
        return [texts[row] for row in rows], targets[rows]

    def answer(name: str) -> dict[str, float | str]:
        try:
            if name == "loss":
                return {"loss": learner.loss(*chosen(asked["probe"]))}
            return {"seconds": learner.learn(map(chosen, asked[name]))}
        except RuntimeError as error:  # PyTorch has no LSTM in bf16 for some processors
            return {"error": str(error).partition(". ")[0]}

    print(json.dumps({"weights": learner.num_weights}), file=answers)
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), file=answers)


def one_by_one(
    prepare: Callable[[Texts, np.ndarray[Any, Any]], tuple[Any, ...]], update: Callable[..., object]
) -> Callable[[Iterable[Batch]], float]:
    """A ``learn`` from an update; making its arrays is not in the time."""

    def learn(batches: Iterable[Batch]) -> float:
        seconds = 0.0
        for batch in batches:
            ready = prepare(*batch)
            began = time.perf_counter()
            update(*ready)
            seconds += time.perf_counter() - began
        return seconds

    return learn


def padded(texts: Texts, step: int = 1) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Ids (B, T) with zeros after each text, and true lengths (B,).

    Args:
        texts: ids of B texts.
        step: T is a multiple of it, so that there are few of them.
    """
    lengths = np.array([len(text) for text in texts])
    ids = np.zeros((len(texts), -(-lengths.max() // step) * step), np.int32)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    return ids, lengths
