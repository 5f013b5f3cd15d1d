"""Lines of bracketed trees, as the Penn Treebank writes them → phrases with their scores."""

from __future__ import annotations

import re

from tenor.errors import DataError

_MARK = re.compile(r"\(([0-4]) |\)|([^\s()]+)")
"""An opening bracket with its score, a closing one, or a leaf."""

Phrase = tuple[str, int]
"""A phrase and its score, from 0, very negative, to 4, very positive."""


def read_trees(content: str, place: str) -> list[list[Phrase]]:
    """Read a tree a line; each gives its phrases, the whole sentence first.

    The phrases of a node come in the order in which their brackets open. ``place`` names the file
    in messages.

    Raises:
        DataError: a line is no such tree; the message has its number.
    """
    lines = content.split("\n")
    return [_read(line, f"{place}, line {n}") for n, line in enumerate(lines, 1) if line.strip()]


def _read(line: str, place: str) -> list[Phrase]:
    """One tree, without recursion: a hostile one may be deep."""
    leaves: list[str] = []
    nodes: list[tuple[int, int, int]] = []  # score, first leaf, one past the last
    path: list[int] = []  # nodes that are open
    end = 0
    for mark in _MARK.finditer(line):
        if line[end : mark.start()].strip() or not (path or (mark[1] and not nodes)):
            break  # something between the marks, or outside the tree
        end = mark.end()
        if mark[1]:
            path.append(len(nodes))
            nodes.append((int(mark[1]), len(leaves), -1))
        elif mark[2]:
            leaves.append(mark[2])
        else:
            node = path.pop()
            nodes[node] = (nodes[node][0], nodes[node][1], len(leaves))
    if path or not nodes or line[end:].strip() or any(last <= first for _, first, last in nodes):
        raise DataError(f"{place} is not a tree with scores from 0 to 4; fetch the archive again")
    return [(" ".join(leaves[first:last]), score) for score, first, last in nodes]
