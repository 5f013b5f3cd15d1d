"""Texts become the same ids in the compiled core as by the rules in Python, wherever tokens end."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenor import native
from tenor.config import TokenizerConfig, VocabularyConfig
from tenor.indexing import Indexer
from tenor.native.text import PreparedReader
from tenor.tokenizer import (
    _INVISIBLE,
    _UNSPACED,
    Tokenizer,
    _combining_marks,
    kinds_of,
    re,
)
from tenor.vocabulary import build_from_words

needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core here")
pytestmark = needs_core

CONFIGS = [
    TokenizerConfig(),
    TokenizerConfig(split="spaces"),
    TokenizerConfig(punctuation="delete"),
    TokenizerConfig(split="spaces", punctuation="delete", strip_html=False),
    TokenizerConfig(lowercase=False, strip_html=False),
]
WORDS = [
    "the",
    "film",
    "don't",
    "l\u2019amour",
    "\u03b1\u03c2",
    "i\u0307",
    "\u7535",
    "!",
    "caf\u00e9",
    "e\u0301",
    "\ufffd",
]
ODD = [
    "",
    " \t\u00a0\u3000",
    "The FILM don't 'quote' ''x'' o'",
    "<br /><br />The</b>film<i",
    f"<b{' ' * 200}>inside",
    f"<b{' ' * 201}>inside",
    f"<b {chr(0x7535) * 199}>x<a<b>",
    "<john@x.com> List<String> <blockquote> <blockquotes> <averylongnameofatag> <h1><h7><h1.>",
    "xe\u0301 gr\u00ade\ufeffat \u1112\u1161\u11ab =\u0338 \u0344 \ufb2c I\u0307",
    "< br>x <1> </p> <P>",
    "\u039f\u0394\u039f\u03a3 \u03a3 A\u03a3'\u03a3. \u03a3b \u0391'\u03a3 a\u0301\u03a3",
    "\u0130stanbul \u1e9e \ufb03",
    "e\u0301\u0301 \u0301x \u200dx x\u200dy \u200c",
    "\u7535\u5f71 \u0e20\u0e32\u0e1e\u0e22\u0e19\u0e15\u0e23\u0e4c \u3042\u3099",
    "good \ud800 film \udfff",
    "nul\x00nul \x00 \x1c",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd",
    "_under_ $5.00 a.b,c",
]


def reader(config, words=WORDS):
    return PreparedReader(config, build_from_words(words, VocabularyConfig(max_size=None)))


@pytest.fixture(scope="module", params=CONFIGS, ids=str)
def both(request):
    """A tokenizer, a vocabulary, and the core that has both."""
    vocabulary = build_from_words(WORDS, VocabularyConfig())
    return Tokenizer(request.param), vocabulary, PreparedReader(request.param, vocabulary)


def assert_same_tokens(both, text):
    tokenizer, vocabulary, core = both
    found = core.tokenize(text)
    expected = [(t.start, t.end, vocabulary.encode([t.text])[0]) for t in tokenizer.tokenize(text)]
    tokens = zip(found.starts.tolist(), found.ends.tolist(), found.token_ids.tolist(), strict=True)
    assert list(tokens) == expected


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_have_the_same_tokens(both, text):
    assert_same_tokens(both, text)


SNIPPETS = st.sampled_from(
    [*WORDS, *"aAZ09_'\u2019<>/ \n\u03a3\u0130\u0301\u200d\u7535\ud83d.", "<br />", "</p"]
)


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(st.text(), st.lists(SNIPPETS).map("".join)))
@example(text="a'\u0301b")
def test_any_text_has_the_same_tokens(both, text):
    assert_same_tokens(both, text)


def characters_in_company(codes):
    """Each character alone, in a row, after and before letters, marks, apostrophes and a sigma."""
    all_of_them = [chr(code) for code in codes]
    yield " ".join(all_of_them)
    yield "".join(all_of_them)
    yield "".join(f"a{c}b'{c}" for c in all_of_them)
    yield " ".join(f"a{c}\u03a3 \u03a3{c} {c}\u03a3" for c in all_of_them)


def assert_characters_are_read_alike(config, pages):
    tokenizer = Tokenizer(config)
    codes = [code for page in pages for code in range(page * 256, page * 256 + 256)]
    words = {token for text in characters_in_company(codes) for token in tokenizer.tokens(text)}
    vocabulary = build_from_words(sorted(words), VocabularyConfig(max_size=None))
    core = PreparedReader(config, vocabulary)
    for page in pages:
        for text in characters_in_company(range(page * 256, page * 256 + 256)):
            assert_same_tokens((tokenizer, vocabulary, core), text)


@pytest.mark.parametrize("config", CONFIGS[:3], ids=str)
def test_characters_of_many_scripts_are_read_alike(config):
    pages = [0, 1, 2, 3, 4, 5, 6, 9, 0xE, 0x10, 0x17, 0x1E, 0x1F, 0x20, 0x21, 0x2C, 0x30, 0x4E, 0xA6, 0xD8]
    assert_characters_are_read_alike(
        config, [*pages, 0xFB, 0xFE, 0xFF, 0x104, 0x1D1, 0x1D4, 0x1F6, 0xE00, 0xE01]
    )


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_character_is_read_alike(config):
    for begin in range(0, 0x1100, 64):
        assert_characters_are_read_alike(config, range(begin, begin + 64))


def test_kinds_of_characters_are_those_of_the_patterns():
    patterns = {
        1: re.compile(f"[{_UNSPACED}]"),
        2: re.compile(f"[^\\W{_UNSPACED}]"),
        4: re.compile(f"[{_combining_marks()}]"),
        8: re.compile(r"\s"),
        16: re.compile(f"[{_INVISIBLE}]"),
    }
    for code in [*range(0x3400), *range(0xA600, 0xAC00), *range(0xF900, 0x12000), *range(0xE0000, 0xE0200)]:
        expected = sum(bit for bit, pattern in patterns.items() if pattern.match(chr(code)))
        assert kinds_of(chr(code)) == expected, hex(code)


FRAMES = [
    {},
    {"special_tokens": ("<pad>", "<unk>", "<sos>", "<eos>"), "start_token": "<sos>", "end_token": "<eos>"},
    {"fill_to": 7},
    {
        "special_tokens": ("<pad>", "<unk>", "<s>"),
        "start_token": "<s>",
        "fill_to": 3,
        "fill_token": "<pad>",
    },
]


@pytest.mark.parametrize("frame", FRAMES, ids=str)
@pytest.mark.parametrize(
    "limit", [{}, {"max_tokens": 3}, {"max_tokens": 4, "keep": "end"}, {"max_tokens": 5, "keep": "both"}]
)
@pytest.mark.parametrize("spells", [False, True])
def test_what_is_read_of_a_text_is_the_same(frame, limit, spells):
    config, vocabulary = TokenizerConfig(**limit), build_from_words(WORDS, VocabularyConfig(**frame))
    lengths = [f"the {'x' * length} the" for length in (63, 64, 65, 4000)]
    texts = [*ODD, "the film don't ! the film the <unk> <pad> <s>", "the", "the film the", *lengths]
    found = Indexer(config, vocabulary, spells=spells, in_core=True).index(texts)
    expected = Indexer(config, vocabulary, spells=spells, in_core=False).index(texts)
    np.testing.assert_array_equal(found.batch.token_ids, expected.batch.token_ids)
    np.testing.assert_array_equal(found.batch.offsets, expected.batch.offsets)
    np.testing.assert_array_equal(found.truncated, expected.truncated)
    assert found.batch.token_ids.dtype == expected.batch.token_ids.dtype == np.int32


def test_words_that_share_a_beginning_or_a_hash_slot_are_told_apart():
    words = [f"{'x' * (i % 40)}{i}" for i in range(20_000)]
    core = reader(TokenizerConfig(), words)
    assert core.encode([" ".join(words)]).token_ids.tolist() == list(range(2, 20_002))
    assert set(core.encode([" ".join(f"y{word}" for word in words)]).token_ids.tolist()) == {1}


def test_no_texts_are_fine():
    found = reader(TokenizerConfig()).encode([])
    assert (found.token_ids.size, found.offsets.tolist(), found.truncated.size) == (0, [0], 0)


def test_threads_that_meet_new_characters_at_once_read_alike():
    core = reader(TokenizerConfig())
    texts = [f"the {chr(code)}film \u03b1\u03c2" for code in range(0x300, 0x3000, 5)]
    found = []
    callers = [threading.Thread(target=lambda: found.append(core.encode(texts))) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    expected = reader(TokenizerConfig()).encode(texts)
    assert len(found) == 6
    for one in found:
        np.testing.assert_array_equal(one.token_ids, expected.token_ids)


def test_many_texts_of_all_lengths_keep_their_places():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(0, 400, 700)]
    core = reader(TokenizerConfig())
    found = core.encode(texts)
    for row in (0, 1, 350, 698, 699):
        alone = core.encode([texts[row]]).token_ids
        np.testing.assert_array_equal(found.token_ids[found.offsets[row] : found.offsets[row + 1]], alone)
