"""A model and where its training stands → a checkpoint folder, and back.

A checkpoint is a model folder, which predicts like any other, with two more files: what the
optimizer remembers and the position. It holds no times: the same training leaves the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from tenor import artifact
from tenor.cells import Floats
from tenor.classifier import TextClassifier
from tenor.errors import ArtifactError
from tenor.model import Model
from tenor.training.history import Position
from tenor.training.trainer import NotFiniteError, Snapshot

_POSITION = "training.json"
_MOMENTS = "training.safetensors"


class Place(NamedTuple):
    """Between which updates a checkpoint was made; places have the order in which they come."""

    step: int
    """Updates done."""
    epochs: int
    """Epochs done: with their validation, unlike the updates of an epoch that is under way."""

    @property
    def folder(self) -> str:
        """Name of the checkpoint's folder."""
        return f"step-{self.step:07d}" + (f"-epoch-{self.epochs}" if self.epochs else "")

    @classmethod
    def of(cls, position: Position) -> Place:
        """Where a training stands; within an epoch the epochs before it are not named."""
        return cls(position.step, 0 if position.batch else len(position.records))

    @classmethod
    def from_folder(cls, name: str) -> Place | None:
        """The way back from a name; None where it is not a checkpoint's."""
        found = re.fullmatch(r"step-([0-9]{7,15})(?:-epoch-([0-9]{1,15}))?", name)
        return cls(int(found[1]), int(found[2] or 0)) if found else None


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a checkpoint folder holds, in memory."""

    model: Model
    moments: Mapping[str, Floats]
    position: Position
    best: Place | None
    """Where the best epoch so far ended; None before the first has."""
    finished: bool
    """Whether the training was done."""


def best_of(position: Position) -> Place | None:
    """Where the best epoch so far ended."""
    return Place(position.best.step, position.best.epoch) if position.best else None


def write_checkpoint(model: Model, snapshot: Snapshot, folder: Path) -> None:
    """Write a checkpoint: whole, or not at all.

    Raises:
        ArtifactError: writing failed.
        NotFiniteError: the weights are so large that the model's answer is no finite number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        test = TextClassifier(model).self_test()
    if not np.isfinite(test.probabilities).all():
        raise NotFiniteError(f"the model's answer is not finite after update {snapshot.position.step:,}")
    position = snapshot.position.to_dict() | {"finished": snapshot.finished}
    more = {
        _POSITION: (json.dumps(position, indent=2) + "\n").encode(),
        _MOMENTS: safetensors.numpy.save(dict(snapshot.moments)),
    }
    artifact.write(model, folder, test, force=False, more=more)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint, checked as a model folder is.

    Raises:
        ArtifactError: it is damaged, or a model folder without the state of its training.
    """
    model = TextClassifier.load(folder).model
    contents = artifact.read_more(folder, (_POSITION, _MOMENTS))
    try:
        values = json.loads(contents[_POSITION])
        position = Position.from_dict(values)
        moments = safetensors.numpy.load(contents[_MOMENTS])
        finished = bool(values["finished"])
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{folder} is not a sound checkpoint: {error}") from error
    return Checkpoint(
        model=model, moments=moments, position=position, best=best_of(position), finished=finished
    )
