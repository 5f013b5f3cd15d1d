"""``tenor benchmark``, as a user types it."""

from __future__ import annotations

import json

import pytest


def test_it_says_how_fast_a_model_reads(tenor, model_folder, tmp_path):
    (tmp_path / "texts.txt").write_text("the film is good\nbad\n")
    done = tenor("benchmark", "-m", model_folder, "-f", tmp_path / "texts.txt", "--seconds", "0.01")
    record = json.loads(done.out)
    assert (record["texts"], record["tokens a text"]) == (2, 2.5)
    assert record["tokens/s"] > 100
    assert record["one text alone, 50 % within, ms"] <= record["one text alone, 99 % within, ms"]
    if record["computed by"] != "NumPy":
        assert (
            0
            < record["multiply-adds/s in the layers"]
            < record["multiply-adds/s of this machine, in float32"]
        )


def test_without_a_file_it_makes_texts_up(tenor, model_folder):
    record = json.loads(tenor("benchmark", "-m", model_folder, "--seconds", "0.01").out)
    assert (record["texts"], record["tokens a text"]) == (200, 200)


def test_numpy_has_no_roof(tenor, model_folder):
    record = json.loads(tenor("benchmark", "-m", model_folder, "--runtime", "numpy", "--seconds", "0.01").out)
    assert record["computed by"] == "NumPy"
    assert "share of that" not in record


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "9999"])
def test_a_time_that_makes_no_sense_is_refused(tenor, model_folder, seconds):
    done = tenor("benchmark", "-m", model_folder, "--seconds", seconds)
    assert done.status == 2
    assert "must be above 0 and at most 3600" in done.err
