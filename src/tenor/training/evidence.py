"""Training texts → which words and word pairs own a row of scores, and what these begin with.

Rows begin with what naive Bayes says of them, and move in proportion to it: what is as frequent
under every label has nothing to say and learns nothing by heart.

Source: Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", whose log-count ratios scale the features of a linear model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor import ngrams
from tenor.batching import join
from tenor.cells import Floats
from tenor.training.encoded import TokenIds

_FEWEST_TEXTS = 2
_ROWS_EACH = 1.5
"""At least so many rows for each that owns one: a quarter of them still meet another on theirs."""
_MOST_AT_ONCE = 2**25
"""Hashes that are sorted together, about 600 MB."""


class Evidence(NamedTuple):
    """Of every row."""

    owners: Floats
    """(P,) the mark of its owner."""
    odds: Floats
    """(P, C) naive Bayes' log-odds of each label against all others, 0 where nothing owns the row; one
    column, those of the second label, for a model with one logit."""


def begun(weights: Mapping[str, Floats], evidence: Evidence) -> dict[str, Floats]:
    """The weights before the first update."""
    return {**weights, "ngrams.weight": evidence.odds.copy(), "ngrams.owners": evidence.owners}


def gather(
    token_ids: Sequence[TokenIds],
    targets: npt.NDArray[np.int64],
    *,
    most_rows: int,
    num_labels: int,
    num_logits: int,
) -> Evidence:
    """Count in how many texts of each label every word and pair stands.

    Args:
        token_ids: of each training text.
        targets: their label ids.
        most_rows: the largest P; it is the smallest power of two that leaves a third of the rows free.
        num_labels: how many labels there are.
        num_logits: C: as many, or 1.
    """
    batch = join(token_ids)
    found = ngrams.hashes(batch.token_ids, batch.offsets)
    texts = np.repeat(np.arange(len(token_ids), dtype=np.uint64), 2 * np.diff(batch.offsets))
    parts = -(-len(found) // _MOST_AT_ONCE) or 1
    bounds = [round(part * 2**32 / parts) for part in range(parts + 1)]
    kept: list[npt.NDArray[np.uint32]] = []
    counts: list[npt.NDArray[np.int64]] = []
    for low, high in zip(bounds, bounds[1:], strict=False):
        chosen = slice(None) if parts == 1 else (found >= low) & (found < high)
        one, of_labels = _count(found[chosen], texts[chosen], targets, num_labels)
        kept.append(one)
        counts.append(of_labels)
    owners = np.concatenate(kept)
    rows = min(1 << int(len(owners) * _ROWS_EACH).bit_length(), most_rows)
    return _evidence(owners, np.concatenate(counts), rows=rows, num_logits=num_logits)


def _count(
    found: npt.NDArray[np.uint32],
    texts: npt.NDArray[np.uint64],
    targets: npt.NDArray[np.int64],
    num_labels: int,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Hashes that enough texts have, and (n, labels) how many of each label."""
    keys = np.sort(texts << np.uint64(32) | found)
    keys = keys[np.flatnonzero(np.diff(keys, prepend=~keys[:1]))]  # once a text
    labels = targets[keys >> np.uint64(32)].astype(np.uint64)
    keys = np.sort((keys & np.uint64(0xFFFFFFFF)) << np.uint64(32) | labels)
    of = (keys >> np.uint64(32)).astype(np.uint32)
    group = np.cumsum(np.diff(of, prepend=~of[:1]) != 0) - 1
    of_labels = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    counts = np.bincount(
        group * num_labels + of_labels, minlength=num_labels * (int(group.max(initial=-1)) + 1)
    )
    counts = counts.reshape(-1, num_labels)
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    enough = counts.sum(axis=1) >= _FEWEST_TEXTS
    return of[begins][enough], counts[enough]


def _evidence(
    kept: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64], *, rows: int, num_logits: int
) -> Evidence:
    smooth = counts + 1.0
    mass = smooth.sum(axis=0)
    others, other_mass = smooth.sum(axis=1, keepdims=True) - smooth, mass.sum() - mass
    odds = np.log(smooth / mass) - np.log(others / other_mass)
    if num_logits == 1:
        odds = odds[:, 1:]
    order = np.argsort(
        counts.sum(axis=1), kind="stable"
    )  # of several on one row the last, most frequent stays
    place = ngrams.rows_of(kept[order], rows)
    owners = np.full(rows, ngrams.NO_OWNER, np.float32)
    owners[place] = ngrams.marks_of(kept[order])
    scores = np.zeros((rows, num_logits), np.float32)
    scores[place] = odds[order]
    return Evidence(owners, scores)
