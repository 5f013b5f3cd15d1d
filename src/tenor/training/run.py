"""Epoch records in → the run folder: ``metrics.jsonl`` and the learning curves, as they come."""

from __future__ import annotations

import json
from pathlib import Path

from tenor.errors import TrainingError
from tenor.report.curves import render_curves
from tenor.training.history import EpochRecord

METRICS = "metrics.jsonl"
CURVES = "curves.svg"


class RunFolder:
    """What a training leaves beside its model; started anew by each training."""

    def __init__(self, path: Path) -> None:
        """Make the folder and empty its record.

        Raises:
            TrainingError: it cannot be written.
        """
        self.path = path
        self._records: list[EpochRecord] = []
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / CURVES).unlink(missing_ok=True)  # of an earlier training
        except OSError as error:
            raise self._unwritable(error) from error
        self._write(METRICS, "")

    def add(self, record: EpochRecord) -> None:
        """Take in one epoch.

        Raises:
            TrainingError: the folder cannot be written.
        """
        self._records.append(record)
        rows = [record.to_dict() for record in self._records]
        self._write(METRICS, "".join(json.dumps(row) + "\n" for row in rows))
        self._write(CURVES, render_curves(rows))

    def _write(self, name: str, content: str) -> None:
        try:
            (self.path / name).write_text(content, encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> TrainingError:
        return TrainingError(
            f"cannot write the run folder {self.path}: {error.strerror}; free some space or name "
            "another place with -o"
        )
