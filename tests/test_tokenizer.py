"""Texts of every kind → tokens, and their places in the text."""

from __future__ import annotations

import itertools
import re
import string
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenor.config import TokenizerConfig
from tenor.tokenizer import Token, Tokenizer

CONFIGS = [
    TokenizerConfig(split=split, lowercase=lowercase, punctuation=punctuation, strip_html=strip_html)
    for split, lowercase, punctuation, strip_html in itertools.product(
        ("words", "spaces"), (True, False), ("keep", "delete"), (True, False)
    )
]
SPICE = ["'", "\u2019", "<", ">", "/", "<br />", "</p>", " ", "\n", "\u2028", "\x85", "\x1f", "\x00", "."]
SPICE += ["İ", "ß", "Σ", "e\u0301", "\u0301", "\u200d", "\ud800", "\udfff", "我", "ไ", "ม\u0e48", "カ", "ｶ"]
SPICE += ["\u00ad", "\ufeff", "I\u0307", "\u1112\u1161", "\u11ab", "=\u0338", "\u0344", "\ufb2c", "\u2126"]
SPICE += ["क\u093c", "👩\u200d👧", "👍🏽", "\ufe0f", "م", "\u202e", "A", "don't", "9", "²", "_"]
any_text = st.one_of(
    st.text(st.characters()),  # lone surrogates too
    st.lists(st.sampled_from(SPICE)).map("".join),
    st.text(st.sampled_from(string.printable)),
)
any_config = st.sampled_from(CONFIGS)


def split(text, **choices):
    """The spellings; both ways to them agree."""
    tokenizer = Tokenizer(TokenizerConfig(**choices))
    found = tokenizer.tokens(text)
    assert [token.text for token in tokenizer.tokenize(text)] == found
    return found


def spelled(piece, config):
    """What the configuration makes of a piece of the original text."""
    piece = re.sub("[\u00ad\u2060\ufeff]", "", re.sub("[\ud800-\udfff]", "\ufffd", piece))
    piece = unicodedata.normalize("NFC", piece)
    piece = piece.replace("İ", "i").lower() if config.lowercase else piece
    return "".join(c for c in piece if config.punctuation == "keep" or c not in string.punctuation)


@settings(deadline=None)
@given(any_text, any_config)
def test_a_token_is_its_place_in_the_text_as_configured(text, config):
    for token in Tokenizer(config).tokenize(text):
        assert token.text == spelled(text[token.start : token.end], config)


@settings(deadline=None)
@given(any_text, any_config)
def test_offsets_rise_and_do_not_overlap(text, config):
    places = [0]
    for token in Tokenizer(config).tokenize(text):
        assert token.start < token.end
        places += [token.start, token.end]
    assert places == sorted(places)
    assert places[-1] <= len(text)


@settings(deadline=None)
@given(any_text, any_config)
def test_spellings_alone_are_those_of_the_tokens_with_places(text, config):
    tokenizer = Tokenizer(config)
    assert tokenizer.tokens(text) == [token.text for token in tokenizer.tokenize(text)]


@settings(deadline=None)
@given(any_text, any_config)
def test_no_token_is_empty_or_holds_white_space_or_a_surrogate(text, config):
    for token in Tokenizer(config).tokens(text):
        assert token
        assert not re.search("[\\s\ud800-\udfff]", token)


@settings(deadline=None)
@given(any_text)
def test_nothing_visible_is_lost(text):
    tokenizer = Tokenizer(TokenizerConfig(strip_html=False))
    covered = {i for token in tokenizer.tokenize(text) for i in range(token.start, token.end)}
    lost = {text[i] for i in range(len(text)) if i not in covered and not text[i].isspace()}
    assert {unicodedata.category(c) for c in lost} <= {"Cc", "Cf", "Cn"}


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=127)), any_config)
def test_ascii_words_are_the_same_beside_other_scripts(text, config):
    tokenizer = Tokenizer(config)
    assert tokenizer.tokens(text + " é") == [*tokenizer.tokens(text), "é"]


