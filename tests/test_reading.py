"""What a model thought after each word: the record."""

from __future__ import annotations

import json

import pytest

from tenor import TextClassifier
from tenor.errors import InputError
from tenor.reading import Reading, ReadWord
from tenor.tokenizer import Token


def reading_of(*curve, truncated=False):
    """ "not bad" as a model reads it whose probability of ``positive`` takes this course."""
    before, *after = ({"negative": 1 - p, "positive": p} for p in curve)
    tokens = [Token("not", 0, 3), Token("bad", 4, 7)]
    words = zip(tokens, after, strict=False)
    return Reading(
        text="Not bad",
        before=before,
        words=tuple(ReadWord(token=token, known=token.text == "bad", probabilities=p) for token, p in words),
        truncated=truncated,
    )


def test_effects_are_the_changes_word_by_word():
    assert reading_of(0.5, 0.25, 0.75).effects("positive") == [-0.25, 0.5]
    assert reading_of(0.5, 0.25, 0.75).effects("negative") == [0.25, -0.5]


def test_a_text_without_words_has_no_effects():
    assert reading_of(0.5).effects("positive") == []


@pytest.mark.parametrize("labels", [("negative", "positive"), ("bad", "fair", "good")])
@pytest.mark.parametrize("both", [False, True])
def test_effects_add_up_to_the_prediction_minus_the_answer_before(tiny, labels, both):
    classifier = TextClassifier(tiny(labels=labels, bidirectional=both))
    text = "the film is not good, not bad"
    reading, after = classifier.read(text), classifier.predict([text])[0].probabilities
    for label in labels:
        assert sum(reading.effects(label)) == pytest.approx(after[label] - reading.before[label], abs=1e-12)


def test_effects_on_a_label_that_is_not_there_are_refused():
    with pytest.raises(InputError, match="no label 'good'; there are 'negative', 'positive'"):
        reading_of(0.5).effects("good")


@pytest.mark.parametrize(
    ("curve", "label"),
    [
        ((0.1, 0.9, 0.4), "negative"),
        ((0.9, 0.1, 0.6), "positive"),
        ((0.9,), "positive"),
        ((0.1,), "negative"),
    ],
)
def test_the_label_is_that_after_the_last_word(curve, label):
    assert reading_of(*curve).label == label


def test_a_tie_is_the_second_label_as_in_a_prediction():
    assert reading_of(0.1, 0.1, 0.5).label == "positive"


def test_the_label_is_the_predicted_one(tiny):
    classifier = TextClassifier(tiny(labels=("bad", "fair", "good")))
    for text in ("", "good", "not good", "the film is not bad"):
        assert classifier.read(text).label == classifier.predict([text])[0].label


def test_words_are_known_if_the_vocabulary_has_them(tiny):
    reading = TextClassifier(tiny()).read("The plot is good")
    assert [(word.token, word.known) for word in reading.words] == [
        (Token("the", 0, 3), True),
        (Token("plot", 4, 8), False),
        (Token("is", 9, 11), True),
        (Token("good", 12, 16), True),
    ]


def test_the_record_goes_through_json():
    assert json.loads(json.dumps(reading_of(0.5, 0.25, truncated=True).to_dict())) == {
        "text": "Not bad",
        "label": "negative",
        "before": {"negative": 0.5, "positive": 0.5},
        "words": [
            {
                "token": "not",
                "start": 0,
                "end": 3,
                "known": False,
                "probabilities": {"negative": 0.75, "positive": 0.25},
            }
        ],
        "truncated": True,
    }
