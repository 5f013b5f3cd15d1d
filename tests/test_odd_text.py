"""Whatever a text holds, it is read: its tokens stand where they say, and its answer is its own."""

from __future__ import annotations

import itertools
import json
import re
import string
import subprocess
import sys
import tracemalloc
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenor import TextClassifier, native
from tenor.cli import main
from tenor.config import TokenizerConfig, VocabularyConfig
from tenor.tokenizer import Tokenizer
from tenor.vocabulary import build_from_words

CONFIGS = [
    TokenizerConfig(),
    TokenizerConfig(punctuation="delete", lowercase=False),
    TokenizerConfig(split="spaces", strip_html=False),
    TokenizerConfig(split="spaces", punctuation="delete"),
]
CATEGORIES = sorted({unicodedata.category(chr(code)) for code in range(0x110000)})
CODES = [*range(0x33480), *range(0xE0000, 0xE1000), 0xF0000, 0x10FFFF]
"""Every character, but for planes in which none is assigned or all are private."""
PIECES = [
    "good",
    "not bad ",
    "film",
    " ",
    "'",
    "\u2019",
    "<",
    ">",
    "<br />",
    "</p",
    "<a b='",
    "<unk>",
    "<pad>",
]
PIECES += ["\x00", "\r", "\x1c", "\x85", "\u2028", "\ufeff", "\ufffe", "\U0010ffff", "\u00ad", "\u180e"]
PIECES += ["\ud800", "\udfff", "\ud83d\udc4d", "\udc4d\ud83d"]  # half pairs, a pair as two, and turned around
PIECES += ["\u202e", "\u2066", "\u2069", "\u061c", "שלום", "فيلم", "\u0600"]
PIECES += [
    "👩\u200d👩\u200d👧\u200d👦",
    "👍🏽",
    "🇸🇪",
    "1\ufe0f\u20e3",
    "🏴\U000e0067\U000e007f",
    "\u200d",
    "\ufe0f",
]
PIECES += [
    "e\u0301",
    "\u0301",
    "\u20dd",
    "क\u093c",
    "ม\u0e48",
    "我",
    "カ",
    "ﾊﾞ",
    "각",
    "ᄀ\u1161\u11a8",
    "\U00020000",
]
PIECES += ["İ", "ß", "ﬁ", "ΑΣ", "ǅ", "𝒜", "Ⅷ", "²", "٣", "_", "\U000e0100"]
pieces = st.one_of(
    st.sampled_from(PIECES),
    st.sampled_from(CATEGORIES).flatmap(lambda category: st.characters(categories=[category])),
    st.text(st.characters(), max_size=6),
)
VISIBLE = "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f]"
"""Formatting that is seen: signs around numbers and words, and how hieroglyphs are stacked."""
SEAMS = "\u00ad\u2060\ufeff"
MANY, WORDS = 1_000_000, 100_000
needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core here")
RUNTIMES = [pytest.param("native", marks=needs_core), "numpy"]


def odd_texts(*times):
    """Texts of pieces of every kind, some of them repeated that many times."""
    repeated = st.tuples(pieces, st.sampled_from((1, 1, *times)))
    return st.lists(repeated.map(lambda pair: pair[0] * pair[1]), max_size=8).map("".join)


def piled(text):
    """Whether so many marks stand on one letter that the text is not composed."""
    stacks = itertools.groupby(text, key=lambda c: unicodedata.combining(c) > 0 or c in SEAMS)
    return any(sum(c not in SEAMS for c in stack) >= 64 for marks, stack in stacks if marks)


def spelled(piece, config, composed):
    """What the configuration makes of a piece of the original text."""
    piece = re.sub(f"[{SEAMS}]", "", re.sub("[\ud800-\udfff]", "\ufffd", piece))
    piece = unicodedata.normalize("NFC", piece) if composed else piece
    piece = piece.replace("İ", "i").lower() if config.lowercase else piece
    return "".join(c for c in piece if config.punctuation == "keep" or c not in string.punctuation)


def assert_in_place(text, tokens, config):
    """Each token is behind the one before, and is its place in the text, as configured."""
    end, composed = 0, not piled(text)
    for token in tokens:
        assert end <= token.start < token.end <= len(text)
        assert token.text == spelled(text[token.start : token.end], config, composed) != ""
        end = token.end


@settings(deadline=None, max_examples=100)
@given(odd_texts(3, 3000), st.sampled_from(CONFIGS))
@example("\ufffe" * 3000 + "e\u0301", CONFIGS[0])
@example("e" + "\u0301\u00ad" * 3000 + "e\u0301", CONFIGS[0])
@example("e" + "\u0301\u00ad" * 62 + " e\u0301", CONFIGS[0])
def test_tokens_of_any_text_stand_where_they_say(text, config):
    tokenizer = Tokenizer(config)
    tokens = tokenizer.tokenize(text)
    assert_in_place(text, tokens, config)
    assert tokenizer.tokens(text) == [token.text for token in tokens]


