"""Weights with fewer bits: what rounding changes, and what it must not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tenor import TextClassifier, native
from tenor.cells import CellWeights, cell, project
from tenor.config import ModelConfig
from tenor.encoder import prepared_layer
from tenor.errors import InputError
from tenor.precision import PRECISIONS, half, restored, rounded, rounded_state, stored, whole_numbers
from test_native import needs_core

TEXTS = ["This film is not bad at all.", "", "bad bad bad", "It is the best film I have seen. " * 20]


def rows(seed, count=50, width=33):
    """Rows of very different sizes, one of zeros and one with a single weight."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(count, width)) * 10.0 ** rng.integers(-34, 34, (count, 1))
    found[0] = 0
    found[1, 1:] = 0
    return found.astype(np.float32)


def folder_of(model, path):
    TextClassifier(model).save(path)
    return path


@pytest.mark.parametrize("seed", range(20))
def test_whole_numbers_of_rows_made_of_them_are_the_same(seed):
    whole, scale = whole_numbers(rows(seed))
    again, scale_again = whole_numbers(whole.astype(np.float32) * scale[:, None])
    np.testing.assert_array_equal(again, whole)
    np.testing.assert_array_equal(scale_again, scale)


@pytest.mark.parametrize("seed", range(5))
def test_a_whole_number_is_the_nearest_one(seed):
    given = rows(seed)
    whole, scale = whole_numbers(given)
    assert np.abs(whole.astype(int)).max() == 127
    wide = given.astype(np.float64)
    kept = np.abs(wide).max(axis=1) >= 1e-30
    error = np.abs(wide - whole * scale[:, None].astype(np.float64))[kept] / scale[kept, None]
    assert error.max() <= 0.5001
    assert not whole[~kept].any()


@pytest.mark.parametrize("seed", range(5))
def test_bf16_is_pytorchs(seed):
    given = rows(seed)
    found = rounded({"w": given}, "bf16")["w"]
    np.testing.assert_array_equal(found, torch.from_numpy(given).bfloat16().float().numpy())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rounding_again_changes_nothing(precision):
    given = {"a.weight": rows(3), "a.bias": rows(4)[5]}
    once = rounded(given, precision)
    for name, weight in rounded(once, precision).items():
        np.testing.assert_array_equal(weight.view(np.uint32), once[name].view(np.uint32))


def test_float64_cannot_be_stored_with_fewer_bits():
    with pytest.raises(InputError, match="a is float64; only float32 weights can be stored as int8"):
        stored({"a": np.zeros((2, 2))}, "int8")


@pytest.mark.parametrize(
    ("precision", "arrays", "message"),
    [
        ("int8", {"a": np.zeros((2, 2), np.int8)}, r"a is int8 of the shape \(2, 2\), which is not int8"),
        ("int8", {"a": np.zeros((2, 2), np.uint16)}, "a is uint16"),
        ("bf16", {"a": np.zeros(2, np.float32)}, "a is float32 of the shape"),
        ("float32", {"a": np.zeros((2, 2), np.int8), "a.scale": np.ones(2, np.float32)}, "a is int8"),
        (
            "int8",
            {"a": np.zeros((2, 2), np.int8), "a.scale": np.ones(3, np.float32)},
            r"a.scale is float32 \(3,\), not float32 \(2,\)",
        ),
    ],
)
def test_arrays_that_a_precision_does_not_store_are_refused(precision, arrays, message):
    with pytest.raises(InputError, match=message):
        restored(arrays, precision)


