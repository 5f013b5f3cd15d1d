"""Marks in → one SVG picture as text. Colours follow the reader's light or dark setting."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

STYLE = """
svg { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; font-size: 13px; }
.ground { fill: #ffffff; } text { fill: #1f2328; } .faint { fill: #656d76; font-size: 12px; }
.axis { stroke: #d0d7de; fill: none; } .one { stroke: #0b62c4; } .two { stroke: #bc4c00; }
text.one { fill: #0b62c4; stroke: none; } text.two { fill: #bc4c00; stroke: none; }
.dotted { stroke: #656d76; stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dot { stroke: none; }
.dot.one, rect.for { fill: #0b62c4; } .dot.two, rect.against { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; } text { fill: #e6edf3; } .faint { fill: #8d96a0; }
  .axis { stroke: #30363d; } .one { stroke: #6cb0ff; } .two { stroke: #ffa657; }
  text.one { fill: #6cb0ff; } text.two { fill: #ffa657; }
  .dot.one, rect.for { fill: #6cb0ff; } .dot.two, rect.against { fill: #ffa657; }
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
