"""A training before its first update → what each part of it takes on this machine.

A few parts of each kind are done with a trainer that is thrown away; the learning rate is 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tenor.batching import join
from tenor.classifier import TextClassifier
from tenor.training.budget import Pace
from tenor.training.history import Position
from tenor.training.order import parts_by_length
from tenor.training.prepare import Prepared
from tenor.training.run import RunFolder
from tenor.training.trainer import Snapshot, Trainer

_MOST_PARTS = 24
_SHARE = 0.02
"""Of the whole time, for each kind of part; but one part of each kind is done in any case."""
_GOLDEN = (5**0.5 - 1) / 2


def rehearse(trainer: Trainer, prepared: Prepared, run: RunFolder | None, seconds: float) -> Pace:
    """Measure what updates, validation, checkpoints and the test will take.

    Args:
        trainer: of this training, to be thrown away: its optimizer takes steps of size 0.
        prepared: the training.
        run: where checkpoints go; None where there are none.
        seconds: of the whole budget; a small share of them is used, more where single parts take long.
    """
    limit = seconds * _SHARE
    train = prepared.splits["train"]
    lengths, order = np.asarray(train.lengths), trainer.order(train)

    def update(chosen: npt.NDArray[np.intp]) -> None:
        trainer.engine.read(trainer.batch(train, chosen), train.targets[chosen], 0)
        trainer.engine.learn(0.0)

    with trainer.engine.computing():
        updates = _seconds(update, order, lengths, limit)
        validation = _validation(trainer, prepared, limit)
    test = _test(prepared, limit)
    save = 0.0 if run is None else _save(trainer, prepared, run)
    return Pace(
        update=updates / len(order) + save / prepared.config.checkpoint_steps,
        epoch=validation + save,
        rest=test + 2 * save,
    )


def _validation(trainer: Trainer, prepared: Prepared, limit: float) -> float:
    split, read = prepared.splits["validation"], trainer.engine.reader()
    lengths = np.asarray(split.lengths)

    def part(chosen: npt.NDArray[np.intp]) -> None:
        read(join([split.token_ids[index] for index in chosen]))

    return _seconds(part, parts_by_length(lengths), lengths, limit)


def _test(prepared: Prepared, limit: float) -> float:
    """Of the test texts, which stay unread: others are read in their place."""
    splits, classifier = prepared.dataset.splits, TextClassifier(prepared.model)
    texts = [example.text for example in splits["validation"]]
    lengths = np.array([len(text) for text in texts])

    def part(chosen: npt.NDArray[np.intp]) -> None:
        classifier.predict_logits([texts[index] for index in chosen])

    tested = sum(len(example.text) + 1 for example in splits.get("test", ()))
    return _seconds(part, parts_by_length(lengths), lengths, limit) * tested / int((lengths + 1).sum())


def _save(trainer: Trainer, prepared: Prepared, run: RunFolder) -> float:
    weights, moments = trainer.engine.weights(), trainer.engine.moments()
    began = time.perf_counter()
    run.rehearse_save(
        prepared.model, Snapshot(weights=weights, moments=moments, position=Position(), finished=False)
    )
    return time.perf_counter() - began


def _seconds(
    do: Callable[[npt.NDArray[np.intp]], None],
    parts: Sequence[npt.NDArray[np.intp]],
    lengths: npt.NDArray[np.intp],
    limit: float,
) -> float:
    """Seconds that all parts would take, from a few of them.

    Parts come by multiples of the golden ratio, so that however few are done, short and long ones
    are among them in their proportion.

    Args:
        do: does a part.
        parts: the texts of each.
        lengths: (B,) of every text; the time is in proportion to them.
        limit: seconds after which no other part is begun.
    """
    sizes = [int((lengths[part] + 1).sum()) for part in parts]  # a text of no length takes time too
    by_size = np.argsort(sizes, kind="stable")
    spent, done = 0.0, 0
    for number in range(_MOST_PARTS):
        chosen = int(by_size[int((0.5 + number * _GOLDEN) % 1 * len(parts))])
        began = time.perf_counter()
        do(parts[chosen])
        spent, done = spent + time.perf_counter() - began, done + sizes[chosen]
        if spent >= limit:
            break
        if not number:  # the first one warms up
            spent, done = 0.0, 0
    return spent / done * sum(sizes)