@pytest.mark.parametrize("runtime", ["native", "numpy"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize("settings", [{"cell": "lstm"}, {"cell": "gru"}, {"cell": "linear"}])
def test_a_folder_gives_the_same_bits_back(tiny, tmp_path, settings, precision, runtime):
    model = tiny(bidirectional=True, **settings).at(precision)
    back = TextClassifier.load(folder_of(model, tmp_path / "m"), runtime=runtime)
    assert back.model.precision == precision
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(back.model.weights[name].view(np.uint32), weight.view(np.uint32))
    before = TextClassifier(model, runtime=runtime).predict_logits(TEXTS)
    np.testing.assert_array_equal(back.predict_logits(TEXTS).view(np.uint32), before.view(np.uint32))


def test_weights_take_half_and_a_quarter_of_the_room():
    model = TextClassifier.load().model
    size = {}
    for precision in PRECISIONS:
        arrays = stored(model.weights, precision).values()
        size[precision] = sum(array.nbytes for array in arrays)
    rows = len(model.weights["ngrams.owners"])  # owners take a byte each, scores two in either
    assert size["bf16"] - rows == (size["float32"] - rows) / 2
    assert size["int8"] - 3 * rows < (size["float32"] - 5 * rows) * 0.29


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_the_model_in_the_package_keeps_its_labels(precision):
    given = TextClassifier.load()
    texts = ["A wonderful film.", "Dull, long and badly acted.", "Not bad at all.", *TEXTS]
    found = TextClassifier(given.model.at(precision))
    np.testing.assert_allclose(found.predict_proba(texts), given.predict_proba(texts), atol=0.01)
    assert not np.array_equal(found.predict_proba(texts), given.predict_proba(texts))


@pytest.mark.parametrize("runtime", ["native", "numpy"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_text_alone_in_a_batch_and_word_by_word_gives_the_same_bits(tiny, precision, runtime):
    for settings in ({"cell": "gru"}, {"cell": "linear", "output_gate": True}):
        classifier = TextClassifier(tiny(**settings).at(precision), runtime=runtime)
        together = classifier.predict_proba(TEXTS)
        for text, row in zip(TEXTS, together, strict=True):
            np.testing.assert_array_equal(classifier.predict_proba([text])[0], row)
        state = classifier.begin()
        for token in classifier.tokenizer.tokens(TEXTS[0]):
            state = classifier.step(state, token)
        np.testing.assert_array_equal(list(classifier.end(state).probabilities.values()), together[0])


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "lstm"},
        {"cell": "gru"},
        {"cell": "rnn"},
        {"cell": "linear"},
        {"cell": "linear", "output_gate": True, "skip": True, "activation": "relu"},
    ],
)
def test_one_step_of_the_core_is_the_references(settings, precision):
    config = ModelConfig(embedding_dim=16, hidden_sizes=(24,), **settings)
    rng = np.random.default_rng(5)
    gates = cell(config).gates
    arrays = {"ih": rng.normal(size=(gates * 24, 16)), "hh": rng.normal(size=(gates * 24, 24)) / 4}
    arrays = rounded({name: array.astype(np.float32) for name, array in arrays.items()}, precision)
    weights = CellWeights(
        weight_ih=arrays["ih"],
        weight_hh=None if config.cell == "linear" else arrays["hh"],
        precision=precision,
    )
    x = rng.normal(size=(100, 16)).astype(np.float32)
    state = cell(config).state(
        *(rng.uniform(-1, 1, (100, n * 24)).astype(np.float32) for n in cell(config).widths)
    )
    found = prepared_layer(config, weights).forward(x, np.arange(101), initial=state)
    expected = cell(config).step(x @ arrays["ih"].T, state, weights)
    rough = config.cell == "linear"  # where a sum lies between two halves, the core may take the other
    np.testing.assert_allclose(found.h, expected.h, atol=2e-6, rtol=1e-3 if rough else 0)
    exactly = cell(config).step(
        x @ arrays["ih"].T, state, CellWeights(**vars(weights) | {"precision": "float32"})
    )
    if precision == "int8" or rough:
        assert np.abs(found.h - exactly.h).mean() > 2 * np.abs(found.h - expected.h).mean()


@needs_core
@pytest.mark.parametrize("isa", native.status().isas)
@pytest.mark.parametrize("inputs", [1, 15, 16, 64, 65, 200])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "linear"])
def test_a_layer_above_reads_states_as_whole_numbers(name, inputs, isa):
    config = ModelConfig(embedding_dim=inputs, hidden_sizes=(19,), cell=name)
    gates = cell(config).gates
    rng = np.random.default_rng(inputs)
    arrays = {"ih": rng.normal(size=(gates * 19, inputs)), "hh": rng.normal(size=(gates * 19, 19)) / 4}
    arrays = rounded({name: array.astype(np.float32) for name, array in arrays.items()}, "int8")
    weights = CellWeights(
        weight_ih=arrays["ih"],
        weight_hh=None if name == "linear" else arrays["hh"],
        precision="int8",
        bounded_inputs=True,
    )
    x = rng.uniform(-1.2, 1.2, (40, inputs)).astype(np.float32)
    layer = prepared_layer(config, weights, isa=isa)
    found = layer.forward(x, np.arange(41)).h
    zeros = cell(config).zeros(40, 19, np.float32)
    # Whole numbers are summed exactly, so they are held against sums that NumPy does not round to float32.
    share = project(x, replace(weights, weight_ih=arrays["ih"].astype(np.float64)))
    taken = cell(config).step(share, zeros, weights).h
    roughly = cell(config).step(x.clip(-1, 1) @ arrays["ih"].T, zeros, weights).h
    np.testing.assert_allclose(found, taken, rtol=1e-3 if name == "linear" else 0, atol=3e-6)
    assert np.abs(found - roughly).mean() > 3 * np.abs(found - taken).mean()
    with pytest.raises(InputError, match="a layer whose inputs are states has no words to fold"):
        layer.fold(x)


@pytest.mark.parametrize(
    ("settings", "bounded"),
    [
        ({"cell": "lstm"}, True),
        ({"cell": "rnn", "activation": "relu"}, False),
        ({"cell": "linear", "output_gate": True}, True),
        ({"cell": "linear", "activation": "relu"}, False),
        ({"cell": "linear", "skip": True}, False),
    ],
)
def test_a_cell_knows_whether_what_it_gives_is_bounded(settings, bounded):
    config = ModelConfig(embedding_dim=16, hidden_sizes=(24,), **settings)
    assert cell(config).bounded == bounded


def test_a_state_is_rounded_to_the_nearest_step_and_kept_in_bounds():
    found = rounded_state(np.array([0.0, 1 / 127, 0.4 / 127, -0.6 / 127, 1.5, -9], np.float32))
    np.testing.assert_array_equal(found, np.float32([0, 1, 0, -1, 127, -127]) / np.float32(127))


def test_half_has_no_infinity():
    np.testing.assert_array_equal(half(np.float32([1e9, -1e9, 1 + 2**-12])), [65504, -65504, 1])


def test_int8_takes_no_more_units_than_its_sums_hold():
    config = ModelConfig(embedding_dim=1, hidden_sizes=(4097,), cell="rnn")
    weights = CellWeights(
        weight_ih=np.zeros((4097, 1), np.float32),
        weight_hh=np.zeros((4097, 4097), np.float32),
        precision="int8",
    )
    with pytest.raises(InputError, match="size"):
        prepared_layer(config, weights)


def test_an_int8_model_has_no_more_units_either(tiny):
    model = tiny(cell="linear", hidden_sizes=(4097,))
    assert model.at("bf16").precision == "bf16"
    with pytest.raises(InputError, match="an int8 model may have 4,096 hidden units in a layer; use bf16"):
        model.at("int8")
