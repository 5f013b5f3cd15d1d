"""Logits → probabilities → records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenor.prediction import Prediction, label_ids, predictions, probabilities

LN3 = float(np.log(3))
LABELS = ("bad", "fair", "good")


def test_one_logit_is_the_log_odds_of_the_second_label():
    assert probabilities(np.array([[LN3], [0.0]])) == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))


def test_several_logits_go_through_a_softmax():
    assert probabilities(np.array([[0.0, LN3, 0.0]])) == pytest.approx(np.array([[0.2, 0.6, 0.2]]))


def test_a_constant_added_to_all_logits_changes_nothing():
    found = probabilities(np.array([[1000.0, 1000 + LN3, 1000]]))
    assert found == pytest.approx(np.array([[0.2, 0.6, 0.2]]))


@pytest.mark.parametrize("logit", [-1e4, -50.0, -1e-9, 0.0, 3.0, 1e4])
@pytest.mark.parametrize("columns", [1, 2, 5])
def test_probabilities_sum_to_1(logit, columns):
    logits = np.full((1, columns), logit, np.float32)
    logits[0, -1] *= -1
    assert probabilities(logits).sum() == pytest.approx(1, abs=1e-15)


def test_extreme_logits_give_0_and_1_without_a_warning():
    assert probabilities(np.array([[1e4], [-1e4]], np.float32)).tolist() == [[0, 1], [1, 0]]
    assert probabilities(np.array([[1e4, -1e4, 0]], np.float32)).tolist() == [[1, 0, 0]]


def test_probabilities_of_float32_logits_are_computed_in_float64():
    assert probabilities(np.array([[30.0]], np.float32))[0, 0] == pytest.approx(np.exp(-30.0), rel=1e-12)


def test_a_tie_goes_to_the_second_label():
    assert label_ids(np.array([[0.0], [-0.0], [-1e-30], [1e-30]])).tolist() == [1, 1, 0, 1]


def test_a_tie_of_several_logits_goes_to_the_first():
    assert label_ids(np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])).tolist() == [1, 0]


def test_a_prediction_names_the_label_its_score_and_all_probabilities():
    (found,) = predictions(np.array([[0.0, LN3, 0.0]]), LABELS, [True])
    assert found.labels == ("fair",)
    assert found.score == found.probabilities["fair"] == pytest.approx(0.6)
    assert list(found.probabilities) == list(LABELS)
    assert found.truncated is True


def test_every_row_has_a_prediction_in_order():
    found = predictions(np.array([[LN3], [-LN3]]), ("negative", "positive"), [False, True])
    assert [(p.label, p.score, p.truncated) for p in found] == [
        ("positive", pytest.approx(0.75), False),
        ("negative", pytest.approx(0.75), True),
    ]


def test_no_logits_give_no_predictions():
    assert predictions(np.zeros((0, 1)), ("negative", "positive"), []) == []
    assert predictions(np.zeros((0, 3)), LABELS, []) == []


def test_a_model_that_abstains_has_no_label():
    assert Prediction(labels=(), score=0.4, probabilities={}, truncated=False).label is None


def test_the_record_goes_through_json():
    (found,) = predictions(np.array([[0.0]], np.float32), ("negative", "positive"), [False])
    assert json.loads(json.dumps(found.to_dict())) == {
        "label": "positive",
        "labels": ["positive"],
        "score": 0.5,
        "probabilities": {"negative": 0.5, "positive": 0.5},
        "truncated": False,
    }
