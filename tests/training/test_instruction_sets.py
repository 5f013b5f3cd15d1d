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


PRODUCTS = """
import hashlib, itertools
import numpy as np
from tenor.native.training import multiply

sizes = [(1, 1, 1), (3, 5, 7), (5, 66, 33), (17, 95, 18), (9, 300, 48), (97, 1023, 40), (4, 2500, 70)]
cases = itertools.product(sizes, itertools.product((0, 1), repeat=2), (False, True))
for seed, (size, turned, add) in enumerate(cases):
    rows, inner, columns = size
    draw, factors = np.random.default_rng(seed), []
    for shape, turn in zip(((rows, inner), (inner, columns)), turned):
        x = draw.normal(size=shape[::-1] if turn else shape) * 10.0 ** draw.integers(-16, 12)
        x *= 10.0 ** draw.integers(-8, 3, x.shape)
        factors.append(x.astype(np.float32).T if turn else x.astype(np.float32))
    out = draw.normal(size=(rows, columns)).astype(np.float32)
    found = multiply(*factors, out=out, add=add, precision="bf16")
    print(hashlib.sha256(found.tobytes()).hexdigest())
"""


@pytest.mark.skipif(not native.is_available(), reason="this installation holds no compiled core")
def test_every_instruction_set_multiplies_in_bf16_to_the_same_bits():
    found = {
        isa: subprocess.run(
            [sys.executable, "-c", PRODUCTS],
            env=os.environ | {"TENOR_ISA": isa},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for isa in native.status().isas
    }
    assert all(hashes == found["base"] for hashes in found.values())
    assert len(set(found["base"].split())) == 7 * 4 * 2


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
