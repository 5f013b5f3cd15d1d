"""A computed tensor → the graph of operations that made it, as autograd has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tenor.report.graph import Graph, Node

_NAMES = {
    "MmBackward0": "×", "AddmmBackward0": "× +", "AddBackward0": "+", "TanhBackward0": "tanh",
    "SigmoidBackward0": "σ", "ReluBackward0": "relu", "MulBackward0": "·",
}  # fmt: skip


def autograd_graph(result: Tensor, names: Mapping[str, Tensor]) -> Graph:
    """The operations behind a tensor, down to the tensors that gradients are asked for.

    Args:
        result: what was computed.
        names: name → tensor, for weights and inputs; others are called "input".

    Returns:
        Nodes in the order in which they are computed, the result last; transposing a weight
        is not shown as an operation of its own.
    """
    called = {id(tensor): name for name, tensor in names.items()}
    places: dict[Any, int] = {}
    nodes: list[Node] = []

    def visit(function: Any) -> int:
        """The place of a function's node, which is made after those that it takes from."""
        variable = getattr(function, "variable", None)
        key = function if variable is None else id(variable)
        if key in places:
            return places[key]
        takes = [visit(before) for before, _ in function.next_functions if before is not None]
        kind = type(function).__name__
        if kind in ("TBackward0", "PermuteBackward0") and len(takes) == 1:
            places[key] = takes[0]
            return takes[0]
        if variable is not None:
            label, weight = called.get(id(variable), "input"), True
            label += f" {tuple(variable.shape)}"
        else:
            label, weight = _NAMES.get(kind, kind.removesuffix("Backward0")), False
        nodes.append(Node(label=label, takes=tuple(takes), given=weight))
        places[key] = len(nodes) - 1
        return places[key]

    top = visit(result.grad_fn)
    nodes.append(Node(label=called.get(id(result), "result"), takes=(top,), given=False))
    return Graph(nodes=tuple(nodes))
