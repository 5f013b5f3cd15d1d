"""The core learns what PyTorch learns, to the same bits however the work is cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenor import native
from tenor.batching import join
from tenor.config import FlawsConfig, ModelConfig, TrainConfig
from tenor.errors import InputError
from tenor.model import weight_shapes
from tenor.native.training import Adam, LayerPass, Learner, Learnt, drop, multiply
from tenor.training.core.late_rows import LateRows
from tenor.training.core.network import CoreNetwork
from tenor.training.dropout import Dropout
from tenor.training.engine import build
from tenor.training.losses import gradient, mean_loss
from tenor.training.pytorch import network

pytestmark = pytest.mark.skipif(not native.is_available(), reason="no compiled core")

WORDS = 60
LINEAR = {"cell": "linear"}
NETWORKS = [
    LINEAR,
    LINEAR | {"window": 2},
    LINEAR | {"window": 2, "input_gate": True, "output_gate": True, "skip": True},
    LINEAR | {"input_gate": True, "output_gate": True, "activation": "identity"},
    LINEAR | {"output_gate": True, "skip": True, "activation": "relu", "bidirectional": False},
    LINEAR | {"hidden_sizes": (20, 33), "skip": True, "pooling": ("max",)},
    LINEAR | {"window": 2, "hidden_sizes": (5, 3), "pooling": ("attention", "last_word")},
    {"cell": "lstm"},
    {"cell": "lstm", "hidden_sizes": (20, 37), "pooling": ("attention",)},
    {"cell": "lstm", "biases": "input", "binary_logits": 2, "pooling": ("first_last", "max")},
    {"cell": "gru"},
    {"cell": "gru", "biases": "recurrent", "head_hidden": 11, "hidden_sizes": (9, 8)},
    {"cell": "gru", "biases": "input", "bidirectional": False, "pooling": ("last",)},
    {"cell": "rnn"},
    {"cell": "rnn", "activation": "relu"},
]
every_network = pytest.mark.parametrize("settings", NETWORKS, ids=str)


def made(settings, seed=0, num_labels=2, scale=0.25):
    """A network and weights, of texts of many lengths."""
    config = ModelConfig(**({"embedding_dim": 20, "hidden_sizes": (37,), "bidirectional": True} | settings))
    draw = np.random.default_rng(seed)
    shapes = weight_shapes(config, vocab_size=WORDS, num_labels=num_labels)
    weights = {
        name: (draw.standard_normal(shape) * scale).astype(np.float32) for name, shape in shapes.items()
    }
    lengths = (5, 1, 90, 0, 33, 64, 2, 0, 17, 120, 88, 41)  # more than a layer goes back through at once
    batch = join([draw.integers(0, WORDS, size=length).astype(np.int32) for length in lengths])
    return config, weights, batch, draw.integers(0, num_labels, size=len(lengths))


def whole(gradients, weights):
    """Every gradient as an array of its weight's shape."""
    found = dict(gradients.whole)
    for name, rows in gradients.rows.items():
        found[name] = np.zeros_like(weights[name])
        found[name][rows.ids] = rows.values
    return found


def core(config, weights, batch, targets, dropout=None, *, truncate=None, layers=None, precision="float32"):
    """Logits and gradients."""
    learnt = CoreNetwork(config, weights, layers=layers, truncate=truncate, precision=precision)
    logits = learnt.read(batch, dropout or Dropout.none(len(config.hidden_sizes)))
    return logits, whole(learnt.back(gradient(logits, targets)), weights)


def reference(config, weights, batch, targets, dropout=None, **options):
    """The same in PyTorch, in float64."""
    tensors = {name: torch.from_numpy(w).double().requires_grad_() for name, w in weights.items()}
    scores = network.logits(tensors, config, batch, dropout=dropout, **options)
    network.loss(scores, torch.from_numpy(targets)).backward()
    none = {name: np.zeros(tensor.shape) for name, tensor in tensors.items() if tensor.grad is None}
    return scores.detach().numpy(), none | {
        name: tensor.grad.numpy() for name, tensor in tensors.items() if tensor.grad is not None
    }


def assert_alike(found, expected, atol=2e-5):
    np.testing.assert_allclose(found[0], expected[0], rtol=atol / 2, atol=atol / 2)
    for name, right in expected[1].items():
        near = atol * max(np.abs(right).max(), 1e-4)
        np.testing.assert_allclose(found[1].get(name, np.zeros(right.shape)), right, atol=near, err_msg=name)


