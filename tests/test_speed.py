"""How fast a model reads is measured on what it reads, and told beside what the machine can do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenor import TextClassifier, native
from tenor.config import ModelConfig
from tenor.errors import InputError
from tenor.speed import Speed, measure, multiply_adds, sample_texts
from tenor.vocabulary import build_from_words

needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core here")


def test_rounds_and_single_texts_are_timed(tiny):
    speed = measure(TextClassifier(tiny()), ["the film", "good", ""], seconds=0.01)
    assert (speed.texts, speed.tokens, speed.size_bytes) == (3, 3, 12)
    assert len(speed.round_s) >= 3
    assert len(speed.alone_ms) >= 3
    assert len(speed.alone_ms) % 3 == 0
    assert 0 < speed.alone_percentile_ms(50) <= speed.alone_percentile_ms(99)


def test_medians_and_percentiles_are_those_of_the_times():
    speed = Speed(
        texts=1,
        tokens=6,
        size_bytes=9,
        round_s=(1.0, 9.0, 2.0),
        alone_ms=tuple(map(float, range(101))),
        multiply_adds=1,
        arithmetic="float32",
        roof=None,
    )
    assert speed.median_s == 2
    assert (speed.alone_percentile_ms(50), speed.alone_percentile_ms(99)) == (50, 99)


def test_nothing_to_read_is_an_error(tiny):
    with pytest.raises(InputError, match="there are no texts"):
        measure(TextClassifier(tiny()), [])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"cell": "lstm", "hidden_sizes": (8,)}, 4 * 8 * 8),
        ({"cell": "gru", "hidden_sizes": (8, 6), "bidirectional": True}, 2 * 3 * (8 * 8 + 6 * (16 + 6))),
        ({"cell": "rnn", "hidden_sizes": (8,)}, 8 * 8),
        ({"cell": "linear", "window": 2, "skip": True, "hidden_sizes": (8, 6)}, 8 + 6 + 8 * 6 * (2 * 2 + 1)),
    ],
)
def test_the_arithmetic_of_a_token(settings, expected):
    assert multiply_adds(ModelConfig(embedding_dim=5, **settings)) == expected


def test_a_model_that_knows_no_words_is_asked_for_texts(tiny):
    model = tiny()
    vocabulary = build_from_words([], model.vocabulary.config)
    weights = {**model.weights, "embedding.weight": model.weights["embedding.weight"][: len(vocabulary)]}
    bare = TextClassifier(replace(model, vocabulary=vocabulary, weights=weights))
    with pytest.raises(InputError, match="knows no words to make texts of; give texts with -f FILE"):
        sample_texts(bare)


def test_sample_texts_are_of_known_words(tiny):
    classifier = TextClassifier(tiny())
    texts = sample_texts(classifier, count=3, tokens=4)
    assert [len(text.split()) for text in texts] == [4, 4, 4]
    assert texts == sample_texts(classifier, count=3, tokens=4)
    assert all(word.known for text in texts for word in classifier.read(text).words)


@needs_core
@pytest.mark.parametrize("isa", native.status().isas)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_every_instruction_set_has_a_roof(isa, precision):
    assert native.roof(precision, isa=isa, threads=1, seconds=0.01) > 1e6


@needs_core
def test_a_wider_instruction_set_has_the_higher_roof():
    isas = native.status().isas
    if "avx2" in isas:
        assert native.roof(isa="avx2", threads=1) > 2 * native.roof(isa="base", threads=1)
    if "avx512vnni" in isas:
        floats, bytes_ = (native.roof(p, isa="avx512vnni", threads=1) for p in ("float32", "int8"))
        assert bytes_ > 1.5 * floats
    if "amx" in isas:
        vectors, tiles = (native.roof("int8", isa=isa, threads=1) for isa in ("avx512vnni", "amx"))
        assert tiles > 2 * vectors


@needs_core
def test_the_roof_is_that_of_the_models_arithmetic(tiny):
    for cell, arithmetic in (("lstm", "int8"), ("linear", "float32")):
        model = tiny(cell=cell)
        assert measure(TextClassifier(model.at("int8")), ["a"], seconds=0.01).arithmetic == arithmetic
        assert measure(TextClassifier(model), ["a"], seconds=0.01).arithmetic == "float32"


@needs_core
def test_no_threads_have_no_roof():
    with pytest.raises(InputError, match="threads must be a whole number"):
        native.roof(threads=0)