def test_a_sentence_becomes_words_and_marks_with_their_places():
    found = Tokenizer(TokenizerConfig()).tokenize("Not bad!")
    assert found == [Token("not", 0, 3), Token("bad", 4, 7), Token("!", 7, 8)]


@pytest.mark.parametrize("text", ["", " ", "\t\r\n\f\v", "\u00a0\u3000\u2028\x85\x1f", "<br />"])
def test_a_text_without_words_has_no_tokens(text):
    assert split(text) == []


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("don't", ["don't"]),
        ("l\u2019amour", ["l\u2019amour"]),
        ("rock'n'roll", ["rock'n'roll"]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("a''b", ["a", "'", "'", "b"]),
        ("3.14", ["3", ".", "14"]),
        ("a_b", ["a_b"]),
        ("...!", [".", ".", ".", "!"]),
        ("good\x00film", ["good", "film"]),
    ],
)
def test_words_end_at_marks_other_than_apostrophes_between_letters(text, tokens):
    assert split(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("xe\u0301te\u0302", ["xétê"]),
        ("x\u0301y", ["x\u0301y"]),
        ("a \u0301b", ["a", "\u0301", "b"]),
        ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
        ("الفِيلمُ جيّد", ["الفِيلمُ", "جيّد"]),
        ("שָׁלוֹם!", ["שָׁלוֹם", "!"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
    ],
    ids=["composed", "not to be composed", "after a space", "Hindi", "Arabic", "Hebrew", "Persian"],
)
def test_combining_marks_and_joiners_belong_to_their_word(text, tokens):
    assert split(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("我喜歡film", ["我", "喜", "歡", "film"]),
        ("ひらがな", ["ひ", "ら", "が", "な"]),
        ("か\u3099カー", ["が", "カ", "ー"]),
        ("ﾊﾝｶｸ", ["ﾊ", "ﾝ", "ｶ", "ｸ"]),
        ("แม\u0e48", ["แ", "ม\u0e48"]),
        ("ດ\u0eb5", ["ດ\u0eb5"]),
        ("ခ\u103b", ["ခ\u103b"]),
        ("\U00020000\U00020001", ["\U00020000", "\U00020001"]),
        ("좋은 영화", ["좋은", "영화"]),
        (unicodedata.normalize("NFD", "좋은 영화"), ["좋은", "영화"]),
    ],
    ids=[
        "Chinese",
        "hiragana",
        "katakana",
        "half width",
        "Thai",
        "Lao",
        "Burmese",
        "rare Han",
        "Korean",
        "Korean in parts",
    ],
)
def test_scripts_without_spaces_give_a_token_a_character(text, tokens):
    assert split(text) == tokens


def test_emoji_are_tokens_with_their_joiners():
    assert split("good👍 👩\u200d👧 ❤\ufe0f") == ["good", "👍", "👩\u200d", "👧", "❤\ufe0f"]


def test_places_count_characters_beyond_the_basic_plane_once():
    assert Tokenizer(TokenizerConfig()).tokenize("👍 good")[1] == Token("good", 2, 6)


def test_half_a_surrogate_pair_is_read_as_the_replacement_character():
    assert Tokenizer(TokenizerConfig()).tokenize("a\ud800b")[1] == Token("\ufffd", 1, 2)


def test_a_dotted_capital_i_is_an_i():
    assert Tokenizer(TokenizerConfig()).tokenize("İyi I\u0307yi") == [Token("iyi", 0, 3), Token("iyi", 4, 8)]


def test_places_are_those_of_the_original_however_it_is_composed():
    text = "so\u0301 gr\u00adeat, \ufeffsó 좋은 good"
    found = Tokenizer(TokenizerConfig()).tokenize(text)
    assert [token.text for token in found] == ["só", "great", ",", "só", "좋은", "good"]
    assert [text[token.start : token.end] for token in found] == [
        "so\u0301", "gr\u00adeat", ",", "só", "좋은", "good",
    ]  # fmt: skip


