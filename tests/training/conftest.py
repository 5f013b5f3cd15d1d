"""A training of 40 updates on a file, and ways to run it in processes of its own."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

SETTINGS = """
from pathlib import Path
from tenor import Settings
from tenor.config import ModelConfig, TrainConfig, VocabularyConfig
from tenor.data import load
from tenor.training import RunFolder, resume, train

SETTINGS = Settings(
    model=ModelConfig(embedding_dim=6, hidden_sizes=(5, 4), bidirectional=True),
    train=TrainConfig(
        epochs=5, batch_size=9, checkpoint_steps=1, keep_checkpoints=%(keep)d, learning_rate=0.02,
        best_metric="accuracy",
    ),
    vocabulary=VocabularyConfig(min_count=1),
)


def begin(run, data):
    with RunFolder(Path(run)) as folder:
        dataset = load(data)
        folder.begin(dataset.origin, force=False)
        return train(dataset, SETTINGS, run=folder)


def go_on(run, step=None):
    with RunFolder(Path(run)) as folder:
        return resume(folder, step=step)
"""
"""Five epochs of eight updates each."""


@pytest.fixture
def texts(tmp_path):
    """A file of 80 labelled texts; a test file of 10 beside it would be read at the end."""
    choose = random.Random(0)
    words = ["the", "a", "film", "plot", "story", "was", "is", "with", "and", "of"]
    lines = ["text,label"]
    for i in range(80):
        text = [*choose.choices(words, k=choose.randrange(2, 9)), choose.choice(["dull", "fine"])]
        choose.shuffle(text)
        lines.append(" ".join(text) + "," + ("bad", "good")[("fine" in text) ^ (i % 7 == 0)])
    path = tmp_path / "texts.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def script(tmp_path):
    """A function that runs Python code, which has ``begin`` and ``go_on``, in a process of its own."""

    def run(code, keep=99, **options):
        source = SETTINGS % {"keep": keep} + code
        return subprocess.run(
            [sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, timeout=500, **options
        )

    return run
