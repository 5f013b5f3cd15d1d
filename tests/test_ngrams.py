"""N-grams: which rows they own, and what they add, whole, word by word and in the core."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tenor import TextClassifier, native, ngrams
from tenor.batching import join
from tenor.compression import with_half_of_the_ngrams
from tenor.ngrams import Ngrams
from tenor.spelled import characters, words_of
from tenor.training.ngrams import evidence

TEXTS = [[2, 3, 4], [], [3], [4, 4, 4, 2, 3]]


ORDER = 3


def table(rows=64, columns=2, order=ORDER):
    """Scores, all of whose rows are owned by n-grams of TEXTS."""
    batch = join(TEXTS)
    hashes, _ = ngrams.hashes(batch.token_ids, batch.offsets, order)
    owners = np.zeros(rows, np.float32)
    owners[ngrams.rows_of(hashes, rows)] = ngrams.marks_of(hashes)
    weight = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
    return Ngrams(weight, owners, order), weight, owners


def word_of(token_id, spelling=""):
    """Ids of one more word, spelled out if it is to be."""
    return np.array([token_id, *(characters(spelling) if spelling else [])], np.int32)


def hashed(*words):
    """An n-gram's hash, word by word."""
    found = np.array([2**32 - 2], np.uint32)
    for word in words:
        found = ngrams.hashes_after(found, np.array([word], np.int32))
    return int(found[0])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_scores_are_those_of_the_ngrams_by_hand(order):
    found, weight, owners = table(order=order)
    batch = join(TEXTS)
    expected = np.zeros((4, 2))
    for row, text in enumerate(TEXTS):
        begun = []
        for end in range(len(text)):
            for size in range(1, min(order, end + 1) + 1):
                begun += [hashed(*text[end + 1 - size : end + 1])]
            if end + 2 <= order:  # with the beginning of the text
                one = np.array([2**32 - 1], np.uint32)
                for word in text[: end + 1]:
                    one = ngrams.hashes_after(one, np.array([word], np.int32))
                begun.append(int(one[0]))
        places = Counter(one * 64 >> 32 for one in begun if owners[one * 64 >> 32] == one % 255 + 1)
        for place, times in places.items():
            expected[row] += times**0.5 * weight[place]
        expected[row] /= max(len(text), 1) ** 0.5
    np.testing.assert_allclose(found.scores(batch), expected, atol=1e-6)
    assert (expected[[0, 2, 3]] != 0).all()


def test_what_begins_a_text_is_there_once():
    _, weight, owners = table(order=3)
    one = np.array([2**32 - 1], np.uint32)
    row = int(ngrams.hashes_after(one, np.array([3], np.int32))[0]) * 64 >> 32
    alone = Ngrams(np.ones_like(weight), np.where(np.arange(64) == row, owners, 0).astype(np.float32), 3)
    assert alone.scores(join([[3]])).tolist() == [[1, 1]]


def test_a_text_said_again_and_again_says_the_same():
    found, _, _ = table(order=1)
    once, often = (found.scores(join([[2, 3, 4, 3] * n])) for n in (1, 7))
    np.testing.assert_allclose(once, often, rtol=1e-6)
    assert once.all()


def test_word_by_word_is_the_whole_to_the_bit():
    found, _, _ = table()
    for text in TEXTS:
        whole = found.scores(join([text]))
        state = found.begin()
        prefixes = [found.score(state)]
        for word in text:
            state = found.step(state, word_of(word))
            prefixes.append(found.score(state))
        np.testing.assert_array_equal(prefixes[-1], whole)
        np.testing.assert_array_equal(np.concatenate(prefixes), found.prefix_scores(join([text])))


def test_a_state_can_be_gone_on_with_twice():
    found, _, _ = table()
    state = found.step(found.begin(), word_of(4))
    one, other = found.step(state, word_of(4)), found.step(state, word_of(2))
    np.testing.assert_array_equal(found.step(state, word_of(4)).total, one.total)
    assert (one.total != other.total).any()