@every_network
def test_logits_and_gradients_are_those_of_pytorch(settings):
    given = made(settings)
    assert_alike(core(*given), reference(*given))


@every_network
def test_in_float64_they_are_the_same_to_twelve_digits(settings):
    """Gradients of the same code that learns in float32, where a mistake has no rounding to hide in."""
    config, weights, batch, targets = made(settings)
    exact = {name: weight.astype(np.float64) for name, weight in weights.items()}
    found = core(config, exact, batch, targets, precision="float64")
    assert_alike(found, reference(config, weights, batch, targets), atol=1e-12)
    assert {gradient.dtype for gradient in found[1].values()} == {np.dtype(np.float64)}


@every_network
def test_so_they_are_with_dropout(settings):
    given = made(settings)
    config = TrainConfig(embedding_dropout=0.2, input_dropout=0.3, hidden_dropout=0.4, head_dropout=0.2)
    dropout = Dropout.of(config, 7, len(given[0].hidden_sizes))
    assert_alike(core(*given, dropout), reference(*given, dropout))


@pytest.mark.parametrize(
    "settings", [LINEAR | {"window": 2}, {"cell": "lstm"}, {"cell": "gru"}, {"cell": "rnn"}], ids=str
)
@pytest.mark.parametrize("truncate", [1, 7, 64])
def test_gradients_do_not_leave_their_windows(settings, truncate):
    given = made(settings | {"pooling": ("last", "max")})
    cut = core(*given, truncate=truncate)
    assert_alike(cut, reference(*given, truncate=truncate))
    if truncate < 64:
        assert not np.allclose(cut[1]["embedding.weight"], core(*given)[1]["embedding.weight"], rtol=1e-3)


def test_the_lowest_layer_alone_can_learn():
    given = made({"cell": "gru", "hidden_sizes": (6, 6)})
    found = core(*given, layers=1)
    assert_alike(found, reference(*given, layers=1))
    assert "rnn.weight_ih_l1" not in found[1]


def test_more_labels_and_labels_each_alone():
    config, weights, batch, targets = made({"cell": "gru", "hidden_sizes": (6,)}, num_labels=4)
    assert_alike(core(config, weights, batch, targets), reference(config, weights, batch, targets))
    logits = np.random.default_rng(1).standard_normal((len(targets), 4)).astype(np.float32)
    for each_alone in (False, True):
        scores = torch.from_numpy(logits).double().requires_grad_()
        loss = network.loss(scores, torch.from_numpy(targets), each_alone=each_alone)
        loss.backward()
        assert mean_loss(logits, targets, each_alone=each_alone) == pytest.approx(loss.item())
        found = gradient(logits, targets, each_alone=each_alone)
        np.testing.assert_allclose(found, scores.grad.numpy(), atol=1e-7)


