"""A training's progress → its run folder, from which it goes on after anything that stops it.

run.json           where the texts are
metrics.jsonl      a line an epoch
curves.svg         the same as a picture
checkpoints/       step-0000703-epoch-1, …: model folders that know how to resume
lock               held while a process trains here
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import tenor
from tenor.atomic import remove_folder, write_file
from tenor.data import Dataset, Source
from tenor.errors import ArtifactError, DataError, TrainingError
from tenor.lock import Lock
from tenor.model import Model
from tenor.report.curves import render_curves
from tenor.training.checkpoint import Checkpoint, Place, best_of, read_checkpoint, write_checkpoint
from tenor.training.history import OF_THE_CLOCK, EpochRecord, Position
from tenor.training.trainer import Snapshot

FORMAT_VERSION = 1
METRICS = "metrics.jsonl"
CURVES = "curves.svg"
_ABOUT = "run.json"
_LOCK = "lock"
_CHECKPOINTS = "checkpoints"
_REHEARSED = ".step-rehearsed"
"""Spelt so that ``_clear`` removes what a kill leaves of it."""


class RunFolder:
    """What a training leaves beside its model; held by one process at a time."""

    def __init__(self, path: Path, *, force: bool = False) -> None:
        """Hold a run folder, which is made if it is not there.

        Args:
            path: the folder; of a model ``reviews`` it is ``reviews.run``, beside it.
            force: let ``begin`` remove a training that could be resumed.

        Raises:
            TrainingError: another process holds it, or it cannot be written.
        """
        self.path = path
        self._force = force
        self.learning = False
        """Whether a training is under way here that asks for ``stopping`` between its updates."""
        self.stopping = False
        """Set by whoever wants the training to save all and stop, after the update it is in."""
        self._is_new = not path.exists()
        self._lock = Lock(path / _LOCK)
        self._records: list[EpochRecord] = []
        with self._writing():
            path.mkdir(parents=True, exist_ok=True)
            free = self._lock.acquire(wait=False)
        if not free:
            raise TrainingError(
                f"{path} is being written by another training, process {self._lock.holder()}; wait for "
                "it, or name another place with -o"
            )

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        # A training that was stopped before it began leaves nothing that would look like one. The lock goes
        # while it is held; who waits for it finds a file without a name, and its folder gone.
        if self._is_new and os.listdir(self.path) == [_LOCK]:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    @contextmanager
    def learning_here(self) -> Iterator[None]:
        """While a training asks for ``stopping``."""
        self.learning = True
        try:
            yield
        finally:
            self.learning = self.stopping = False

    def check_free(self) -> None:
        """Refuse to begin where a training lies that could be resumed, unless told to by ``force``.

        Raises:
            TrainingError: there is one: stopped on the way, or done without its model being saved.
            ArtifactError: its last checkpoint is damaged.
        """
        places = self.places()
        if self._force or not places or not places[-1].step:
            return
        try:
            finished = self.read(places[-1]).finished
        except ArtifactError as error:
            raise ArtifactError(f"{error}\nor start over with --force") from error
        if finished and self.path.with_name(self.path.name.removesuffix(".run")).exists():
            return
        step = f"{places[-1].step:,}"
        what = f"stopped after update {step}"
        if finished:
            what = f"is finished ({step} updates), but whose model was not saved"
        raise TrainingError(
            f"{self.path} holds a training that {what}; resume it: tenor train --resume {self.path}\n"
            "or start over with --force"
        )

    def begin(self, source: Source | None) -> None:
        """Empty the folder for a training that begins.

        Args:
            source: where its texts are, so that it can be resumed; None for texts in memory.

        Raises:
            TrainingError: as ``check_free``, or the folder cannot be written.
        """
        self.check_free()
        places = self.places()
        about = {
            "format_version": FORMAT_VERSION,
            "tenor_version": tenor.__version__,
            "data": None if source is None else asdict(source.absolute()),
        }
        self._records = []
        self._clear(places)
        with self._writing():
            (self.path / CURVES).unlink(missing_ok=True)
        self._write(METRICS, "")
        self._write(_ABOUT, json.dumps(about, indent=2, ensure_ascii=False) + "\n")

    def read_texts(self) -> Dataset:
        """Read the training's texts again, from where they were.

        Raises:
            TrainingError: the folder does not say where that was.
            DataError: they cannot be read there.
        """
        try:
            about = json.loads((self.path / _ABOUT).read_text(encoding="utf-8"))
            source = Source(**about["data"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise TrainingError(
                f"{self.path / _ABOUT} does not say where the texts are ({error}); name them: "
                f"tenor train DATA --resume {self.path}"
            ) from error
        try:
            return source.read()
        except DataError as error:
            raise DataError(
                f"{error}\nWhere the texts have moved, name them: tenor train DATA --resume {self.path}"
            ) from error

    def places(self) -> list[Place]:
        """The checkpoints that are here, the first first."""
        folder = self.path / _CHECKPOINTS
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return sorted(place for place in map(Place.from_folder, names) if place)

    def folder(self, place: Place) -> Path:
        """Where a checkpoint is."""
        return self.path / _CHECKPOINTS / place.folder

    def best_folder(self, position: Position) -> Path | None:
        """Where the model of the best epoch so far is; None before the first has ended."""
        place = best_of(position)
        return self.folder(place) if place else None

    def read(self, place: Place) -> Checkpoint:
        """Read a checkpoint.

        Raises:
            ArtifactError: it is damaged; the message names the file.
        """
        return read_checkpoint(self.folder(place))

    def choose(self, step: int | None) -> Checkpoint:
        """The last checkpoint, or the last one of a step.

        Raises:
            TrainingError: it is not there.
            ArtifactError: it is damaged.
        """
        places = self.places()
        if not places:
            raise TrainingError(f"{self.path} has no checkpoint to resume from; start with: tenor train DATA")
        if step is None:
            return self._last(places)
        found = [place for place in places if place.step == step]
        if not found:
            known = ", ".join(f"{n:,}" for n in sorted({place.step for place in places}))
            raise TrainingError(f"{self.path} has no checkpoint of step {step:,}; it has {known}")
        return self.read(found[-1])

    def _last(self, places: list[Place]) -> Checkpoint:
        try:
            return self.read(places[-1])
        except ArtifactError as error:
            earlier = sorted({place.step for place in places[:-1]})
            if not earlier:
                raise
            raise ArtifactError(
                f"{error}\nor resume from an earlier one: tenor train --resume {self.path} "
                f"--step {earlier[-1]}"
            ) from error

    def go_on(self, position: Position) -> Position:
        """Take back what came after a position; gives it with the times of its epochs.

        Raises:
            TrainingError: the folder cannot be written.
        """
        self._clear(place for place in self.places() if place > Place.of(position))
        times = self._times()
        self._records = [replace(record, **times.get(record.epoch, {})) for record in position.records]
        self._write_records()
        return replace(position, records=list(self._records))

    def add(self, record: EpochRecord) -> None:
        """Take in one epoch.

        Raises:
            TrainingError: the folder cannot be written.
        """
        self._records.append(record)
        self._write_records()

    def save(self, model: Model, snapshot: Snapshot, *, keep: int) -> None:
        """Write a checkpoint, and remove those that are neither among the last few nor a best one.

        Raises:
            ArtifactError: it cannot be written; those before it are as they were.
        """
        place = Place.of(snapshot.position)
        if place not in self.places():
            write_checkpoint(model, snapshot, self.folder(place))
        self._prune(keep, snapshot.position)

    def rehearse_save(self, model: Model, snapshot: Snapshot) -> None:
        """Write a checkpoint that is gone afterwards, to see how long it takes.

        Raises:
            ArtifactError: it cannot be written.
        """
        folder = self.path / _CHECKPOINTS / _REHEARSED
        write_checkpoint(model, snapshot, folder)
        shutil.rmtree(folder)

    def _prune(self, keep: int, position: Position) -> None:
        """Keep the last few checkpoints, and for each of them the best epoch that it goes back to."""
        places = self.places()
        best = [Place(record.step, record.epoch) for record in position.records if record.best]
        kept = set(places[-keep:])
        kept |= {max((b for b in best if b <= place), default=place) for place in kept}
        for place in places:
            if place not in kept:
                remove_folder(self.folder(place))

    def _clear(self, places: Iterable[Place]) -> None:
        """Remove checkpoints, and what a kill left of one that was being written or removed."""
        with self._writing():
            for place in places:
                remove_folder(self.folder(place))
            for left in (self.path / _CHECKPOINTS).glob(".step-*"):
                shutil.rmtree(left)
            for name in (METRICS, CURVES, _ABOUT):
                for file in self.path.glob(f".{name}.*"):
                    file.unlink()

    def _times(self) -> dict[int, dict[str, Any]]:
        """What a clock said of each epoch, as far as ``metrics.jsonl`` can be read."""
        times = {}
        try:
            for line in (self.path / METRICS).read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                times[int(row["epoch"])] = {name: float(row[name]) for name in OF_THE_CLOCK}
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            pass  # they are lost, and nothing else
        return times

    def _write_records(self) -> None:
        rows = [record.to_dict() for record in self._records]
        self._write(METRICS, "".join(json.dumps(row) + "\n" for row in rows))
        if rows:
            self._write(CURVES, render_curves(rows))

    def _write(self, name: str, content: str) -> None:
        with self._writing():
            write_file(self.path / name, content.encode("utf-8", "surrogatepass"))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """While the folder is changed: what the system refuses is told with what to do."""
        try:
            yield
        except OSError as error:
            raise TrainingError(
                f"cannot write the run folder {self.path}: {error.strerror}; free some space, name another "
                "place with -o, or resume with a copy of the folder elsewhere"
            ) from error
