"""Hand-sized models for all tests."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from samples import owned
from tenor import TextClassifier
from tenor.config import ModelConfig, TokenizerConfig, VocabularyConfig
from tenor.model import Model, weight_shapes
from tenor.vocabulary import build_from_words

WORDS = ("the", "film", "is", "not", "good", "bad")


# A shell starts what runs in the background with SIGINT ignored, nohup with SIGHUP; children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# PyTorch's threads wait for each other in loops, a hundred times as long where cores are busy.
torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failed one")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome, report.longrepr = "failed", f"skipped under --no-skips: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def isa_flags():
    """File of an instruction set → the flags that CMakeLists.txt compiles it with."""
    found = re.findall(
        r"set_source_files_properties\(\S+/(\w+)\.cpp PROPERTIES COMPILE_OPTIONS\s+\"([^\"]+)\"",
        (Path(__file__).parents[1] / "CMakeLists.txt").read_text(encoding="utf-8"),
    )
    return {name: flags.split(";") for name, flags in found}


@pytest.fixture(scope="session")
def tiny():
    """A function that makes a small model with random weights; the same call, the same weights."""

    def make(dtype=np.float32, labels=("negative", "positive"), **settings):
        defaults = {"embedding_dim": 4, "hidden_sizes": (5,)}
        config = ModelConfig(**(defaults | settings))
        vocabulary = build_from_words(WORDS, VocabularyConfig())
        generator = np.random.default_rng(0)
        shapes = weight_shapes(config, vocab_size=len(vocabulary), num_labels=len(labels))
        return Model(
            tokenizer=TokenizerConfig(),
            vocabulary=vocabulary,
            config=config,
            labels=tuple(labels),
            weights=owned(
                {name: generator.normal(size=shape).astype(dtype) for name, shape in shapes.items()},
                config,
                len(vocabulary),
            ),
        )

    return make


@pytest.fixture
def model_folder(tiny, tmp_path):
    """A small model, saved."""
    folder = tmp_path / "model"
    TextClassifier(tiny()).save(folder)
    return folder
