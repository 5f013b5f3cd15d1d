"""One step of each cell: by hand, against its formulas written out, and to the bit."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from tenor.cells import (
    CELLS,
    CellWeights,
    LSTMState,
    RNNState,
    _column_parts,
    cell,
    linear_gates,
    project,
    rows_matmul,
    sigmoid,
)
from tenor.config import ModelConfig
from tenor.errors import ConfigError

LN3 = float(np.log(3))  # sigmoid(ln 3) = 3/4, tanh(ln 3) = 4/5
every_cell = pytest.mark.parametrize("found", CELLS.values(), ids=["-".join(names) for names in CELLS])


def one_unit(gates, *, recurrent=0.0, bias_hh=None):
    """Weights of one unit whose inputs reach its gates as they are."""
    return CellWeights(
        weight_ih=np.eye(gates),
        weight_hh=np.full((gates, 1), recurrent),
        bias_hh=None if bias_hh is None else np.array(bias_hh),
    )


def random_layer(found, *, rows=3, inputs=4, hidden=5, dtype=np.float64):
    """Inputs, a state and weights of a layer with both biases."""
    generator = np.random.default_rng(0)

    def normal(*shape):
        return generator.normal(size=shape).astype(dtype)

    width = found.gates * hidden
    weights = CellWeights(
        weight_ih=normal(width, inputs),
        weight_hh=normal(width, hidden),
        bias_ih=normal(width),
        bias_hh=normal(width),
    )
    return normal(rows, inputs), found.state(*(normal(rows, hidden) for _ in found.state._fields)), weights


def test_an_lstm_step_by_hand():
    # gates: input 3/4, forget 1/2, new 4/5, output 3/4
    state = LSTMState(h=np.array([[0.0]]), c=np.array([[2.0]]))
    h, c = CELLS["lstm", "tanh"].step(np.array([[LN3, 0, LN3, LN3]]), state, one_unit(4))
    assert c == pytest.approx(0.5 * 2 + 0.75 * 0.8)
    assert h == pytest.approx(0.75 * np.tanh(1.6))


def test_an_lstm_step_reads_its_own_output():
    state = LSTMState(h=np.array([[1.0]]), c=np.array([[0.0]]))
    h, c = CELLS["lstm", "tanh"].step(np.zeros((1, 4)), state, one_unit(4, recurrent=LN3))
    assert c == pytest.approx(0.75 * 0.8)
    assert h == pytest.approx(0.75 * np.tanh(0.6))


def test_a_gru_step_by_hand():
    # reset 1/2, update 3/4, new tanh(ln 3 + 1/2 * 0) = 4/5
    (h,) = CELLS["gru", "tanh"].step(np.array([[0, LN3, LN3]]), RNNState(h=np.array([[2.0]])), one_unit(3))
    assert h == pytest.approx(0.25 * 0.8 + 0.75 * 2)


def test_the_reset_gate_acts_on_the_product_with_its_bias():
    # reset 1/2, update 1/2, new tanh(1/2 * 2 ln 3) = 4/5
    weights = one_unit(3, bias_hh=[0, 0, 2 * LN3])
    (h,) = CELLS["gru", "tanh"].step(np.zeros((1, 3)), RNNState(h=np.array([[0.0]])), weights)
    assert h == pytest.approx(0.5 * 0.8)


def test_an_rnn_step_by_hand():
    state, weights = RNNState(h=np.array([[2.0]])), one_unit(1, recurrent=1.0, bias_hh=[LN3 - 3])
    assert CELLS["rnn", "tanh"].step(np.array([[1.0]]), state, weights).h == pytest.approx(0.8)


@pytest.mark.parametrize(("projected", "expected"), [(1.0, 3.0), (-3.0, 0.0)])
def test_a_relu_step_by_hand(projected, expected):
    state, weights = RNNState(h=np.array([[2.0]])), one_unit(1, recurrent=1.0)
    assert CELLS["rnn", "relu"].step(np.array([[projected]]), state, weights).h == expected


def lstm_formula(x, state, w):
    gates = x @ w.weight_ih.T + w.bias_ih + state.h @ w.weight_hh.T + w.bias_hh
    i, f, g, o = np.hsplit(gates, 4)
    c = state.c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    return np.tanh(c) / (1 + np.exp(-o)), c


def gru_formula(x, state, w):
    x_r, x_z, x_n = np.hsplit(x @ w.weight_ih.T + w.bias_ih, 3)
    h_r, h_z, h_n = np.hsplit(state.h @ w.weight_hh.T + w.bias_hh, 3)
    r, z = 1 / (1 + np.exp(-x_r - h_r)), 1 / (1 + np.exp(-x_z - h_z))
    return (z * state.h + (1 - z) * np.tanh(x_n + r * h_n),)


def tanh_formula(x, state, w):
    return (np.tanh(x @ w.weight_ih.T + w.bias_ih + state.h @ w.weight_hh.T + w.bias_hh),)


def relu_formula(x, state, w):
    return (np.clip(x @ w.weight_ih.T + w.bias_ih + state.h @ w.weight_hh.T + w.bias_hh, 0, None),)


FORMULAS = {
    ("lstm", "tanh"): lstm_formula,
    ("gru", "tanh"): gru_formula,
    ("rnn", "tanh"): tanh_formula,
    ("rnn", "relu"): relu_formula,
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 2e-6)])
@pytest.mark.parametrize("name", CELLS, ids="-".join)
def test_a_step_is_its_formula(name, dtype, tolerance):
    x, state, weights = random_layer(CELLS[name], dtype=dtype)
    found = CELLS[name].step(project(x, weights), state, weights)
    for part, expected in zip(found, FORMULAS[name](x, state, weights), strict=True):
        assert part.dtype == dtype
        np.testing.assert_allclose(part, expected, atol=tolerance, rtol=tolerance)


@every_cell
def test_a_step_changes_neither_state_nor_input(found):
    x, state, weights = random_layer(found)
    projected = project(x, weights)
    kept = [part.copy() for part in (projected, *state)]
    found.step(projected, state, weights)
    for part, before in zip((projected, *state), kept, strict=True):
        np.testing.assert_array_equal(part, before)


@every_cell
def test_a_step_of_one_row_has_the_bits_of_many(found):
    x, state, weights = random_layer(found, rows=11, hidden=33, dtype=np.float32)
    together = found.step(project(x, weights), state, weights)
    for row in range(11):
        one = found.state(*(part[row : row + 1] for part in state))
        alone = found.step(project(x[row : row + 1], weights), one, weights)
        np.testing.assert_array_equal(alone.h[0], together.h[row])


@every_cell
def test_no_rows_stay_no_rows(found):
    x, state, weights = random_layer(found, rows=0)
    assert found.step(project(x, weights), state, weights).h.shape == (0, 5)


@every_cell
def test_a_missing_bias_is_a_bias_of_zeros(found):
    x, state, weights = random_layer(found)
    zeros = np.zeros_like(weights.bias_ih)
    bare = CellWeights(weight_ih=weights.weight_ih, weight_hh=weights.weight_hh)
    zero = CellWeights(weight_ih=weights.weight_ih, weight_hh=weights.weight_hh, bias_ih=zeros, bias_hh=zeros)
    expected = found.step(project(x, zero), state, zero).h
    np.testing.assert_array_equal(found.step(project(x, bare), state, bare).h, expected)


def test_an_activation_is_refused_where_it_would_be_ignored():
    assert cell(ModelConfig(cell="rnn", activation="relu")) is CELLS["rnn", "relu"]
    for name in ("lstm", "gru"):
        with pytest.raises(ConfigError, match=f"for rnn and linear cells, not {name}; leave it out"):
            ModelConfig(cell=name, activation="relu")


def linear_by_hand(config, xs, weight, previous, bias):
    """(h after every word) of a linear recurrence with one unit and one input, in plain Python."""
    c, before, found = 0.0, 0.0, []
    for x in xs:
        *gates, skipped = (w * x + p * before + b for w, p, b in zip(weight, previous, bias, strict=True))
        f, z, i, o = gates
        f, i, o = (1 / (1 + math.exp(-gate)) for gate in (f, i, o))
        candidate = {"tanh": math.tanh(z), "relu": max(z, 0.0), "identity": z}[config.activation]
        c = (f * c + i * candidate) / (f + i) if config.input_gate else f * c + (1 - f) * candidate
        h = o * c if config.output_gate else c
        h += (1 - o) * skipped if config.output_gate and config.skip else skipped * config.skip
        found.append(h)
        before = x
    return found


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
@pytest.mark.parametrize(
    ("input_gate", "output_gate", "skip"), list(itertools.product((False, True), repeat=3))
)
def test_a_linear_recurrence_on_paper(window, activation, input_gate, output_gate, skip):
    config = ModelConfig(
        cell="linear", window=window, activation=activation,
        input_gate=input_gate, output_gate=output_gate, skip=skip,
    )  # fmt: skip
    found, count = cell(config), linear_gates(config)
    weight, bias = [0.7, -1.1, 0.4, 0.9, 1.3], [0.1, 0.2, -0.3, 0.5, -0.2]
    before = [0.3, 0.8, -0.6, 0.2, 0.0] if window == 2 else [0.0] * 5
    chosen = [0, 1, *([2] if input_gate else []), *([3] if output_gate else [])]
    kept = [*chosen, *([4] if skip else [])]
    weights = CellWeights(
        weight_ih=np.array(weight)[kept, None],
        weight_previous=np.array(before)[chosen, None] if window == 2 else None,
        bias_ih=np.array(bias)[kept],
    )
    xs = np.array([0.5, -1.0, 2.0, 0.1])
    state, h = found.zeros(1, 1, np.float64), []
    for projected in project(xs[:, None], weights):
        state = found.step(projected[None], state, weights)
        h.append(state.h.item())
    assert count == len(chosen)
    np.testing.assert_allclose(h, linear_by_hand(config, xs, weight, before, bias), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_gates_that_are_shut_let_half_of_each_through(dtype):
    found = cell(ModelConfig(cell="linear", input_gate=True, activation="identity"))
    weights = CellWeights(weight_ih=np.zeros((3, 1), dtype), bias_ih=np.array([-1e3, 4, -1e3], dtype))
    state = found.zeros(1, 1, dtype)._replace(c=np.array([[2]], dtype))
    assert found.step(project(np.zeros((1, 1), dtype), weights), state, weights).c == 3


@pytest.mark.parametrize(
    "setting", [{"window": 2}, {"input_gate": True}, {"output_gate": True}, {"skip": True}]
)
def test_gates_of_the_linear_cell_belong_to_it_alone(setting):
    with pytest.raises(ConfigError, match="is a setting of the linear cell"):
        ModelConfig(cell="lstm", **setting)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sigmoid_of_extreme_numbers_is_0_or_1_without_a_warning(dtype):
    found = sigmoid(np.array([-np.inf, -1e4, 0, 1e4, np.inf], dtype))
    assert found.tolist() == [0, 0, 0.5, 1, 1]
    assert found.dtype == dtype


def test_the_sigmoid_on_paper():
    assert sigmoid(np.array([-LN3, LN3])) == pytest.approx([0.25, 0.75])


def test_a_product_by_rows_on_paper():
    x, weight = np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [0, 1], [1, 1]])
    assert rows_matmul(x, weight).tolist() == [[1, 2, 3], [3, 4, 7]]


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 16])
@pytest.mark.parametrize("columns", [1, 7, 8, 9])
def test_a_product_by_rows_is_a_product(rows, columns):
    x, weight = np.arange(rows * 3.0).reshape(rows, 3), np.arange(columns * 3.0).reshape(columns, 3)
    np.testing.assert_array_equal(rows_matmul(x, weight), x @ weight.T)


def factors(columns, width, dtype):
    generator = np.random.default_rng(columns * width)
    return generator.normal(size=(29, width)).astype(dtype), generator.normal(size=(columns, width)).astype(
        dtype
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 64, 300])
@pytest.mark.parametrize("columns", [1, 3, 64, 256, 1024])
def test_a_row_has_the_same_bits_in_any_company_and_place(columns, width, dtype):
    x, weight = factors(columns, width, dtype)
    together = rows_matmul(x, weight)
    for start, count in [(0, 1), (28, 1), (5, 2), (1, 7), (3, 8), (7, 9), (2, 27)]:
        found = rows_matmul(x[start : start + count], weight)
        np.testing.assert_array_equal(found, together[start : start + count])
    np.testing.assert_array_equal(rows_matmul(x[::-1], weight)[::-1], together)


def test_rows_that_are_not_contiguous_have_the_same_bits():
    x, weight = factors(64, 300, np.float32)
    wide = np.zeros((29, 601), np.float32)
    wide[:, 1::2] = x
    np.testing.assert_array_equal(rows_matmul(wide[:, 1::2], weight), rows_matmul(x, weight))


PRODUCTS = """
import hashlib, numpy as np
from tenor.cells import rows_matmul
digest = hashlib.sha256()
for columns in (1, 3, 64, 256, 1024):
    for width in (1, 64, 300):
        generator = np.random.default_rng(columns * width)
        x, weight = (generator.normal(size=(n, width)).astype(np.float32) for n in (700, columns))
        found = rows_matmul(x, weight)
        assert (rows_matmul(x[:1], weight) == found[:1]).all()
        digest.update(found.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("width", [1, 64, 300, 2048])
@pytest.mark.parametrize("columns", [8, 9, 15, 17, 256, 1025])
def test_a_product_is_parted_into_as_few_columns_as_one_thread_takes(columns, width):
    parts = _column_parts(columns, width)
    assert np.concatenate([np.arange(columns)[part] for part in parts]).tolist() == list(range(columns))
    sizes = [part.stop - part.start for part in parts]
    assert min(sizes) >= 8
    assert len(parts) == 1 or max(sizes) * 8 * width <= 2**18


def test_the_number_of_blas_threads_changes_no_bit():
    digests = set()
    for threads in ("1", "2"):
        environment = os.environ | {"OPENBLAS_NUM_THREADS": threads}
        command = [sys.executable, "-c", PRODUCTS]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        digests.add(done.stdout)
    assert len(digests) == 1
