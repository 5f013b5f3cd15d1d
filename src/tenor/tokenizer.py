"""A text in → its tokens, each with its place in the text.

Rules for ``split="words"``, in any language:

* a word is a run of letters, digits and their combining marks; apostrophes between letters
  belong to it ("don't", "l'amour");
* scripts written without spaces (Chinese, Japanese kana, Thai, Lao, Khmer, Burmese) give one
  token a character with its marks: no dictionary, and no sentence that is one unknown word;
* every other visible character is a token of its own; controls and formatting are read as spaces.

Texts are read in Unicode's normal form C, so that an accent is the same beside its letter and in it, and
without soft hyphens and word joiners, which are no part of a word's spelling.
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from tenor.config import TokenizerConfig
from tenor.errors import UnsupportedError

Item = TypeVar("Item")

TAG_NAMES = frozenset(
    """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink blockquote body
    br button canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div
    dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header
    hgroup hr html i iframe img input ins isindex kbd label legend li link main map mark marquee menu
    menuitem meta meter nav nobr noembed noframes noscript object ol optgroup option output p param picture
    plaintext pre progress q rp rt ruby s samp script section select slot small source span strike strong
    style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul
    var video wbr xmp
    """.split()  # noqa: SIM905 - a hundred lines otherwise
)
"""Of HTML, those no longer in use among them: ``<john@example.com>`` and ``List<String>`` are text."""
_TAG = rf"(?ai:</?(?:{'|'.join(sorted(TAG_NAMES))})(?=[ \t\n\r\f/>])[^<>]{{0,200}}>)"
_ASCII_WORD = r"\w++(?:'\w++)*+"  # possessive: what is never given back takes no memory
_UNSPACED = (
    "\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6"  # Thai, Lao
    "\u1000-\u102a\u1780-\u17b3"  # Burmese, Khmer
    "\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
_INVISIBLE = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f"
)
"""Controls and formatting: between tokens, or after a letter as the joiners, but never alone."""
_LAST_MARK = 0x1E95B
_JOINERS = "\u200c\u200d"
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SURROGATES = "\ud800-\udfff"
_SEAMS = "\u00ad\u2060\ufeff"
"""Where a line may or may not break within a word."""
_ODD = re.compile(f"[{_SURROGATES}{_SEAMS}]")
_REPLACEMENT = "\ufffd"
_MARKS_OR_SIGNS = re.compile(r"[^\w\s\x00-\x7f]{64}")
"""What may be a pile of marks, found without the pattern of all marks, which takes long to compile."""
_SPACY_LOCK = Lock()


class Token(NamedTuple):
    """A piece of a text."""

    text: str
    """As the vocabulary spells it: in lower case, if so configured."""
    start: int
    """Where it begins in the original text, in characters."""
    end: int
    """Where it ends, exclusive: the original spelling is ``text[start:end]``."""


class Tokenizer:
    """Splits texts as its configuration says; holds the compiled patterns."""

    def __init__(self, config: TokenizerConfig) -> None:
        self.config = config

    def tokens(self, text: str) -> list[str]:
        """The tokens' spellings, in order; an empty text or one of spaces has none."""
        text = self._readable(normal(text))
        spacy = self.config.split == "spacy"
        found = [token for token, _ in _spacy(text)] if spacy else self._pattern(text).findall(text)
        if self.config.lowercase:
            found = [lowered(token) for token in found]
        if self.config.punctuation == "delete":
            found = [token.translate(_PUNCTUATION) for token in found]
        return [token for token in found if token]

    def tokenize(self, text: str) -> list[Token]:
        """The same tokens with their places; offsets rise and do not overlap."""
        readable = normal(text)
        found = list(self._places(self._readable(readable)))
        if readable == text:
            return found
        begins, ends = origins(text)
        return [Token(token, begins[start], ends[end - 1]) for token, start, end in found]

    def truncate(self, tokens: list[Item]) -> list[Item]:
        """What is read of a text's tokens: at most ``max_tokens``, from the configured part."""
        limit = self.config.max_tokens
        if limit is None or len(tokens) <= limit:
            return tokens
        if self.config.keep == "start":
            return tokens[:limit]
        if self.config.keep == "end":
            return tokens[-limit:]
        tail = limit // 2
        return tokens[: limit - tail] + tokens[len(tokens) - tail :]

    def _readable(self, text: str) -> str:
        return _blank_tags(text) if self.config.strip_html and "<" in text else text

    def _places(self, text: str) -> Iterator[Token]:
        for piece, start in self._pieces(text):
            token = lowered(piece) if self.config.lowercase else piece
            if self.config.punctuation == "delete":
                token = token.translate(_PUNCTUATION)
            if token:
                yield Token(token, start, start + len(piece))

    def _pieces(self, text: str) -> Iterable[tuple[str, int]]:
        """The pieces of a text as it spells them, and where each begins."""
        if self.config.split == "spacy":
            return _spacy(text)
        return ((match.group(), match.start()) for match in self._pattern(text).finditer(text))

    def _pattern(self, text: str) -> re.Pattern[str]:
        if self.config.split == "spaces":
            return _spaces_pattern()
        return _ascii_pattern() if text.isascii() else _unicode_pattern()


def normal(text: str) -> str:
    """The text in the form in which it is read; a half surrogate pair, which no file can hold, is U+FFFD."""
    if text.isascii():
        return text
    text = _without_oddities(text)
    if _MARKS_OR_SIGNS.search(text) and _piled_marks_pattern().search(text):
        return text
    return unicodedata.normalize("NFC", text)


