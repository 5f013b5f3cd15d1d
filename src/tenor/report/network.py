"""A model → a picture of its parts, from the text to the label, each with its sizes and weights."""

from __future__ import annotations

from typing import NamedTuple

from tenor.model import Model
from tenor.report import svg
from tenor.report.monospaced import columns

_LEFT, _TOP, _WIDE, _HIGH, _GAP = 28, 52, 430, 44, 22


class Part(NamedTuple):
    """One box."""

    name: str
    detail: str
    weights: int
    keeps_padding_out: bool = True
    """Whether it takes the texts' true lengths; the first part makes them."""


def render_network(model: Model) -> str:
    """An SVG of the parts of a model, one below the other."""
    parts = list(network_parts(model))
    wide = max([_WIDE, *(7.5 * columns(part.detail) + 40 for part in parts)])
    width, height = wide + 2 * _LEFT + 150, _TOP + len(parts) * (_HIGH + _GAP) + 8
    title = f"{model.num_weights:,} weights, {len(model.labels)} labels"
    marks = [svg.text(_LEFT, 30, title)]
    for place, part in enumerate(parts):
        y = _TOP + place * (_HIGH + _GAP)
        kind = {0: "one", len(parts) - 1: "two"}.get(place, "")
        marks.append(svg.frame(_LEFT, y, wide, _HIGH, kind=kind))
        marks.append(svg.text(_LEFT + 14, y + 18, part.name))
        marks.append(svg.text(_LEFT + 14, y + 35, part.detail, kind="faint"))
        if part.weights:
            right = _LEFT + wide + 12
            marks.append(svg.text(right, y + 26, f"{part.weights:,} weights", kind="faint"))
        if place:
            marks.append(svg.arrow([(_LEFT + wide / 2, y - _GAP), (_LEFT + wide / 2, y - 1)]))
    return svg.picture(width, height, title, marks)


def network_parts(model: Model) -> list[Part]:
    """The parts in the order of the path; a model that fills texts up keeps no padding out."""
    config, shapes = model.config, {name: weight.size for name, weight in model.weights.items()}

    def weights(prefix: str) -> int:
        return sum(size for name, size in shapes.items() if name.startswith(prefix))

    limit = model.tokenizer.max_tokens
    frame = model.vocabulary.config
    added = [token for token in (frame.start_token, frame.end_token) if token is not None]
    read = f"at most {limit} tokens" if limit else "of any length"
    read += f", between {' and '.join(added)}" if added else ""
    read += f", filled up to {frame.fill_to}" if frame.fill_to else ""
    parts = [
        Part("text", read, 0, keeps_padding_out=False),
        Part("token ids", f"a vocabulary of {len(model.vocabulary):,} tokens", 0),
        Part("word vectors", f"{config.embedding_dim} numbers a token", weights("embedding.")),
    ]
    last = len(config.hidden_sizes) - 1
    for layer, size in enumerate(config.hidden_sizes):
        both = "forwards and backwards, " if config.bidirectional else "forwards, "
        passed = "all states go up" if layer < last else "its states are pooled"
        counted = sum(n for name, n in shapes.items() if name.removesuffix("_reverse").endswith(f"_l{layer}"))
        detail = f"{both}{size} numbers each; {passed}"
        parts.append(Part(f"{config.cell.upper()} layer {layer + 1}", detail, counted))
    pooled = _POOLED if config.bidirectional else _POOLED | {"last": "the last state"}
    named = " and ".join(pooled[name] for name in config.pooling)
    parts.append(Part("pooling", named, weights("attention.")))
    if config.head_hidden:
        parts.append(Part("hidden layer", f"{config.head_hidden} numbers, ReLU", weights("head.hidden.")))
    if config.ngrams:
        detail = f"{config.ngrams:,} rows of scores, of 1 to {config.ngram_order} words, added to the logits"
        parts.append(Part("n-grams", detail, shapes["ngrams.weight"]))
    logits = config.num_logits(len(model.labels))
    shown = ", ".join(model.labels[:4]) + (", …" if len(model.labels) > 4 else "")
    how = "sigmoid" if logits == 1 else "softmax"
    output = weights("head.weight") + weights("head.bias")
    parts.append(Part("logits", f"{logits}, then {how}: {shown}"[:70], output))
    return [part._replace(keeps_padding_out=False) for part in parts] if frame.fill_to else parts


_POOLED = {
    "last": "each direction's own last state", "last_word": "the states at the last word",
    "first_last": "the states at both ends",
    "mean": "the mean of all states", "max": "the largest of all states",
    "attention": "a weighted mean of all states",
}  # fmt: skip
