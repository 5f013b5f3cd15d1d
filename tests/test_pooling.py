"""States → one vector, on paper: whole texts, and after every word."""

from __future__ import annotations

import numpy as np
import pytest

from tenor.cells import RNNState
from tenor.encoder import Encoded, Summary
from tenor.pooling import POOLINGS, Pooler

STATES = np.array([[1.0, 8.0], [5.0, 2.0], [3.0, 5.0]])  # T = 3, S = 2
ATTENTION = {
    "attention.weight": np.array([[0.5, -0.2], [0.1, 0.3]]),
    "attention.bias": np.array([0.1, -0.4]),
    "attention.context": np.array([0.7, -1.1]),
}
every_pooling = pytest.mark.parametrize("name", POOLINGS)


def pooled(states, *names, offsets=None, directions=1, weights=ATTENTION):
    pooler = Pooler(names, states.shape[1], directions, weights)
    offsets = np.array([0, len(states)] if offsets is None else offsets)
    parts = np.split(states, directions, axis=1)
    summaries = [summary(part, offsets, backward=i == 1) for i, part in enumerate(parts)]
    return pooler.pool(Encoded(states=states, summaries=[summaries]), offsets)


def summary(states, offsets, *, backward):
    """What a layer says of texts with these states."""
    texts = [states[start:end] for start, end in zip(offsets, offsets[1:], strict=False)]
    final, start, total, largest = (np.zeros((len(texts), states.shape[1]), states.dtype) for _ in range(4))
    for row, text in enumerate(texts):
        for h in text[::-1] if backward else text:
            if not total[row].any():
                start[row], largest[row] = h, h
            final[row] = h
            total[row] += h
            largest[row] = np.maximum(largest[row], h)
    return Summary(RNNState(final), start, total, largest)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", [3.0, 5.0]),
        ("first_last", [1.0, 8.0, 3.0, 5.0]),
        ("mean", [3.0, 5.0]),
        ("max", [5.0, 8.0]),
    ],
)
def test_a_text_of_three_words(name, expected):
    assert pooled(STATES, name).tolist() == [expected]


def test_the_largest_of_negative_numbers_is_not_zero():
    assert pooled(-STATES, "max").tolist() == [[-1.0, -2.0]]


def test_the_last_state_of_a_backward_direction_is_that_of_the_first_word():
    assert pooled(STATES, "last", directions=2).tolist() == [[3.0, 8.0]]


def test_first_and_last_word_keep_both_directions():
    assert pooled(STATES, "first_last", directions=2).tolist() == [[1.0, 8.0, 3.0, 5.0]]


def test_attention_is_the_mean_weighted_by_a_softmax():
    keys = np.tanh(STATES @ ATTENTION["attention.weight"].T + ATTENTION["attention.bias"])
    mass = np.exp(keys @ ATTENTION["attention.context"])
    expected = (mass / mass.sum()) @ STATES
    np.testing.assert_allclose(pooled(STATES, "attention"), [expected], rtol=1e-14)


def test_attention_without_a_context_is_the_mean():
    indifferent = ATTENTION | {"attention.context": np.zeros(2)}
    np.testing.assert_allclose(pooled(STATES, "attention", weights=indifferent), [[3.0, 5.0]], rtol=1e-15)


@pytest.mark.parametrize("context", [1e4, -1e4])
def test_attention_with_extreme_scores_looks_at_one_word(context):
    eyes = {
        "attention.weight": np.eye(2),
        "attention.bias": np.zeros(2),
        "attention.context": np.array([context, 0]),
    }
    states = np.array([[-1.0, 7.0], [1.0, 9.0]])
    assert pooled(states, "attention", weights=eyes).tolist() == [states[int(context > 0)].tolist()]


@every_pooling
def test_a_text_of_one_word_is_its_state(name):
    expected = STATES[0].tolist() * POOLINGS[name].width
    assert pooled(STATES[:1], name) == pytest.approx(np.array([expected]))


@every_pooling
def test_an_empty_text_is_zeros(name):
    found = pooled(STATES, name, offsets=[0, 0, 3, 3])
    assert found[[0, 2]].any() == 0
    assert found[1].all()


@every_pooling
def test_no_texts_give_no_vectors(name):
    assert pooled(STATES[:0], name, offsets=[0]).shape == (0, 2 * POOLINGS[name].width)


@every_pooling
def test_a_text_is_pooled_the_same_in_any_company(name):
    states = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    weights = {key: weight.astype(np.float32) for key, weight in ATTENTION.items()}
    together = pooled(states, name, offsets=[0, 2, 2, 7, 9], weights=weights)
    for row, (start, end) in enumerate([(0, 2), (2, 2), (2, 7), (7, 9)]):
        alone = pooled(states[start:end], name, weights=weights)
        np.testing.assert_array_equal(together[row], alone[0])
        assert together.dtype == np.float32


@every_pooling
def test_every_prefix_is_pooled_as_a_text_of_its_own(name):
    prefixes = list(Pooler((name,), 2, 1, ATTENTION).prefixes(STATES))
    assert len(prefixes) == 3
    for t, vector in enumerate(prefixes, start=1):
        np.testing.assert_array_equal(vector, pooled(STATES[:t], name))


def test_poolings_are_joined_in_the_configured_order():
    assert pooled(STATES, "max", "mean", "last").tolist() == [[5.0, 8.0, 3.0, 5.0, 3.0, 5.0]]


def test_the_width_is_that_of_the_vector():
    names = tuple(POOLINGS)
    assert Pooler(names, 2, 1, ATTENTION).width == pooled(STATES, *names).shape[1] == 14


@every_pooling
def test_a_step_does_not_change_what_is_remembered(name):
    pooler = Pooler((name,), 2, 1, ATTENTION)
    memory = pooler.step(None, STATES[:1])
    before = [part.copy() for part in memory[0]]
    pooler.step(memory, STATES[1:2])
    for part, kept in zip(memory[0], before, strict=True):
        np.testing.assert_array_equal(part, kept)
