"""The results of ``peers.py`` and ``learning.py`` → docs/pictures: tokens a second, a bar for each.

Usage: python benchmarks/peers_picture.py
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from common import RESULTS, ROOT

from tenor.report import svg

FOLDER = ROOT / "docs" / "pictures"
_NAMES = {"tenor": "Tenor", "torch": "PyTorch", "onnx": "ONNX Runtime", "openvino": "OpenVINO"}
_WIDTH, _ROW, _TOP = 720, 22, 58


class Picture(NamedTuple):
    """What is said on one picture, and where its bars begin."""

    heading: str
    title: str
    left: int


PICTURES = {
    "peers": Picture(
        "Tokens a second from ids to logits, on two cores", "Tokens a second beside other runtimes", 190
    ),
    "learning": Picture(
        "Tokens a second of training, on two cores", "Tokens a second of training beside others", 240
    ),
}
"""By how the names of results begin, which end with an instruction set."""


def render(picture: Picture, record: dict[str, Any]) -> str:
    """An SVG with a panel for each network."""
    left = picture.left
    marks = [svg.text(20, 26, picture.heading)]
    top = _TOP
    for network, figures in record["figures"].items():
        speeds = _speeds(figures)
        if not speeds:
            continue
        marks.append(svg.text(20, top, network))
        top += 12
        for name, speed in sorted(speeds.items(), key=lambda item: -item[1]):
            width = (_WIDTH - left - 100) * speed / max(speeds.values())
            kind = "for" if name.startswith("Tenor") else "against"
            marks.append(svg.text(left - 8, top + 14, name, kind="faint", anchor="end"))
            marks.append(svg.box(left, top + 2, width, _ROW - 6, kind=kind, opacity=0.9))
            marks.append(svg.text(left + width + 8, top + 14, f"{speed:,}", kind="faint"))
            top += _ROW
        top += 34
    note = f"{record['machine']}, commit {record['commit']}; each peer at its best setting"
    marks.append(svg.text(20, top, note, kind="faint"))
    return svg.picture(_WIDTH, top + 16, picture.title, marks)


def _speeds(figures: object) -> dict[str, int]:
    """Who → tokens a second, of a network; of other figures none."""
    if not isinstance(figures, dict):
        return {}
    found = {}
    for name, each in figures.items():
        if isinstance(each, dict) and "tokens/s" in each:
            peer, _, rest = name.partition(" ")
            found[f"{_NAMES.get(peer, peer)} {rest}".strip()] = each["tokens/s"]
    return found


if __name__ == "__main__":
    for start, picture in PICTURES.items():
        for result in RESULTS.glob(f"{start}-*.json"):
            record = json.loads(result.read_text(encoding="utf-8"))
            (FOLDER / f"{result.stem}.svg").write_text(render(picture, record), encoding="utf-8")
