"""The same model on every processor: trainings with each instruction set that this one has."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tenor import native

MODELS = [
    {"cell": "lstm", "hidden_sizes": (20, 17), "bidirectional": True},
    {"cell": "gru", "hidden_sizes": (33,), "pooling": ("last", "attention")},
    {"cell": "rnn"},
    {"cell": "linear", "window": 2, "output_gate": True, "skip": True, "hidden_sizes": (37,), "ngrams": 4096},
    {"cell": "linear", "activation": "relu", "input_gate": True, "bidirectional": True},
]
TRAIN = """
import json, sys
from tenor import ModelConfig, Settings, native, train
from tenor.config import TrainConfig

assert native.status().isa == sys.argv[1]
for number, model in enumerate(json.loads(sys.argv[2])):
    for precision in ("float32", "bf16"):
        config = TrainConfig(epochs=2, engine="core", precision=precision)
        trained = train("texts.csv", Settings(model=ModelConfig(**model), train=config))
        trained.save(f"{sys.argv[1]}-{precision}-{number}")
"""


@pytest.mark.skipif(not native.is_available(), reason="this installation holds no compiled core")
def test_every_instruction_set_learns_the_same_model_to_the_bit(texts):
    folder = texts.parent
    found = {}
    for isa in native.status().isas:
        subprocess.run(
            [sys.executable, "-c", TRAIN, isa, json.dumps(MODELS)],
            cwd=folder,
            env=os.environ | {"TENOR_ISA": isa},
            check=True,
        )
        names = [f"{isa}-{precision}-{i}" for precision in ("float32", "bf16") for i in range(len(MODELS))]
        found[isa] = [(folder / name / "model.safetensors").read_bytes() for name in names]
    assert all(models == found["base"] for models in found.values())
    assert len(set(found["base"])) == 2 * len(MODELS)
