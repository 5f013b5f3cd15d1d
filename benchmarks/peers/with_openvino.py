"""The network in OpenVINO, from the file that ``with_onnx.py`` wrote, with two requests at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from serve import batches, serve


def make(settings: dict[str, Any], _: Any) -> Callable[[list[np.ndarray[Any, Any]]], Any]:
    """Settings: threads, batch, precision (float32, bf16), folder."""
    network = openvino.Core().compile_model(
        Path(settings["folder"]) / "float32.onnx",
        "CPU",
        {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": settings["threads"],
            "NUM_STREAMS": settings["threads"],
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bf16": "bf16"}[settings["precision"]],
        },
    )

    def read(texts: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        found = np.empty(len(texts), np.float32)

        def keep(request: Any, rows: np.ndarray[Any, Any]) -> None:
            found[rows] = request.get_output_tensor(0).data[:, 0]

        queue = openvino.AsyncInferQueue(network, 2)
        queue.set_callback(keep)
        for rows, lengths, ids in batches(texts, settings["batch"]):
            given = {"ids": np.ascontiguousarray(ids.T), "lengths": lengths.astype(np.int32)}
            queue.start_async(given, rows)
        queue.wait_all()
        return found

    return read


if __name__ == "__main__":
    serve(make)
