"""The scan of a gated linear recurrence knows its gradients."""

from __future__ import annotations

import pytest
import torch

from tenor.training.pytorch.linear import _scan


def gates(steps):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn((steps, 2, 3), dtype=torch.float64, generator=generator).requires_grad_() for _ in "ab"
    ]


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_gradients_are_those_of_finite_differences(steps):
    assert torch.autograd.gradcheck(lambda a, b: _scan(a, b, None), gates(steps))


def test_sums_are_those_of_the_formula():
    kept, fresh = gates(5)
    c, expected = torch.zeros(2, 3, dtype=torch.float64), []
    for a, b in zip(kept, fresh, strict=True):
        c = a * c + b
        expected.append(c)
    torch.testing.assert_close(_scan(kept, fresh, None), torch.stack(expected))


def test_windows_change_no_sum_and_stop_the_gradients():
    kept, fresh = gates(7)
    whole, cut = _scan(kept, fresh, None), _scan(kept, fresh, 3)
    torch.testing.assert_close(cut, whole)
    (gradient,) = torch.autograd.grad(cut[-1].sum(), [fresh])
    assert not gradient[:6].any()
    assert gradient[6:].all()
