"""The results of ``peers.py`` → docs/pictures/peers.svg: tokens a second, a bar for each.

Usage: python benchmarks/peers_picture.py
"""

from __future__ import annotations

import json
from typing import Any

from common import RESULTS, ROOT

from tenor.report import svg

PICTURE = ROOT / "docs" / "pictures" / "peers.svg"
_NAMES = {"tenor": "Tenor", "torch": "PyTorch", "onnx": "ONNX Runtime", "openvino": "OpenVINO"}
_LEFT, _WIDTH, _ROW, _TOP = 190, 720, 22, 58


def render(record: dict[str, Any]) -> str:
    """An SVG with a panel for each network."""
    marks = [svg.text(20, 26, "Tokens a second from ids to logits, on two cores")]
    top = _TOP
    for network, figures in record["figures"].items():
        if not isinstance(figures, dict):
            continue
        speeds = {name: each["tokens/s"] for name, each in figures.items() if "tokens/s" in each}
        marks.append(svg.text(20, top, network))
        top += 12
        for name, speed in sorted(speeds.items(), key=lambda item: -item[1]):
            peer, precision = name.split()
            width = (_WIDTH - _LEFT - 100) * speed / max(speeds.values())
            kind = "for" if peer == "tenor" else "against"
            marks.append(
                svg.text(_LEFT - 8, top + 14, f"{_NAMES[peer]} {precision}", kind="faint", anchor="end")
            )
            marks.append(svg.box(_LEFT, top + 2, width, _ROW - 6, kind=kind, opacity=0.9))
            marks.append(svg.text(_LEFT + width + 8, top + 14, f"{speed:,}", kind="faint"))
            top += _ROW
        top += 34
    note = f"{record['machine']}, commit {record['commit']}; each peer at its best setting"
    marks.append(svg.text(20, top, note, kind="faint"))
    return svg.picture(_WIDTH, top + 16, "Tokens a second beside other runtimes", marks)


if __name__ == "__main__":
    found = json.loads((RESULTS / "peers.json").read_text(encoding="utf-8"))
    PICTURE.write_text(render(found), encoding="utf-8")
