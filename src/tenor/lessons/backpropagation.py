"""A model and a text → how the gradient of the loss changes as it goes back through time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.func import jacrev

from tenor.classifier import TextClassifier
from tenor.config import ModelConfig
from tenor.errors import InputError, UnsupportedError
from tenor.section import listed
from tenor.training.pytorch import network

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Backpropagation:
    """One text read forwards and its loss sent back, in float64."""

    tokens: tuple[str, ...]
    """T tokens."""
    loss: float
    """Cross-entropy of the label, nats."""
    gradients: tuple[Array, ...]
    """For each layer (T, H): ∂loss/∂h_t, of the forward direction."""
    jacobians: tuple[Array, ...]
    """For each layer (T, S, S): ∂s_t/∂s_(t-1) of the state s, which is h, or h and c side by side (LSTM)."""

    @property
    def norms(self) -> list[Array]:
        """For each layer (T,): the length of ∂loss/∂h_t."""
        return [np.linalg.norm(gradient, axis=1) for gradient in self.gradients]

    def eigenvalues(self, layer: int = 0) -> Array:
        """(T,) the largest absolute eigenvalue of each Jacobian of a layer: above 1, gradients grow."""
        return np.array([np.abs(np.linalg.eigvals(jacobian)).max() for jacobian in self.jacobians[layer]])


def backpropagate(
    classifier: TextClassifier, text: str, label: str, *, jacobians: bool = False
) -> Backpropagation:
    """Send the loss of a text back through time.

    Args:
        classifier: any model; of a bidirectional one the forward direction is looked at.
        text: what is read.
        label: the right label, or the one asked about.
        jacobians: compute these too, which costs T * S² numbers a layer; otherwise there are none.

    Raises:
        InputError: the text has no token, or the model has no such label.
        UnsupportedError: the model's cell is a linear recurrence.
    """
    model, config = classifier.model, classifier.model.config
    if config.cell == "linear":
        raise UnsupportedError(
            "gradients over time are shown of rnn, lstm and gru; those of a linear cell are its "
            "forget gates, multiplied"
        )
    if label not in model.labels:
        raise InputError(f"no label {label!r}; there are {listed(model.labels)}")
    reading = classifier.encode(text)
    if not reading.tokens:
        raise InputError(f"the text {text!r} has no token, so nothing goes back through time")
    ids = list(reading.token_ids)
    weights = {name: torch.from_numpy(np.asarray(w, np.float64)) for name, w in model.weights.items()}
    x = weights["embedding.weight"][ids]
    watched: list[list[Tensor]] = []
    steps: list[Array] = []
    for layer in range(len(config.hidden_sizes)):
        directions = []
        for reverse in (False, True)[: config.directions]:
            states, derivatives = _walk(weights, config, layer, x, reverse, jacobians and not reverse)
            directions.append(torch.stack(states[::-1] if reverse else states))
            if not reverse:
                watched.append(states)
                steps.append(derivatives)
        x = torch.cat(directions, dim=1)
    layout = network.Layout.of(np.array([0, len(ids)]))
    target = torch.tensor([model.labels.index(label)])
    loss = network.loss(network.answer(weights, config, x, layout), target)
    found = torch.autograd.grad(loss, [h for states in watched for h in states], allow_unused=True)
    flat = [torch.zeros_like(watched[0][0]) if g is None else g for g in found]
    gradients = tuple(
        np.stack([g.numpy() for g in flat[n * len(ids) : (n + 1) * len(ids)]]) for n in range(len(watched))
    )
    return Backpropagation(
        tokens=tuple(token.text for token in reading.tokens),
        loss=float(loss.detach()),
        gradients=gradients,
        jacobians=tuple(steps) if jacobians else (),
    )


def _walk(
    weights: network.Weights, config: ModelConfig, layer: int, x: Tensor, reverse: bool, jacobians: bool
) -> tuple[list[Tensor], Array]:
    """States h_t (H,) in the order of reading, each a tensor that gradients can be asked for."""
    suffix = config.suffixes(layer)[reverse]
    weight_ih, weight_hh, bias_ih, bias_hh = network.parameters(weights, suffix)
    size = config.hidden_sizes[layer]
    step = _STEPS[config.cell if config.cell != "rnn" else config.activation]
    state = x.new_zeros((2 if config.cell == "lstm" else 1) * size)
    states, derivatives = [], []
    for word in x.flip(0) if reverse else x:
        projected = weight_ih @ word + bias_ih

        def advance(state: Tensor, projected: Tensor) -> Tensor:
            return step(projected, state, weight_hh, bias_hh)

        if jacobians:
            derivatives.append(jacrev(advance)(state.detach(), projected.detach()).numpy())
        state = advance(state, projected)
        h = state[:size].clone().requires_grad_()
        state = torch.cat([h, state[size:]])
        states.append(h)
    return states, np.array(derivatives)


def _lstm(projected: Tensor, state: Tensor, weight_hh: Tensor, bias_hh: Tensor) -> Tensor:
    h, c = state.chunk(2)
    i, f, g, o = (projected + weight_hh @ h + bias_hh).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.cat([torch.sigmoid(o) * torch.tanh(c), c])


def _gru(projected: Tensor, h: Tensor, weight_hh: Tensor, bias_hh: Tensor) -> Tensor:
    x_r, x_z, x_n = projected.chunk(3)
    h_r, h_z, h_n = (weight_hh @ h + bias_hh).chunk(3)
    z = torch.sigmoid(x_z + h_z)
    return (1 - z) * torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n) + z * h


def _tanh(projected: Tensor, h: Tensor, weight_hh: Tensor, bias_hh: Tensor) -> Tensor:
    return torch.tanh(projected + weight_hh @ h + bias_hh)


def _relu(projected: Tensor, h: Tensor, weight_hh: Tensor, bias_hh: Tensor) -> Tensor:
    return torch.relu(projected + weight_hh @ h + bias_hh)


_STEPS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "lstm": _lstm, "gru": _gru, "tanh": _tanh, "relu": _relu,
}  # fmt: skip
