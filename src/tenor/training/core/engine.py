"""A training in the compiled core: no PyTorch, the same bits on every machine and any number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from tenor import native
from tenor.batching import Batch
from tenor.cells import Floats
from tenor.config import FlawsConfig, ModelConfig, TrainConfig
from tenor.native.arrays import TokenIds
from tenor.native.training import Adam, Arithmetic, Learnt
from tenor.scorer import Scorer
from tenor.training.core.late_rows import LateRows
from tenor.training.core.network import CoreNetwork, Gradients
from tenor.training.dropout import Dropout
from tenor.training.engine import Seen, Targets, remembered
from tenor.training.losses import gradient, mean_loss

_MOMENTS = {"exp_avg": "mean", "exp_avg_sq": "square"}
"""What PyTorch calls them, and ``Learnt``."""


class CoreEngine:
    """As ``Engine``."""

    def __init__(
        self,
        config: TrainConfig,
        model: ModelConfig,
        weights: Mapping[str, Floats],
        flaws: FlawsConfig,
    ) -> None:
        self._config, self._model, self._flaws = config, model, flaws
        self._layers = 1 if flaws.bottom_state else None
        self._weights = {name: np.array(weight, np.float32, order="C") for name, weight in weights.items()}
        precision: Arithmetic = "bf16" if config.precision == "bf16" else "float32"
        self._steps: dict[str, int] = {}
        frozen = ("embedding.weight",) if config.freeze_embedding else ()
        self._learnt = {
            name: Learnt(weight, np.zeros_like(weight), np.zeros_like(weight))
            for name, weight in self._weights.items()
            if name not in frozen
        }
        self._adam = Adam(weight_decay=config.weight_decay, decoupled=config.optimizer != "adam")
        self._words: LateRows | None = None
        if config.optimizer != "lazy_adam" and not config.freeze_embedding:
            self._words = LateRows(self._adam, self._learnt["embedding.weight"])
        self._network = self._network_of(self._weights, precision, self._layers)

    def weights(self) -> dict[str, Floats]:
        """As ``Engine.weights``."""
        self._settle()
        return self._weights

    def put(self, weights: Mapping[str, Floats]) -> None:
        """As ``Engine.put``."""
        self._settle()
        for name, values in weights.items():
            self._weights[name][...] = values

    def read(self, batch: Batch, targets: Targets, step: int) -> Seen:
        """As ``Engine.read``."""
        dropout = Dropout.of(self._config, step, len(self._model.hidden_sizes))
        caught_up = None if self._words is None else self._words.catch_up
        logits = self._network.read(batch, dropout, caught_up)
        self._seen = logits, targets
        return Seen(logits, mean_loss(logits, targets, each_alone=self._flaws.sigmoid_loss))

    def learn(self, rate: float) -> None:
        """As ``Engine.learn``."""
        gradients = self._network.back(gradient(*self._seen, each_alone=self._flaws.sigmoid_loss))
        if self._config.freeze_embedding:
            del gradients.rows["embedding.weight"]
        scale = self._scale(gradients)
        for name, values in gradients.whole.items():
            self._step(name, values, rate, scale)
        for name, rows in gradients.rows.items():
            self._step(name, rows.values, rate, scale, ids=rows.ids)

    def reader(self) -> Callable[[Batch], Floats]:
        """As ``Engine.reader``."""
        config, weights = self._model, self.weights()
        if self._layers:
            config = replace(config, hidden_sizes=config.hidden_sizes[: self._layers])
        scorer = Scorer(config, weights, runtime="native")
        return scorer.logits

    def logits_of(self, weights: Mapping[str, Floats], batch: Batch) -> Floats:
        """As ``Engine.logits_of``, in float32 and of all layers, whatever is learnt."""
        return self._network_of(weights).read(batch, Dropout.none(len(self._model.hidden_sizes)))

    def moments(self) -> dict[str, Floats]:
        """As ``Engine.moments``."""
        self._settle()
        found = {f"step.{name}": np.array(step, np.float32) for name, step in self._steps.items()}
        for kind, own in _MOMENTS.items():
            found |= {f"{kind}.{name}": getattr(self._learnt[name], own) for name in self._steps}
        return found

    def restore(self, moments: Mapping[str, Floats]) -> None:
        """As ``Engine.restore``.

        Raises:
            TrainingError: they do not fit their weights.
        """
        self._settle()
        for name, learnt in self._learnt.items():
            found = remembered(moments, name, learnt.weight.shape)
            if found is None:
                continue
            self._steps[name] = int(found["step"])
            for kind, own in _MOMENTS.items():
                getattr(learnt, own)[...] = found[kind]

    @contextmanager
    def computing(self) -> Iterator[None]:
        """As ``Engine.computing``."""
        before = native.status().threads
        if self._config.threads is not None:
            native.set_threads(self._config.threads)
        try:
            yield
        finally:
            native.set_threads(before)

    def _network_of(
        self, weights: Mapping[str, Floats], precision: Arithmetic = "float32", layers: int | None = None
    ) -> CoreNetwork:
        truncate = self._config.truncate
        return CoreNetwork(self._model, weights, layers=layers, truncate=truncate, precision=precision)

    def _scale(self, gradients: Gradients) -> float:
        """What brings the norm of all gradients down to the largest that is allowed, as PyTorch has it."""
        most = self._config.clip_norm
        if not most:
            return 1.0
        values = [*gradients.whole.values(), *(rows.values for rows in gradients.rows.values())]
        norm = float(np.sqrt(sum(np.square(value).sum(dtype=np.float64) for value in values)))
        return min(1.0, most / (norm + 1e-6))

    def _step(
        self, name: str, values: Floats, rate: float, scale: float, ids: TokenIds | None = None
    ) -> None:
        self._steps[name] = self._steps.get(name, 0) + 1
        step = self._adam.step(self._steps[name], rate)
        self._adam.learn(self._learnt[name], values, step, row_ids=ids, scale=scale)
        if ids is not None and self._words is not None:
            self._words.step(step, ids)

    def _settle(self) -> None:
        """Have all weights as they are after the last update."""
        if self._words is not None:
            self._words.settle()
