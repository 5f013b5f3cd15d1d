"""Settings → what computes a training: the compiled core, or PyTorch.

Both learn the same function and leave out the same by dropout; their last bits differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tenor import native
from tenor.batching import Batch
from tenor.cells import Floats
from tenor.config import FlawsConfig, ModelConfig, TrainConfig
from tenor.errors import TrainingError, UnsupportedError

Targets = npt.NDArray[np.int64]
"""(B,) label ids."""


class Seen(NamedTuple):
    """What an engine made of a batch."""

    logits: Floats
    """(B, C), or (B, 1) for a two-label model with one logit."""
    loss: float
    """Mean over the texts, in nats."""


class Engine(Protocol):
    """The weights of a network, and an optimizer that changes them."""

    def weights(self) -> dict[str, Floats]:
        """Name → array, as they are now: to be read."""

    def put(self, weights: Mapping[str, Floats]) -> None:
        """Give some weights other values."""

    def read(self, batch: Batch, targets: Targets, step: int) -> Seen:
        """Read a batch for update number ``step``, from 0, with dropout."""

    def learn(self, rate: float) -> None:
        """Go on with the batch that was read last: gradients, and a step of the optimizer."""

    def reader(self) -> Callable[[Batch], Floats]:
        """What gives the logits of texts with the weights as they are, without dropout."""

    def logits_of(self, weights: Mapping[str, Floats], batch: Batch) -> Floats:
        """Logits with other weights, computed as in training but without dropout."""

    def moments(self) -> dict[str, Floats]:
        """``step.NAME``, ``exp_avg.NAME``, ``exp_avg_sq.NAME`` of each weight that has had a gradient."""

    def restore(self, moments: Mapping[str, Floats]) -> None:
        """Give back what ``moments`` took."""

    def computing(self) -> AbstractContextManager[object]:
        """While it computes: its threads, and what it does with the smallest numbers."""


def resolved(config: TrainConfig) -> Literal["core", "torch"]:
    """``"core"`` or ``"torch"``: the engine of a training that leaves it open.

    Raises:
        UnsupportedError: what was asked for is not there, or not there together.
    """
    has_core = native.is_available()
    if config.engine == "core" and config.device != "cpu":
        raise UnsupportedError("the compiled core computes on the processor; a GPU takes --engine torch")
    if config.engine == "core" and not has_core:
        raise UnsupportedError(f"the compiled core is absent: {native.status().reason}")
    if config.engine == "auto":
        return "core" if has_core and config.device == "cpu" else "torch"
    return config.engine


def build(
    config: TrainConfig,
    model: ModelConfig,
    weights: Mapping[str, Floats],
    flaws: FlawsConfig,
) -> Engine:
    """The engine of a training, whose ``engine`` was resolved.

    Args:
        config: how to learn.
        model: shape of the network; n-grams are none of it.
        weights: to start from; not changed.
        flaws: what to do wrong.

    Raises:
        UnsupportedError: PyTorch is needed and not installed.
    """
    if config.engine == "core":
        from tenor.training.core.engine import CoreEngine

        return CoreEngine(config, model, weights, flaws)
    need_pytorch("training on a GPU" if config.device == "cuda" else "training without the compiled core")
    from tenor.training.pytorch.engine import TorchEngine

    return TorchEngine(config, model, weights, flaws)


def remembered(moments: Mapping[str, Floats], name: str, shape: tuple[int, ...]) -> dict[str, Floats] | None:
    """What an optimizer remembers of one weight, by PyTorch's names, out of what ``moments`` took.

    Returns:
        ``step``, ``exp_avg`` and ``exp_avg_sq``; None where the weight has had no gradient yet, as a layer
        has none while all texts are empty.

    Raises:
        TrainingError: it does not fit the weight.
    """
    shapes = {"step": (), "exp_avg": shape, "exp_avg_sq": shape}
    found = {kind: moments[f"{kind}.{name}"] for kind in shapes if f"{kind}.{name}" in moments}
    if not found:
        return None
    fits = {kind: moment.shape for kind, moment in found.items()} == shapes
    if not fits or any(moment.dtype != np.float32 for moment in found.values()):
        raise TrainingError(f"what the optimizer remembers does not fit the weight {name}")
    return found


def need_pytorch(what: str) -> None:
    """Refuse what PyTorch computes where there is none."""
    if find_spec("torch") is None:
        core = f", or get the core: {native.status().reason}" if not native.is_available() else ""
        raise UnsupportedError(
            f"{what} needs PyTorch, which is not installed; type: pip install 'tenor[train]'{core}"
        )
