"""``tenor vectors``: learnt from texts, and looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tenor.data import WordVectors, read_vectors
from tenor.data.skipgram import neighbours
from tenor.errors import DataError


@pytest.fixture
def texts(tmp_path):
    """Cats and dogs do one kind of thing, sun and rain another."""
    lines = []
    for i in range(300):
        animal, weather = ("cat", "dog")[i % 2], ("sun", "rain")[i % 2]
        lines += [
            f"the {animal} eats and the {animal} sleeps",
            f"today {weather} comes and {weather} goes over",
        ]
    (tmp_path / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "texts.txt"


def test_vectors_are_learnt_written_and_looked_at(tenor, texts, tmp_path):
    learnt = tmp_path / "texts.vec"
    done = tenor("vectors", "train", texts, "--size", 8, "--epochs", 20, "-o", learnt)
    assert (done.status, done.out) == (0, "")
    assert f"next: tenor vectors neighbours {learnt} " in done.err
    found = read_vectors(learnt)
    assert found.matrix.shape == (len(found.words), 8)
    shown = tenor("vectors", "neighbours", learnt, "cat", "--count", 20).out.splitlines()
    cosines = {row["word"]: row["cosine"] for row in map(json.loads, shown)}
    assert cosines["dog"] > max(cosines["sun"], cosines["rain"])


def test_the_same_texts_and_seed_give_the_same_vectors_in_any_process(texts, tmp_path):
    made = []
    for n, hashed in enumerate(("0", "7")):
        command = [sys.executable, "-m", "tenor", "vectors", "train", str(texts), "--size", "5"]
        env = os.environ | {"PYTHONHASHSEED": hashed}
        subprocess.run([*command, "-o", f"{n}.vec"], cwd=tmp_path, env=env, check=True, capture_output=True)
        made.append((tmp_path / f"{n}.vec").read_bytes())
    assert made[0] == made[1]


def test_a_model_s_words_have_neighbours_too(tenor, model_folder):
    rows = [json.loads(row) for row in tenor("vectors", "neighbours", model_folder, "good").out.splitlines()]
    assert {row["word"] for row in rows} == {"the", "film", "is", "not", "bad"}
    assert [row["cosine"] for row in rows] == sorted((row["cosine"] for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["neighbours", "MODEL", "goood"], "'goood' has no vector; did you mean 'good'?"),
        (["neighbours", "MODEL", "good", "--count", "0"], "--count is 0; it must be at least 1"),
        (["train", "TEXTS", "--min-count", "1000000"], "comes 1000000 times; set --min-count 1"),
        (["train", "TEXTS", "--size", "0"], "--size is 0, which is too small"),
        (["train", "TEXTS", "-o", "TEXTS"], "is there already"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_what_to_do(tenor, texts, model_folder, arguments, message):
    places = {"MODEL": model_folder, "TEXTS": texts}
    done = tenor("vectors", *(places.get(argument, argument) for argument in arguments))
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_a_vector_of_zeros_points_nowhere():
    import numpy as np

    vectors = WordVectors(words=("a", "b", "c"), matrix=np.array([[0, 0], [1, 0], [2, 0.1]], np.float32))
    assert [word for word, _ in neighbours(vectors, "b", 5)] == ["c", "a"]
    with pytest.raises(DataError, match="all zeros, which points nowhere"):
        neighbours(vectors, "a", 5)
