"""Words → ids: their order, their limits, and the special tokens that no text can spell."""

from __future__ import annotations

from collections import Counter

import pytest

from tenor.config import VocabularyConfig
from tenor.errors import ConfigError
from tenor.tokenizer import Tokenizer, TokenizerConfig
from tenor.vocabulary import Vocabulary, build_from_counts, build_from_words

COUNTS = Counter({"film": 2, "the": 5, "bad": 2, "good": 2, "once": 1})


def words_of(**settings):
    return build_from_counts(COUNTS, VocabularyConfig(**settings)).tokens


def test_words_stand_by_frequency_behind_the_special_tokens():
    assert words_of() == ("<pad>", "<unk>", "the", "bad", "film", "good")


@pytest.mark.parametrize(
    ("ties", "words"),
    [
        ("alphabetical", ("bad", "film", "good")),
        ("reverse_alphabetical", ("good", "film", "bad")),
        ("first_seen", ("film", "bad", "good")),
    ],
)
def test_ties_stand_in_the_configured_order(ties, words):
    assert words_of(ties=ties) == ("<pad>", "<unk>", "the", *words)


def test_words_seen_too_few_times_are_left_out():
    assert words_of(min_count=1)[-1] == "once"
    assert words_of(min_count=3) == ("<pad>", "<unk>", "the")
    assert words_of(min_count=6) == ("<pad>", "<unk>")


def test_the_size_counts_words_without_the_special_tokens():
    assert words_of(max_size=2) == ("<pad>", "<unk>", "the", "bad")
    assert len(words_of(max_size=None, min_count=1)) == 7


def test_special_tokens_may_take_the_last_ids():
    vocabulary = build_from_words(["the", "film"], VocabularyConfig(specials_place="end"))
    assert vocabulary.tokens == ("the", "film", "<pad>", "<unk>")
    assert vocabulary.encode(["the", "nonsense"]) == [0, 3]
    assert vocabulary.special_id("<pad>") == 2


def test_the_unknown_token_is_the_configured_one():
    config = VocabularyConfig(special_tokens=("[U]", "[P]"), unknown_token="[U]")
    assert build_from_words(["the"], config).encode(["nonsense", "the"]) == [0, 2]


def test_given_words_keep_their_order_and_stand_once():
    vocabulary = build_from_words(["film", "the", "film", "<unk>"], VocabularyConfig())
    assert vocabulary.tokens == ("<pad>", "<unk>", "film", "the")


def test_given_words_are_cut_at_the_size_after_doubles_went():
    vocabulary = build_from_words(["a", "a", "<pad>", "b", "c"], VocabularyConfig(max_size=2))
    assert vocabulary.tokens == ("<pad>", "<unk>", "a", "b")


def test_no_words_leave_the_special_tokens():
    assert build_from_words([], VocabularyConfig()).tokens == ("<pad>", "<unk>")


def test_ids_lead_back_to_the_words():
    vocabulary = build_from_words(["the", "film"], VocabularyConfig())
    assert vocabulary.encode(["film", "the", "nonsense"]) == [3, 2, 1]
    assert vocabulary.decode([3, 2, 1]) == ["film", "the", "<unk>"]


@pytest.mark.parametrize("split", ["words", "spaces"])
def test_no_text_can_spell_a_special_token(split):
    vocabulary = build_from_words(["<", "pad", ">"], VocabularyConfig())
    tokens = Tokenizer(TokenizerConfig(split=split, strip_html=False)).tokens("<pad> <unk>")
    assert vocabulary.special_id("<pad>") not in vocabulary.encode([*tokens, "<pad>"])
    assert "<pad>" not in vocabulary


def test_words_of_the_texts_that_spell_a_special_token_are_left_out():
    vocabulary = build_from_counts(Counter({"<pad>": 9, "film": 2}), VocabularyConfig())
    assert vocabulary.tokens == ("<pad>", "<unk>", "film")


def test_known_words_are_in_it():
    vocabulary = build_from_words(["the"], VocabularyConfig())
    assert "the" in vocabulary
    assert "film" not in vocabulary


def test_a_token_that_stands_twice_is_refused():
    with pytest.raises(ConfigError, match="the vocabulary has the token 'the' twice; list it once"):
        Vocabulary(["<pad>", "<unk>", "the", "film", "the"], VocabularyConfig())


def test_a_missing_special_token_is_refused():
    with pytest.raises(ConfigError, match="the vocabulary lacks the special token '<unk>'; add it"):
        Vocabulary(["<pad>", "the"], VocabularyConfig())


def test_a_token_with_a_line_break_is_refused():
    with pytest.raises(ConfigError, match=r"the token 'a\\nb' holds a line break"):
        build_from_words(["a\nb"], VocabularyConfig())


def test_a_token_with_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(ConfigError, match=r"the token 'a\\ud83d' has half of a surrogate pair"):
        build_from_words(["good", "a\ud83d"], VocabularyConfig())
