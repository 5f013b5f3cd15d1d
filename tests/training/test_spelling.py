"""What words share of their spelling lends scores from the frequent forms to the rare ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tenor import TextClassifier, preset, train
from tenor.config import VocabularyConfig
from tenor.ngrams import hashes_of_words, marks_of, rows_of
from tenor.training import scores, spelling
from tenor.training.encoded import Encoded
from tenor.training.evidence import gather
from tenor.training.spelling import Spelling
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
    return Encoded(
        token_ids=[np.array(vocabulary.encode(text.split()), np.int32) for text, _ in texts],
        targets=np.array([target for _, target in texts]),
    )


def both(texts, num_labels=2, longest=5):
    vocabulary = vocabulary_of(texts)
    train_texts = encoded(texts, vocabulary)
    logits = 1 if num_labels == 2 else num_labels
    evidence = gather(
        train_texts.token_ids, train_texts.targets, order=1, most_rows=2**12, num_labels=num_labels,
        num_logits=logits, words_first=True,
    )  # fmt: skip
    parts = Spelling(
        vocabulary, train_texts.token_ids, train_texts.targets, longest=longest, num_labels=num_labels,
        num_logits=logits,
    )  # fmt: skip
    return evidence, parts, vocabulary, train_texts


def parts_by_hand(words, longest, fewest):
    """How many different parts of so many words there are, beginnings and ends among their characters."""
    found = Counter()
    for word in words:
        marked = f"<{word}>"
        runs = {
            marked[at : at + size] for size in range(1, longest + 1) for at in range(len(marked) - size + 1)
        }
        found.update(runs - {"<"})
    return sum(count >= fewest for count in found.values())


@pytest.mark.parametrize("longest", [1, 3, 5])
def test_parts_are_the_runs_of_characters_that_several_words_share(longest):
    _, parts, vocabulary, _ = both(inflected(80), longest=longest)
    words = [token for token in vocabulary.tokens if token in vocabulary]
    assert parts.shape == (parts_by_hand(words, longest, spelling._FEWEST_WORDS), 1)


@pytest.mark.parametrize("num_labels", [2, 4])
def test_the_slope_is_that_of_the_value(num_labels):
    texts = [(text, at % num_labels) for at, (text, _) in enumerate(inflected(60))]
    evidence, parts, _, train_texts = both(texts, num_labels)
    problem = scores._Problem(evidence, train_texts.lengths, train_texts.targets, parts)
    draw = np.random.default_rng(0)
    at, way = draw.normal(size=(2, problem.size)) * 0.1
    _, slope = problem.value(at, 0.5)
    ahead, behind = (problem.value(at + far * way, 0.5)[0] for far in (1e-2, -1e-2))
    assert (ahead - behind) / 2e-2 == pytest.approx(float(slope @ way), rel=1e-3)


def test_a_word_has_its_own_score_and_that_of_its_parts():
    evidence, parts, vocabulary, train_texts = both(inflected(200))
    problem = scores._Problem(evidence, train_texts.lengths, train_texts.targets, parts)
    at = np.random.default_rng(0).normal(size=problem.size)
    alone = scores._Problem(evidence, train_texts.lengths, train_texts.targets)
    weights, bias = np.split(at, [len(evidence.odds)])[0], at[-1:]
    table, own = problem.scores(at)[0], alone.scores(np.concatenate([weights, bias]))[0]
    word = [next(i for i, token in enumerate(vocabulary.tokens) if token.startswith("dobr"))]
    row = rows_of(hashes_of_words(np.array(word, np.int32)), len(table))
    said = parts._of_words(at[len(evidence.odds) : -1, None])[word]
    assert abs(said[0]) > 0.01
    np.testing.assert_allclose((table - own)[row] / problem._spread, said, rtol=1e-4)
    unknown = hashes_of_words(np.array([vocabulary.unknown_id], np.int32))
    assert not (table - own)[rows_of(unknown, len(table))]


def test_every_word_owns_its_row_where_rows_are_short():
    train_texts = both(inflected(300))[-1]
    crowded = gather(
        train_texts.token_ids, train_texts.targets, order=3, most_rows=2**9, num_labels=2, num_logits=1,
        words_first=True,
    )  # fmt: skip
    found = hashes_of_words(np.unique(np.concatenate(train_texts.token_ids)))
    rows = rows_of(found, len(crowded.owners))
    owned = crowded.owners[rows] == marks_of(found)
    # Only another word may have taken it.
    assert set(rows[~owned].tolist()) <= set(rows[owned].tolist())


def test_rare_forms_are_read_by_what_their_relatives_said():
    texts = inflected(300)
    evidence, parts, vocabulary, train_texts = both(texts)
    validation = encoded(inflected(300, seed=1), vocabulary)
    found = scores.fit(evidence, train_texts, validation, 1, spelling=parts)
    alone = scores.fit(evidence, train_texts, validation, 1)
    assert found.accuracy > alone.accuracy + 0.01


def test_a_training_with_parts_of_words_gives_a_model_like_any_other(tmp_path):
    source = tmp_path / "texts.csv"
    rows = [f"{text},{'good' if target else 'bad'}" for text, target in inflected(200)]
    source.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    settings = preset("fast")
    settings = replace(
        settings, train=replace(settings.train, epochs=1, char_ngrams=5),
        model=replace(settings.model, hidden_sizes=(8,), embedding_dim=8),
    )  # fmt: skip
    trained = train(source, settings)
    trained.save(tmp_path / "model")
    text = inflected(1, seed=3)[0][0]
    again = TextClassifier.load(tmp_path / "model")
    assert again.predict_proba([text]).tolist() == trained.predict_proba([text]).tolist()
    assert again.model.record["train"]["char_ngrams"] == 5
