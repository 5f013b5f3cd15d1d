"""Labelled texts in → counts that one can check on paper."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenor import TextClassifier, evaluate
from tenor.data.examples import Example
from tenor.errors import DataError, TenorError
from tenor.evaluation import LabelScores


class Echo:
    """A classifier whose texts say their own logits."""

    def __init__(self, *labels):
        self.labels = labels
        self.calls = []

    def predict_logits(self, texts):
        self.calls.append(len(texts))
        return np.array([[float(number) for number in text.split()] for text in texts])


def examples(*pairs):
    return [Example(text=text, label=label) for text, label in pairs]


FOUR = examples(("-1", "bad"), ("2", "good"), ("3", "bad"), ("1", "good"))
"""Guesses: bad, good, good, good."""


def test_shares_are_counted_over_texts():
    found = evaluate(Echo("bad", "good"), FOUR)
    assert (found.texts, found.accuracy) == (4, 0.75)
    assert found.confusion == [[1, 1], [0, 2]]


def test_every_label_has_its_scores():
    assert evaluate(Echo("bad", "good"), FOUR).labels == {
        "bad": LabelScores(precision=1.0, recall=0.5, f1=pytest.approx(2 / 3), texts=2),
        "good": LabelScores(precision=pytest.approx(2 / 3), recall=1.0, f1=0.8, texts=2),
    }


def test_the_loss_is_that_of_the_logits():
    expected = np.mean(
        [np.log1p(np.exp(-1)), np.log1p(np.exp(-2)), np.log1p(np.exp(3)), np.log1p(np.exp(-1))]
    )
    assert evaluate(Echo("bad", "good"), FOUR).loss == pytest.approx(expected)


def test_macro_f1_leaves_out_labels_neither_there_nor_given():
    pairs = ("1 0 0", "bad"), ("0 1 0", "fair"), ("0 1 0", "bad")
    found = evaluate(Echo("bad", "fair", "good"), examples(*pairs))
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert found.labels["good"] == LabelScores(precision=0, recall=0, f1=0, texts=0)


def test_the_interval_of_nine_right_in_ten():
    # Wilson's interval, https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval
    found = evaluate(Echo("bad", "good"), examples(*[("1", "good")] * 9, ("1", "bad")))
    assert found.accuracy_interval == pytest.approx((0.5958, 0.9821), abs=1e-4)


@pytest.mark.parametrize("count", range(1, 40))
def test_the_interval_stays_between_0_and_1(count):
    echo = Echo("bad", "good")
    right = evaluate(echo, examples(*[("1", "good")] * count)).accuracy_interval
    wrong = evaluate(echo, examples(*[("1", "bad")] * count)).accuracy_interval
    assert 0 < right[0] < right[1] == 1
    assert 0 == wrong[0] < wrong[1] < 1


def test_a_label_that_the_model_does_not_know_is_refused():
    with pytest.raises(
        DataError, match=r"'goods'.*know; did you mean 'good'.*'bad', 'good'.* 2 of the 3 texts"
    ):
        evaluate(Echo("bad", "good"), examples(("1", "good"), ("1", "goods"), ("1", "fine")))


def test_no_examples_are_refused():
    with pytest.raises(DataError, match="there are no labelled texts to evaluate on"):
        evaluate(Echo("bad", "good"), [])


def test_what_is_wrong_is_told_before_any_text_is_read():
    echo = Echo("bad", "good")
    with pytest.raises(TenorError):
        evaluate(echo, examples(("1", "good"), ("1", "fine")))
    assert echo.calls == []


def test_texts_are_done_in_chunks_that_are_told():
    echo, told = Echo("bad", "good"), []
    found = evaluate(echo, examples(*[("1", "good")] * 1500), on_chunk=told.append)
    assert told == echo.calls == [1024, 476]
    assert (found.texts, found.accuracy) == (1500, 1.0)


def test_a_model_is_compared_with_its_own_predictions(tiny):
    classifier = TextClassifier(tiny(labels=("bad", "fair", "good")))
    texts = ["the film", "", "not good", "bad"]
    pairs = [(text, found.label) for text, found in zip(texts, classifier.predict(texts), strict=True)]
    assert evaluate(classifier, examples(*pairs)).accuracy == 1


def test_the_record_goes_through_json():
    record = json.loads(json.dumps(evaluate(Echo("bad", "good"), FOUR).to_dict()))
    assert list(record) == [
        "texts", "accuracy", "accuracy_interval", "loss", "macro_f1", "labels", "confusion",
    ]  # fmt: skip
    assert record["labels"]["bad"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "texts": 2,
    }
    assert record["confusion"] == [[1, 1], [0, 2]]


def test_pairs_are_texts_with_their_labels():
    echo = Echo("bad", "good")
    assert evaluate(echo, [("1", "good"), ("0", "bad")]) == evaluate(
        echo, examples(("1", "good"), ("0", "bad"))
    )
    with pytest.raises(DataError, match="item 1 of the data is 7; each must be a text and its label"):
        evaluate(echo, [("1", "good"), 7])
