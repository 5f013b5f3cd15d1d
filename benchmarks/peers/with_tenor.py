"""The network in Tenor's core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from serve import serve

from tenor import native
from tenor.batching import join
from tenor.precision import rounded


def make(settings: dict[str, Any], data: Any) -> Callable[[list[np.ndarray[Any, Any]]], Any]:
    """Settings: threads, precision (float32, int8)."""
    native.set_threads(settings["threads"])
    precision = settings["precision"]
    names = ("weight_ih", "weight_previous", "weight_hh", "bias_ih", "bias_hh")
    weights = rounded({name: data[name] for name in data.files if data[name].dtype == np.float32}, precision)
    layers: list[list[native.PreparedLayer]] = []
    while f"weight_hh_l{len(layers)}" in weights:
        depth, directions = len(layers), []
        for suffix in (f"_l{depth}", f"_l{depth}_reverse"):
            if f"weight_hh{suffix}" not in weights:
                continue
            given = native.LayerWeights(*(weights.get(name + suffix) for name in names))
            layer = native.PreparedLayer("lstm", given, precision=precision, bounded_inputs=depth > 0)
            if depth == 0:
                layer.fold(weights["embedding"])
            directions.append(layer)
        layers.append(directions)
    head = {"head.weight": weights["head"], "head.bias": np.zeros(1, np.float32)}
    core = native.PreparedModel(layers, ("last",), head)

    def read(texts: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        batch = join(texts)
        return core.read_ids(batch.token_ids, batch.offsets)[:, 0]

    return read


if __name__ == "__main__":
    serve(make)
