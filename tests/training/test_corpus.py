"""Training texts → numbered words: in the core as in Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenor import native
from tenor.config import TokenizerConfig, VocabularyConfig
from tenor.data import Example
from tenor.indexing import Indexer
from tenor.native.text import NumberedWords, PreparedReader
from tenor.tokenizer import Tokenizer
from tenor.training import corpus
from tenor.training.corpus import Indexed, build_vocabulary, encode, framed
from tenor.training.progress import Progress
from tenor.vocabulary import build_from_words

pytestmark = pytest.mark.skipif(not native.is_available(), reason="no compiled core")

CONFIGS = [
    TokenizerConfig(),
    TokenizerConfig(lowercase=False, strip_html=False),
    TokenizerConfig(split="spaces", punctuation="delete"),
    TokenizerConfig(max_tokens=3, keep="both"),
]
ODD = [
    "",
    "  ",
    "don't STOP",
    "ΟΔΟΣ ὈΔΥΣΣΕΎΣ",
    "你好,世界",
    "a\ud800b",
    "<br />naïve é",
    "İstanbul",
    "x" * 3000,
    "\x00 nul",
]


def numbered(texts, config):
    examples = [Example(text=text, label="a") for text in texts]
    return [
        number(examples, Tokenizer(config), Progress(None))
        for number in (corpus._numbered, corpus._numbered_in_core)
    ]


def check_same(texts, config):
    (ids, words), (core_ids, core_words) = numbered(texts, config)
    assert core_words == words
    assert len(core_ids) == len(ids)
    for one, other in zip(ids, core_ids, strict=True):
        assert other.dtype == np.int32
        np.testing.assert_array_equal(other, one)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("at_once", [1, 3, 1024])
def test_words_have_the_same_numbers_in_the_core(config, at_once, monkeypatch):
    monkeypatch.setattr(corpus, "_TEXTS_AT_ONCE", at_once)
    check_same([*ODD, *ODD[::-1], "the end " * 50], config)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=12))
def test_words_of_any_texts_have_the_same_numbers(texts):
    for config in CONFIGS:
        check_same(texts, config)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("spells", [False, True])
@pytest.mark.parametrize("in_core", [False, True])
def test_any_split_is_read_as_the_training_texts_are(config, spells, in_core, monkeypatch):
    monkeypatch.setattr(corpus, "_TEXTS_AT_ONCE", 7)
    train = [Example(text=text, label="a") for text in [*ODD, *ODD, "the end of it"]]
    indexed = Indexed(train, Tokenizer(config), Progress(None))
    vocabulary = build_vocabulary(
        indexed,
        VocabularyConfig(special_tokens=("<pad>", "<unk>", "<s>"), start_token="<s>", min_count=2),
        None,
    )
    ids = indexed.spelled(vocabulary) if spells else indexed.token_ids(vocabulary)
    indexer = Indexer(config, vocabulary, spells=spells, in_core=in_core)
    again = encode(train, indexer, "train", Progress(None))
    assert max(map(len, again)) > 1
    for one, other in zip(framed(ids, vocabulary), again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_very_many_words_are_told_apart():
    texts = [
        " ".join(f"w{number}" for number in range(start, start + 500)) for start in range(0, 60_000, 250)
    ]
    check_same(texts, TokenizerConfig())


def test_words_that_come_after_others_go_on_with_their_numbers():
    reader = PreparedReader(TokenizerConfig(), build_from_words([], VocabularyConfig()))
    words = NumberedWords()
    assert words.spelled() == []
    assert reader.number(["a b a"], words)[0].tolist() == [0, 1, 0]
    ids, offsets = reader.number(["b c", "", "Ж a"], words)
    assert ids.tolist() == [1, 2, 3, 0]
    assert offsets.tolist() == [0, 2, 2, 4]
    assert words.spelled() == ["a", "b", "c", "ж"]


def test_long_texts_count_whole_and_are_read_in_part():
    examples = [Example(text="a b c d e", label="a")]
    indexed = Indexed(examples, Tokenizer(TokenizerConfig(max_tokens=3, keep="both")), Progress(None))
    vocabulary = build_vocabulary(indexed, VocabularyConfig(min_count=1), None)
    assert sum(indexed.counts().values()) == 5
    assert vocabulary.decode(indexed.token_ids(vocabulary)[0]) == ["a", "b", "e"]
