"""The network in ONNX Runtime. With two arguments it writes the network's files: DATA FOLDER."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic
from serve import batches, serve


def export(data: Any, folder: Path) -> None:
    """Ids (T, B) and lengths (B,) → logits (B, 1): as float32, and with whole-number products."""
    size = data["weight_hh_l0"].shape[1]
    suffixes = [s for s in ("", "_reverse") if f"weight_hh_l0{s}" in data.files]
    layers = sum(name.startswith("weight_hh") for name in data.files) // len(suffixes)

    def gates(name: str) -> np.ndarray[Any, Any]:
        """PyTorch's input, forget, cell, output → ONNX's input, output, forget, cell."""
        parts = [np.split(data[f"{name}{s}"], 4) for s in suffixes]
        return np.stack([np.concatenate([i, o, f, g]) for i, f, g, o in parts])

    arrays = {
        "embedding": data["embedding"],
        "head": np.ascontiguousarray(data["head"].T),
        "flat": np.array([0, size * len(suffixes)], np.int64),
    }
    if layers > 1:
        arrays["side by side"] = np.array([0, 0, size * len(suffixes)], np.int64)
    direction = "bidirectional" if len(suffixes) == 2 else "forward"
    nodes = [helper.make_node("Gather", ["embedding", "ids"], ["x0"])]
    for layer in range(layers):
        arrays[f"W{layer}"], arrays[f"R{layer}"] = gates(f"weight_ih_l{layer}"), gates(f"weight_hh_l{layer}")
        biases = [gates(f"bias_{side}_l{layer}") for side in ("ih", "hh")]
        arrays[f"B{layer}"] = np.concatenate(biases, axis=1)
        is_last = layer == layers - 1
        nodes.append(
            helper.make_node(
                "LSTM",
                [f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}", "lengths"],
                ["", "h"] if is_last else [f"states{layer}"],
                hidden_size=size,
                direction=direction,
            )
        )
        if not is_last:  # (T, D, B, H) → (T, B, D*H)
            nodes += [
                helper.make_node("Transpose", [f"states{layer}"], [f"by_text{layer}"], perm=[0, 2, 1, 3]),
                helper.make_node("Reshape", [f"by_text{layer}", "side by side"], [f"x{layer + 1}"]),
            ]
    nodes += [
        helper.make_node("Transpose", ["h"], ["by_text"], perm=[1, 0, 2]),
        helper.make_node("Reshape", ["by_text", "flat"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "head"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["T", "B"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["B"]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", 1])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "float32.onnx")
    quantize_dynamic(folder / "float32.onnx", folder / "int8.onnx", op_types_to_quantize=["LSTM", "MatMul"])


def make(settings: dict[str, Any], _: Any) -> Callable[[list[np.ndarray[Any, Any]]], Any]:
    """Settings: threads, batch, precision (float32, int8), folder."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings["threads"]
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    file = Path(settings["folder"]) / f"{settings['precision']}.onnx"
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def read(texts: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        found = np.empty(len(texts), np.float32)
        for rows, lengths, ids in batches(texts, settings["batch"]):
            given = {"ids": np.ascontiguousarray(ids.T), "lengths": lengths.astype(np.int32)}
            found[rows] = session.run(None, given)[0][:, 0]
        return found

    return read


if __name__ == "__main__":
    if sys.argv[1].startswith("{"):
        serve(make)
    else:
        export(np.load(sys.argv[1]), Path(sys.argv[2]))
