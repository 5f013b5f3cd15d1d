"""A training of 40 updates on a file, and ways to run it in processes of its own."""

from __future__ import annotations

import random
import shutil
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
    model=ModelConfig(embedding_dim=6, hidden_sizes=(5, 4), bidirectional=True, ngrams=2**12),
    train=TrainConfig(
        epochs=5, batch_size=9, checkpoint_steps=1, keep_checkpoints=%(keep)d, learning_rate=0.02,
        best_metric="accuracy",
    ),
    vocabulary=VocabularyConfig(min_count=1),
)


def begin(run, data):
    with RunFolder(Path(run)) as folder:
        dataset = load(data)
        return train(dataset, SETTINGS, run=folder)


def go_on(run, step=None):
    with RunFolder(Path(run)) as folder:
        return resume(folder, step=step)
"""
"""Five epochs of eight updates each."""


def write_texts(path):
    """80 labelled texts."""
    choose = random.Random(0)
    words = ["the", "a", "film", "plot", "story", "was", "is", "with", "and", "of"]
    lines = ["text,label"]
    for i in range(80):
        text = [*choose.choices(words, k=choose.randrange(2, 9)), choose.choice(["dull", "fine"])]
        choose.shuffle(text)
        lines.append(" ".join(text) + "," + ("bad", "good")[("fine" in text) ^ (i % 7 == 0)])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def run_script(folder, code, keep=99):
    """Run Python code, which has ``begin`` and ``go_on``, in a process of its own."""
    source = SETTINGS % {"keep": keep} + code
    return subprocess.run(
        [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, timeout=500
    )


@pytest.fixture
def script(tmp_path):
    """``run_script`` in the test's folder."""
    return lambda code, keep=99: run_script(tmp_path, code, keep)


@pytest.fixture
def code():
    """``begin`` and ``go_on`` as Python code."""
    return SETTINGS % {"keep": 99}


@pytest.fixture
def texts(tmp_path):
    """A file of 80 labelled texts."""
    write_texts(tmp_path / "texts.csv")
    return tmp_path / "texts.csv"


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with a training that was not stopped: every checkpoint, and its model."""
    folder = tmp_path_factory.mktemp("trained")
    write_texts(folder / "texts.csv")
    done = run_script(folder, "begin('whole.run', 'texts.csv').save('whole')")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def whole(trained, texts):
    """The run folder of that training, copied to this test's texts; ``whole`` beside it is its model."""
    folder = texts.parent
    shutil.copytree(trained / "whole", folder / "whole")
    shutil.copytree(trained / "whole.run", folder / "whole.run")
    about = (folder / "whole.run" / "run.json").read_text()
    (folder / "whole.run" / "run.json").write_text(about.replace(str(trained), str(folder)))
    return folder / "whole.run"
