"""Settings, labels and weights → a checked model; and its last part, vectors → logits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenor.config import ModelConfig
from tenor.errors import InputError
from tenor.head import logits
from tenor.model import weight_shapes


def shapes(num_labels=2, **settings):
    config = ModelConfig(**({"embedding_dim": 4, "hidden_sizes": (5,)} | settings))
    return weight_shapes(config, vocab_size=9, num_labels=num_labels)


def test_weights_are_named_and_shaped_as_in_pytorch():
    assert shapes() == {
        "embedding.weight": (9, 4),
        "rnn.weight_ih_l0": (20, 4),
        "rnn.weight_hh_l0": (20, 5),
        "rnn.bias_ih_l0": (20,),
        "rnn.bias_hh_l0": (20,),
        "head.weight": (1, 10),
        "head.bias": (1,),
    }


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_every_cell_has_its_number_of_gates(cell, gates):
    assert shapes(cell=cell)["rnn.weight_hh_l0"] == (gates * 5, 5)


def test_an_upper_layer_reads_both_directions_of_the_lower():
    found = shapes(hidden_sizes=(5, 3), bidirectional=True, pooling=("last",))
    assert found["rnn.weight_ih_l1"] == found["rnn.weight_ih_l1_reverse"] == (12, 10)
    assert found["head.weight"] == (1, 6)


@pytest.mark.parametrize(("biases", "absent"), [("input", "bias_hh"), ("recurrent", "bias_ih")])
def test_biases_stand_where_they_are_configured(biases, absent):
    assert [name for name in shapes() if name not in shapes(biases=biases)] == [f"rnn.{absent}_l0"]


@pytest.mark.parametrize(
    ("pooling", "width"), [(("last",), 5), (("first_last",), 10), (("mean", "max", "first_last"), 20)]
)
def test_the_head_is_as_wide_as_the_poolings(pooling, width):
    assert shapes(pooling=pooling)["head.weight"] == (1, width)


def test_attention_brings_weights_of_its_own():
    found = shapes(pooling=("attention",), bidirectional=True)
    assert found["attention.weight"] == (10, 10)
    assert found["attention.bias"] == found["attention.context"] == (10,)


def test_a_hidden_layer_stands_before_the_logits():
    found = shapes(head_hidden=7, num_labels=3)
    assert (found["head.hidden.weight"], found["head.hidden.bias"]) == ((7, 10), (7,))
    assert (found["head.weight"], found["head.bias"]) == ((3, 7), (3,))


def test_the_number_of_weights_counts_the_embedding(tiny):
    # 8 words x 4, 20 x 4 and 20 x 5 with 2 x 20 biases, 10 to 1 with a bias
    assert tiny().num_weights == 32 + 80 + 100 + 40 + 11


@pytest.mark.parametrize("labels", [(), ("good",), ("good", "good"), ("bad", "good", "bad")])
def test_fewer_than_two_labels_or_one_named_twice_are_refused(tiny, labels):
    with pytest.raises(InputError, match=r"labels are \(.*\); a model needs at least two, each once"):
        replace(tiny(), labels=labels)


def with_weight(model, name, weight):
    return replace(model, weights={**model.weights, name: weight})


def test_a_missing_weight_is_refused(tiny):
    model = tiny()
    weights = {name: weight for name, weight in model.weights.items() if name != "head.bias"}
    with pytest.raises(InputError, match=r"the weights do not fit the settings: head\.bias missing"):
        replace(model, weights=weights)


def test_an_unexpected_weight_is_refused(tiny):
    with pytest.raises(InputError, match=r"rnn\.weight_ih_l1 unexpected"):
        with_weight(tiny(), "rnn.weight_ih_l1", np.zeros(3, np.float32))


def test_a_weight_of_another_shape_is_refused(tiny):
    with pytest.raises(InputError, match=r"head.weight has the shape \(10, 1\), not \(1, 10\)"):
        with_weight(tiny(), "head.weight", np.zeros((10, 1), np.float32))


def test_more_labels_than_the_head_scores_are_refused(tiny):
    with pytest.raises(InputError, match=r"head.weight has the shape \(1, 10\), not \(3, 10\)"):
        replace(tiny(), labels=("bad", "fair", "good"))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_a_weight_of_another_type_is_refused(tiny, dtype):
    with pytest.raises(InputError, match=f"head.bias is {np.dtype(dtype)}, not float32"):
        with_weight(tiny(), "head.bias", np.zeros(1, dtype))


@pytest.mark.parametrize("dtype", [np.float16, np.int64])
def test_a_model_of_another_type_throughout_is_refused(tiny, dtype):
    with pytest.raises(InputError, match=f"embedding.weight is {np.dtype(dtype)}, not float32"):
        tiny(dtype)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_refused(tiny, value):
    with pytest.raises(InputError, match=r"head\.bias holds numbers that are not finite"):
        with_weight(tiny(), "head.bias", np.array([value], np.float32))


def test_logits_are_a_product_and_a_bias():
    weights = {"head.weight": np.array([[1.0, 2.0], [0.0, -1.0]]), "head.bias": np.array([0.5, 0.0])}
    assert logits(np.array([[3.0, 4.0], [0.0, 0.0]]), weights).tolist() == [[11.5, -4.0], [0.5, 0.0]]


def test_a_hidden_layer_of_the_head_passes_what_is_positive():
    weights = {
        "head.hidden.weight": np.array([[1.0], [-1.0]]),
        "head.hidden.bias": np.array([0.0, 1.0]),
        "head.weight": np.array([[10.0, 100.0]]),
        "head.bias": np.array([0.0]),
    }
    assert logits(np.array([[3.0], [-3.0]]), weights).tolist() == [[30.0], [400.0]]
