"""A whole model in one call of the core: the same as layer by layer, and refused where it makes no sense."""

import copy

import numpy as np
import pytest

from tenor import TextClassifier, native
from tenor.batching import join
from tenor.errors import InputError
from tenor.native import PreparedModel
from tenor.native.text import NumberedWords
from tenor.native.training import Learner

CASES = [
    {"cell": "lstm", "pooling": ("last",)},
    {"cell": "gru", "pooling": ("first_last", "max"), "bidirectional": True},
    {"cell": "rnn", "pooling": ("mean",), "hidden_sizes": (5, 3), "head_hidden": 7},
    {"cell": "linear", "pooling": ("mean", "max", "last_word"), "bidirectional": True},
    {"cell": "linear", "pooling": ("last",), "hidden_sizes": (4, 9), "bidirectional": True, "window": 2},
    {"cell": "lstm", "pooling": ("attention", "max"), "head_hidden": 33},
]
each_case = pytest.mark.parametrize("settings", CASES, ids=lambda s: f"{s['cell']}-{'-'.join(s['pooling'])}")
needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core")
pytestmark = needs_core


@pytest.fixture
def threads():
    before = native.status().threads
    yield native.set_threads
    native.set_threads(before)


def texts_of(model, count, longest, seed=0):
    """Texts of known and unknown words, some of them empty."""
    rng = np.random.default_rng(seed)
    words = [*model.vocabulary.tokens[2:], "zebra"]
    return [" ".join(rng.choice(words, n)) for n in rng.integers(0, longest, count)]


@each_case
@pytest.mark.parametrize("labels", [("no", "yes"), tuple("abcdefghijk")])
def test_it_says_what_numpy_does(tiny, settings, labels):
    model = tiny(labels=labels, **settings)
    texts = texts_of(model, 60, 40)
    found = TextClassifier(model).predict_logits(texts)
    expected = TextClassifier(model, runtime="numpy").predict_logits(texts)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


@each_case
def test_texts_ids_and_texts_alone_give_the_same_bits_for_any_number_of_threads(tiny, settings, threads):
    classifier = TextClassifier(tiny(**settings))
    texts = texts_of(classifier.model, 1100, 12)  # three chunks
    threads(1)
    one = classifier.predict_logits(texts)
    for count in (2, 3, 7):
        threads(count)
        np.testing.assert_array_equal(classifier.predict_logits(texts).view(np.uint32), one.view(np.uint32))
    tokenize = classifier.tokenizer.tokens
    ids = [classifier.model.vocabulary.encode(tokenize(text)) for text in texts]
    np.testing.assert_array_equal(classifier.logits_of(ids).view(np.uint32), one.view(np.uint32))
    for row in range(0, 1100, 97):
        alone = classifier.predict_logits([texts[row]])[0]
        np.testing.assert_array_equal(alone.view(np.uint32), one[row].view(np.uint32))


def test_a_text_larger_than_a_chunk_is_read_among_others(tiny):
    classifier = TextClassifier(tiny(cell="linear", pooling=("mean",), bidirectional=True))
    long = " ".join(texts_of(classifier.model, 2000, 40))
    assert len(classifier.tokenizer.tokens(long)) > 33_000
    texts = ["good", long, "", "bad", long]
    found = classifier.predict_logits(texts)
    for text, row in zip(texts, found, strict=True):
        np.testing.assert_array_equal(classifier.predict_logits([text])[0], row)


@each_case
def test_the_head_of_a_row_does_not_depend_on_the_others(tiny, settings):
    classifier = TextClassifier(tiny(labels=tuple("abcdefghijk"), **settings))
    width = classifier._scorer.pooler.width
    rows = np.random.default_rng(1).normal(size=(101, width)).astype(np.float32)
    together = classifier._scorer.core.head(rows)
    expected = TextClassifier(classifier.model, runtime="numpy")._scorer.head(rows)
    np.testing.assert_allclose(together, expected, atol=1e-5, rtol=1e-5)
    for row in (0, 47, 48, 100):
        np.testing.assert_array_equal(classifier._scorer.core.head(rows[row : row + 1])[0], together[row])
    assert classifier._scorer.core.head(rows[:0]).shape == (0, 11)


def test_ids_and_offsets_that_make_no_sense_are_refused(tiny):
    core = TextClassifier(tiny(cell="gru"))._scorer.core
    good = join([[2, 3], [4]])
    assert core.read_ids(good.token_ids, good.offsets).shape == (2, 1)
    for ids in ([2, 3, 8], [2, 3, -1]):
        with pytest.raises(InputError, match="a token id is not a row of the word vectors"):
            core.read_ids(np.array(ids, np.int32), good.offsets)
    for offsets in ([0, 2, 1], [1, 2, 3]):
        with pytest.raises(InputError, match="offsets must rise"):
            core.read_ids(good.token_ids, np.array(offsets))


def test_parts_that_do_not_fit_are_refused(tiny):
    wide, narrow = (TextClassifier(tiny(hidden_sizes=(n,), cell="gru")) for n in (6, 5))
    layers = wide._scorer.encoder.prepared
    with pytest.raises(InputError, match="a size or stride is out of range"):
        PreparedModel(layers, ("last",), narrow.model.weights)
    with pytest.raises(InputError, match="a size or stride is out of range"):
        PreparedModel([*layers, *layers], ("last",), wide.model.weights)


def test_what_lies_in_the_core_is_not_copied(tiny):
    core = TextClassifier(tiny(cell="gru"))._scorer.core
    for owner in (core, core._reader, Learner(), NumberedWords()):
        with pytest.raises(TypeError, match=f"{type(owner).__name__} cannot be pickled or copied"):
            copy.copy(owner)


def test_a_model_whose_pooling_is_not_done_in_the_core_reads_no_ids_there(tiny):
    core = TextClassifier(tiny(cell="gru", pooling=("attention",)))._scorer.core
    with pytest.raises(InputError, match="a size or stride is out of range"):
        core.read_ids(np.array([2], np.int32), np.array([0, 1]))


def test_fewer_ids_than_offsets_say_are_refused(tiny):
    core = TextClassifier(tiny(cell="gru"))._scorer.core
    for offsets in (np.array([0, 9]), np.array([], np.int64), np.array(3), np.array([0, 3], np.int32)):
        with pytest.raises(InputError, match="offsets must rise from 0 to 3, int64 and of one dimension"):
            core.read_ids(np.array([2, 3, 4], np.int32), offsets)


@pytest.mark.parametrize("pooled", [np.ones((2, 3), np.float32), np.ones((2, 5)), np.ones(5, np.float32)])
def test_pooled_vectors_that_do_not_fit_are_refused(tiny, pooled):
    with pytest.raises(InputError, match="pooled must"):
        TextClassifier(tiny(cell="gru", pooling=("last",)))._scorer.core.head(pooled)
