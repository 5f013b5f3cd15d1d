"""A graph of operations → a picture: each below what it takes from."""

from __future__ import annotations

from dataclasses import dataclass

from tenor.report import svg
from tenor.report.monospaced import columns

_CHARACTER, _HIGH, _GAP_X, _GAP_Y, _MARGIN, _HEAD = 7.83, 26, 22, 34, 24, 44


@dataclass(frozen=True, kw_only=True)
class Node:
    """An operation, or something given."""

    label: str
    takes: tuple[int, ...]
    """Places of the nodes it takes from, all before it."""
    given: bool
    """Whether it is a weight or an input, not an operation."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Operations in the order in which they are computed; the last one is the result."""

    nodes: tuple[Node, ...]


def render_graphs(title: str, graphs: dict[str, Graph]) -> str:
    """An SVG of one or more graphs side by side, each under its name."""
    marks: list[str] = []
    left, deepest = float(_MARGIN), 0.0
    for name, graph in graphs.items():
        right, bottom, drawn = _draw(graph, left)
        marks += [svg.text(left, 28, name), *drawn]
        left, deepest = right + 2 * _MARGIN, max(deepest, bottom)
    return svg.picture(left - _MARGIN, deepest + _MARGIN, title, marks)


def _draw(graph: Graph, left: float) -> tuple[float, float, list[str]]:
    """Right edge, lower edge and marks of one graph."""
    rows = _rows(graph)
    widths = [_CHARACTER * columns(node.label) + 18 for node in graph.nodes]
    totals = [sum(widths[n] for n in row) + _GAP_X * (len(row) - 1) for row in rows]
    widest = max(totals)
    middle: dict[int, tuple[float, float]] = {}
    marks = []
    for depth, (row, total) in enumerate(zip(rows, totals, strict=True)):
        x, y = left + (widest - total) / 2, _HEAD + depth * (_HIGH + _GAP_Y)
        for n in row:
            node = graph.nodes[n]
            kind = "two" if n == len(graph.nodes) - 1 else "one" if node.given else ""
            marks.append(svg.labelled(x, y, widths[n], _HIGH, node.label, kind=kind))
            middle[n] = (x + widths[n] / 2, y)
            x += widths[n] + _GAP_X
    arrows = [
        svg.arrow([(middle[taken][0], middle[taken][1] + _HIGH), (middle[n][0], middle[n][1] - 1)])
        for n, node in enumerate(graph.nodes)
        for taken in node.takes
    ]
    bottom = _HEAD + len(rows) * (_HIGH + _GAP_Y) - _GAP_Y
    return left + widest, bottom, [*arrows, *marks]


def _rows(graph: Graph) -> list[list[int]]:
    """Nodes by depth: operations as high as they can stand, what is given just above its first use."""
    depth: list[int] = []
    for node in graph.nodes:
        depth.append(1 + max((depth[taken] for taken in node.takes), default=-1))
    for n, node in enumerate(graph.nodes):
        if node.given:
            users = [depth[m] for m, other in enumerate(graph.nodes) if n in other.takes]
            depth[n] = min(users, default=1) - 1
    rows: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for n, d in enumerate(depth):
        rows[d].append(n)
    return [row for row in rows if row]
