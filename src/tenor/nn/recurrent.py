"""Recurrent layers as a module of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tenor import native
from tenor.config import ModelConfig
from tenor.errors import ConfigError, InputError, UnsupportedError
from tenor.model import layer_shapes
from tenor.nn import operators  # noqa: F401 - registers torch.ops.tenor

_FROM = {
    "ndarray": "make it a tensor with torch.from_numpy",
    "PackedSequence": "make it torch.nested.nested_tensor(unpack_sequence(x), layout=torch.jagged)",
}
"""What else people have, and how it becomes what a layer reads."""


class Recurrent(torch.nn.Module):
    """Recurrent layers over texts of any lengths that lie end to end, without padding.

    Weights have the names, shapes and first values that ``torch.nn.LSTM``, ``GRU`` and ``RNN`` give
    them, so that ``load_state_dict`` takes those of either. Every cell begins at zeros.

    Under autocast to bfloat16, products round both factors to 16 bits and sum in 32. That is fast
    where the processor has AMX or AVX-512's bf16. After ``.double()`` all is computed in float64,
    slowly, by the same code, so that ``torch.autograd.gradcheck`` can hold gradients against differences.
    """

    def __init__(  # noqa: PLR0913 - all that layers are, by name
        self,
        cell: str,
        input_size: int,
        hidden_sizes: Sequence[int],
        *,
        bidirectional: bool = False,
        activation: str = "tanh",
        window: int = 1,
        input_gate: bool = False,
        output_gate: bool = False,
        skip: bool = False,
        dropout: float = 0.0,
        truncate: int | None = None,
    ) -> None:
        """Draw the weights.

        Args:
            cell: ``"lstm"``, ``"gru"``, ``"rnn"`` or ``"linear"``.
            input_size: I.
            hidden_sizes: H of each layer, per direction.
            bidirectional: whether to read every text from its end as well.
            activation: ``"tanh"`` or ``"relu"`` of an rnn; of a linear cell also ``"identity"``.
            window: words that a linear cell's gates see, 1 or 2.
            input_gate: whether a linear cell has one.
            output_gate: likewise.
            skip: whether a linear cell's input may bypass the recurrence.
            dropout: share of the states between layers that is left out while training.
            truncate: let gradients of states flow back within windows of so many words; None lets
                them flow to the first.

        Raises:
            ConfigError: there is no such setting, or a number is out of its range.
            UnsupportedError: there is no compiled core.
        """
        super().__init__()
        if not native.is_available():
            raise UnsupportedError(
                f"tenor.nn computes in the compiled core, which is absent: {native.status().reason}"
            )
        config = ModelConfig.from_dict(
            {
                "cell": cell,
                "embedding_dim": input_size,
                "hidden_sizes": list(hidden_sizes),
                "bidirectional": bidirectional,
                "activation": activation,
                "window": window,
                "input_gate": input_gate,
                "output_gate": output_gate,
                "skip": skip,
            }
        )
        if not 0 <= dropout < 1:
            raise ConfigError(f"dropout must be at least 0 and below 1, got {dropout!r}")
        if truncate is not None and truncate < 1:
            raise ConfigError(f"truncate must be at least 1, or None, got {truncate!r}")
        self.config, self.dropout, self.truncate = config, dropout, truncate
        width = input_size
        for depth, hidden in enumerate(config.hidden_sizes):
            for suffix in config.suffixes(depth):
                for name, shape in layer_shapes(config, suffix, width, hidden).items():
                    weight = torch.empty(shape).uniform_(-(hidden**-0.5), hidden**-0.5)
                    self.register_parameter(name.removeprefix("rnn."), torch.nn.Parameter(weight))
            width = hidden * config.directions

    def forward(self, x: Tensor, offsets: Tensor | None = None) -> Tensor:
        """States after every word.

        Args:
            x: (N, I) vectors of all texts' words, end to end, typed as the weights, or a jagged nested
                tensor (B, T, I), as ``torch.nested.nested_tensor(…, layout=torch.jagged)`` makes one.
            offsets: (B+1,) int64, where each text begins and the last one ends; None beside a nested
                tensor, which has its own.

        Returns:
            (N, D*H), or nested as x is: the last layer's states, both directions side by side. Row
            ``offsets[i + 1] - 1`` has the last state of text i forwards, row ``offsets[i]`` the last
            one backwards; a text without words has no row.

        Raises:
            InputError: other types or shapes.
        """
        if not isinstance(x, Tensor):
            raise InputError(
                f"x is a {type(x).__name__}; {_FROM.get(type(x).__name__, 'it must be a tensor')}"
            )
        if x.is_nested:
            if offsets is not None:
                raise InputError("a nested tensor has offsets of its own; leave them out")
            offsets = _offsets_of(x)
            states = self._read(x.values(), offsets)
            return torch.nested.nested_tensor_from_jagged(states, offsets)
        if x.dim() == 3:
            raise InputError(
                "x (B, T, I) does not say where texts end, and padding would be read as text; give "
                "torch.nested.nested_tensor([row[:n] for row, n in zip(x, lengths)], layout=torch.jagged)"
            )
        if offsets is None:
            raise InputError(
                "x (N, I) needs offsets (B+1,); a nested tensor with layout=torch.jagged has its own"
            )
        return self._read(x, offsets)

    def extra_repr(self) -> str:
        """For ``print``."""
        config, usual = self.config, ModelConfig()
        names = ("bidirectional", "activation", "window", "input_gate", "output_gate", "skip")
        told = {
            name: getattr(config, name) for name in names if getattr(config, name) != getattr(usual, name)
        }
        told |= {
            name: value for name, value in vars(self).items() if name in ("dropout", "truncate") and value
        }
        shown = [repr(config.cell), str(config.embedding_dim), str(config.hidden_sizes)]
        return ", ".join([*shown, *(f"{name}={value!r}" for name, value in told.items())])

    def _read(self, x: Tensor, offsets: Tensor) -> Tensor:
        config = self.config
        is_narrow = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
        precision = "bf16" if is_narrow else "float32"
        if self._weights("l0")[0].dtype == torch.float64:
            precision = "float64"
        for depth, hidden in enumerate(config.hidden_sizes):
            if depth:
                x = functional.dropout(x, self.dropout, self.training)
            x = torch.ops.tenor.layer(
                x,
                offsets,
                [weight for suffix in config.suffixes(depth) for weight in self._weights(suffix)],
                config.cell,
                [hidden, config.directions, config.window, self.truncate or 0],
                [config.input_gate, config.output_gate, config.skip],
                config.activation,
                precision,
            )[0]
        return x

    def _weights(self, suffix: str) -> list[Tensor]:
        names = layer_shapes(self.config, suffix, 1, 1)
        return [getattr(self, name.removeprefix("rnn.")) for name in names]


def _offsets_of(x: Any) -> Tensor:
    if x.layout != torch.jagged or x.lengths() is not None:
        raise InputError("a nested tensor must have layout=torch.jagged and no gaps; use .contiguous()")
    offsets: Tensor = x.offsets()
    return offsets
