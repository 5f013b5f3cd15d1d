"""What every worker of the benchmark of peers shares; needs NumPy only.

A worker reads its settings and the data, makes a first pass that is not counted, says what it
computed, and then makes one pass for each line that it is sent, or reads one short text many times.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def serve(make: Callable[[dict[str, Any], Any], Callable[[list[np.ndarray[Any, Any]]], Any]]) -> None:
    """Run a worker.

    Args:
        make: (settings, data) → a function from texts, as arrays of ids, to their logits (B,).
    """
    settings = json.loads(sys.argv[1])
    data = np.load(sys.argv[2])
    ids, offsets = data["token_ids"], data["offsets"]
    texts = [ids[begin:end] for begin, end in zip(offsets, offsets[1:], strict=False)]
    texts = texts[settings["part"] :: settings["processes"]]
    try:
        read = make(settings, data)
        logits = np.asarray(read(texts), np.float64)
    except Exception as error:  # any error of a peer is an answer: it cannot do this here
        print(
            json.dumps({"error": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}), flush=True
        )
        return
    print(json.dumps({"logits": logits.tolist()}), flush=True)
    for line in sys.stdin:
        if line.startswith("alone"):
            print(json.dumps({"alone_ms": alone(read, texts[0][:20])}), flush=True)
            continue
        used = cpu_seconds()
        read(texts)
        print(json.dumps({"cpu_s": cpu_seconds() - used}), flush=True)


def alone(read: Callable[[list[np.ndarray[Any, Any]]], Any], text: np.ndarray[Any, Any]) -> list[float]:
    """Milliseconds of 1,000 calls with one short text, after some that are not counted."""
    times = []
    for _ in range(1200):
        began = time.perf_counter()
        read([text])
        times.append(1000 * (time.perf_counter() - began))
    return times[200:]


def batches(
    texts: list[np.ndarray[Any, Any]], size: int
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Texts of like length together, the longest first: (rows, lengths (B,), ids (B, T) padded with 0)."""
    lengths = np.array([len(text) for text in texts])
    order = np.argsort(-lengths, kind="stable")
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        padded = np.zeros((len(rows), lengths[rows[0]]), np.int64)
        for place, row in enumerate(rows):
            padded[place, : lengths[row]] = texts[row]
        yield rows, lengths[rows], padded


def cpu_seconds() -> float:
    """Of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
