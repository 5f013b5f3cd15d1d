"""Trained weights in → a ``Model`` that the NumPy runtime was seen to compute alike."""

from __future__ import annotations

import numpy as np
import torch

from tenor.batching import join
from tenor.classifier import TextClassifier
from tenor.errors import TrainingError
from tenor.training import network
from tenor.training.encoded import Encoded

TOLERANCE = 1e-4
"""Largest difference of a logit, relative to 1 + its size."""
_TEXTS = 64


def check_frozen(classifier: TextClassifier, texts: Encoded) -> None:
    """Compare the runtime's logits with PyTorch's float32 ones on the first texts of a split.

    Raises:
        TrainingError: they differ: saving would give a model that is not the one trained.
    """
    token_ids = [*texts.token_ids[:_TEXTS], np.empty(0, np.int32)]
    weights = {name: torch.from_numpy(np.asarray(w)) for name, w in classifier.model.weights.items()}
    with torch.inference_mode():
        expected = network.logits(weights, classifier.model.config, join(token_ids)).numpy()
    difference = np.abs(classifier.logits_of(token_ids) - expected) / (1 + np.abs(expected))
    if not difference.max() <= TOLERANCE:
        raise TrainingError(
            f"the {classifier.runtime} runtime and PyTorch disagree by {difference.max():.2g} on "
            "the trained weights, so nothing was saved; please report this with your settings"
        )
