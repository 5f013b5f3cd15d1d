"""Tokens in → their ids, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tenor.config import VocabularyConfig
from tenor.errors import ConfigError
from tenor.spelled import characters


class Vocabulary:
    """The tokens a model knows, in the order of their ids.

    A text that spells a special token (``"<unk>"``) does not get its id: it is unknown.
    """

    def __init__(self, tokens: Sequence[str], config: VocabularyConfig) -> None:
        """Take tokens, special ones among them, in the order of their ids.

        Raises:
            ConfigError: a token stands twice, holds a line break or half a character, or a special token is
                absent.
        """
        self.tokens = tuple(tokens)
        self.config = config
        ids = dict(zip(self.tokens, range(len(self.tokens)), strict=True))
        if len(ids) < len(self.tokens):
            twice = next(token for token, n in Counter(self.tokens).items() if n > 1)
            raise ConfigError(f"the vocabulary has the token {twice!r} twice; list it once")
        for special in config.special_tokens:
            if special not in ids:
                raise ConfigError(f"the vocabulary lacks the special token {special!r}; add it")
        together = "".join(self.tokens)
        if "\n" in together:
            broken = next(token for token in self.tokens if "\n" in token)
            raise ConfigError(f"the token {broken!r} holds a line break; remove it from the list")
        try:
            together.encode()
        except UnicodeEncodeError as error:
            broken = next(token for token in self.tokens if together[error.start] in token)
            raise ConfigError(f"the token {broken!r} has half of a surrogate pair; remove it") from error
        self.unknown_id = ids[config.unknown_token]
        self._special_ids = {special: ids.pop(special) for special in config.special_tokens}
        self._ids = ids
        self._before = [self._special_ids[t] for t in (config.start_token,) if t is not None]
        self._after = [self._special_ids[t] for t in (config.end_token,) if t is not None]

    def __len__(self) -> int:
        """V: the number of ids, special tokens included."""
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        """Whether a text's token has an id of its own."""
        return token in self._ids

    def special_id(self, token: str) -> int:
        """The id of a special token."""
        return self._special_ids[token]

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Ids of a text's tokens; unknown ones get the unknown token's."""
        find, unknown = self._ids.get, self.unknown_id
        return [find(token, unknown) for token in tokens]

    def spell(self, tokens: Iterable[str]) -> list[int]:
        """The same with the characters of unknown ones after their ids, as ``tenor.spelled`` has them."""
        found: list[int] = []
        for token in tokens:
            known = self._ids.get(token)
            found += [self.unknown_id, *characters(token)] if known is None else [known]
        return found

    @property
    def frames(self) -> bool:
        """Whether ``frame`` adds anything to any text."""
        return bool(self._before or self._after or self.config.fill_to)

    def frame(self, token_ids: list[int]) -> list[int]:
        """All that is read of a text: its words, between the start and the end token, and filled up.

        Without such tokens in the settings, which is usual, that is the ids as they are.
        """
        framed = self._before + token_ids + self._after
        if self.config.fill_to is None:
            return framed
        missing = self.config.fill_to - sum(token_id >= 0 for token_id in framed)
        return framed + [self._special_ids[self.config.fill_token]] * max(missing, 0)

    def decode(self, token_ids: Iterable[int]) -> list[str]:
        """Tokens of ids: the way back, but for unknown words."""
        return [self.tokens[i] for i in token_ids]


def build_from_counts(counts: Counter[str], config: VocabularyConfig) -> Vocabulary:
    """The most frequent words of the training texts.

    Args:
        counts: word → occurrences, in the order in which words were first seen.
        config: minimum count, maximum size, order of ties, special tokens.
    """
    words = [word for word in counts if counts[word] >= config.min_count]
    if config.ties != "first_seen":
        words.sort(reverse=config.ties == "reverse_alphabetical")
    words.sort(key=lambda word: -counts[word])  # stable: ties stay as they are
    return build_from_words(words, config)


def build_from_words(words: Iterable[str], config: VocabularyConfig) -> Vocabulary:
    """The first ``max_size`` of the given words (a list, or a vectors file's), and the specials."""
    specials = list(config.special_tokens)
    known = [word for word in dict.fromkeys(words) if word not in specials][: config.max_size]
    ordered = specials + known if config.specials_place == "start" else known + specials
    return Vocabulary(ordered, config)
