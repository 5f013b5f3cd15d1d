"""Model folders that earlier releases wrote are read by this one, and say what they said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tenor import TextClassifier
from tenor.artifact import FILES, MANIFEST

HERE = Path(__file__).parent
RELEASES = sorted(path.parent for path in HERE.glob("*/expected.json"))
every_release = pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)


@pytest.mark.parametrize("runtime", ["numpy", "auto"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@every_release
def test_a_model_of_a_release_predicts_what_it_did(release, cell, runtime):
    expected = json.loads((release / "expected.json").read_text(encoding="utf-8"))[cell]
    found = TextClassifier.load(release / cell, runtime=runtime).predict_proba(list(expected))
    assert len(expected) == 10
    np.testing.assert_allclose(found, list(expected.values()), rtol=0, atol=1e-6)


@every_release
def test_a_release_left_a_folder_for_every_cell(release):
    assert sorted(path.name for path in release.iterdir() if path.is_dir()) == ["gru", "lstm", "rnn"]
    for cell in ("gru", "lstm", "rnn"):
        assert sorted(path.name for path in (release / cell).iterdir()) == sorted([*FILES, MANIFEST])
        assert TextClassifier.load(release / cell).model.config.cell == cell


def test_the_first_release_is_among_them():
    assert "0.1.0" in [release.name for release in RELEASES]
