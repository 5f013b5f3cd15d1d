"""The name of a recurrent cell → a picture of one of its steps, with its equations."""

from __future__ import annotations

from tenor.report.graph import Graph, Node, render_graphs

_X, _H, _C = "word x(t)", "state h(t-1)", "cell c(t-1)"


def render_cell(cell: str, activation: str = "tanh") -> str:
    """An SVG of one step of ``rnn``, ``lstm`` or ``gru``: W acts on the word, U on the state before.

    Source: the equations of ``tenor.cells``.
    """
    given, operations = _CELLS[cell](activation)
    nodes = [Node(label=name, takes=(), given=True) for name in given]
    places = {name: place for place, name in enumerate(given)}
    for short, label, takes in operations:
        nodes.append(Node(label=label, takes=tuple(places[name] for name in takes), given=False))
        places[short] = len(nodes) - 1
    name = cell.upper() + (f" ({activation})" if cell == "rnn" else "")
    return render_graphs(f"One step of a recurrent cell: {name}", {name: Graph(nodes=tuple(nodes))})


_Operations = list[tuple[str, str, tuple[str, ...]]]
"""Short name, what is written, what it takes from."""


def _rnn(activation: str) -> tuple[list[str], _Operations]:
    return [_X, _H], [("h", f"h(t) = {activation}(W x + U h + b)", (_X, _H))]


def _lstm(_: str) -> tuple[list[str], _Operations]:
    gates: _Operations = [
        ("f", "forget f = σ(W x + U h + b)", (_X, _H)),
        ("i", "input i = σ(W x + U h + b)", (_X, _H)),
        ("g", "new g = tanh(W x + U h + b)", (_X, _H)),
        ("o", "output o = σ(W x + U h + b)", (_X, _H)),
    ]
    after: _Operations = [
        ("c", "c(t) = f · c + i · g", (_C, "f", "i", "g")),
        ("h", "h(t) = o · tanh c(t)", ("c", "o")),
    ]
    return [_C, _X, _H], gates + after


def _gru(_: str) -> tuple[list[str], _Operations]:
    return [_X, _H], [
        ("r", "reset r = σ(W x + U h + b)", (_X, _H)),
        ("z", "keep z = σ(W x + U h + b)", (_X, _H)),
        ("n", "new n = tanh(W x + b + r · (U h + b))", (_X, _H, "r")),
        ("h", "h(t) = (1 - z) · n + z · h(t-1)", ("n", "z", _H)),
    ]


_CELLS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