def _without_oddities(text: str) -> str:
    return _ODD.sub(lambda odd: "" if odd.group() in _SEAMS else _REPLACEMENT, text)


def origins(text: str) -> tuple[list[int], list[int]]:
    """Of each character of ``normal(text)`` where it begins in the text, and where it ends, exclusive."""
    begins = [i for i, character in enumerate(text) if character not in _SEAMS]
    ends = [i + 1 for i in begins]
    text = _without_oddities(text)
    if text == normal(text):
        return begins, ends
    composed_begins: list[int] = []
    composed_ends: list[int] = []
    for found in _composable_pattern().finditer(text):
        first, last = found.span()
        composed = unicodedata.normalize("NFC", found.group())
        if composed == found.group():
            composed_begins += begins[first:last]
            composed_ends += ends[first:last]
        else:
            composed_begins += [begins[first]] * len(composed)
            composed_ends += [ends[last - 1]] * len(composed)
    return composed_begins, composed_ends


def lowered(token: str) -> str:
    """In lower case; of a Turkish capital I with its dot that is an i, without a second dot."""
    return token.replace("\u0130", "i").lower()


def _blank_tags(text: str) -> str:
    """The text with every HTML tag overwritten by as many spaces, so that places stay."""
    return re.sub(_TAG, lambda tag: " " * len(tag.group()), text)


def _spacy(text: str) -> list[tuple[str, int]]:
    """The tokens that are not white space, and where each begins, by spaCy's English tokenizer.

    Raises:
        UnsupportedError: spaCy is not installed.
    """
    with _SPACY_LOCK:  # it keeps a cache, and does not say that threads may share it
        return [(token.text, token.idx) for token in _spacy_tokenizer()(text) if not token.is_space]


@functools.cache
def _spacy_tokenizer() -> Any:
    try:
        from spacy.lang.en import English
    except ImportError as error:
        raise UnsupportedError(
            "this model splits texts with spaCy, which is not installed; type: pip install 'tenor[spacy]'"
        ) from error
    return English().tokenizer


@functools.cache
def _spaces_pattern() -> re.Pattern[str]:
    return re.compile(r"\S+")


@functools.cache
def _ascii_pattern() -> re.Pattern[str]:
    """What ``_unicode_pattern`` does to ASCII: compiled apart, since it is 20 times as quick to."""
    return re.compile(_ASCII_WORD + r"|[!-~]")


@functools.cache
def _unicode_pattern() -> re.Pattern[str]:
    marks = _combining_marks()
    unspaced = f"[{_UNSPACED}][{marks}]*"
    letters = f"(?:[^\\W{_UNSPACED}]++[{marks}]*+)++"
    word = f"{letters}(?:['\u2019]{letters})*+"
    return re.compile(f"{unspaced}|{word}|[^\\s{_INVISIBLE}][{marks}]*")


@functools.cache
def _piled_marks_pattern() -> re.Pattern[str]:
    """More marks in a row than any language writes: a million would take hours to be put in order."""
    marks = _class_of(code for code in range(0x300, _LAST_MARK) if unicodedata.combining(chr(code)))
    return re.compile(f"[{marks}]{{64}}")


@functools.cache
def _composable_pattern() -> re.Pattern[str]:
    """Runs of characters that become one in normal form C, if they do: it leaves no other together."""
    marks = _combining_marks()
    syllable = "[\u1100-\u115f\uac00-\ud7a3][\u1160-\u11ff]+|[\U00016d63\U00016d67-\U00016d69]\U00016d67+"
    return re.compile(f"(?s:(?:{syllable})[{marks}]*|[\\s{_INVISIBLE}]|.[{marks}]*)")


def kinds_of(character: str) -> int:
    """What the rules ask of a character: the sum of the bits that ``tenor.h`` gives to the answers.

    It says what the patterns say, which take longer to compile than a short text to read.
    """
    code = ord(character)
    unspaced = _lies_in(code, _UNSPACED)
    word = not unspaced and re.match(r"\w", character) is not None
    marks = _is_mark(code)
    space, invisible = re.match(r"\s", character) is not None, _lies_in(code, _INVISIBLE)
    return unspaced + 2 * word + 4 * marks + 8 * space + 16 * invisible


def _lies_in(code: int, ranges: str) -> bool:
    """Whether a character class such as ``"a-z0-9\u00ad"`` has a character."""
    return any(low <= code <= high for low, high in _ranges(ranges))


@functools.cache
def _ranges(ranges: str) -> tuple[tuple[int, int], ...]:
    return tuple((ord(low), ord(high or low)) for low, high in re.findall("(?s)(.)(?:-(.))?", ranges))


def _is_mark(code: int) -> bool:
    r"""Whether a character is a combining mark or a joiner, which ``\w`` leaves out."""
    if chr(code) in _JOINERS or 0xE0100 <= code < 0xE01F0:
        return True
    return 0x300 <= code < _LAST_MARK and unicodedata.category(chr(code))[0] == "M"


def _combining_marks() -> str:
    r"""Every combining mark and joiner, as ranges of a character class.

    ``\\w`` leaves them out, which would cut Hindi or Arabic words to pieces.
    """
    return _class_of(c for c in (*range(0x300, _LAST_MARK), *range(0xE0100, 0xE01F0)) if _is_mark(c))


def _class_of(codes: Iterable[int]) -> str:
    """Rising codes as the inside of a character class."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
