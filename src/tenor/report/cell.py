"""The name of a recurrent cell → a picture of one of its steps, with its equations."""

from __future__ import annotations

from tenor.config import ModelConfig
from tenor.report.graph import Graph, Node, render_graphs

_X, _H, _C = "word x(t)", "state h(t-1)", "cell c(t-1)"
_BEFORE = "word x(t-1)"


def render_cell(config: ModelConfig) -> str:
    """An SVG of one step of a model's cell: W acts on the word, U on the state or word before.

    Source: the equations of ``tenor.cells``.
    """
    given, operations = _CELLS[config.cell](config)
    nodes = [Node(label=name, takes=(), given=True) for name in given]
    places = {name: place for place, name in enumerate(given)}
    for short, label, takes in operations:
        nodes.append(Node(label=label, takes=tuple(places[name] for name in takes), given=False))
        places[short] = len(nodes) - 1
    chosen = config.cell in ("rnn", "linear")
    name = config.cell.upper() + (f" ({config.activation})" if chosen else "")
    return render_graphs(f"One step of a recurrent cell: {name}", {name: Graph(nodes=tuple(nodes))})


_Operations = list[tuple[str, str, tuple[str, ...]]]
"""Short name, what is written, what it takes from."""


def _rnn(config: ModelConfig) -> tuple[list[str], _Operations]:
    return [_X, _H], [("h", f"h(t) = {config.activation}(W x + U h + b)", (_X, _H))]


def _linear(config: ModelConfig) -> tuple[list[str], _Operations]:
    words = (_X, _BEFORE) if config.window == 2 else (_X,)
    share = "W x(t) + U x(t-1) + b" if config.window == 2 else "W x + b"
    taken = share if config.activation == "identity" else f"{config.activation}({share})"
    found: _Operations = [("f", f"forget f = σ({share})", words), ("z", f"new z = {taken}", words)]
    kept = "c(t) = f · c + (1 - f) · z"
    if config.input_gate:
        found.append(("i", f"input i = σ({share})", words))
        kept = "c(t) = (f · c + i · z) / (f + i)"
    if config.output_gate:
        found.append(("o", f"output o = σ({share})", words))
    found.append(("c", kept, (_C, "f", "z", *(["i"] if config.input_gate else []))))
    out, takes = ("o · c(t)", ("c", "o")) if config.output_gate else ("c(t)", ("c",))
    if config.skip:
        found.append(("s", "skip s = W x + b", (_X,)))
        out += " + (1 - o) · s" if config.output_gate else " + s"
        takes = (*takes, "s")
    return [_C, *words], [*found, ("h", f"h(t) = {out}", takes)]


def _lstm(_: ModelConfig) -> tuple[list[str], _Operations]:
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


def _gru(_: ModelConfig) -> tuple[list[str], _Operations]:
    return [_X, _H], [
        ("r", "reset r = σ(W x + U h + b)", (_X, _H)),
        ("z", "keep z = σ(W x + U h + b)", (_X, _H)),
        ("n", "new n = tanh(W x + b + r · (U h + b))", (_X, _H, "r")),
        ("h", "h(t) = (1 - z) · n + z · h(t-1)", ("n", "z", _H)),
    ]


_CELLS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru, "linear": _linear}