def test_every_character_is_a_token_but_for_spaces_controls_and_formatting():
    alone = [chr(code) for code in CODES]
    expected = {c for c in alone if unicodedata.category(c) not in ("Cc", "Cf", "Zs", "Zl", "Zp")}
    expected |= {c for c in alone if re.match(VISIBLE, c)}
    text = " ".join(alone)
    tokens = Tokenizer(TokenizerConfig()).tokenize(text)
    assert_in_place(text, tokens, TokenizerConfig())
    differing = expected ^ {text[token.start : token.end] for token in tokens}
    assert [c for c in differing if unicodedata.category(c) != "Cn"] == []


@settings(deadline=None, max_examples=100)
@given(odd_texts(3), odd_texts(3), st.sampled_from(CONFIGS))
@example("<unk> good", "<unk> <pad> good bad", CONFIGS[2])
def test_a_vocabulary_of_any_text_knows_its_tokens_and_takes_any_other(text, other, config):
    tokenizer = Tokenizer(config)
    vocabulary = build_from_words(tokenizer.tokens(text), VocabularyConfig(max_size=None))
    own = [token for token in tokenizer.tokens(text) if token not in ("<unk>", "<pad>")]
    assert vocabulary.decode(vocabulary.encode(own)) == own
    others = tokenizer.tokens(other)
    expected = [token if token in own else "<unk>" for token in others]
    assert vocabulary.decode(vocabulary.encode(others)) == expected


def test_a_model_that_knows_odd_words_is_saved_and_loaded_with_them(tiny, tmp_path):
    words = Tokenizer(CONFIGS[2]).tokens(" ".join([*map(chr, CODES), *PIECES]))
    model = tiny(embedding_dim=1)
    vocabulary = build_from_words(words, VocabularyConfig(max_size=None))
    vectors = np.zeros((len(vocabulary), 1), np.float32)
    whole = replace(model, vocabulary=vocabulary, weights={**model.weights, "embedding.weight": vectors})
    TextClassifier(whole).save(tmp_path / "odd")
    assert TextClassifier.load(tmp_path / "odd").model.vocabulary.tokens == vocabulary.tokens


MODELS = [
    pytest.param("native", {}, id="native lstm", marks=needs_core),
    pytest.param("native", {"bidirectional": True, "pooling": ("last",)}, id="native lstm, both ways",
                 marks=needs_core),
    pytest.param("numpy", {"bidirectional": True, "pooling": ("attention",)}, id="numpy lstm, both ways"),
    pytest.param("numpy", {"cell": "gru", "pooling": ("mean", "last"), "binary_logits": 2}, id="numpy gru"),
    pytest.param("numpy", {"cell": "rnn", "bidirectional": True, "pooling": ("first_last",)},
                 id="numpy rnn, both ways"),
]  # fmt: skip
every_model = pytest.mark.parametrize(("runtime", "shape"), MODELS)


def classifier_of(tiny, runtime, shape):
    """A small model of sizes that fill no block of the core or of BLAS."""
    return TextClassifier(tiny(embedding_dim=11, hidden_sizes=(19,), **shape), runtime=runtime)


