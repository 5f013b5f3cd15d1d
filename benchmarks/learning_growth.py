"""How the time of an epoch grows with its texts and shrinks with threads, for the ``fast`` preset."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tenor.data import Dataset
from tenor.presets import preset
from tenor.training.history import EpochRecord
from tenor.training.prepare import Prepared, prepare
from tenor.training.progress import Progress
from tenor.training.trainer import Hooks, Trainer

REVIEWS = (3_000, 6_000, 12_000, 24_000)


def growth(given: Dataset, *, rounds: int) -> dict[str, Any]:
    """Medians of rounds that go there and back again; texts are cut and n-grams fitted once."""
    prepared, before = {}, {}
    for count in REVIEWS:
        began = time.perf_counter()
        prepared[count] = _prepared(given, count)
        before[count] = time.perf_counter() - began
    ways = [(count, threads) for count in REVIEWS for threads in (1, 2)]
    seconds: dict[tuple[int, int], list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        for count, threads in ways[:: 1 if number % 2 == 0 else -1]:
            seconds[count, threads].append(epoch_seconds(prepared[count], threads))
    found = {way: float(np.median(times)) for way, times in seconds.items()}
    figures: dict[str, Any] = {
        f"{count:,}": {
            "tokens": sum(prepared[count].splits["train"].lengths),
            "seconds, from texts to the first update": round(before[count], 2),
            **{f"seconds, {threads} threads": round(found[count, threads], 3) for threads in (1, 2)},
        }
        for count in REVIEWS
    }
    for threads in (1, 2):
        exponent = _exponent(REVIEWS, [found[count, threads] for count in REVIEWS])
        figures[f"power of the number of reviews that time grows with, {threads} threads"] = exponent
    return figures


def epoch_seconds(prepared: Prepared, threads: int) -> float:
    """Of the updates of one epoch from the first weights; the validation after it does not count."""
    records: list[EpochRecord] = []
    trainer = Trainer(
        replace(prepared.config, threads=threads, epochs=1),
        prepared.model.config,
        prepared.model.weights,
        num_labels=2,
        progress=Progress(None),
        ngrams=prepared.ngrams,
    )
    trainer.run(prepared.splits["train"], prepared.splits["validation"], Hooks(epoch=records.append))
    rate = records[0].tokens_per_second
    assert rate is not None
    return sum(prepared.splits["train"].lengths) / rate


def _prepared(given: Dataset, count: int) -> Prepared:
    rows = np.random.default_rng(0).permutation(len(given.splits["train"]))[:count]
    train = tuple(given.splits["train"][row] for row in rows)
    splits = {"train": train, "validation": given.splits["test"][::1000]}
    return prepare(replace(given, splits=splits), preset("fast"), None, None, Progress(None))


def _exponent(counts: Sequence[int], seconds: Sequence[float]) -> float:
    """Slope of the straight line through logarithms: 1 where twice the texts take twice the time."""
    return round(float(np.polyfit(np.log(counts), np.log(seconds), 1)[0]), 2)
