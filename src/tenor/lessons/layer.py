"""A recurrent layer written from its equations, to be stepped by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


class RecurrentLayer:
    """Two equations, applied at every step with the same weights.

    ::

    h_t = φ_h(W_xh x_t + W_hh h_(t-1) + b_h)
    y_t = φ_y(W_hy h_t + b_y)
    """

    def __init__(
        self,
        in_dim: int,
        h_dim: int,
        out_dim: int,
        *,
        phi_h: Function | None = torch.tanh,
        phi_y: Function | None = torch.sigmoid,
        generator: torch.Generator | None = None,
    ) -> None:
        """Draw the weights as ``torch.nn.Linear`` does.

        Args:
            in_dim: width of x.
            h_dim: width of h.
            out_dim: width of y.
            phi_h: what is applied to make h; None leaves it linear.
            phi_y: what is applied to make y; None leaves it linear.
            generator: where the random numbers come from.
        """
        self.phi_h, self.phi_y = phi_h, phi_y

        def draw(*shape: int, width: int) -> Tensor:
            bound = 1 / math.sqrt(width)
            return torch.empty(shape).uniform_(-bound, bound, generator=generator).requires_grad_()

        self.weight_xh = draw(h_dim, in_dim, width=in_dim)
        self.weight_hh = draw(h_dim, h_dim, width=h_dim)
        self.bias_h = draw(h_dim, width=h_dim)
        self.weight_hy = draw(out_dim, h_dim, width=h_dim)
        self.bias_y = draw(out_dim, width=h_dim)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Name → weight."""
        names = ("weight_xh", "weight_hh", "bias_h", "weight_hy", "bias_y")
        return {name: getattr(self, name) for name in names}

    def __call__(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step.

        Args:
            x: (B, in_dim) inputs of this step.
            h: (B, h_dim) state of the step before; None is zeros.

        Returns:
            y (B, out_dim) and the new h (B, h_dim).
        """
        before = x.new_zeros(len(x), len(self.bias_h)) if h is None else h
        h = x @ self.weight_xh.T + before @ self.weight_hh.T + self.bias_h
        h = h if self.phi_h is None else self.phi_h(h)
        y = h @ self.weight_hy.T + self.bias_y
        return (y if self.phi_y is None else self.phi_y(y)), h
