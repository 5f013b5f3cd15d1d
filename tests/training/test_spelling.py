"""What words share of their spelling lends scores from the frequent forms to the rare ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tenor import TextClassifier, preset, train
from tenor.batching import join
from tenor.config import VocabularyConfig
from tenor.ngrams import Ngrams, hashes_of_words, marks_of, rows_of
from tenor.training.encoded import Encoded
from tenor.training.ngrams import evidence as of_ngrams
from tenor.training.ngrams import scores, spelling
from tenor.training.ngrams.evidence import gather
from tenor.training.ngrams.scores import Features, Labels
from tenor.training.ngrams.spelling import Spelling, shared_parts
from tenor.vocabulary import build_from_counts

STEMS = {"dobr": 1, "świetn": 1, "pięk": 1, "lubi": 1, "złyc": 0, "fatal": 0, "nudzi": 0, "psuj": 0}
ENDINGS = ["", "a", "e", "y", "ą", "ego", "emu", "ym", "ych", "ymi", "ość", "ości"]
NOISE = [f"{a}{b}{c}" for a in "krtm" for b in "aeo" for c in "kstn"]


def inflected(count, seed=0, endings=ENDINGS):
    """Texts whose label their one telling word's stem says; each form is rare."""
    draw = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        stem = str(draw.choice(list(STEMS)))
        word = stem + str(draw.choice(endings))
        rest = draw.choice(NOISE, 6).tolist()
        texts.append((" ".join([*rest[:3], word, *rest[3:]]), STEMS[stem]))
    return texts


def vocabulary_of(texts):
    counts = Counter(word for text, _ in texts for word in text.split())
    return build_from_counts(counts, VocabularyConfig(min_count=2))


def encoded(texts, vocabulary):
    spelled = [np.array(vocabulary.spell(text.split()), np.int32) for text, _ in texts]
    return Encoded(
        token_ids=[ids[ids >= 0] for ids in spelled],
        targets=np.array([target for _, target in texts]),
        spelled=spelled,
    )


class Spelled:
    """Texts whose words' parts have a say; those that choose stand after those to learn from."""

    def __init__(self, texts, validation=(), num_labels=2, longest=5, most_rows=2**12):
        self.vocabulary, self.longest = vocabulary_of(texts), longest
        self.texts = encoded([*texts, *validation], self.vocabulary)
        parts = shared_parts(self.vocabulary, self.texts, longest)
        self.evidence = gather(self.texts.token_ids, order=1, most_rows=most_rows, parts=parts.hashes)
        self.spelling = Spelling(parts, self.texts, self.evidence.owners)
        num_logits = 1 if num_labels == 2 else num_labels
        self.labels = Labels(self.texts.targets, num_labels, num_logits, len(texts))

    def problem(self, spelling=None):
        """The one problem of few labels."""
        features = Features(self.evidence, self.texts, spelling)
        known = self.labels.known(self.labels.num_train)
        (problem,) = scores._problems(features, known, self.labels.num_logits)
        return problem

    def accuracy(self, spelling=None):
        return scores.fit(
            Features(self.evidence, self.texts, spelling), self.labels, learns_all=False
        ).accuracy


def runs(words, longest):
    """The different parts of some words, beginnings and ends among their characters."""
    marked = [f"<{word}>" for word in words]
    places = [(word, at) for word in marked for at in range(len(word))]
    return {word[at : at + size] for size in range(1, longest + 1) for word, at in places} - {"<"}


def parts_by_hand(words, texts, longest, fewest):
    """How many parts several words have, and texts among whose words they are."""
    found = Counter()
    for group in [*([word] for word in words), *texts]:
        found.update(runs(group, longest))
    return sum(count >= fewest for count in found.values())


@pytest.mark.parametrize("longest", [1, 3, 5])
def test_parts_are_the_runs_of_characters_that_several_words_share(longest):
    texts = inflected(80)
    spelled = Spelled(texts, longest=longest)
    vocabulary = spelled.vocabulary
    words = [token for token in vocabulary.tokens if token in vocabulary]
    unknown = [[word for word in text.split() if word not in vocabulary] for text, _ in texts]
    assert any(unknown)
    assert len(spelled.spelling) == parts_by_hand(words, unknown, longest, spelling._FEWEST_WORDS)


