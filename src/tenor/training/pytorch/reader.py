"""A trained network, without its n-grams, that PyTorch reads with, on a processor or a GPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from tenor.batching import Batch
from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.training.pytorch import network
from tenor.training.pytorch.arithmetic import device_of, exact_products


class TorchReader:
    """In float32."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats], device: str) -> None:
        """Take the weights there.

        Args:
            config: shape of the network.
            weights: name → array, as ``tenor.model.weight_shapes`` lists them; others are let alone.
            device: ``"cpu"`` or ``"cuda"``.

        Raises:
            UnsupportedError: there is no such device.
        """
        there = device_of(device)
        self._config = config
        self._weights = {
            name: torch.from_numpy(np.asarray(weight)).to(there) for name, weight in weights.items()
        }

    def logits(self, batch: Batch) -> Floats:
        """Logits (B, C) of texts."""
        with torch.inference_mode(), exact_products():
            return network.logits(self._weights, self._config, batch).cpu().numpy()
