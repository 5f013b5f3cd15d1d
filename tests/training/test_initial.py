from __future__ import annotations

import numpy as np
import pytest

from tenor.config import ModelConfig, VocabularyConfig
from tenor.data import WordVectors
from tenor.errors import ConfigError
from tenor.training.initial import initial_weights, place_vectors
from tenor.vocabulary import build_from_words

VOCABULARY = build_from_words([f"w{i}" for i in range(998)], VocabularyConfig())


def weights_of(seed=0, **settings):
    config = ModelConfig(**({"embedding_dim": 40, "hidden_sizes": (30,)} | settings))
    return initial_weights(config, VOCABULARY, num_labels=2, seed=seed)


def bound_of(weight):
    return np.abs(weight).max()


@pytest.mark.parametrize("init", ["torch", "keras", "flax"])
def test_a_seed_gives_the_same_weights_twice_and_another_seed_others(init):
    first, again, other = (weights_of(init=init, seed=seed) for seed in (1, 1, 2))
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["rnn.weight_hh_l0"] != other["rnn.weight_hh_l0"]).any()
    assert {weight.dtype for weight in first.values()} == {np.dtype(np.float32)}


def test_torch_draws_recurrent_weights_by_the_hidden_size_and_the_head_by_its_inputs():
    weights = weights_of(init="torch", pooling=("last",))
    for name in ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"):
        assert 0.9 / np.sqrt(30) < bound_of(weights[name]) <= np.float32(1 / np.sqrt(30))
    assert bound_of(weights["head.weight"]) <= np.float32(1 / np.sqrt(30))
    assert weights["head.bias"][0] != 0
    assert weights["embedding.weight"].std() == pytest.approx(1, abs=0.02)


def test_keras_draws_orthogonal_states_zero_biases_and_opens_the_forget_gate():
    weights = weights_of(init="keras")
    hh = weights["rnn.weight_hh_l0"]
    np.testing.assert_allclose(hh.T @ hh, np.eye(30), atol=1e-5)
    assert bound_of(weights["rnn.weight_ih_l0"]) <= np.float32(np.sqrt(6 / (120 + 40)))
    np.testing.assert_array_equal(weights["rnn.bias_ih_l0"].reshape(4, 30).mean(1), [0, 1, 0, 0])
    assert not weights["rnn.bias_hh_l0"].any()
    assert 0.049 < bound_of(weights["embedding.weight"]) <= np.float32(0.05)


def test_keras_opens_the_forget_gate_once_wherever_the_bias_stands():
    recurrent = weights_of(init="keras", biases="recurrent")["rnn.bias_hh_l0"]
    np.testing.assert_array_equal(recurrent.reshape(4, 30).mean(1), [0, 1, 0, 0])
    gru = weights_of(init="keras", cell="gru")
    assert not gru["rnn.bias_ih_l0"].any()


@pytest.mark.parametrize("window", [1, 2])
def test_a_linear_cell_starts_by_keeping_what_it_has(window):
    settings = {"cell": "linear", "window": window, "output_gate": True, "skip": True}
    weights = weights_of(init="keras", **settings)
    np.testing.assert_array_equal(weights["rnn.bias_ih_l0"].reshape(4, 30).mean(1), [1, 0, 0, 0])
    assert (
        0.9 / np.sqrt(30)
        < bound_of(weights_of(init="torch", **settings)["rnn.weight_ih_l0"])
        < 1 / np.sqrt(30)
    )
    assert ("rnn.weight_previous_l0" in weights_of(init="flax", **settings)) == (window == 2)


def test_flax_draws_an_orthogonal_matrix_for_each_gate():
    weights = weights_of(init="flax")
    for gate in np.split(weights["rnn.weight_hh_l0"], 4):
        np.testing.assert_allclose(gate.T @ gate, np.eye(30), atol=1e-5)
    assert weights["rnn.weight_ih_l0"].std() == pytest.approx(1 / np.sqrt(40), rel=0.05)
    assert bound_of(weights["rnn.weight_ih_l0"]) < 2.3 / np.sqrt(40)
    assert weights["embedding.weight"].std() == pytest.approx(1 / np.sqrt(40), rel=0.05)
    assert not weights["rnn.bias_ih_l0"].any()


def test_words_with_a_vector_get_it_and_others_keep_their_draw():
    weights = weights_of(embedding_dim=2)
    vectors = WordVectors(words=("w3", "elsewhere"), matrix=np.array([[1, 2], [3, 4]], np.float32))
    placed = place_vectors(weights, VOCABULARY, vectors)["embedding.weight"]
    changed = (placed != weights["embedding.weight"]).any(axis=1)
    assert [VOCABULARY.tokens[i] for i in np.flatnonzero(changed)] == ["<pad>", "w3"]
    np.testing.assert_array_equal(placed[changed], [[0, 0], [1, 2]])  # what fills up starts from zeros


def test_words_without_a_vector_can_start_from_zeros():
    vectors = WordVectors(words=("w3",), matrix=np.array([[1, 2]], np.float32))
    weights = weights_of(embedding_dim=2)
    placed = place_vectors(weights, VOCABULARY, vectors, missing_zeros=True)["embedding.weight"]
    assert placed.sum() == 3
    assert placed[VOCABULARY.encode(["w3"])].tolist() == [[1, 2]]


def test_vectors_of_another_width_are_refused():
    vectors = WordVectors(words=("w3",), matrix=np.ones((1, 3), np.float32))
    with pytest.raises(ConfigError, match="3 wide and embedding_dim is 40; set --embedding-dim 3"):
        place_vectors(weights_of(), VOCABULARY, vectors)


def test_what_fills_up_starts_from_zeros_even_if_it_has_a_vector():
    vectors = WordVectors(words=("<pad>", "w3"), matrix=np.array([[1, 2], [3, 4]], np.float32))
    for zeros in (False, True):
        placed = place_vectors(weights_of(embedding_dim=2), VOCABULARY, vectors, missing_zeros=zeros)
        assert placed["embedding.weight"][VOCABULARY.tokens.index("<pad>")].tolist() == [0, 0]