@pytest.mark.parametrize("num_labels", [2, 4])
def test_the_slope_is_that_of_the_value(num_labels):
    texts = [(text, at % num_labels) for at, (text, _) in enumerate(inflected(60))]
    spelled = Spelled(texts[:50], texts[50:], num_labels)
    problem = spelled.problem(spelled.spelling)
    draw = np.random.default_rng(0)
    at, way = (draw.normal(size=(2, *problem.shape)) * 0.1).astype(np.float32)
    _, slope = problem.value(at, 0.5)
    ahead, behind = (problem.value(at + np.float32(far) * way, 0.5)[0] for far in (1e-2, -1e-2))
    np.testing.assert_allclose((ahead - behind) / 2e-2, (slope * way).sum(axis=0), rtol=2e-3)


def test_a_word_has_its_own_score_and_that_of_its_parts():
    spelled = Spelled(inflected(200))
    parts, vocabulary = spelled.spelling, spelled.vocabulary
    features, alone = (
        Features(spelled.evidence, spelled.texts, parts),
        Features(spelled.evidence, spelled.texts),
    )
    count = len(spelled.evidence.rows)
    scored = np.random.default_rng(0).normal(size=(count + len(parts), 1)).astype(np.float32)
    table, own = features.table(scored), alone.table(scored[:count])
    word = [next(i for i, token in enumerate(vocabulary.tokens) if token.startswith("dobr"))]
    row = rows_of(hashes_of_words(np.array(word, np.int32)), len(table))
    said = parts._parts_of_words.sums(scored[count:])[word]
    assert abs(said[0]) > 0.01
    np.testing.assert_allclose((table - own)[row] / features._spread, said, rtol=1e-4)
    unknown = hashes_of_words(np.array([vocabulary.unknown_id], np.int32))
    assert not (table - own)[rows_of(unknown, len(table))]


def test_every_word_owns_its_row_where_rows_are_short():
    spelled = Spelled(inflected(300))
    parts = shared_parts(spelled.vocabulary, spelled.texts, 3)
    crowded = gather(spelled.texts.token_ids, order=3, most_rows=2**9, parts=parts.hashes)
    found = hashes_of_words(np.unique(np.concatenate(spelled.texts.token_ids)))
    rows = rows_of(found, len(crowded.owners))
    owned = crowded.owners[rows] == marks_of(found)
    # Only another word may have taken it.
    assert set(rows[~owned].tolist()) <= set(rows[owned].tolist())


def test_rare_forms_are_read_by_what_their_relatives_said():
    spelled = Spelled(inflected(300), inflected(300, seed=1))
    assert spelled.accuracy(spelled.spelling) > spelled.accuracy() + 0.01


def test_forms_that_were_never_seen_are_read_by_what_their_relatives_said():
    unseen = inflected(100, seed=1, endings=ENDINGS[9:])
    spelled = Spelled(inflected(300, endings=ENDINGS[:9]), unseen)
    assert spelled.accuracy() < 0.65 < 0.95 < spelled.accuracy(spelled.spelling)


def test_what_training_counts_is_what_the_model_says(monkeypatch):
    monkeypatch.setattr(of_ngrams, "_ROWS_EACH", 2000)  # so many rows that hardly one is another's as well
    spelled = Spelled(inflected(120), most_rows=2**20)
    problem = spelled.problem(spelled.spelling)
    at = (np.random.default_rng(0).normal(size=problem.shape) * 0.1).astype(np.float32)
    scored, bias = problem.scores(at)
    weight = Features(spelled.evidence, spelled.texts, spelled.spelling).table(scored)
    ngrams = Ngrams(weight, spelled.evidence.owners, 1, spelled.longest)
    said = ngrams.scores(join(spelled.texts.for_ngrams)) + bias
    np.testing.assert_allclose(said, problem.decisions(at), atol=1e-5)


def test_a_training_with_parts_of_words_gives_a_model_like_any_other(tmp_path):
    source = tmp_path / "texts.csv"
    rows = [f"{text},{'good' if target else 'bad'}" for text, target in inflected(200)]
    source.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    settings = preset("fast")
    settings = replace(
        settings, train=replace(settings.train, epochs=1),
        model=replace(settings.model, hidden_sizes=(8,), embedding_dim=8, char_ngrams=5),
    )  # fmt: skip
    trained = train(source, settings)
    trained.save(tmp_path / "model")
    text = inflected(1, seed=3)[0][0]
    again = TextClassifier.load(tmp_path / "model")
    assert again.predict_proba([text]).tolist() == trained.predict_proba([text]).tolist()
    assert again.model.config.char_ngrams == 5
