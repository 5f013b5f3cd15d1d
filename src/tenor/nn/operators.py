"""``torch.ops.tenor``: one layer of any cell, in one or both directions, and its way back.

Registered with PyTorch: the shapes of their outputs (for ``torch.compile``), their gradients, and float32
under autocast.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.errors import InputError
from tenor.model import layer_shapes
from tenor.native.arrays import shaped
from tenor.native.training import Arithmetic, Learner, kept_width
from tenor.training.core.layer import CoreLayer, Form, Wanted


def layer(x: Tensor, offsets: Tensor, weights: Sequence[Tensor], *settings: Any) -> tuple[Tensor, Tensor]:
    """Read the texts of a batch.

    Args:
        x: (N, I) vectors of all texts' words, end to end, float32 or float64.
        offsets: (B+1,) int64, where each text begins.
        weights: of each direction, those of ``tenor.model.layer_shapes`` in their order, typed as x.
        settings: as ``_parsed`` takes them.

    Returns:
        (N, D*H) states, and what the way back needs, (D, N, W).

    Raises:
        InputError: other types or shapes.
    """
    config, form = _parsed(*settings)
    states, kept = _outputs(x, config, form)
    read = _core_layer(x, offsets, weights, kept, config, form, states=states)
    Learner().forward(read.passes)
    return states, kept


def layer_back(
    d_states: Tensor, kept: Tensor, x: Tensor, offsets: Tensor, weights: Sequence[Tensor], *settings: Any
) -> list[Tensor]:
    """Gradients of x and of each weight from those (N, D*H) of the states that ``layer`` returned.

    The other arguments are what it was given and kept. Raises what it raises.
    """
    config, form = _parsed(*settings)
    read = _core_layer(x, offsets, weights, kept, config, form)
    read.take([_array("d_states", d_states, (len(x), config.directions * form.hidden), x.dtype)])
    Learner().backward(read.passes)
    parts, found = read.gradients()
    d_x = parts[0] if len(parts) == 1 else np.add(*parts)
    # One array stands for both biases of most cells, and an operator may not return a tensor twice.
    return [torch.from_numpy(each.copy()) for each in (d_x, *(d for one in found for d in one.values()))]


def _like_layer(x: Tensor, _: Tensor, __: Sequence[Tensor], *settings: Any) -> tuple[Tensor, Tensor]:
    return _outputs(x, *_parsed(*settings))


def _like_layer_back(
    _: Tensor, __: Tensor, x: Tensor, ___: Tensor, weights: Sequence[Tensor], *____: Any
) -> list[Tensor]:
    return [each.new_empty(each.shape) for each in (x, *weights)]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, offsets, weights, *ctx.settings = inputs
    ctx.save_for_backward(output[1], x, offsets, *weights)


def _back(ctx: Any, d_states: Tensor, _: Tensor) -> tuple[Any, ...]:
    kept, x, offsets, *weights = ctx.saved_tensors
    d_x, *d_weights = torch.ops.tenor.layer_back(d_states, kept, x, offsets, weights, *ctx.settings)
    return d_x, None, d_weights, *[None] * len(ctx.settings)


def _parsed(
    cell: str, sizes: Sequence[int], gates: Sequence[bool], activation: str, precision: str
) -> tuple[ModelConfig, Form]:
    """What an operator's last arguments say.

    Args:
        cell: as in ``ModelConfig``.
        sizes: H, the number of directions, a linear cell's window, and the words that gradients of
            states stay within, 0 for all.
        gates: whether a linear cell has an input gate, an output gate and a skip.
        activation: as in ``ModelConfig``.
        precision: as in ``tenor.native.training``.
    """
    return _made(cell, tuple(sizes), tuple(gates), activation, precision)


@lru_cache
def _made(
    cell: str, sizes: tuple[int, ...], gates: tuple[bool, ...], activation: str, precision: str
) -> tuple[ModelConfig, Form]:
    hidden, directions, window, truncate = sizes
    input_gate, output_gate, skip = gates
    config = ModelConfig.from_dict(
        {
            "cell": cell,
            "activation": activation,
            "window": window,
            "input_gate": input_gate,
            "output_gate": output_gate,
            "skip": skip,
            "hidden_sizes": (hidden,),
            "bidirectional": directions == 2,
        }
    )
    return config, Form.of(config, 0, truncate or None, cast("Arithmetic", precision))


def _outputs(x: Tensor, config: ModelConfig, form: Form) -> tuple[Tensor, Tensor]:
    """Room for what ``layer`` returns."""
    words, width = x.shape[0], kept_width(form.cell, form.gating, form.hidden)
    states = x.new_empty((words, config.directions * form.hidden))
    return states, x.new_empty((config.directions, words, width))


def _core_layer(
    x: Tensor,
    offsets: Tensor,
    weights: Sequence[Tensor],
    kept: Tensor,
    config: ModelConfig,
    form: Form,
    *,
    states: Tensor | None = None,
) -> CoreLayer:
    """The layer over these tensors' own memory, once they are seen to fit; without states, to go back."""
    if offsets.dtype != torch.int64 or offsets.ndim != 1 or not len(offsets) or int(offsets[-1]) != len(x):
        raise InputError(f"offsets must be int64 (B+1,), and the last the number of rows of x, {len(x):,}")
    shapes = layer_shapes(config, "", x.shape[-1], form.hidden)
    kind = torch.float64 if form.precision == "float64" else torch.float32
    if len(weights) != len(shapes) * config.directions:
        raise InputError(f"there must be {len(shapes) * config.directions} weights, got {len(weights)}")
    directions: list[dict[str, Floats]] = [{} for _ in range(config.directions)]
    for i, weight in enumerate(weights):
        name, shape = list(shapes.items())[i % len(shapes)]
        name = name.removeprefix("rnn.").removesuffix("_")
        directions[i // len(shapes)][name] = _array(name, weight, shape, kind)
    width = kept_width(form.cell, form.gating, form.hidden)
    return CoreLayer(
        form,
        directions,
        _array("x", x, (len(x), x.shape[-1]), kind),
        offsets.contiguous().numpy(),
        wanted=Wanted(
            None if states is None else states.numpy(),
            kept=list(_array("kept", kept, (config.directions, len(x), width), kind)),
        ),
        only_back=states is None,
    )


def _array(name: str, tensor: Tensor, shape: tuple[int, ...], kind: torch.dtype) -> Floats:
    """The tensor's numbers, side by side."""
    if tensor.dtype != kind:
        raise InputError(f"{name} must be {kind}, got {tensor.dtype}; use .to({kind})")
    array = tensor.detach().contiguous().numpy()
    shaped(name, array, shape)
    return array


# By hand, as PyTorch's decorator for operators takes seconds at the first call: it loads its compiler.
_LIBRARY: Any = torch.library.Library("tenor", "DEF")  # type: ignore[no-untyped-call]
_TENSORS = "Tensor x, Tensor offsets, Tensor[] weights"
_SETTINGS = "str cell, int[] sizes, bool[] gates, str activation, str precision"
_LIBRARY.define(f"layer({_TENSORS}, {_SETTINGS}) -> (Tensor, Tensor)")
_LIBRARY.define(f"layer_back(Tensor d_states, Tensor kept, {_TENSORS}, {_SETTINGS}) -> Tensor[]")
_LIBRARY.impl("layer", layer, "CPU")
_LIBRARY.impl("layer_back", layer_back, "CPU")
torch.library.register_fake("tenor::layer", _like_layer, lib=_LIBRARY)
torch.library.register_fake("tenor::layer_back", _like_layer_back, lib=_LIBRARY)
torch.library.register_autograd("tenor::layer", _back, setup_context=_remember, lib=_LIBRARY)
torch.library.register_autocast("tenor::layer", "cpu", torch.float32, lib=_LIBRARY)
