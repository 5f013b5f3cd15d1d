"""A model and some texts → the shape of what stands at each stage, from the texts to the logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tenor.batching import join
from tenor.classifier import TextClassifier


class Stage(NamedTuple):
    """One stage of the way."""

    name: str
    axes: str
    """Letters as in ``tenor``'s docstring: B texts, N tokens in all, T of the longest, E, H, L, D, C."""
    shape: tuple[int, ...]
    padded: tuple[int, ...] | None = None
    """The shape in a padded batch (B, T, …), as most libraries have it; None where it is the same."""


def stages(classifier: TextClassifier, texts: Sequence[str]) -> list[Stage]:
    """The shapes on the way of some texts; nothing is computed that ``predict`` does not."""
    config = classifier.model.config
    encodings = [classifier.encode(text) for text in texts]
    batch = join([np.zeros(len(encoding.tokens), np.int32) for encoding in encodings])
    count, longest = len(texts), max((len(encoding.tokens) for encoding in encodings), default=0)
    tokens = len(batch.token_ids)
    logits = classifier.predict_logits(list(texts))
    pooled = classifier.model.weights["head.hidden.weight" if config.head_hidden else "head.weight"].shape[1]
    found = [
        Stage("texts", "B", (count,)),
        Stage("token ids", "N", (tokens,), (count, longest)),
        Stage("offsets, of which the lengths are the steps", "B+1", batch.offsets.shape, (count,)),
        Stage("word vectors", "N, E", (tokens, config.embedding_dim), (count, longest, config.embedding_dim)),
    ]
    for layer, size in enumerate(config.hidden_sizes, 1):
        width = size * config.directions
        found.append(
            Stage(f"all states of layer {layer}", "N, D*H", (tokens, width), (count, longest, width))
        )
        parts = "h and c" if config.cell in ("lstm", "linear") else "h"
        found.append(Stage(f"last state of layer {layer}: {parts}, each direction", "B, H", (count, size)))
    found.append(Stage(f"pooled by {' and '.join(config.pooling)}", "B, P", (count, pooled)))
    if config.head_hidden:
        found.append(Stage("hidden layer of the head", "B, F", (count, config.head_hidden)))
    return [*found, Stage("logits", "B, C", logits.shape)]