@every_model
@settings(deadline=None, max_examples=25)
@given(st.lists(odd_texts(3, 20), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_text_has_one_answer_alone_in_company_and_in_any_order(tiny, runtime, shape, texts, random):
    classifier = classifier_of(tiny, runtime, shape)
    together = classifier.predict_logits(texts)
    order = random.sample(range(len(texts)), len(texts))
    assert classifier.predict_logits([texts[i] for i in order]).tobytes() == together[order].tobytes()
    for text, scores in zip(texts, together, strict=True):
        assert classifier.predict_logits([text]).tobytes() == scores.tobytes()
    for prediction in classifier.predict(texts):
        shares = list(prediction.probabilities.values())
        assert np.isfinite(shares).all()
        assert abs(sum(shares) - 1) <= 1e-6
        assert prediction.score == max(shares)


@every_model
@settings(deadline=None, max_examples=25)
@given(odd_texts(3, 9))
def test_any_text_is_read_to_what_is_predicted(tiny, runtime, shape, text):
    classifier = classifier_of(tiny, runtime, shape)
    reading = classifier.read(text)
    assert_in_place(text, [word.token for word in reading.words], TokenizerConfig())
    (prediction,) = classifier.predict([text])
    after = [reading.before, *(word.probabilities for word in reading.words)]
    assert after[-1] == prediction.probabilities
    assert np.isfinite([list(shares.values()) for shares in after]).all()


LONG = {
    "letters": "a" * MANY,
    "accents": "é" * MANY,
    "letters that grow in lower case": "İ" * MANY,
    "beyond the basic plane": "𝒜" * MANY,
    "marks on one letter": "a" + "\u0301" * (MANY - 1),
    "marks on each letter": "e\u0301" * (MANY // 2),
    "apostrophes": "a'" * (MANY // 2 - 1) + "ab",
    "joiners": "म\u094d\u200d" * (MANY // 3) + "म",
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_word_of_a_million_characters_is_one_unknown_word(tiny, text, runtime):
    classifier = TextClassifier(tiny(), runtime=runtime)
    (word,) = classifier.read(text).words
    assert (word.token.start, word.token.end, word.known) == (0, MANY, False)
    unknown, found = classifier.predict(["unheard", text])
    assert found == unknown
    assert word.probabilities == found.probabilities


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_word_takes_memory_for_its_spelling_only(text):
    tokenizer = Tokenizer(TokenizerConfig())
    tokenizer.tokens(text[:10])  # the patterns
    tracemalloc.start()
    tokenizer.tokens(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 32 * MANY  # lower() takes 12 for each character, the spellings 4 each


def long_text():
    """So many words, a few known, most odd."""
    words = ["not", "good", "zzz", "é\u0301", "👍", "\ud800", "क\u093c", "\U00020000", "İ", "don't"]
    return " ".join(words * (WORDS // len(words)))


@pytest.mark.parametrize(
    "runtime",
    [pytest.param("native", marks=needs_core), pytest.param("numpy", marks=pytest.mark.slow)],
)
def test_a_text_of_a_hundred_thousand_words_is_read_to_what_is_predicted(tiny, runtime):
    classifier, text = TextClassifier(tiny(), runtime=runtime), long_text()
    reading = classifier.read(text)
    assert len(reading.words) == WORDS
    assert_in_place(text, [word.token for word in reading.words], TokenizerConfig())
    _, among, _ = classifier.predict(["good", text, "not good"])
    assert [reading.words[-1].probabilities] == [p.probabilities for p in classifier.predict([text])]
    assert reading.words[-1].probabilities == among.probabilities


def test_reading_both_ways_takes_memory_for_words_not_for_pairs_of_words(tiny):
    small = tiny(bidirectional=True, embedding_dim=1, hidden_sizes=(1,), pooling=("last",))
    classifier, words = TextClassifier(small), 1200
    tracemalloc.start()
    classifier.read("film " * words)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * words**2 / 2  # a list of the ids of each beginning


def odd_lines():
    """Every character that a file can hold, 256 on each line, and odd texts; none ends a line itself."""
    codes = [code for code in CODES if chr(code) not in "\r\n" and not 0xD800 <= code < 0xE000]
    lines = ["".join(map(chr, codes[i : i + 256])) for i in range(0, len(codes), 256)]
    lines += [piece.encode("utf-8", "replace").decode() + "." for piece in PIECES]
    return ["first", "", " ", *lines, "two\rparts", LONG["marks on one letter"], "last"]


@pytest.fixture
def odd_file(tmp_path):
    """A file with a text a line."""
    path = tmp_path / "odd.txt"
    path.write_bytes("".join(f"{line}\n" for line in odd_lines()).encode())
    return path


def test_each_line_of_a_file_of_odd_texts_gives_one_line_with_its_answer(model_folder, odd_file):
    command = [sys.executable, "-m", "tenor", "predict", "-m", str(model_folder), "-f", str(odd_file)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    lines = done.stdout.decode().split("\n")
    assert lines.pop() == ""
    expected = TextClassifier.load(model_folder).predict(odd_lines())
    assert [json.loads(line) for line in lines] == [
        {"text": text} | prediction.to_dict() for text, prediction in zip(odd_lines(), expected, strict=True)
    ]


def test_each_odd_text_of_json_lines_gives_one_line(model_folder, tmp_path, capsys):
    texts = [*odd_lines(), "two\nlines", "two\r\nlines", "\n"]
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    assert main(["predict", "-m", str(model_folder), "-f", str(path)]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert [json.loads(line)["text"] for line in lines[:-1]] == texts


def test_each_odd_text_is_one_row_of_a_table(model_folder, odd_file, capsys, monkeypatch):
    monkeypatch.setattr("tenor.cli.predict.wants_json", lambda asked: False)
    assert main(["predict", "-m", str(model_folder), "-f", str(odd_file)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(odd_lines())