def test_the_order_of_words_counts_and_first_words_have_their_own_pairs():
    ids = np.array([5, 6], np.int32)
    offsets = np.array([0, 2])
    (there, at), (back, _) = (ngrams.hashes(one, offsets, 3) for one in (ids, ids[::-1].copy()))
    assert at.tolist() == [0, 0, 1, 1, 1]  # the word, and with the beginning; then the pair, and with it too
    assert set(there[[0, 2]]) == set(back[[0, 2]]) == {hashed(5), hashed(6)}
    assert not set(there[[1, 3, 4]]) & set(back[[1, 3, 4]])
    assert len(set(there)) == len(set(back)) == 5


def test_texts_do_not_reach_into_each_other():
    apart = [ngrams.hashes(np.array(text, np.int32), np.array([0, len(text)]), ORDER)[0] for text in TEXTS]
    batch = join(TEXTS)
    together, _ = ngrams.hashes(batch.token_ids, batch.offsets, ORDER)
    np.testing.assert_array_equal(np.concatenate(apart), together)


def test_what_owns_no_row_says_nothing():
    found, weight, owners = table()
    stranger = Ngrams(weight, np.where(owners > 0, owners % 255 + 1, 0).astype(np.float32), ORDER)
    batch = join(TEXTS)
    assert not stranger.scores(batch).any()
    assert found.scores(batch).any()


@pytest.mark.parametrize("rows", [1, 7, 2**20, 2**24])
def test_rows_and_marks_are_within_their_bounds_and_spread(rows):
    hashes = ngrams.hashes_after(
        np.arange(5000, dtype=np.uint32), np.arange(5000, dtype=np.int32)[::-1].copy()
    )
    place, marks = ngrams.rows_of(hashes, rows), ngrams.marks_of(hashes)
    assert 0 <= place.min() <= place.max() < rows
    assert 1 <= marks.min() <= marks.max() <= 255
    if rows >= 2**20:
        assert len(np.unique(place)) > 4900
        assert np.bincount(marks, minlength=256)[1:].min() > 5


def gathered(texts, **options):
    ids = [np.array(text, np.int32) for text in texts]
    return evidence.gather(ids, **{"order": 2, "most_rows": 2**12} | options)


def place_of(found, *words):
    """Which of those that own a row an n-gram is; None where it owns none."""
    one = hashed(*words)
    row = one * len(found.owners) >> 32
    return found.rows.tolist().index(row) if found.owners[row] == one % 255 + 1 else None


def one_hot(targets, num_labels=2):
    """Labels as evidence takes them; None is not to be known."""
    return np.array([[target == label for label in range(num_labels)] for target in targets], np.float32)


@pytest.fixture
def roomy(monkeypatch):
    """So many rows that none is shared."""
    monkeypatch.setattr(evidence, "_ROWS_EACH", 500)


def test_evidence_is_naive_bayes_over_texts_that_have_a_word(roomy):
    found = gathered([[2, 3, 3, 3], [2, 4], [2, 3], [5]])
    odds = found.odds(one_hot([1, 1, 0, 0]), 1)
    assert place_of(found, 5) is None  # in one text
    assert place_of(found, 4) is None
    # kept: 2 (in 2 texts of label 1, 1 of label 0), 3 (1, 1), 2 at the beginning (2, 1), 3 after 2 (1, 1)
    mass_1, mass_0 = 3 + 2 + 3 + 2, 2 + 2 + 2 + 2
    assert odds[place_of(found, 2), 0] == pytest.approx(np.log(3 / mass_1) - np.log(2 / mass_0))
    assert odds[place_of(found, 3), 0] == pytest.approx(np.log(2 / mass_1) - np.log(2 / mass_0))
    assert place_of(found, 2, 3) is not None
    assert place_of(found, 3, 3) is None
    assert np.count_nonzero(found.owners) == len(found.rows) == 4


def test_evidence_names_the_texts_that_have_an_ngram(roomy):
    texts = [[2, 3, 3, 3], [2, 4], [2, 3], [5]]
    found = gathered(texts)
    for words, expected in (((2,), [0, 1, 2]), ((3,), [0, 2]), ((2, 3), [0, 2])):
        place = place_of(found, *words)
        begin, end = found.of_ngrams.offsets[place : place + 2]
        assert found.of_ngrams.items[begin:end].tolist() == expected


