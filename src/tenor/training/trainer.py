"""Token ids, targets and first weights in → the weights of the best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tenor.batching import join
from tenor.cells import Floats
from tenor.config import ModelConfig, TrainConfig
from tenor.errors import TrainingError
from tenor.metrics import accuracy, cross_entropy, macro_f1
from tenor.prediction import label_ids
from tenor.training import network
from tenor.training.history import EpochRecord
from tenor.training.order import batches
from tenor.training.progress import Progress, RunningMean
from tenor.training.schedule import rate

_STREAM = 3
"""Keeps the random numbers of dropout apart from all others."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A split as the network takes it."""

    token_ids: Sequence[npt.NDArray[np.int32]]
    """Of each text (T,)."""
    targets: npt.NDArray[np.int64]
    """(B,) label ids."""

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text."""
        return [len(ids) for ids in self.token_ids]


class Trainer:
    """One training run: the weights, the optimizer and where it stands."""

    def __init__(
        self,
        config: TrainConfig,
        model: ModelConfig,
        weights: dict[str, Floats],
        *,
        num_labels: int,
        progress: Progress,
    ) -> None:
        assert config.epochs is not None, "the number of epochs was resolved before"
        self._config = config
        self._epochs = config.epochs
        self._model = model
        self._num_labels = num_labels
        self._progress = progress
        self.weights = {name: torch.from_numpy(weight.copy()) for name, weight in weights.items()}
        for name, weight in self.weights.items():
            weight.requires_grad_(not (config.freeze_embedding and name == "embedding.weight"))
        self._learnt = [weight for weight in self.weights.values() if weight.requires_grad]
        self._optimizer = _optimizer(config, self._learnt)
        self._autocast = _autocast(config, model)
        self._step = 0
        self._best_value = -math.inf
        self._best: dict[str, Floats] = {}
        self.interrupted = False

    def run(
        self, train: Encoded, validation: Encoded, on_epoch: Callable[[EpochRecord], object]
    ) -> dict[str, Floats]:
        """Train until the epochs or the patience are spent, or an interrupt after the first epoch.

        Returns:
            Name → array: the weights of the epoch with the best validation metric.

        Raises:
            TrainingError: the loss was not a finite number.
        """
        try:
            with _threads(self._config.threads), _denormals_flushed():
                self._run(train, validation, on_epoch)
        except KeyboardInterrupt:
            if not self._best:
                raise  # nothing was learnt that is worth keeping
            self.interrupted = True
            self._progress.say("interrupted: the best epoch so far is kept")
        return self._best

    def evaluate(self, split: Encoded, title: str) -> Floats:
        """Logits (B, C) of a split, with the whole network."""
        scores = np.empty((len(split.targets), self._model.num_logits(self._num_labels)), np.float32)
        lengths, mean = split.lengths, RunningMean()
        by_length = np.argsort(lengths, kind="stable")
        with self._progress.bar(title, len(lengths)) as bar, torch.inference_mode():
            for start in range(0, len(by_length), 128):
                chosen = by_length[start : start + 128]
                found, targets = self._logits(split, chosen, None)
                mean.add(float(network.loss(found, targets)), _right(found, targets), len(chosen))
                bar.update(len(chosen), mean)
                scores[chosen] = found.numpy()
        return scores

    def _run(self, train: Encoded, validation: Encoded, on_epoch: Callable[[EpochRecord], object]) -> None:
        waited = 0
        for epoch in range(1, self._epochs + 1):
            record = self._epoch(epoch, train, validation)
            waited = 0 if record.best else waited + 1
            if record.best:
                self._best_value, self._best = self._value(record), self._copy()
            on_epoch(record)
            if self._config.patience is not None and waited >= self._config.patience:
                self._progress.say(f"stopped: no better epoch in {waited}")
                return

    def _epoch(self, epoch: int, train: Encoded, validation: Encoded) -> EpochRecord:
        began = time.perf_counter()
        mean = self._learn(epoch, train)
        learnt = time.perf_counter()
        scores = self.evaluate(validation, f"epoch {epoch} validation")
        guesses = label_ids(scores)
        validation_loss = cross_entropy(validation.targets, scores)
        if not math.isfinite(validation_loss):
            raise _not_finite("validation loss", validation_loss, f"epoch {epoch}")
        record = EpochRecord(
            epoch=epoch,
            train_loss=mean.loss,
            train_accuracy=mean.accuracy,
            validation_loss=validation_loss,
            validation_accuracy=accuracy(validation.targets, guesses),
            validation_macro_f1=macro_f1(validation.targets, guesses, self._num_labels),
            learning_rate=self._optimizer.param_groups[0]["lr"],
            seconds=time.perf_counter() - began,
            tokens_per_second=sum(train.lengths) / (learnt - began),
            best=False,
        )
        return replace(record, best=self._value(record) > self._best_value)

    def _learn(self, epoch: int, train: Encoded) -> RunningMean:
        config, mean = self._config, RunningMean()
        order = batches(train.lengths, batch_size=config.batch_size, seed=config.seed, epoch=epoch)
        with self._progress.bar(f"epoch {epoch} training", len(train.targets)) as bar:
            for chosen in order:
                self._set_rate(len(order) * self._epochs)
                loss, right = self._update(train, chosen)
                mean.add(loss, right, len(chosen))
                bar.update(len(chosen), mean)
                self._step += 1
        return mean

    def _update(self, train: Encoded, chosen: npt.NDArray[np.intp]) -> tuple[float, int]:
        """One step of the optimizer; the batch's mean loss and right guesses."""
        generator = torch.Generator().manual_seed(_mix(self._config.seed, _STREAM, self._step))
        dropout = network.Dropout(config=self._config, generator=generator)
        scores, targets = self._logits(train, chosen, dropout)
        loss = network.loss(scores, targets)
        value = loss.item()
        if not math.isfinite(value):
            rows = ", ".join(map(str, chosen[:8].tolist()))
            raise _not_finite("training loss", value, f"update {self._step}, training texts {rows}, …")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._config.clip_norm:
            torch.nn.utils.clip_grad_norm_(self._learnt, self._config.clip_norm, foreach=True)
        self._optimizer.step()
        return value, _right(scores.detach(), targets)

    def _logits(
        self, split: Encoded, chosen: npt.NDArray[np.intp], dropout: network.Dropout | None
    ) -> tuple[Tensor, Tensor]:
        batch = join([split.token_ids[index] for index in chosen])
        with self._autocast:
            scores = network.logits(self.weights, self._model, batch, dropout=dropout)
        return scores.float(), torch.from_numpy(split.targets[chosen])

    def _set_rate(self, total: int) -> None:
        config = self._config
        share = rate(self._step, total, schedule=config.schedule, warmup=config.warmup)
        self._optimizer.param_groups[0]["lr"] = config.learning_rate * share

    def _value(self, record: EpochRecord) -> float:
        """The validation metric that chooses, higher is better."""
        value: float = getattr(record, f"validation_{self._config.best_metric}")
        return -value if self._config.best_metric == "loss" else value

    def _copy(self) -> dict[str, Floats]:
        return {name: weight.detach().numpy().copy() for name, weight in self.weights.items()}


def _optimizer(config: TrainConfig, learnt: list[Tensor]) -> torch.optim.Optimizer:
    options: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(learnt, fused=True, **options)


def _autocast(config: TrainConfig, model: ModelConfig) -> AbstractContextManager[object]:
    """bf16 where the processor multiplies it in tiles; elsewhere, and for GRUs, it is slower."""
    tiles = config.precision == "auto" and torch.cpu.get_capabilities().get("amx_bf16", False)
    if config.precision == "bf16" or (tiles and model.cell == "lstm"):
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Gradients of early words vanish into numbers that processors handle 30 times as slowly."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _mix(*numbers: int) -> int:
    """One 63-bit seed out of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _right(scores: Tensor, targets: Tensor) -> int:
    return int((label_ids(scores.numpy()) == targets.numpy()).sum())


def _not_finite(what: str, value: float, where: str) -> TrainingError:
    return TrainingError(f"the {what} is {value} ({where}); lower --learning-rate or set --clip-norm 1")
