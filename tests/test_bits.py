"""The number of threads changes no bit: neither BLAS' threads nor the core's own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from tenor import TextClassifier, native

CODE = """
import hashlib, sys
from tenor import TextClassifier
texts = ["the film is not good " * n for n in range(1, 60)]
found = TextClassifier.load(sys.argv[1], runtime=sys.argv[2]).predict_logits(texts)
print(hashlib.sha256(found.tobytes()).hexdigest())
"""


NEEDS_CORE = pytest.mark.skipif(not native.is_available(), reason="no compiled core here")
RUNTIMES = [("numpy", None), pytest.param("native", None, marks=NEEDS_CORE)]
RUNTIMES += [("numpy", kernel) for kernel in ("Haswell", "Zen", "Prescott")]
"""OpenBLAS has kernels for each kind of processor, which round differently; where it does not know
these names (other processors, another BLAS) it goes by what is there."""


@pytest.mark.parametrize(("runtime", "kernel"), RUNTIMES)
def test_one_thread_or_two_give_the_same_bits(tiny, tmp_path, runtime, kernel):
    wide = tiny(embedding_dim=300, hidden_sizes=(256, 200), pooling=("mean", "max", "attention"))
    TextClassifier(wide).save(tmp_path / "model")
    hashes = set()
    for threads in ("1", "2"):
        count = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TENOR_THREADS"), threads)
        if kernel:
            count["OPENBLAS_CORETYPE"] = kernel
        command = [sys.executable, "-c", CODE, str(tmp_path / "model"), runtime]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | count)
        hashes.add(done.stdout.strip())
    assert len(hashes) == 1
    assert len(hashes.pop()) == len(hashlib.sha256().hexdigest())
