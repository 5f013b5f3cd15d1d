"""A training in PyTorch: the reference of the core's, and what trains where there is no core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from tenor.batching import Batch
from tenor.cells import Floats
from tenor.config import FlawsConfig, ModelConfig, TrainConfig
from tenor.training.dropout import Dropout
from tenor.training.engine import Seen, Targets
from tenor.training.pytorch import network, optimizer
from tenor.training.pytorch.arithmetic import autocast, denormals_flushed, device_of, exact_products, threads
from tenor.training.pytorch.reader import TorchReader


class TorchEngine:
    """As ``Engine``."""

    def __init__(
        self,
        config: TrainConfig,
        model: ModelConfig,
        weights: Mapping[str, Floats],
        flaws: FlawsConfig,
    ) -> None:
        self._config, self._model, self._flaws = config, model, flaws
        self._device = device_of(config.device)
        # Cloned into PyTorch's own memory: how an array lies there can change a product's last bits.
        self._weights = {
            name: torch.from_numpy(np.array(weight)).clone().to(self._device)
            for name, weight in weights.items()
        }
        for name, weight in self._weights.items():
            weight.requires_grad_(not (config.freeze_embedding and name == "embedding.weight"))
        self._learnt = {name: weight for name, weight in self._weights.items() if weight.requires_grad}
        self._optimizer = optimizer.build(config, self._learnt)
        self._autocast = autocast(config, model)

    def weights(self) -> dict[str, Floats]:
        """As ``Engine.weights``."""
        return {name: weight.detach().cpu().numpy() for name, weight in self._weights.items()}

    def put(self, weights: Mapping[str, Floats]) -> None:
        """As ``Engine.put``."""
        with torch.no_grad():
            for name, values in weights.items():
                self._weights[name].copy_(torch.from_numpy(values))

    def read(self, batch: Batch, targets: Targets, step: int) -> Seen:
        """As ``Engine.read``."""
        dropout = Dropout.of(self._config, step, len(self._model.hidden_sizes))
        scores = self._logits(self._weights, batch, dropout)
        each_alone = self._flaws.sigmoid_loss
        ids = torch.from_numpy(targets).to(self._device)
        self._loss = network.loss(scores, ids, each_alone=each_alone)
        self._read = batch.token_ids
        return Seen(scores.detach().cpu().numpy(), self._loss.item())

    def learn(self, rate: float) -> None:
        """As ``Engine.learn``."""
        self._optimizer.param_groups[0]["lr"] = rate
        self._optimizer.zero_grad()
        self._loss.backward()  # type: ignore[no-untyped-call]
        if self._config.clip_norm:
            torch.nn.utils.clip_grad_norm_(self._learnt.values(), self._config.clip_norm, foreach=True)
        if isinstance(self._optimizer, optimizer.LazyAdam):
            self._optimizer.rows = torch.from_numpy(np.unique(self._read)).to(self._device)
        self._optimizer.step()

    def reader(self) -> Callable[[Batch], Floats]:
        """As ``Engine.reader``."""
        return lambda batch: self._without_dropout(self._weights, batch)

    def logits_of(self, weights: Mapping[str, Floats], batch: Batch) -> Floats:
        """As ``Engine.logits_of``, in float32 whatever the training's precision is."""
        return TorchReader(self._model, weights, self._config.device).logits(batch)

    def moments(self) -> dict[str, Floats]:
        """As ``Engine.moments``."""
        return optimizer.moments(self._optimizer, self._learnt)

    def restore(self, moments: Mapping[str, Floats]) -> None:
        """As ``Engine.restore``."""
        optimizer.restore(self._optimizer, self._learnt, moments)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """As ``Engine.computing``."""
        with threads(self._config.threads or 1), denormals_flushed(), exact_products():
            yield

    def _without_dropout(self, weights: Mapping[str, Tensor], batch: Batch) -> Floats:
        with torch.inference_mode():
            return self._logits(weights, batch, None).cpu().numpy()

    def _logits(self, weights: Mapping[str, Tensor], batch: Batch, dropout: Dropout | None) -> Tensor:
        layers = 1 if self._flaws.bottom_state else None
        with self._autocast:
            scores = network.logits(
                weights, self._model, batch, dropout=dropout, layers=layers, truncate=self._config.truncate
            )
        return scores.float()
