"""The arguments a classifier takes, refuses, and says it has cut."""

from __future__ import annotations

import copy
import pickle  # noqa: TID251 - what worker processes are sent, not a file
from dataclasses import replace

import numpy as np
import pytest

from tenor import TextClassifier
from tenor.config import TokenizerConfig
from tenor.errors import InputError, UnsupportedError

refuses = pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_logits"])


@pytest.fixture
def classifier(tiny):
    return TextClassifier(tiny())


@refuses
def test_a_bare_string_is_refused_with_the_fix(classifier, method):
    with pytest.raises(
        InputError, match=r"texts is a str; it must be a list of strings: predict\(\[text\]\)"
    ):
        getattr(classifier, method)("good film")


@refuses
@pytest.mark.parametrize("texts", [None, 7, {"good"}, iter(["good"])], ids=lambda texts: type(texts).__name__)
def test_what_is_no_list_is_refused(classifier, method, texts):
    with pytest.raises(InputError, match=r"texts is a .*; it must be a list of strings"):
        getattr(classifier, method)(texts)


@refuses
@pytest.mark.parametrize("text", [None, b"good", 3.5, ["good"]])
def test_a_text_that_is_no_string_is_refused(classifier, method, text):
    with pytest.raises(InputError, match=f"a text is .*, of type {type(text).__name__}; it must be a string"):
        getattr(classifier, method)(["good", text])


@pytest.mark.parametrize("method", ["read", "encode"])
def test_a_single_text_that_is_no_string_is_refused(classifier, method):
    with pytest.raises(InputError, match="a text is None, of type NoneType; it must be a string"):
        getattr(classifier, method)(None)


def test_a_tuple_of_texts_is_as_good_as_a_list(classifier):
    assert classifier.predict(("good", "bad")) == classifier.predict(["good", "bad"])


def test_no_texts_have_no_predictions(classifier):
    assert classifier.predict([]) == []
    assert classifier.predict_proba([]).shape == (0, 2)
    assert classifier.predict_logits([]).shape == (0, 1)


def test_probabilities_have_a_column_for_each_label(tiny):
    classifier = TextClassifier(tiny(labels=("bad", "fair", "good")))
    found = classifier.predict_proba(["good", "not good"])
    assert found.shape == (2, 3)
    assert found.sum(axis=1) == pytest.approx([1, 1])


def test_a_text_longer_than_the_model_reads_is_cut_and_says_so(tiny):
    classifier = TextClassifier(replace(tiny(), tokenizer=TokenizerConfig(max_tokens=2)))
    cut, whole = classifier.predict(["not good film", "not good"])
    assert (cut.truncated, whole.truncated) == (True, False)
    assert cut.probabilities == whole.probabilities


def test_reading_is_cut_like_predicting(tiny):
    classifier = TextClassifier(replace(tiny(), tokenizer=TokenizerConfig(max_tokens=2, keep="end")))
    reading = classifier.read("not good film")
    assert reading.truncated
    assert [word.token.text for word in reading.words] == ["good", "film"]
    assert [token.start for token in classifier.encode("not good film").tokens] == [4, 9]


@pytest.mark.parametrize(("word", "count"), [("not good", 2), ("", 0), ("good!", 2), (" ", 0)])
def test_a_step_reads_one_token(classifier, word, count):
    with pytest.raises(InputError, match=f"step reads one token at a time, and '{word}' has {count}: "):
        classifier.step(classifier.begin(), word)


def test_before_any_word_stands_the_answer_to_an_empty_text(classifier):
    assert classifier.begin().probabilities == classifier.predict([""])[0].probabilities


def test_states_of_a_text_without_words_are_zeros(classifier):
    encoding = classifier.encode("")
    assert (encoding.tokens, encoding.states.shape) == ((), (0, 5))
    assert not np.any(encoding.final_states[0][0].h)


def test_the_compiled_core_is_refused_for_what_it_cannot_compute(tiny):
    with pytest.raises(UnsupportedError, match="computes in float32 only; use runtime='auto'"):
        TextClassifier(tiny(np.float64), runtime="native")


def test_the_reference_computes_when_asked_for(tiny):
    assert TextClassifier(tiny(), runtime="numpy").runtime == "numpy"
    assert TextClassifier(tiny(np.float64)).runtime == "numpy"


@pytest.mark.parametrize("runtime", ["auto", "numpy"])
def test_a_classifier_can_be_pickled_and_copied(tiny, runtime):
    classifier = TextClassifier(tiny(), runtime=runtime)
    expected = classifier.predict_logits(["good film"])
    for other in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert other.runtime == classifier.runtime
        np.testing.assert_array_equal(other.predict_logits(["good film"]), expected)