def test_a_row_of_emoji_is_no_pile_of_marks():
    assert split("😀" * 100 + " cafe\u0301")[-1] == "café"


def test_more_marks_than_any_language_piles_up_are_left_as_they_are():
    piled = "e" + "\u0301\u0316" * 100_000
    begin = time.process_time()
    assert [token.text for token in Tokenizer(TokenizerConfig()).tokenize(piled)] == [piled]
    assert time.process_time() - begin < 10  # put in order they take minutes


def test_case_is_kept_if_so_configured():
    assert split("Not BAD", lowercase=False) == ["Not", "BAD"]


def test_tags_are_white_space_that_keeps_its_place():
    found = Tokenizer(TokenizerConfig()).tokenize("good<br />film")
    assert found == [Token("good", 0, 4), Token("film", 10, 14)]


@pytest.mark.parametrize(
    "tag", ["<p>", "</p>", "<br/>", '<a b="c">', "<IMG\nsrc=x>", "</H3>", "<b " + "x" * 199 + ">"]
)
def test_every_kind_of_tag_is_white_space(tag):
    assert split(f"a{tag}b") == ["a", "b"]
    assert split(f"a{tag}b", split="spaces") == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "<john@x.com>",
        "List<String>",
        "<https://x.y>",
        "<dull, boring>",
        "<KBDſ>",
        "<ſ>",
        "a <3 b>",
        "a < b > c",
        "1<2>1",
        "<>",
        "a<b",
        "<b " + "x" * 200 + ">",
    ],
)
def test_what_only_looks_like_a_tag_is_text(text):
    assert split(text) == split(text, strip_html=False)


def test_tags_are_text_if_so_configured():
    assert split("<br>", strip_html=False) == ["<", "br", ">"]


def test_splitting_at_spaces_leaves_punctuation_on_its_word():
    assert split("Not bad, 我喜歡!", split="spaces") == ["not", "bad,", "我喜歡!"]


def test_deleting_punctuation_deletes_the_32_ascii_marks_only():
    assert split("don't a_b " + string.punctuation + " …", punctuation="delete") == ["dont", "ab", "…"]
    assert split("(don't!) --- …", split="spaces", punctuation="delete") == ["dont", "…"]


@pytest.mark.parametrize(
    ("keep", "limit", "expected"),
    [
        ("start", 2, "ab"),
        ("end", 2, "fg"),
        ("both", 2, "ag"),
        ("both", 5, "abcfg"),
        ("both", 1, "a"),
        ("start", 7, "abcdefg"),
        ("both", 7, "abcdefg"),
        ("both", 9, "abcdefg"),
        ("end", 9, "abcdefg"),
        ("end", None, "abcdefg"),
    ],
)
def test_a_long_text_is_read_from_the_configured_part(keep, limit, expected):
    tokenizer = Tokenizer(TokenizerConfig(max_tokens=limit, keep=keep))
    assert "".join(tokenizer.truncate(list("abcdefg"))) == expected


PIECES = ["<", "'", "a", "a'", "<a ", "é", "é'", "e\u0301", "\u0301", "<é", "我", "\x00", "\ud800", "<a>"]


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
def test_time_grows_no_faster_than_a_hostile_text(piece):
    tokenizer = Tokenizer(TokenizerConfig())
    text = piece * (1_000_000 // len(piece))
    begin = time.process_time()
    tokenizer.tokens(text)
    tokenizer.tokenize(text[:100_000])
    assert time.process_time() - begin < 10  # one on an idle processor; what is quadratic takes minutes


@pytest.mark.parametrize("invisible", "\x00\x07\u00ad\u200b\u200e\u202e\u2060\ufeff\U000e0067\u200d")
def test_what_cannot_be_seen_is_no_token(invisible):
    assert Tokenizer(TokenizerConfig()).tokens(f"{invisible} not {invisible}{invisible}good{invisible}") in (
        ["not", "good"],
        ["not", f"good{invisible}"],  # a joiner belongs to the letter before it
    )