def in_bf16(x):
    """The nearest numbers of 8 significant bits."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    return (bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000).astype(np.uint32).view(np.float32)


SIZES = [
    (1, 1, 1),
    (3, 5, 7),
    (16, 32, 16),
    (17, 33, 18),
    (50, 100, 65),
    (100, 300, 31),
    (7, 2000, 40),
    (2, 0, 3),
]


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_products_in_bf16_round_their_factors_and_nothing_else(size, turned):
    rows, inner, columns = size
    draw = np.random.default_rng(0)
    a, b = (
        draw.normal(size=shape[::-1] if turn else shape).astype(np.float32)
        for shape, turn in zip(((rows, inner), (inner, columns)), turned, strict=True)
    )
    a, b = (x.T if turn else x for x, turn in zip((a, b), turned, strict=True))
    bias = draw.normal(size=columns).astype(np.float32)
    expected = in_bf16(a).astype(float) @ in_bf16(b) + bias
    wide = np.zeros((rows, columns + 5), np.float32)
    found = multiply(a, b, bias, out=wide[:, 2:-3], precision="bf16")
    np.testing.assert_allclose(found, expected, atol=2e-6 * max(inner, 1))
    assert not wide[:, :2].any()
    assert not wide[:, -3:].any()
    np.testing.assert_array_equal(multiply(in_bf16(a), in_bf16(b), bias, precision="bf16"), found)
    if inner and rows:
        assert (found != multiply(a, b, bias)).any()
    found = multiply(a, b, out=found, add=True, precision="bf16")
    np.testing.assert_allclose(found, 2 * expected - bias, atol=4e-6 * max(inner, 1))


def test_what_is_too_small_for_bf16_counts_as_nothing():
    a = np.array([[0x007FFFFF], [0x007F8000], [0x00000001], [0x00800000]], np.uint32).view(np.float32)
    found = multiply(a, np.full((1, 1), 2.0**100, np.float32), precision="bf16")[:, 0]
    assert found.tolist() == [0, 0, 0, 2.0**-26]


def test_what_is_no_number_stays_none_in_bf16():
    a = np.array([[np.nan, 1], [np.inf, 1], [3.4e38, 1], [1, 1]], np.float32)
    found = multiply(a, np.ones((2, 1), np.float32), precision="bf16")[:, 0]
    assert np.isnan(found[0])
    assert np.isinf(found[1:3]).all()
    assert found[3] == 2


@pytest.mark.parametrize("scale", [1, 10, 1000])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_activations_beside_products_in_bf16_are_right_to_a_millionth(cell, scale):
    """Where products are exact: of one number each, and nothing of the state."""
    config, weights, batch, targets = made(
        {"cell": cell, "hidden_sizes": (20,), "pooling": ("last",), "bidirectional": False}, num_labels=20
    )
    of_words = np.arange(config.embedding_dim) == 0
    for name, weight in weights.items():
        if "weight_hh" in name or "bias" in name:
            weight[:] = 0
        elif "weight_ih" in name or name == "embedding.weight":
            weight[:] = in_bf16(weight * np.float32(scale)) * of_words
    weights["head.weight"][:] = np.eye(20)
    states, right = (core(config, weights, batch, targets, precision=each)[0] for each in ("bf16", "float32"))
    assert np.abs(right).max() > 0.02
    np.testing.assert_allclose(states, right, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    "settings", [LINEAR | {"window": 2}, {"cell": "lstm"}, {"cell": "gru"}, {"cell": "rnn"}]
)
def test_gradients_in_bf16_are_near(settings):
    given = made(settings | {"hidden_sizes": (20, 33), "pooling": ("mean",)}, scale=0.1)
    logits, gradients = core(*given, precision="bf16")
    right_logits, right = core(*given)
    assert 0 < np.abs(logits - right_logits).max() < 0.01
    for name, exact in right.items():
        assert np.linalg.norm(gradients[name] - exact) < 0.02 * np.linalg.norm(exact), name


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@every_network
def test_threads_change_no_bit(settings, precision):
    given = made(settings)
    before = native.status().threads
    found = []
    try:
        for threads in (1, 2, 5):
            native.set_threads(threads)
            found.append(core(*given, precision=precision))
    finally:
        native.set_threads(before)
    for logits, gradients in found[1:]:
        np.testing.assert_array_equal(logits, found[0][0])
        for name, right in found[0][1].items():
            np.testing.assert_array_equal(gradients[name], right, err_msg=name)


@every_network
def test_a_batch_has_the_gradients_of_its_texts_one_by_one(settings):
    config, weights, batch, targets = made(settings)
    together = core(config, weights, batch, targets)
    alone = [
        core(config, weights, join([batch.token_ids[begin:end]]), targets[i : i + 1])
        for i, (begin, end) in enumerate(zip(batch.offsets[:-1], batch.offsets[1:], strict=True))
    ]
    np.testing.assert_allclose(np.concatenate([one[0] for one in alone]), together[0], atol=1e-6)
    for name, right in together[1].items():
        mean = np.mean([one[1][name] for one in alone], axis=0)
        np.testing.assert_allclose(mean, right, atol=1e-6 * max(1, np.abs(right).max()), err_msg=name)


@pytest.mark.parametrize("settings", [LINEAR, {"cell": "lstm", "hidden_sizes": (7, 6)}], ids=str)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "lazy_adam"])
def test_updates_are_those_of_pytorch(settings, optimizer):
    config, weights, batch, targets = made(settings)
    texts = np.split(batch.token_ids, batch.offsets[1:-1])
    some = join(texts[:2])  # without words that others have
    assert len(np.unique(some.token_ids)) < len(np.unique(batch.token_ids))
    train = TrainConfig(
        optimizer=optimizer, weight_decay=0.01, clip_norm=0.1, engine="core", precision="float32"
    )
    engines = [
        build(TrainConfig(**train.to_dict() | {"engine": name}), config, weights, FlawsConfig())
        for name in ("core", "torch")
    ]
    for step in range(8):
        losses = []
        for engine in engines:
            given = (some, targets[:2]) if step % 2 else (batch, targets)
            losses.append(engine.read(*given, step).loss)
            engine.learn(0.01)
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    for name, weight in engines[0].weights().items():
        assert np.abs(weight - weights[name]).max() > 0.01
        np.testing.assert_allclose(weight, engines[1].weights()[name], atol=2e-3, err_msg=name)


def test_what_the_optimizer_remembers_can_be_given_back():
    config, weights, batch, targets = made({"cell": "gru"})
    train = TrainConfig(engine="core", optimizer="lazy_adam")
    engine = build(train, config, weights, FlawsConfig())
    engine.read(batch, targets, 0)
    engine.learn(0.01)
    moments = {name: moment.copy() for name, moment in engine.moments().items()}
    other = build(train, config, {name: w.copy() for name, w in engine.weights().items()}, FlawsConfig())
    other.restore(moments)
    for one in (engine, other):
        one.read(batch, targets, 1)
        one.learn(0.01)
    for name, weight in engine.weights().items():
        np.testing.assert_array_equal(weight, other.weights()[name])


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 7), (100, 65, 33), (3, 500, 32), (97, 0, 4), (0, 4, 4)])
def test_products_of_matrices_laid_out_any_way(shape):
    rows, inner, columns = shape
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((rows, inner)), draw.standard_normal((inner, columns))
    a, b = a.astype(np.float32), b.astype(np.float32)
    bias = draw.standard_normal(columns).astype(np.float32)
    expected = a.astype(float) @ b
    near = {"rtol": 1e-5, "atol": 1e-5 * max(inner, 1)}
    for left in (a, np.asfortranarray(a)):
        for right in (b, np.asfortranarray(b)):
            found = multiply(left, right, bias)
            np.testing.assert_allclose(found, expected + bias, **near)
            wide = np.ones((rows, columns + 3), np.float32)
            multiply(left, right, out=wide[:, 1:-2], add=True)
            np.testing.assert_allclose(wide[:, 1:-2], expected + 1, **near)
            assert (wide[:, [0, -2, -1]] == 1).all()


def test_parts_that_do_not_fit_are_refused():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(InputError, match="b must have the shape"):
        multiply(x, x)
    with pytest.raises(InputError, match="b must be a float64 array"):
        multiply(x.astype(float), x.T)
    with pytest.raises(InputError, match="out of range"):
        drop(x, share=1.0, seed=0)
    offsets = np.array([0, 2])
    one = {"cell": "lstm", "activation": "tanh", "reverse": False, "hidden": 2, "offsets": offsets}
    shares, square = np.zeros((2, 8), np.float32), np.zeros((8, 2), np.float32)
    learner = Learner()
    with pytest.raises(InputError, match="no activation or cell"):
        learner.forward([LayerPass(**one | {"cell": "qrnn"}, shares=shares, weight_hh=square)])
    with pytest.raises(InputError, match="not a row"):
        learner.forward(
            [LayerPass(**one, shares=shares, weight_hh=square, row_of=np.array([0, 2], np.int32))]
        )
    ids = np.array([0, 1], np.int32)
    wrong = LayerPass(**one, shares=shares, weight_hh=square, row_of=ids)
    wrong.offsets = np.array([1, 2])
    with pytest.raises(InputError, match="offsets must rise"):
        learner.forward([wrong])
    with pytest.raises(InputError, match="out of range"):
        Learner().backward([LayerPass(**one, shares=shares, weight_hh=square, row_of=ids)])
    with pytest.raises(InputError, match="out of range"):
        learner.forward([LayerPass(**one, x=np.zeros((2, 3), np.float32), weight_hh=square)])
    linear = {
        "cell": "linear",
        "shares": np.zeros((2, 4), np.float32),
        "d_states": [np.zeros((2, 2), np.float32)] * 2,
    }
    with pytest.raises(InputError, match="out of range"):
        learner.forward([LayerPass(**one | linear)])
    with pytest.raises(InputError, match="not a row"):
        learner.known(np.array([0, 5], np.int32), 5)


def test_a_product_has_room_and_a_bias_that_fits():
    x = np.ones((2, 2), np.float32)
    with pytest.raises(InputError, match="rows in order"):
        multiply(x, x, out=np.zeros((2, 4), np.float32)[:, ::2])
    with pytest.raises(InputError, match="bias must have the shape"):
        multiply(x, x, np.zeros(1, np.float32))
    with pytest.raises(InputError, match="bias must be a float32 array"):
        multiply(x, x, np.zeros(2))
    every_other = np.arange(4, dtype=np.float32)[::2]
    np.testing.assert_array_equal(multiply(x, x, every_other), [[2, 4], [2, 4]])


def test_gradients_of_gates_that_are_shut_are_finite():
    shut = LayerPass(
        cell="linear",
        activation="tanh",
        reverse=False,
        hidden=3,
        offsets=np.array([0, 2]),
        shares=np.tile(np.array([-60, -60, -60, 1, 1, 1, -60, -60, -60], np.float32), (2, 1)),
        gating=native.Gating(input_gate=True),
    )
    learner = Learner()
    learner.forward([shut])
    np.testing.assert_allclose(shut.final, 0.75 * np.tanh(1), rtol=1e-5)  # each gate has half a say
    shut.add_gradient("final", np.ones((1, 3), np.float32))
    learner.backward([shut])
    assert np.isfinite(shut.d_shares).all()
    assert np.abs(shut.d_shares[:, [0, 6]]).min() > 0.05


def test_passes_of_both_types_together_are_refused():
    square = np.zeros((8, 2))
    one = {"cell": "lstm", "activation": "tanh", "reverse": False, "hidden": 2, "offsets": np.array([0, 2])}
    exact = LayerPass(**one, x=square[:2], weight_ih=square, weight_hh=square, precision="float64")
    narrow = square.astype(np.float32)
    rough = LayerPass(**one, x=narrow[:2], weight_ih=narrow, weight_hh=narrow)
    Learner().forward([exact, exact])
    with pytest.raises(InputError, match="out of range"):
        Learner().forward([exact, rough])


KINDS = [Adam(), Adam(weight_decay=0.01), Adam(weight_decay=0.01, decoupled=True)]


def table(rows=40, width=37, seed=3):
    weight = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return Learnt(weight, np.zeros_like(weight), np.zeros_like(weight))


@pytest.mark.parametrize("adam", KINDS, ids=str)
def test_adam_moves_rows_as_pytorch_does(adam):
    draw, learnt = np.random.default_rng(3), table()
    parameter = torch.from_numpy(learnt.weight.copy()).requires_grad_()
    kind = torch.optim.AdamW if adam.decoupled else torch.optim.Adam
    optimizer = kind([parameter], lr=0.1, weight_decay=adam.weight_decay)
    late = LateRows(adam, learnt)
    for number in range(1, 9):
        ids = draw.choice(30, 3, replace=False).astype(np.int32)
        rows = draw.standard_normal((3, 37)).astype(np.float32)
        parameter.grad = torch.zeros_like(parameter)
        parameter.grad[torch.from_numpy(ids).long()] = torch.from_numpy(rows)
        optimizer.step()
        step = adam.step(number, 0.1)
        late.catch_up(ids)
        adam.learn(learnt, rows, step, row_ids=ids)
        late.step(step, ids)
        np.testing.assert_allclose(learnt.weight[ids], parameter.detach().numpy()[ids], atol=1e-6)
    late.settle()
    np.testing.assert_allclose(learnt.weight, parameter.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 1e-4])
@pytest.mark.parametrize("adam", KINDS, ids=str)
def test_steps_made_late_are_those_made_in_time_to_the_bit(adam, rate):
    draw = np.random.default_rng(5)
    in_time, late = table(), table()
    rows = LateRows(adam, late)
    for number in range(1, 1200):
        few = number < 300 or number % 400 == 0  # else only one row, so that the others grow still
        ids = draw.choice(30, 2, replace=False).astype(np.int32) if few else np.array([39], np.int32)
        size = 10.0 ** draw.integers(-6, 3, (len(ids), 37))
        gradient = (draw.standard_normal((len(ids), 37)) * size).astype(np.float32)
        whole = np.zeros_like(in_time.weight)
        whole[ids] = gradient
        step = adam.step(number, rate * (1 + number % 50))
        adam.learn(in_time, whole, step)
        rows.catch_up(ids)
        adam.learn(late, gradient, step, row_ids=ids)
        rows.step(step, ids)
        if number in (37, 700, 1199):  # whenever one looks
            rows.settle()
            for name in ("weight", "mean", "square"):
                assert getattr(late, name).tobytes() == getattr(in_time, name).tobytes()


@pytest.mark.parametrize("gradient", [np.ones(4), np.ones((4, 1), np.float32), np.ones(3, np.float32)])
def test_a_gradient_that_does_not_fit_is_refused(gradient):
    learnt = Learnt(*(np.zeros(4, np.float32) for _ in range(3)))
    with pytest.raises(InputError, match="gradient must"):
        Adam().learn(learnt, gradient, Adam().step(1, 0.1))
