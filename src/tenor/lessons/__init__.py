"""What recurrent networks do, to be run and looked at: a layer from its equations, gradients through time.

The only part beside ``tenor.training`` that imports PyTorch. Nothing else depends on it.
"""

from __future__ import annotations

from tenor.errors import UnsupportedError

try:
    import torch  # noqa: F401
except ImportError as error:
    raise UnsupportedError(
        "gradients need PyTorch, which is not installed; type: pip install 'tenor[train]'"
    ) from error

from tenor.lessons.backpropagation import Backpropagation, backpropagate
from tenor.lessons.graph import autograd_graph
from tenor.lessons.layer import RecurrentLayer
from tenor.lessons.masking import masked_loss

__all__ = [
    "Backpropagation",
    "RecurrentLayer",
    "autograd_graph",
    "backpropagate",
    "masked_loss",
]
