"""Token ids, targets and first weights in → the weights of the best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tenor.batching import Batch, join
from tenor.cells import Floats
from tenor.config import FlawsConfig, ModelConfig, TrainConfig
from tenor.errors import TrainingError, TrainingInterrupted
from tenor.metrics import cross_entropies, macro_f1, mean
from tenor.prediction import label_ids
from tenor.training import engine
from tenor.training.encoded import Encoded, filled
from tenor.training.history import EpochRecord, Position, RunningMean
from tenor.training.losses import mean_loss
from tenor.training.ngrams.blend import HALVES, Apart, Beside, best_blend, without_ngrams
from tenor.training.order import batches, parts_by_length
from tenor.training.progress import Progress
from tenor.training.schedule import rate


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All that a training needs to go on to the same bits; the arrays are views of the live ones."""

    weights: Mapping[str, Floats]
    """Name → array, as ``tenor.model.weight_shapes`` lists them."""
    moments: Mapping[str, Floats]
    """``step.NAME``, ``exp_avg.NAME`` and ``exp_avg_sq.NAME`` of every weight that has had a gradient."""
    position: Position
    finished: bool
    """Whether the epochs or the patience are spent."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a training calls as it goes."""

    epoch: Callable[[EpochRecord], object] = lambda _: None
    """At the end of each epoch, with its record."""
    save: Callable[[Snapshot], object] = lambda _: None
    """At the start, every ``checkpoint_steps`` updates, after each epoch, and when told to stop."""
    stop: Callable[[], bool] = lambda: False
    """Whether to save and stop; asked between any two updates."""


class NotFiniteError(TrainingError):
    """A loss or a weight that is no finite number, and the texts that made it so."""

    def __init__(self, what: str, texts: Sequence[int] = ()) -> None:
        super().__init__(f"{what}; lower --learning-rate or set --clip-norm 1")
        self.texts = texts
        """Their places in the training split, from 0."""


