"""Weights and a ragged batch in → logits that know their gradients: the model in PyTorch.

The same function as the NumPy path, weight for weight and name for name. PyTorch's layers want
dense tensors, so each direction is laid out with its own words first and padding after them,
where no state that is used can see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from tenor.batching import Batch
from tenor.config import ModelConfig
from tenor.training.dropout import Dropout, Share
from tenor.training.pytorch import linear

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """Where the words of a ragged batch stand in dense tensors (T, B, …), time first."""

    lengths: Tensor
    """(B,)"""
    text_of: Tensor
    """(N,) the text of each word."""
    place: Tensor
    """(N,) row of each word in (T*B, …), first words first."""
    place_reversed: Tensor
    """(N,) the same with last words first."""
    ends: Tensor
    """(B,) the number of the word after each text."""
    longest: int
    """T, at least 1."""
    words: int
    """N"""

    @classmethod
    def of(cls, offsets: npt.NDArray[np.int64], device: torch.device | str = "cpu") -> Layout:
        """Lay out texts that begin at offsets (B+1,). Nothing is asked of the device."""
        lengths = np.diff(offsets)
        count = len(lengths)
        text_of = np.repeat(np.arange(count), lengths)
        position = np.arange(len(text_of)) - offsets[:-1][text_of]
        back = lengths[text_of] - 1 - position

        def there(array: npt.NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(array).to(device)

        return cls(
            lengths=there(lengths),
            text_of=there(text_of),
            place=there(position * count + text_of),
            place_reversed=there(back * count + text_of),
            ends=there(offsets[1:]),
            longest=max(int(lengths.max()), 1),
            words=len(text_of),
        )

    def dense(self, rows: Tensor, *, reverse: bool = False, fill: float = 0.0) -> Tensor:
        """(N, W) → (T, B, W); places without a word hold ``fill``."""
        width, count = rows.shape[1], len(self.lengths)
        place = self.place_reversed if reverse else self.place
        laid = rows.new_full((self.longest * count, width), fill).index_copy(0, place, rows)
        return laid.view(self.longest, count, width)

    def ragged(self, laid: Tensor, *, reverse: bool = False) -> Tensor:
        """(T, B, W) → (N, W)."""
        place = self.place_reversed if reverse else self.place
        return laid.flatten(0, 1).index_select(0, place)


def logits(
    weights: Weights,
    config: ModelConfig,
    batch: Batch,
    *,
    dropout: Dropout | None = None,
    layers: int | None = None,
    truncate: int | None = None,
) -> Tensor:
    """Score every label.

    Args:
        weights: name → tensor, as ``tenor.model.weight_shapes`` lists them.
        config: shape of the network.
        batch: B texts.
        dropout: what to leave out; None for the whole network.
        layers: read only so many recurrent layers, from the words up; None reads all.
        truncate: let gradients flow back within windows of so many words; None lets them flow to
            the first.

    Returns:
        (B, C), or (B, 1) for a two-label model with one logit.
    """
    layout = Layout.of(batch.offsets, weights["embedding.weight"].device)
    states = _embed(weights, batch.token_ids, dropout)
    for layer in range(layers or len(config.hidden_sizes)):
        if layer and dropout:
            states = _masked(states, dropout.hidden[layer - 1])
        states = _layer(weights, config, layer, states, layout, truncate)
    return answer(weights, config, states, layout, dropout=dropout)


def answer(
    weights: Weights, config: ModelConfig, states: Tensor, layout: Layout, *, dropout: Dropout | None = None
) -> Tensor:
    """Logits (B, C) from the last layer's states (N, D*H): pooling and head."""
    return _head(weights, _pool(weights, config, states, layout), dropout)


def loss(scores: Tensor, targets: Tensor, *, each_alone: bool = False) -> Tensor:
    """Mean cross-entropy of logits (B, C) or (B, 1) and label ids (B,), in nats.

    Args:
        scores: the logits.
        targets: the label ids.
        each_alone: take each of the C labels for a yes or no of its own, and the mean over all of
            them: a mistake where labels exclude each other.
    """
    if each_alone and scores.shape[1] > 1:
        yes = functional.one_hot(targets, scores.shape[1]).to(scores.dtype)
        return functional.binary_cross_entropy_with_logits(scores, yes)
    if scores.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(scores[:, 0], targets.to(scores.dtype))
    return functional.cross_entropy(scores, targets)


def _embed(weights: Weights, token_ids: npt.NDArray[np.int32], dropout: Dropout | None) -> Tensor:
    """(N, E) word vectors."""
    table = weights["embedding.weight"]
    x = functional.embedding(torch.from_numpy(token_ids).to(table.device), table)
    if dropout is None:
        return x
    known, each = np.unique(token_ids, return_inverse=True)
    mask = dropout.words.mask((len(known), table.shape[1]), known.astype(np.int32))
    return x * torch.from_numpy(mask).to(x.device)[torch.from_numpy(each).to(x.device)]


def _masked(x: Tensor, share: Share) -> Tensor:
    """X (R, W) without a share of its elements."""
    return x * torch.from_numpy(share.mask(tuple(x.shape))).to(x.device) if share.elements else x


