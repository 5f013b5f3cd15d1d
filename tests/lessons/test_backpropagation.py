"""Gradients through time: autograd, the product of Jacobians, and what theory says of a linear cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenor import TextClassifier
from tenor.batching import join
from tenor.errors import InputError, UnsupportedError
from tenor.lessons import RecurrentLayer, backpropagate
from tenor.training.pytorch import network

CELLS = [("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")]
TEXT = "the film is not good it is bad"


@pytest.fixture
def classifier(tiny):
    return lambda **settings: TextClassifier(tiny(np.float64, pooling=("last",), **settings))


@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_the_product_of_jacobians_takes_the_gradient_back(classifier, cell, activation):
    found = backpropagate(classifier(cell=cell, activation=activation), TEXT, "positive", jacobians=True)
    size = found.gradients[0].shape[1]
    state = np.zeros(found.jacobians[0].shape[1])
    state[:size] = found.gradients[0][-1]  # the loss sees the last h only
    for t in range(len(found.tokens) - 1, 0, -1):
        state = found.jacobians[0][t].T @ state
        np.testing.assert_allclose(state[:size], found.gradients[0][t - 1], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(
    "more", [{}, {"hidden_sizes": (5, 4)}, {"bidirectional": True}, {"pooling": ("mean",)}]
)
def test_the_loss_is_the_network_s(tiny, cell, activation, more):
    model = tiny(np.float64, **({"pooling": ("last",), "cell": cell, "activation": activation} | more))
    weights = {name: torch.from_numpy(weight) for name, weight in model.weights.items()}
    classifier = TextClassifier(model)
    ids = classifier.encode(TEXT).token_ids
    expected = network.loss(network.logits(weights, model.config, join([ids])), torch.tensor([0]))
    found = backpropagate(classifier, TEXT, "negative")
    assert found.loss == pytest.approx(float(expected), rel=1e-12)
    assert [g.shape for g in found.gradients] == [(8, size) for size in model.config.hidden_sizes]


@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_a_state_moved_a_little_moves_the_loss_as_its_gradient_says(classifier, cell, activation):
    made = classifier(cell=cell, activation=activation)
    found = backpropagate(made, TEXT, "positive")
    # The gradient at the last state, by differences of the head.
    weights = made.model.weights
    h = made.encode(TEXT).states[-1]

    def loss(h):
        return float(np.log1p(np.exp(-(weights["head.weight"] @ h + weights["head.bias"])))[0])

    for i in range(len(h)):
        step = np.eye(len(h))[i] * 1e-6
        slope = (loss(h + step) - loss(h - step)) / 2e-6
        assert found.gradients[0][-1, i] == pytest.approx(slope, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_the_gradient_of_a_linear_cell_goes_as_the_power_of_its_matrix(factor):
    steps, size = 30, 6
    generator = torch.Generator().manual_seed(0)
    layer = RecurrentLayer(3, size, 1, phi_h=None, phi_y=None, generator=generator)
    q, _ = torch.linalg.qr(torch.randn(size, size, generator=generator))
    layer.weight_hh = q * factor
    states, h = [], None
    for _ in range(steps):
        y, h = layer(torch.randn(1, 3, generator=generator), h)
        states.append(h)
    norms = [float(g.norm()) for g in torch.autograd.grad(y.sum(), states)]
    for t in range(steps):
        assert norms[t] == pytest.approx(norms[-1] * factor ** (steps - 1 - t), rel=1e-4)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_layer_of_a_stack_has_its_jacobians(classifier, cell):
    made = classifier(cell=cell, hidden_sizes=(5, 4), bidirectional=True)
    found = backpropagate(made, TEXT, "positive", jacobians=True)
    widths = [size * (2 if cell == "lstm" else 1) for size in (5, 4)]
    assert [jacobian.shape for jacobian in found.jacobians] == [(8, width, width) for width in widths]
    assert found.eigenvalues(1).shape == (8,)


def test_eigenvalues_are_those_of_each_step(classifier):
    found = backpropagate(classifier(cell="rnn"), TEXT, "positive", jacobians=True)
    first = np.abs(np.linalg.eigvals(found.jacobians[0][0])).max()
    assert found.eigenvalues()[0] == first
    assert found.eigenvalues().shape == (8,)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "linear"])
@pytest.mark.parametrize("window", [1, 3, 100])
def test_truncated_backpropagation_stops_at_its_window(tiny, cell, window):
    model = tiny(np.float64, cell=cell, pooling=("last",))
    weights = {name: torch.from_numpy(weight) for name, weight in model.weights.items()}
    table = weights["embedding.weight"].requires_grad_()
    ids = np.arange(
        len(table), dtype=np.int32
    )  # each word once, so that its row has the gradient of its step
    scores = network.logits(weights, model.config, join([ids]), truncate=window)
    torch.testing.assert_close(scores, network.logits(weights, model.config, join([ids])))
    (gradient,) = torch.autograd.grad(scores.sum(), [table])
    last_window = (len(ids) - 1) // window * window
    assert (gradient[:last_window] == 0).all()
    assert (gradient[last_window:].norm(dim=1) > 0).all()


def test_what_cannot_be_sent_back_is_refused(classifier):
    with pytest.raises(InputError, match="has no token"):
        backpropagate(classifier(), "", "positive")
    with pytest.raises(InputError, match="no label 'good'; there are 'negative', 'positive'"):
        backpropagate(classifier(), TEXT, "good")
    with pytest.raises(UnsupportedError, match="are shown of rnn, lstm and gru"):
        backpropagate(classifier(cell="linear"), TEXT, "positive")
