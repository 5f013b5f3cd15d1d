"""Weights and a ragged batch in → loss and gradients, computed by the compiled core without PyTorch.

The same function as ``tenor.training.network``. What a layer computes of a word's vector alone it
computes once for each different word of a batch, as prediction does: on film reviews that is a
quarter of the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenor.batching import Batch
from tenor.cells import Floats, linear_gates
from tenor.config import ModelConfig, TrainConfig
from tenor.native.layer import Gating
from tenor.native.training import Learner, LinearPass, drop, multiply


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A gradient that is zeros but for some rows of its weight."""

    ids: npt.NDArray[np.int32]
    """(U,) each once."""
    values: Floats
    """(U, W)"""


Gradients = dict[str, Floats | Rows]


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What one batch gives."""

    logits: Floats
    """(B, C), or (B, 1) for a two-label model with one logit."""
    losses: Floats
    """(B,) cross-entropy of each text, in nats."""
    gradients: Gradients
    """Of the mean loss by each weight."""


class CoreNetwork:
    """A network of linear cells while it is learnt."""

    def __init__(self, config: ModelConfig, train: TrainConfig) -> None:
        self._config = config
        self._train = train
        self._learner = Learner()
        self._gating = Gating(config.window == 2, config.input_gate, config.output_gate, config.skip)

    def learn(
        self,
        weights: Mapping[str, Floats],
        batch: Batch,
        targets: npt.NDArray[np.int64],
        seeds: npt.NDArray[np.uint32],
    ) -> Learnt:
        """Loss and gradients of a batch.

        Args:
            weights: name → array, as ``tenor.model.weight_shapes`` lists them.
            batch: B texts.
            targets: (B,) label ids.
            seeds: random numbers that say what dropout leaves out.
        """
        config, train = self._config, self._train
        offsets = batch.offsets
        ids, row_of = self._learner.known(batch.token_ids, len(weights["embedding.weight"]))
        x = weights["embedding.weight"][ids]
        masks = {
            "ids": ids,
            "share": train.input_dropout,
            "seed": int(seeds[0]),
            "row_share": train.embedding_dropout,
            "row_seed": int(seeds[1]),
        }
        drop(x, **masks)
        layers, rows = [], row_of
        inputs = [x]
        for layer in range(len(config.hidden_sizes)):
            last = layer == len(config.hidden_sizes) - 1
            passes = self._passes(weights, layer, inputs[-1], rows, offsets, states=not last)
            self._learner.forward(passes)
            layers.append(passes)
        pooled = self._pool(layers[-1], offsets)
        drop(pooled, share=train.output_dropout, seed=int(seeds[2]))
        logits = multiply(pooled, weights["head.weight"].T, weights["head.bias"])
        pairs = self._pairs(weights, batch, logits)
        losses, d_logits = _cross_entropy(logits, targets)
        gradients: Gradients = {
            "head.weight": multiply(d_logits.T, pooled),
            "head.bias": d_logits.sum(0),
        }
        if pairs is not None:
            gradients["pairs.weight"] = self._pairs_back(*pairs, d_logits, offsets)
        d_pooled = multiply(d_logits, weights["head.weight"])
        drop(d_pooled, share=train.output_dropout, seed=int(seeds[2]))
        self._pool_back(layers[-1], d_pooled, offsets)
        self._learner.backward(layers[-1])
        d_x = self._layer_back(weights, 0, layers[-1], x, gradients)
        drop(d_x, **masks)
        gradients["embedding.weight"] = Rows(ids=ids, values=d_x)
        return Learnt(logits=logits, losses=losses, gradients=gradients)

    def _passes(self, weights, layer, x, row_of, offsets, *, states):
        config = self._config
        size = config.hidden_sizes[layer]
        passes = []
        for reverse in (False, True)[: config.directions]:
            suffix = f"l{layer}" + ("_reverse" if reverse else "")
            given = weights.get(f"rnn.weight_previous_{suffix}")
            passes.append(
                LinearPass(
                    activation=config.activation,
                    gating=self._gating,
                    reverse=reverse,
                    hidden=size,
                    offsets=offsets,
                    shares=multiply(
                        x, weights[f"rnn.weight_ih_{suffix}"].T, weights[f"rnn.bias_ih_{suffix}"]
                    ),
                    given=None if given is None else multiply(x, given.T),
                    row_of=row_of,
                )
            )
        return passes

    def _layer_back(self, weights, layer, passes, x, gradients):
        d_x = None
        for one in passes:
            suffix = f"l{layer}" + ("_reverse" if one.reverse else "")
            name = f"rnn.weight_ih_{suffix}"
            gradients[name] = multiply(one.d_shares.T, x)
            gradients[f"rnn.bias_ih_{suffix}"] = one.d_shares.sum(0)
            d_x = multiply(one.d_shares, weights[name], out=d_x, add=d_x is not None)
            if one.d_given is not None:
                name = f"rnn.weight_previous_{suffix}"
                gradients[name] = multiply(one.d_given.T, x)
                multiply(one.d_given, weights[name], out=d_x, add=True)
        return d_x

    def _pool(self, passes, offsets):
        lengths = np.maximum(np.diff(offsets), 1).astype(np.float32)[:, None]
        parts = []
        for name in self._config.pooling:
            for one in passes:
                if name == "mean":
                    parts.append(one.total / lengths)
                elif name == "max":
                    parts.append(one.largest)
                elif name == "last":
                    parts.append(one.final)
                else:
                    raise NotImplementedError(name)
        return np.concatenate(parts, axis=1)

    def _pool_back(self, passes, d_pooled, offsets):
        lengths = np.maximum(np.diff(offsets), 1).astype(np.float32)[:, None]
        at = 0
        for name in self._config.pooling:
            for one in passes:
                d = np.ascontiguousarray(d_pooled[:, at : at + one.hidden])
                at += one.hidden
                if name == "mean":
                    one.d_total = d / lengths
                elif name == "max":
                    one.d_largest = d
                elif name == "last":
                    one.d_final = d

    def _pairs(self, weights, batch, logits):
        table = weights.get("pairs.weight")
        if table is None:
            return None
        ids = batch.pair_ids
        rows, row_of = self._learner.known(ids, len(table))
        kept = table[rows]
        drop(kept, share=0.0, seed=0, ids=rows, row_share=self._train.pair_dropout, row_seed=7 + int(batch.token_ids[0]))
        sums = np.add.reduceat(kept[row_of], batch.offsets[:-1], axis=0)
        scale = 1 / np.sqrt(np.diff(batch.offsets).astype(np.float32))[:, None]
        logits += sums * scale
        return rows, row_of, scale, 7 + int(batch.token_ids[0])

    def _pairs_back(self, rows, row_of, scale, seed, d_logits, offsets):
        d = np.repeat(d_logits * scale, np.diff(offsets), axis=0)
        out = np.empty((len(rows), d.shape[1]), np.float32)
        for c in range(d.shape[1]):
            out[:, c] = np.bincount(row_of, d[:, c], len(rows))
        drop(out, share=0.0, seed=0, ids=rows, row_share=self._train.pair_dropout, row_seed=seed)
        return Rows(ids=rows, values=out)


def _cross_entropy(logits: Floats, targets: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(B,) losses, and the gradient (B, C) of their mean."""
    count = np.float32(max(len(targets), 1))
    if logits.shape[1] == 1:
        z = logits[:, 0]
        yes = targets.astype(np.float32)
        losses = np.maximum(z, 0) - z * yes + np.log1p(np.exp(-np.abs(z)))
        p = 1 / (1 + np.exp(-z))
        return losses, ((p - yes) / count)[:, None].astype(np.float32)
    z = logits - logits.max(1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(1, keepdims=True)
    rows = np.arange(len(targets))
    losses = -np.log(p[rows, targets])
    p[rows, targets] -= 1
    return losses, p / count