def _layer(
    weights: Weights, config: ModelConfig, layer: int, x: Tensor, layout: Layout, truncate: int | None
) -> Tensor:
    """(N, D*H) states of one layer, directions side by side, from its inputs x (N, I)."""
    size = config.hidden_sizes[layer]
    states = []
    for reverse, suffix in zip((False, True), config.suffixes(layer), strict=False):
        laid = layout.dense(x, reverse=reverse)
        if config.cell == "linear":
            out = linear.states(config, weights, suffix, laid, truncate)
        else:
            out = _run(config, laid, parameters(weights, suffix), size, truncate)
        states.append(layout.ragged(out, reverse=reverse).to(x.dtype))
    return torch.cat(states, dim=1) if len(states) > 1 else states[0]


def parameters(weights: Weights, suffix: str) -> list[Tensor]:
    """The four tensors that PyTorch's layers take; zeros stand for a bias that a model lacks."""
    weight_ih, weight_hh = weights[f"rnn.weight_ih_{suffix}"], weights[f"rnn.weight_hh_{suffix}"]
    none = weight_hh.new_zeros(len(weight_hh))
    biases = [weights.get(f"rnn.bias_{side}_{suffix}", none) for side in ("ih", "hh")]
    return [weight_ih, weight_hh, *biases]


def _run(config: ModelConfig, x: Tensor, parameters: list[Tensor], size: int, truncate: int | None) -> Tensor:
    """(T, B, H) states from inputs (T, B, I), in windows between which no gradient flows."""
    zeros = x.new_zeros((1, x.shape[1], size))
    state = [zeros, zeros] if config.cell == "lstm" else [zeros]
    parts = []
    for window in torch.split(x, truncate or len(x)):
        out, *state = _window(config, window, [part.detach() for part in state], parameters)
        parts.append(out)
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _window(config: ModelConfig, x: Tensor, state: list[Tensor], parameters: list[Tensor]) -> list[Tensor]:
    """States (T, B, H), and what the layer remembers after them."""
    options = (True, 1, 0.0, torch.is_grad_enabled(), False, False)
    if config.cell == "lstm":
        return list(torch.lstm(x, state, parameters, *options))
    return list(_ONE_STATE[config.cell, config.activation](x, state[0], parameters, *options))


_ONE_STATE: dict[tuple[str, str], Callable[..., tuple[Tensor, Tensor]]] = {
    ("gru", "tanh"): torch.gru,
    ("rnn", "tanh"): torch.rnn_tanh,
    ("rnn", "relu"): torch.rnn_relu,
}


def _pool(weights: Weights, config: ModelConfig, states: Tensor, layout: Layout) -> Tensor:
    """(B, P) pooled states; an empty text has zeros."""
    empty = (layout.lengths == 0)[:, None]
    if not layout.words:
        width = weights["head.hidden.weight" if config.head_hidden else "head.weight"].shape[1]
        return states.new_zeros((len(empty), width))
    parts = [_POOLINGS[name](weights, config, states, layout) for name in config.pooling]
    return torch.cat(parts, dim=1).masked_fill(empty, 0.0)


def _last(weights: Weights, config: ModelConfig, states: Tensor, layout: Layout) -> Tensor:
    first, last = _ends(states, layout)
    half = states.shape[1] // config.directions
    return torch.cat([last[:, :half], first[:, half:]], dim=1)


def _last_word(weights: Weights, config: ModelConfig, states: Tensor, layout: Layout) -> Tensor:
    return _ends(states, layout)[1]


def _first_last(weights: Weights, config: ModelConfig, states: Tensor, layout: Layout) -> Tensor:
    return torch.cat(_ends(states, layout), dim=1)


def _mean(weights: Weights, config: ModelConfig, states: Tensor, layout: Layout) -> Tensor:
    return layout.dense(states).sum(0) / layout.lengths.clamp(min=1)[:, None]


def _max(weights: Weights, config: ModelConfig, states: Tensor, layout: Layout) -> Tensor:
    return layout.dense(states, fill=-torch.inf).max(0).values


def _attention(weights: Weights, config: ModelConfig, states: Tensor, layout: Layout) -> Tensor:
    key = functional.linear(states, weights["attention.weight"], weights["attention.bias"])
    scores = (torch.tanh(key) @ weights["attention.context"])[:, None]
    top = layout.dense(scores.detach(), fill=-torch.inf).max(0).values  # (B, 1)
    raised = torch.exp(scores - top[layout.text_of])
    mass = layout.dense(raised).sum(0).clamp(min=torch.finfo(raised.dtype).tiny)
    return layout.dense(states * raised).sum(0) / mass


_POOLINGS: dict[str, Callable[[Weights, ModelConfig, Tensor, Layout], Tensor]] = {
    "last": _last,
    "last_word": _last_word,
    "first_last": _first_last,
    "mean": _mean,
    "max": _max,
    "attention": _attention,
}


def _ends(states: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    """(B, S) states at each text's first and last word; of an empty text, any word's."""
    first = (layout.ends - layout.lengths).clamp(max=len(states) - 1)
    return states[first], states[(layout.ends - 1).clamp(min=0)]


def _head(weights: Weights, pooled: Tensor, dropout: Dropout | None) -> Tensor:
    for name in ("head.hidden", "head"):
        if f"{name}.weight" not in weights:
            continue
        if dropout:
            after_hidden = name == "head" and "head.hidden.weight" in weights
            pooled = _masked(pooled, dropout.head if after_hidden else dropout.pooled)
        pooled = functional.linear(pooled, weights[f"{name}.weight"], weights[f"{name}.bias"])
        if name == "head.hidden":
            pooled = functional.relu(pooled)
    return pooled
