"""Labelled texts and settings in → a trained classifier.

    corpus → encoded · initial · ngrams/ ─→ prepare → trainer → freeze → TextClassifier
                                                      │     └ history → checkpoint → run
                                    engine: core/ or pytorch/

``rehearsal`` and ``budget`` shorten a training before it begins.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from tenor.classifier import TextClassifier
from tenor.config import Settings, TrainConfig
from tenor.data import Dataset, WordVectors, dataset_of, load
from tenor.errors import TrainingError, TrainingInterrupted, UnsupportedError
from tenor.evaluation import Evaluation, evaluate
from tenor.model import Model
from tenor.presets import preset
from tenor.report.card import render_card
from tenor.training import engine
from tenor.training.budget import TimeBudget, decision, fitted
from tenor.training.freeze import check_frozen
from tenor.training.history import EpochRecord, Position
from tenor.training.ngrams.blend import without_ngrams
from tenor.training.prepare import Prepared, prepare, prepare_again
from tenor.training.progress import Progress
from tenor.training.rehearsal import rehearse
from tenor.training.run import RunFolder
from tenor.training.trainer import Hooks, NotFiniteError, Snapshot, Trainer

__all__ = ["Progress", "RunFolder", "TimeBudget", "on_gpu", "resume", "train"]

_NAMED_TEXTS = 8


def train(  # noqa: PLR0913 - all that goes into a training, by name
    data: Dataset | str | os.PathLike[str] | Iterable[tuple[str, str]],
    settings: Settings | None = None,
    *,
    words: Sequence[str] | None = None,
    vectors: WordVectors | None = None,
    run: RunFolder | None = None,
    progress: Progress | None = None,
    recipe: Mapping[str, Any] | None = None,
    budget: TimeBudget | None = None,
) -> TextClassifier:
    """Train a classifier; the weights are those of the epoch that was best on validation texts.

    Args:
        data: labelled texts, a corpus name or file that ``tenor.data.load`` reads, or pairs of a text
            and its label. Without validation texts of its own, ``settings.train.validation`` of the
            training texts are held back. Test texts, if there are any, are read once, after training.
        settings: every choice; None takes those of ``tenor.preset()``.
        words: the vocabulary in its order, for ``vocabulary.source = "list"``.
        vectors: word vectors to start from; their width sets ``embedding_dim``.
        run: where checkpoints, metrics and curves go; emptied once texts and settings are seen to
            be sound. None writes none, and the training cannot be resumed.
        progress: where to report; None is silent.
        recipe: what the model's record says of the recipe that the settings come from.
        budget: shortens the training, before it begins, to what this machine should do in the time
            that is left; None leaves its length to the settings. What was decided stands in the
            settings of the record, which repeat the training without a clock. A machine that is
            slower later on takes longer: nothing is cut off.

    Returns:
        The classifier, seen to compute in its own runtime what trained it computes. Its
        ``model.record`` has the resolved settings, the data's hash and the metrics.

    Raises:
        DataError: the data cannot be read or learnt from.
        ConfigError: settings, words and vectors do not go together.
        UnsupportedError: there is no GPU, no PyTorch or no compiled core where the settings ask for it.
        TrainingError: the loss was not finite, or the runtimes disagree.
        ArtifactError: a checkpoint cannot be written.
        TrainingInterrupted: the run was told to stop; its last checkpoint has all that was learnt.
    """
    progress = progress or Progress(None)
    given = _dataset(data)
    prepared = prepare(given, settings or preset(), words, vectors, progress, recipe)
    trainer = _trainer(prepared, progress)
    if run is not None:
        run.begin(given.origin)
    if budget is not None:
        prepared = _shortened(prepared, budget, run, progress)
        trainer = _trainer(prepared, progress)
    return _learn(trainer, prepared, run, progress)


def resume(
    run: RunFolder,
    data: Dataset | None = None,
    *,
    step: int | None = None,
    learning_rate: float | None = None,
    progress: Progress | None = None,
) -> TextClassifier:
    """Go on with a training, to the bits that it would have come to without the stop.

    Args:
        run: its run folder.
        data: the same texts; None reads them from where they were.
        step: go on from a checkpoint of this step, taking back what came after it; None takes the
            last one.
        learning_rate: another peak learning rate from here on; the model's settings say so, as
            ``rate_changes``. None keeps it.
        progress: where to report; None is silent.

    Raises:
        TrainingError: there is no such checkpoint, or the texts are others than the training's.
        ArtifactError: the checkpoint is damaged; the message names the file.
        DataError, UnsupportedError, TrainingInterrupted: as for ``train``.
    """
    progress = progress or Progress(None)
    found = run.choose(step)
    best = run.read(found.best).model.weights if found.best else {}
    if learning_rate is not None:
        change = f"{found.position.step}:{learning_rate!r}"
        progress.say(f"learning rate {learning_rate:g} from update {found.position.step + 1:,} on")
        found = replace(found, model=_with_rate_change(found.model, change))
    prepared = prepare_again(data or run.read_texts(), found.model, progress)
    trainer = _trainer(prepared, progress)
    trainer.restore(found.moments, run.go_on(found.position), best)
    progress.say(f"resuming after update {found.position.step:,}")
    return _learn(trainer, prepared, run, progress)


def on_gpu(classifier: TextClassifier) -> TextClassifier:
    """The same classifier, which reads whole texts on an NVIDIA GPU, with PyTorch.

    Its n-grams, and reading word by word, stay on the processor.

    Raises:
        UnsupportedError: there is no GPU or no PyTorch, or the model's weights are not float32.
    """
    engine.need_pytorch("reading on a GPU")
    from tenor.training.pytorch.reader import TorchReader

    model = classifier.model
    if model.precision != "float32":
        raise UnsupportedError(f"a GPU reads models of float32, and this one is of {model.precision}")
    return TextClassifier(
        model, network=TorchReader(model.config, without_ngrams(model.weights), "cuda").logits
    )


def _dataset(data: Dataset | str | os.PathLike[str] | Iterable[tuple[str, str]]) -> Dataset:
    if isinstance(data, Dataset):
        return data
    return load(data) if isinstance(data, str | os.PathLike) else dataset_of(data)


def _shortened(prepared: Prepared, budget: TimeBudget, run: RunFolder | None, progress: Progress) -> Prepared:
    """The training, with no more epochs and updates than the time that is left allows."""
    rehearsed = _trainer(prepared, Progress(None))
    updates = len(rehearsed.order(prepared.splits["train"]))
    pace = rehearse(rehearsed, prepared, run, budget.seconds)
    config = fitted(prepared.config, updates, pace, budget.left())
    progress.say(decision(config, updates, pace, budget))
    record = {**prepared.model.record, "train": config.to_dict()}
    return replace(prepared, config=config, model=replace(prepared.model, record=record))


def _with_rate_change(model: Model, change: str) -> Model:
    """The model with another learning rate among the settings of its training."""
    config = TrainConfig.from_dict(model.record["train"])
    config = replace(config, rate_changes=(*config.rate_changes, change))
    return replace(model, record={**model.record, "train": config.to_dict()})


def _trainer(prepared: Prepared, progress: Progress) -> Trainer:
    model, flaws = prepared.model, prepared.flaws
    vocabulary = model.vocabulary
    return Trainer(
        prepared.config,
        model.config,
        model.weights,
        num_labels=len(model.labels),
        progress=progress,
        flaws=flaws,
        ngrams=prepared.ngrams,
        fill_id=vocabulary.special_id(vocabulary.config.fill_token) if flaws.fill_batches else None,
    )


def _learn(trainer: Trainer, prepared: Prepared, run: RunFolder | None, progress: Progress) -> TextClassifier:
    """Train to the end, and make the model of the best epoch."""
    splits = prepared.splits
    try:
        with nullcontext() if run is None else run.learning_here():
            best = trainer.run(splits["train"], splits["validation"], _hooks(prepared, run, progress))
            if run is not None and run.stopping:  # told so after the last update
                raise TrainingInterrupted("stopped when all was learnt, before the model was saved")
    except NotFiniteError as error:
        raise TrainingError(_explained(error, prepared, trainer.position, run)) from error
    metrics = _metrics(trainer.position.records)
    model = replace(prepared.model, weights=best, record={**prepared.model.record, "metrics": metrics})
    check_frozen(TextClassifier(model), trainer.engine, splits["validation"])
    batch_means = prepared.config.batch_size if prepared.flaws.batch_means else None
    return _finished(model, prepared.dataset, progress, batch_means=batch_means)


def _hooks(prepared: Prepared, run: RunFolder | None, progress: Progress) -> Hooks:
    told: list[int] = []

    def epoch(record: EpochRecord) -> None:
        progress.epoch(record, prepared.config.epochs or 0)
        if record.runs_away and not told:
            told.append(record.epoch)
            progress.say(
                f"note: training accuracy {record.train_accuracy:.3f} is far above validation "
                f"{record.validation_accuracy:.3f}: the network overfits, it learns the training texts by "
                "heart. The best epoch is kept; more dropout or fewer epochs help, and --patience 2 stops "
                "in time"
            )
        if run is not None:
            run.add(record)

    def save(snapshot: Snapshot) -> None:
        if run is not None:
            run.save(_at(prepared.model, snapshot), snapshot, keep=prepared.config.keep_checkpoints)

    def stop() -> bool:
        return run is not None and run.stopping

    return Hooks(epoch=epoch, save=save, stop=stop)


def _at(model: Model, snapshot: Snapshot) -> Model:
    """The model of a checkpoint: its weights, and what was measured with them, if an epoch ended there."""
    position = snapshot.position
    metrics: dict[str, Any] = {"step": position.step, "epochs": len(position.records)}
    if position.records and not position.batch:
        metrics |= _scores(position.records[-1])
    model = replace(model, weights=snapshot.weights, record={**model.record, "metrics": metrics})
    return replace(model, card=render_card(model, None))


def _metrics(records: Sequence[EpochRecord]) -> dict[str, Any]:
    best = [record for record in records if record.best][-1]
    return {"epochs": len(records), "best_epoch": best.epoch, **_scores(best)}


def _scores(record: EpochRecord) -> dict[str, float]:
    return {k: v for k, v in record.measured().items() if k.startswith(("train_", "validation_"))}


def _explained(error: NotFiniteError, prepared: Prepared, position: Position, run: RunFolder | None) -> str:
    """What was not finite, which texts made it so, what to do, and where the best model is."""
    given = prepared.given.splits
    rows = {id(example): row for row, example in enumerate(given["train"], 1)}
    texts = [prepared.dataset.splits["train"][i] for i in error.texts]
    lines = [str(error)]
    if texts:
        numbers = [rows[id(example)] for example in texts if id(example) in rows]  # a flaw learns others too
        more = f" and {len(numbers) - _NAMED_TEXTS} more" if len(numbers) > _NAMED_TEXTS else ""
        named = ", ".join(f"{number:,}" for number in numbers[:_NAMED_TEXTS]) or "of the validation split"
        lines.append(f"made by the training texts {named}{more}; the first of them is {texts[0].text[:60]!r}")
    if run is not None and position.best:
        lines.append(f"the best epoch so far stays as a model in {run.best_folder(position)}")
    return "\n".join(lines)


def _finished(
    model: Model, dataset: Dataset, progress: Progress, *, batch_means: int | None
) -> TextClassifier:
    """The classifier, evaluated once on the test texts if there are any, with its card."""
    evaluation: Evaluation | None = None
    record = dict(model.record)
    if dataset.splits.get("test"):
        examples = dataset.splits["test"]
        with progress.bar("reading test texts", len(examples)) as bar:
            evaluation = evaluate(
                TextClassifier(model), examples, on_chunk=bar.update, batch_means=batch_means
            )
        record["metrics"] = record["metrics"] | {
            "test_accuracy": evaluation.accuracy,
            "test_loss": evaluation.loss,
            "test_macro_f1": evaluation.macro_f1,
        }
        progress.say(f"test accuracy {evaluation.accuracy:.4f} · loss {evaluation.loss:.4f}")
    model = replace(model, record=record)
    return TextClassifier(replace(model, card=render_card(model, evaluation)))
