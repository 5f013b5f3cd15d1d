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
MODELS = sorted(path for release in RELEASES for path in release.iterdir() if path.is_dir())
every_model = pytest.mark.parametrize("folder", MODELS, ids=lambda path: f"{path.parent.name}-{path.name}")


@pytest.mark.parametrize("runtime", ["numpy", "auto"])
@every_model
def test_a_model_of_a_release_predicts_what_it_did(folder, runtime):
    expected = json.loads((folder.parent / "expected.json").read_text(encoding="utf-8"))[folder.name]
    classifier = TextClassifier.load(folder, runtime=runtime)
    assert len(expected) == 10
    # Whole numbers of a state that two ways of adding round apart are others.
    tolerance = 1e-6 if classifier.model.precision == "float32" else 1e-3
    found = classifier.predict_proba(list(expected))
    np.testing.assert_allclose(found, list(expected.values()), rtol=0, atol=tolerance)


@every_model
def test_a_release_left_whole_folders(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, MANIFEST])
    assert TextClassifier.load(folder).model.config.cell == folder.name.partition("-")[0]


def test_the_first_release_is_among_them():
    first = [path.name for path in MODELS if path.parent.name == "0.1.0"]
    assert first == ["gru", "lstm", "rnn"]
