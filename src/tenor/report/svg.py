"""Marks in → one SVG picture as text. Colours follow the reader's light or dark setting."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

STYLE = """
svg { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; font-size: 13px; }
.ground { fill: #ffffff; } text { fill: #1f2328; } .faint { fill: #656d76; font-size: 12px; }
.axis { stroke: #d0d7de; fill: none; } .one { stroke: #0b62c4; } .two { stroke: #bc4c00; }
.three { stroke: #1a7f37; }
text.one { fill: #0b62c4; stroke: none; } text.two { fill: #bc4c00; stroke: none; }
text.three { fill: #1a7f37; stroke: none; }
.dotted { stroke: #656d76; stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dot { stroke: none; }
.dot.one, rect.for { fill: #0b62c4; } .dot.two, rect.against { fill: #bc4c00; }
.dot.grey { fill: #8d96a0; } .dot.three { fill: #1a7f37; }
.frame { fill: #f6f8fa; stroke: #8d96a0; } .frame.one { fill: #ddf0ff; stroke: #0b62c4; }
.frame.two { fill: #fff0e2; stroke: #bc4c00; } .edge { fill: none; stroke: #656d76; stroke-width: 1.3; }
.edge.one { stroke: #0b62c4; stroke-width: 2; } .edge.two { stroke: #bc4c00; stroke-width: 2; }
.tip { fill: #656d76; } .tip.one { fill: #0b62c4; } .tip.two { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; } text { fill: #e6edf3; } .faint { fill: #8d96a0; }
  .axis { stroke: #30363d; } .one { stroke: #6cb0ff; } .two { stroke: #ffa657; }
  text.one { fill: #6cb0ff; } text.two { fill: #ffa657; }
  .dot.one, rect.for { fill: #6cb0ff; } .dot.two, rect.against { fill: #ffa657; }
  .three { stroke: #56d364; } .dot.three { fill: #56d364; } text.three { fill: #56d364; }
  .frame { fill: #161b22; stroke: #6e7681; } .frame.one { fill: #0c2d53; stroke: #6cb0ff; }
  .frame.two { fill: #40200a; stroke: #ffa657; } .edge { stroke: #8d96a0; }
  .edge.one { stroke: #6cb0ff; } .edge.two { stroke: #ffa657; }
  .tip { fill: #8d96a0; } .tip.one { fill: #6cb0ff; } .tip.two { fill: #ffa657; }
}
"""

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def picture(width: float, height: float, title: str, marks: Iterable[str]) -> str:
    """The whole file; the title is what a screen reader says of it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label={quoteattr(clean(title))}>\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="ground" width="{width:g}" height="{height:g}" rx="6"/>\n'
        + "\n".join(marks)
        + "\n</svg>\n"
    )


def text(x: float, y: float, content: str, *, kind: str = "", anchor: str = "start") -> str:
    """Words at a place: x is their start, middle or end, y their base line."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}" '
        f'xml:space="preserve">{escape(clean(content))}</text>'
    )


def line(points: Iterable[tuple[float, float]], *, kind: str) -> str:
    """Straight lines from point to point."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{places}"/>'


def frame(x: float, y: float, width: float, height: float, *, kind: str = "", radius: float = 5) -> str:
    """A box with an edge, to write into."""
    return (
        f'<rect class="frame {kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{radius:g}"/>'
    )


def labelled(x: float, y: float, width: float, height: float, content: str, *, kind: str = "") -> str:
    """A frame with words in its middle."""
    words = text(x + width / 2, y + height / 2 + 4.5, content, anchor="middle")
    return frame(x, y, width, height, kind=kind) + "\n" + words


def arrow(points: Sequence[tuple[float, float]], *, kind: str = "") -> str:
    """Straight lines from point to point, with a tip at the last."""
    (x1, y1), (x2, y2) = points[-2:]
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    base = (x2 - 7 * ux, y2 - 7 * uy)
    corners = [(x2, y2), (base[0] - 3.5 * uy, base[1] + 3.5 * ux), (base[0] + 3.5 * uy, base[1] - 3.5 * ux)]
    tip = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return line([*points[:-1], base], kind=f"edge {kind}") + f'<polygon class="tip {kind}" points="{tip}"/>'


def dot(x: float, y: float, *, kind: str, radius: float = 3) -> str:
    """A filled circle."""
    return f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def box(x: float, y: float, width: float, height: float, *, kind: str, opacity: float, note: str = "") -> str:
    """A rectangle; the note is shown where a pointer rests on it."""
    title = f"<title>{escape(clean(note))}</title>" if note else ""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="3" fill-opacity="{opacity:.3f}">{title}</rect>'
    )


def clean(content: str) -> str:
    """The text with what no XML file can hold as U+FFFD."""
    return _NOT_XML.sub("\ufffd", content)
