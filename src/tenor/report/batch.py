"""Some texts → the padded batch that most libraries make of them, and what of it is ever read."""

from __future__ import annotations

from collections.abc import Sequence

from tenor.config import ModelConfig
from tenor.report import svg
from tenor.report.unrolled import states_read

_LEFT, _TOP, _WIDE, _HIGH, _GAP = 28, 84, 84, 26, 5
_MOST_TEXTS, _MOST_TOKENS = 12, 16


def share_of_padding(lengths: Sequence[int], batch_size: int) -> float:
    """Share of the places of padded batches, made of texts in this order, that hold no token."""
    batches = [lengths[start : start + batch_size] for start in range(0, len(lengths), batch_size)]
    places = sum(len(batch) * max(batch) for batch in batches)
    return 1 - sum(lengths) / places if places else 0.0


def render_batch(config: ModelConfig, texts: Sequence[Sequence[str]]) -> str:
    """An SVG of the texts, given as tokens, laid out in rows.

    Tokens in blue frames are those at which the model's pooling reads a state; grey places are
    padding, which no state that is read has seen.
    """
    shown = [list(text[:_MOST_TOKENS]) for text in texts[:_MOST_TEXTS]]
    lengths = [len(text) for text in texts]
    most = max(lengths, default=0)
    longest = min(max(most, 1), _MOST_TOKENS)
    padding = share_of_padding(lengths, len(texts) or 1)
    title = f"{len(texts)} texts of up to {most} tokens: {padding:.0%} of the places are padding"
    marks = [svg.text(_LEFT, 28, title)]
    note = f"Tenor lays the {sum(lengths)} tokens end to end and has none of it"
    marks.append(svg.text(_LEFT, 46, note, kind="faint"))
    cut = [f"{len(shown)} texts"] if len(shown) < len(texts) else []
    cut += [f"{longest} tokens"] if longest < most else []
    more = f"; the first {' and '.join(cut)} are shown" if cut else ""
    marks.append(svg.text(_LEFT, 64, f"blue: where a state is read for the answer{more}", kind="faint"))
    for row, text in enumerate(shown):
        y = _TOP + row * (_HIGH + _GAP)
        read = set.union(*(states_read(config.pooling, d, lengths[row]) for d in range(config.directions)))
        for place in range(longest):
            x = _LEFT + place * (_WIDE + _GAP)
            if place < len(text):
                kind = "one" if place in read else ""
                marks.append(svg.labelled(x, y, _WIDE, _HIGH, text[place][:10], kind=kind))
            else:
                marks.append(svg.box(x, y, _WIDE, _HIGH, kind="axis", opacity=0.0))
                marks.append(svg.text(x + _WIDE / 2, y + 17, "·", kind="faint", anchor="middle"))
    width = _LEFT * 2 + longest * (_WIDE + _GAP)
    return svg.picture(max(width, 520), _TOP + len(shown) * (_HIGH + _GAP) + 20, title, marks)