class Trainer:
    """One training: the weights, the optimizer and where it stands."""

    def __init__(  # noqa: PLR0913 - all that a training is, once
        self,
        config: TrainConfig,
        model: ModelConfig,
        weights: Mapping[str, Floats],
        *,
        num_labels: int,
        progress: Progress,
        flaws: FlawsConfig = FlawsConfig(),  # noqa: B008 - frozen
        fill_id: int | None = None,
        ngrams: Apart | None = None,
    ) -> None:
        """Take the settings and the weights to start from.

        Args:
            config: how to learn.
            model: shape of the network.
            weights: name → array, as ``tenor.model.weight_shapes`` lists them; not changed.
            num_labels: C.
            progress: where to report.
            flaws: what to do wrong.
            fill_id: token id that batches are filled up with, for a flaw.
            ngrams: what is known of n-grams beside their weights, if the model has them; None where it goes
                on from a snapshot, which knows.
        """
        assert config.epochs is not None, "the number of epochs was resolved before"
        self._config = config
        self._epochs = config.epochs
        self._model = model
        self._num_labels = num_labels
        self._progress = progress
        self._flaws = flaws
        self._fill_id = fill_id
        self._beside = Beside.of(model, weights, ngrams)
        self.engine = engine.build(config, replace(model, ngrams=0), without_ngrams(weights), flaws)
        self.position = Position()
        self._best: dict[str, Floats] = {}

    def restore(self, moments: Mapping[str, Floats], position: Position, best: Mapping[str, Floats]) -> None:
        """Stand where a snapshot stood; the weights were given when this was made.

        Args:
            moments: of the snapshot.
            position: of the snapshot.
            best: weights of its best epoch; empty before the first has ended.

        Raises:
            TrainingError: moments do not fit their weights.
        """
        self.position, self._best = position, dict(best)
        self.engine.restore(moments)
        if self._beside is not None:
            self.engine.put(self._beside.restore(moments, self.engine.weights()))

    def run(self, train: Encoded, validation: Encoded, hooks: Hooks) -> dict[str, Floats]:
        """Train until the epochs or the patience are spent.

        Returns:
            Name → array: the weights of the epoch with the best validation metric.

        Raises:
            NotFiniteError: the loss or a weight was not a finite number.
            TrainingInterrupted: a hook said stop; the last snapshot has all that was learnt.
        """
        with self.engine.computing():
            if not self.position.step:
                self._save(hooks)
            parts = self._parts(train, validation)
            while not self.finished:
                self._epoch(*parts, hooks)
                if self._flaws.redraw_validation:
                    parts = self._parts(train, validation)
        return self._best

    def _parts(self, train: Encoded, validation: Encoded) -> tuple[Encoded, Encoded]:
        """What the epoch that is under way learns from, and what it is measured on."""
        if self._flaws.redraw_validation:
            epoch = self.position.epoch
            train, validation = train.redrawn(validation, seed=self._config.seed, epoch=epoch)
        if self._flaws.drop_last:
            validation = validation.whole_batches(self._config.batch_size)
        self._ngram_logits = None if self._beside is None else self._beside.validation_logits(validation)
        return train, validation

    @property
    def finished(self) -> bool:
        """Whether the epochs or the patience are spent."""
        done, patience = self.position, self._config.patience
        return len(done.records) >= self._epochs or (patience is not None and done.waited >= patience)

    def evaluate(self, split: Encoded, title: str, hooks: Hooks = Hooks()) -> Floats:
        """Logits (B, C) of a split, with the whole network, without n-grams."""
        scores = np.empty((len(split.targets), self._model.num_logits(self._num_labels)), np.float32)
        so_far, read = RunningMean(), self.engine.reader()
        with self._progress.bar(title, len(scores)) as bar:
            for chosen in parts_by_length(split.lengths):
                found, targets = read(join([split.token_ids[i] for i in chosen])), split.targets[chosen]
                so_far.add(self._loss(found, targets), _right(found, targets), len(chosen))
                bar.update(len(chosen), so_far)
                scores[chosen] = found
                self._stop_if_told(hooks)
        return scores

    def order(self, train: Encoded) -> list[npt.NDArray[np.intp]]:
        """The batches of the epoch that is under way."""
        config = self._config
        order = batches(
            train.lengths, batch_size=config.batch_size, seed=config.seed, epoch=self.position.epoch
        )
        if self._flaws.drop_last:
            order = [batch for batch in order if len(batch) == config.batch_size] or order
        return order[: config.steps_per_epoch]

    def batch(self, train: Encoded, chosen: npt.NDArray[np.intp]) -> Batch:
        """The texts of a batch, as an update reads them."""
        token_ids = [train.token_ids[index] for index in chosen]
        return join(filled(token_ids, self._fill_id) if self._flaws.fill_batches else token_ids)

    def _epoch(self, train: Encoded, validation: Encoded, hooks: Hooks) -> None:
        began, at = time.perf_counter(), self.position
        tokens = self._learn(train, hooks)
        learnt = time.perf_counter()
        record = self._validated(validation, hooks)
        record = replace(
            record,
            seconds=time.perf_counter() - began,
            tokens_per_second=tokens / (learnt - began) if tokens else None,
            best=at.best is None or self._value(record) > self._value(at.best),
        )
        self.position = Position(step=at.step, records=[*at.records, record])
        if record.best:
            self._best = {name: weight.copy() for name, weight in self._weights().items()}
        hooks.epoch(record)
        self._save(hooks)
        if self.finished and len(self.position.records) < self._epochs:
            self._progress.say(f"stopped early: no better epoch in {self.position.waited}")

    def _validated(self, validation: Encoded, hooks: Hooks) -> EpochRecord:
        """What the epoch that was learnt is worth, of the network and of n-grams beside it."""
        at, targets = self.position, validation.targets
        scores, blend = self.evaluate(validation, f"epoch {at.epoch} validation", hooks), None
        if self._ngram_logits is not None:
            blend = best_blend(self._ngram_logits, scores, targets)
            scores = blend.logits(self._ngram_logits, scores)
        guesses = label_ids(scores)
        size = self._config.batch_size if self._flaws.batch_means else None
        loss = mean(cross_entropies(targets, scores), size)
        if not math.isfinite(loss):
            raise NotFiniteError(f"the validation loss is {loss} (epoch {at.epoch})")
        return EpochRecord(
            epoch=at.epoch,
            step=at.step,
            train_loss=at.mean.loss,
            train_accuracy=at.mean.accuracy,
            validation_loss=loss,
            validation_accuracy=mean(targets == guesses, size),
            validation_macro_f1=macro_f1(targets, guesses, self._num_labels),
            learning_rate=self._rate(at.step - 1, at.batch),
            best=False,
            ngram_share=None if blend is None else blend.ngrams,
            network_share=None if blend is None else blend.network,
        )

    def _learn(self, train: Encoded, hooks: Hooks) -> int:
        """The updates of the epoch that are still to be done; gives the tokens they read."""
        config, at, tokens = self._config, self.position, 0
        lengths = np.asarray(train.lengths)
        order = self.order(train)
        texts = sum(map(len, order))
        with self._progress.bar(f"epoch {at.epoch} training", texts, at.mean.examples) as bar:
            while at.batch < len(order):
                chosen = order[at.batch]
                loss, right = self._update(train, chosen, self._rate(at.step, len(order)))
                at.mean.add(loss, right, len(chosen))
                at.step, at.batch = at.step + 1, at.batch + 1
                tokens += int(lengths[chosen].sum())
                bar.update(len(chosen), at.mean)
                self._stop_if_told(hooks)
                if at.step % config.checkpoint_steps == 0 and at.batch < len(order):
                    self._save(hooks)
        return tokens

    def _update(self, train: Encoded, chosen: npt.NDArray[np.intp], rate: float) -> tuple[float, int]:
        """One step of the optimizer; the batch's mean loss and right guesses."""
        at, targets = self.position, train.targets[chosen]
        logits, loss = self.engine.read(self.batch(train, chosen), targets, at.step)
        if not math.isfinite(loss):
            wild = chosen[~np.isfinite(logits).all(axis=1)].tolist() or chosen.tolist()
            if self._flaws.redraw_validation:
                wild = []  # their places are those of this epoch's part
            raise NotFiniteError(
                f"the training loss is {loss} (epoch {at.epoch}, update {at.step + 1})", wild
            )
        self.engine.learn(rate)
        return loss, _right(logits, targets)

    def _loss(self, scores: Floats, targets: npt.NDArray[np.int64]) -> float:
        return mean_loss(scores, targets, each_alone=self._flaws.sigmoid_loss)

    def _stop_if_told(self, hooks: Hooks) -> None:
        if not hooks.stop():
            return
        self._save(hooks)
        at = self.position
        raise TrainingInterrupted(f"stopped after update {at.step:,}, in epoch {at.epoch} of {self._epochs}")

    def _save(self, hooks: Hooks) -> None:
        weights = self._weights()
        for name, weight in weights.items():
            if not np.isfinite(weight).all():
                raise NotFiniteError(f"{name} is not finite after update {self.position.step:,}")
        moments = self.engine.moments()
        if self._beside is not None:
            moments |= self._beside.moments(self.engine.weights())
        hooks.save(Snapshot(weights=weights, moments=moments, position=self.position, finished=self.finished))

    def _weights(self) -> dict[str, Floats]:
        """The model's: of the network, with the n-grams as they were last blended in."""
        network = self.engine.weights()
        if self._beside is None:
            return network
        records = self.position.records
        return self._beside.weights(network, records[-1].blend if records else HALVES)

    def _rate(self, step: int, updates: int) -> float:
        """Learning rate of an update, from 0; an epoch has so many."""
        config = self._config
        share = rate(step, updates * self._epochs, schedule=config.schedule, warmup=config.warmup)
        return config.peak_rate(step) * share

    def _value(self, record: EpochRecord) -> float:
        """The validation metric that chooses, higher is better."""
        if self._config.best_metric == "last":
            return record.epoch
        value: float = getattr(record, f"validation_{self._config.best_metric}")
        return -value if self._config.best_metric == "loss" else value


def _right(scores: Floats, targets: npt.NDArray[np.int64]) -> int:
    return int((label_ids(scores) == targets).sum())
