"""The network of the JAX tutorial learns in Flax, with as many layers as it is said to have.

Lengths are multiples of 100: each one is compiled anew. Texts that were filled before are read to the
end of what fills them, as the tutorial's are; others end at their own last words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn
from jax import numpy as jnp
from learn import Learner, Texts, one_by_one, padded, serve

STEP = 100
GATES = "ifgo"


class BiRNN(nn.Module):
    """Layers of both directions of LSTM, read at both ends or at each direction's last word."""

    vocab_size: int
    width: int
    hidden_sizes: tuple[int, ...]
    pooling: str

    @nn.compact
    def __call__(self, ids: jax.Array, lengths: jax.Array) -> jax.Array:
        """Logits (B, 2) of ids (B, T)."""
        x = nn.Embed(self.vocab_size, self.width)(ids)
        for size in self.hidden_sizes:
            both = [
                nn.RNN(nn.OptimizedLSTMCell(size), reverse=reverse, keep_order=True)(x, seq_lengths=lengths)
                for reverse in (False, True)
            ]
            x = jnp.concatenate(both, axis=2)
        first, last = x[:, 0], jnp.take_along_axis(x, lengths[:, None, None] - 1, axis=1)[:, 0]
        half = x.shape[2] // 2
        if self.pooling == "last":
            first, last = last[:, :half], first[:, half:]
        return nn.Dense(2)(jnp.concatenate([first, last], axis=1))


def make(settings: dict[str, Any], weights: Mapping[str, Any]) -> Learner:
    """As ``serve`` asks."""
    model = settings["model"]
    network = BiRNN(*weights["embedding.weight"].shape, tuple(model["hidden_sizes"]), model["pooling"][0])
    params = _translated(weights, len(model["hidden_sizes"]))
    optimizer = optax.adam(settings["train"]["learning_rate"])
    state = optimizer.init(params)

    def loss_of(params: Any, ids: jax.Array, lengths: jax.Array, targets: jax.Array) -> jax.Array:
        logits = network.apply({"params": params}, ids, lengths)
        return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

    @jax.jit
    def step(params: Any, state: Any, *batch: jax.Array) -> tuple[Any, Any, jax.Array]:
        loss, gradients = jax.value_and_grad(loss_of)(params, *batch)
        changes, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, changes), state, loss

    def prepare(texts: Texts, targets: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        return (*padded(texts, STEP), targets)

    def update(*batch: np.ndarray[Any, Any]) -> None:
        nonlocal params, state
        params, state, loss = step(params, state, *batch)
        jax.block_until_ready((params, loss))

    def loss(texts: Texts, targets: np.ndarray[Any, Any]) -> float:
        return float(jax.jit(loss_of)(params, *prepare(texts, targets)))

    count = sum(each.size for each in jax.tree.leaves(params))
    return Learner(count, loss, one_by_one(prepare, update))


def _translated(weights: Mapping[str, Any], layers: int) -> dict[str, Any]:
    """As Flax names them: a kernel for each gate, and a bias at the state's."""
    found: dict[str, Any] = {
        "Embed_0": {"embedding": jnp.array(weights["embedding.weight"])},
        "Dense_0": {"kernel": jnp.array(weights["head.weight"].T), "bias": jnp.array(weights["head.bias"])},
    }
    suffixes = [f"l{layer}{direction}" for layer in range(layers) for direction in ("", "_reverse")]
    for number, suffix in enumerate(suffixes):
        inputs, states, biases = (
            np.split(weights[f"rnn.{name}_{suffix}"], 4) for name in ("weight_ih", "weight_hh", "bias_hh")
        )
        cell: dict[str, Any] = {}
        for gate, i, h, bias in zip(GATES, inputs, states, biases, strict=True):
            cell[f"i{gate}"] = {"kernel": jnp.array(i.T)}
            cell[f"h{gate}"] = {"kernel": jnp.array(h.T), "bias": jnp.array(bias)}
        found[f"OptimizedLSTMCell_{number}"] = cell
    return found


if __name__ == "__main__":
    serve(make)
