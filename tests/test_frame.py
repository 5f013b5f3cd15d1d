"""Tokens that are not of the text: a start, an end, and what fills it up."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from tenor import TextClassifier
from tenor.config import TokenizerConfig, VocabularyConfig
from tenor.errors import ConfigError, UnsupportedError
from tenor.vocabulary import build_from_words

SPECIALS = ("<unk>", "<pad>", "<sos>", "<eos>")
TEXTS = ["the film is good", "", "bad <eos> film", "not " * 9]


@pytest.fixture
def framed(tiny):
    """A function that gives a small model with frame settings."""

    def make(*, bidirectional=False, **settings):
        model = tiny(bidirectional=bidirectional)
        config = VocabularyConfig(special_tokens=SPECIALS, **settings)
        vocabulary = build_from_words(("the", "film", "is", "not", "good", "bad")[:4], config)
        return TextClassifier(dataclasses.replace(model, vocabulary=vocabulary))

    return make


def test_ids_stand_between_start_and_end_and_are_filled_up_to_the_length():
    config = VocabularyConfig(special_tokens=SPECIALS, start_token="<sos>", end_token="<eos>", fill_to=6)
    vocabulary = build_from_words(["film"], config)
    assert vocabulary.frame([4, 0]) == [2, 4, 0, 3, 1, 1]
    assert vocabulary.frame([4] * 7) == [2, *[4] * 7, 3]
    assert vocabulary.frame([]) == [2, 3, 1, 1, 1, 1]


def test_a_usual_vocabulary_frames_nothing():
    assert build_from_words(["film"], VocabularyConfig()).frame([2, 1]) == [2, 1]


@pytest.mark.parametrize("role", ["start_token", "end_token"])
def test_a_frame_of_a_token_that_is_not_special_is_refused(role):
    with pytest.raises(ConfigError, match=rf"{role} is '<s>', which is not one of special_tokens '<pad>'"):
        VocabularyConfig(**{role: "<s>"})
    with pytest.raises(ConfigError, match=r"fill_token is 'film', which is not one of special_tokens"):
        VocabularyConfig(fill_to=9, fill_token="film")


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_reading_ends_with_what_is_predicted_and_shows_what_was_read(framed, bidirectional):
    classifier = framed(bidirectional=bidirectional, start_token="<sos>", end_token="<eos>", fill_to=9)
    for text in TEXTS:
        reading = classifier.read(text)
        assert [*reading.words[-1].probabilities.values()] == classifier.predict_proba([text])[0].tolist()
        assert len(reading.words) == max(9, len(text.split()) + 2)
        assert all(word.known for word in reading.words if word.token.start == word.token.end)
    first, *_, last = classifier.read("film").words
    assert (first.token, last.token) == (("<sos>", 0, 0), ("<pad>", 4, 4))


def test_a_text_that_spells_the_end_does_not_end(framed):
    model = framed(end_token="<eos>").model
    spaces = TokenizerConfig(split="spaces", strip_html=False)
    words = TextClassifier(dataclasses.replace(model, tokenizer=spaces)).read("film <eos>").words
    assert [(word.token, word.known) for word in words] == [
        (("film", 0, 4), True), (("<eos>", 5, 10), False), (("<eos>", 10, 10), True),
    ]  # fmt: skip


def test_stepping_to_the_end_is_predicting(framed):
    classifier = framed(start_token="<sos>", end_token="<eos>")
    for text in ("the film is good", ""):
        state = classifier.begin()
        for word in text.split():
            state = classifier.step(state, word)
        assert [*classifier.end(state).probabilities.values()] == classifier.predict_proba([text])[0].tolist()


def test_without_an_end_token_the_end_changes_nothing(tiny):
    classifier = TextClassifier(tiny())
    state = classifier.begin()
    assert classifier.end(state) is state


def test_a_model_that_fills_texts_up_cannot_step(framed):
    with pytest.raises(UnsupportedError, match="fills texts up to 7 tokens"):
        framed(fill_to=7).begin()


def test_filling_reads_words_that_change_the_answer_and_a_frame_is_saved(framed, tmp_path):
    plain, filled = framed(), framed(fill_to=30)
    assert not np.allclose(plain.predict_proba(["good film"]), filled.predict_proba(["good film"]))
    filled.save(tmp_path / "model")
    again = TextClassifier.load(tmp_path / "model")
    assert again.predict_proba(TEXTS).tolist() == filled.predict_proba(TEXTS).tolist()


def test_tokens_that_are_not_of_the_text_are_shown_by_their_names(framed, tmp_path, capsys, monkeypatch):
    from tenor.cli import main
    from tenor.report.reading import render_reading

    classifier = framed(start_token="<sos>", end_token="<eos>")
    picture = render_reading(classifier.read("film"), "positive")
    assert {"&lt;sos&gt;", "&lt;eos&gt;"} <= set(re.findall(r">(&lt;\w+&gt;)<", picture))
    classifier.save(tmp_path / "model")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["read", "-m", str(tmp_path / "model"), "film"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:5]] == [
        "<sos>",
        "film",
        "<eos>",
    ]


def test_a_model_that_fills_texts_up_keeps_no_padding_out(framed):
    from tenor.report.network import network_parts

    assert {part.keeps_padding_out for part in network_parts(framed(fill_to=9).model)} == {False}