def test_every_label_has_its_odds_against_the_others(roomy):
    found = gathered([[2], [2], [3], [3], [2, 3]])
    odds = found.odds(one_hot([0, 0, 1, 2, 2], 3), 3)
    assert odds.shape == (len(found.rows), 3)
    of_two = odds[place_of(found, 2)]
    assert of_two[0] > 0 > of_two[1]


def test_what_is_rare_among_the_known_labels_says_nothing(roomy):
    found = gathered([[2, 3], [2, 4], [2, 3], [2, 4]])
    odds = found.odds(one_hot([1, 0, 0, None]), 1)
    assert odds[place_of(found, 2), 0] != 0
    assert odds[place_of(found, 3), 0] != 0
    assert odds[place_of(found, 4), 0] == 0  # once known, once not


def test_of_several_on_one_row_the_most_frequent_owns_it():
    texts = [[2, 3]] * 9 + [[4, 5, 6, 7]] * 2
    found = gathered(texts, most_rows=1)
    frequent, _ = ngrams.hashes(np.array([2, 3], np.int32), np.array([0, 2]), 2)
    assert int(found.owners[0]) in {int(one) % 255 + 1 for one in frequent}


@pytest.mark.parametrize("at_once", [1, 100, 777])
def test_counting_in_parts_changes_nothing(monkeypatch, at_once):
    draw = np.random.default_rng(0)
    texts = [draw.integers(0, 30, size=draw.integers(0, 40)) for _ in range(50)]
    whole = gathered(texts)
    monkeypatch.setattr(evidence, "_MOST_AT_ONCE", at_once)
    parts = gathered(texts)
    for one, other in zip(whole[:2], parts[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(whole.of_ngrams.items, parts.of_ngrams.items)


def test_there_are_no_more_rows_than_the_texts_need():
    texts = [[2, 3, 4, 5]] * 2 + [[2]]  # 4 words and 4 pairs in two texts or more
    assert len(gathered(texts).owners) == 16
    assert len(gathered(texts, most_rows=5).owners) == 5


def test_no_texts_with_words_give_no_evidence():
    found = gathered([[], []])
    assert not found.owners.any()
    assert found.odds(one_hot([0, 1]), 1).shape == (0, 1)


@pytest.mark.parametrize("order", [1, 3, 8])
def test_a_model_with_them_reads_as_before_when_saved(tiny, tmp_path, order):
    classifier = TextClassifier(tiny(ngrams=40, ngram_order=order))
    texts = ["the film is not good", "", "bad", "good film " * 30]
    plain = TextClassifier(tiny())
    assert (classifier.predict_logits(texts[:1]) != plain.predict_logits(texts[:1])).all()
    for precision in ("float32", "bf16", "int8"):
        model = classifier.model.at(precision) if precision != "float32" else classifier.model
        expected = TextClassifier(model).predict_logits(texts)
        TextClassifier(model).save(tmp_path / precision)
        loaded = TextClassifier.load(tmp_path / precision)
        np.testing.assert_array_equal(loaded.predict_logits(texts), expected)
        np.testing.assert_array_equal(loaded.model.weights["ngrams.owners"], model.weights["ngrams.owners"])


def test_a_float64_model_with_them_is_loaded_again(tiny, tmp_path):
    classifier = TextClassifier(tiny(np.float64, ngrams=40))
    classifier.save(tmp_path / "model")
    expected = classifier.predict_logits(["not bad", "good film"])
    np.testing.assert_array_equal(
        TextClassifier.load(tmp_path / "model").predict_logits(["not bad", "good film"]), expected
    )


def test_half_of_the_rows_are_those_that_say_more_and_are_still_found(tiny):
    model = tiny(ngrams=1024)
    half = with_half_of_the_ngrams(model)
    assert half.config.ngrams == 512
    batch = join([[2, 3, 4, 5, 6, 7] * 20])
    before = Ngrams.of(model.config, model.weights).scores(batch)
    after = Ngrams.of(half.config, half.weights).scores(batch)
    kept = np.count_nonzero(half.weights["ngrams.owners"])
    assert kept <= np.count_nonzero(model.weights["ngrams.owners"]) < 1.1 * kept
    np.testing.assert_allclose(after, before, rtol=0.5)


SPELLED = [[2, 1, *characters("ab"), 3], [1, *characters("ba"), 1, *characters("ab")], [1], []]


def spelled_table(longest=3, rows=4096):
    """Scores, all of whose rows are owned by n-grams of SPELLED and of its characters."""
    batch = join(SPELLED)
    words = words_of(batch)
    of_words, _ = ngrams.hashes(words.token_ids, words.offsets, 2)
    of_characters, _ = ngrams.hashes_of_characters(batch.token_ids, longest)
    owners = np.zeros(rows, np.float32)
    for hashes in (of_words, of_characters):
        owners[ngrams.rows_of(hashes, rows)] = ngrams.marks_of(hashes)
    weight = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    return Ngrams(weight, owners, 2, longest), weight, owners


def test_the_scores_of_characters_are_those_of_the_runs_by_hand():
    found, weight, _ = spelled_table()
    without = Ngrams(weight, spelled_table()[2], 2).scores(join([[w for w in t if w >= 0] for t in SPELLED]))
    runs = {}  # of "ab" and "ba": all runs of up to three, the word's beginning and end among them
    for word in ("ab", "ba"):
        marked = [None, *characters(word)]
        runs[word] = Counter(
            tuple(marked[begin:end])
            for begin in range(4)
            for end in range(begin + 1, min(begin + 3, 4) + 1)
            if marked[begin:end] != [None]
        )
    for row, words in enumerate((["ab"], ["ba", "ab"], [], [])):
        expected = np.zeros(2)
        for run, times in sum((runs[word] for word in words), Counter()).items():
            one = np.array([2**32 - (1 if run[0] is None else 2)], np.uint32)
            for code in run[run[0] is None :]:
                one = ngrams.hashes_after(one, np.array([code], np.int32))
            expected += times**0.5 * weight[int(one[0]) * len(weight) >> 32]
        said = (found.scores(join(SPELLED)) - without)[row] * max(sum(w >= 0 for w in SPELLED[row]), 1) ** 0.5
        np.testing.assert_allclose(said, expected, atol=1e-5)


def test_word_by_word_with_characters_is_the_whole_to_the_bit():
    found, _, _ = spelled_table()
    state = found.begin()
    prefixes = [found.score(state)]
    for token_id, spelling in ((1, "ba"), (1, "ab")):
        state = found.step(state, word_of(token_id, spelling))
        prefixes.append(found.score(state))
    np.testing.assert_array_equal(prefixes[-1], found.scores(join(SPELLED[1:2])))
    np.testing.assert_array_equal(np.concatenate(prefixes), found.prefix_scores(join(SPELLED[1:2])))


def test_characters_are_those_of_one_word():
    alone = [ngrams.hashes_of_characters(np.array(text, np.int32), 3)[0] for text in SPELLED]
    together, words = ngrams.hashes_of_characters(join(SPELLED).token_ids, 3)
    np.testing.assert_array_equal(np.concatenate(alone), together)
    assert words.tolist() == [1] * 8 + [3] * 8 + [4] * 8  # of two characters and the end: 2, 3 and 3


def test_a_word_too_long_is_not_spelled_out():
    assert len(characters("x" * 64)) == 65
    assert characters("x" * 65) == []


@pytest.mark.parametrize("precision", ["float32", "bf16", "int8"])
def test_a_model_that_spells_reads_as_before_when_saved(tiny, tmp_path, precision):
    model = tiny(ngrams=400, char_ngrams=4).at(precision)
    texts = ["the unheard film", "of wörd \U0001f600 unheard", "good", "x" * 64, "x" * 65, "unheard " * 40]
    classifier, plain = TextClassifier(model), TextClassifier(tiny(ngrams=400).at(precision))
    expected = classifier.predict_logits(texts)
    assert (expected != plain.predict_logits(texts))[[0, 1, 5]].any(axis=1).all()
    classifier.save(tmp_path / "model")
    for runtime in ("native", "numpy") if native.is_available() else ("numpy",):
        found = TextClassifier.load(tmp_path / "model", runtime=runtime).predict_logits(texts)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(TextClassifier.load(tmp_path / "model").predict_logits(texts), expected)
