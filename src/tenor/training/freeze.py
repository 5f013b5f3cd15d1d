"""Trained weights in → a ``Model`` that the runtime was seen to compute as its training did."""

from __future__ import annotations

import numpy as np

from tenor.batching import join
from tenor.classifier import TextClassifier
from tenor.errors import TrainingError
from tenor.ngrams import Ngrams
from tenor.spelled import words_of
from tenor.training.encoded import Encoded
from tenor.training.engine import Engine
from tenor.training.ngrams.blend import without_ngrams

TOLERANCE = 1e-4
"""Largest difference of a logit, relative to 1 + its size."""
_TEXTS = 64


def check_frozen(classifier: TextClassifier, engine: Engine, texts: Encoded) -> None:
    """Compare the runtime's logits with those of what trained, on the first texts of a split.

    Raises:
        TrainingError: they differ: saving would give a model that is not the one trained.
    """
    token_ids = [*texts.for_ngrams[:_TEXTS], np.empty(0, np.int32)]
    model, batch = classifier.model, join(token_ids)
    expected = engine.logits_of(without_ngrams(model.weights), words_of(batch))
    ngrams = Ngrams.of(model.config, model.weights)
    if ngrams is not None:
        expected = expected + ngrams.scores(batch)
    difference = np.abs(classifier.logits_of(token_ids) - expected) / (1 + np.abs(expected))
    if not difference.max() <= TOLERANCE:
        raise TrainingError(
            f"the {classifier.runtime} runtime and the training disagree by {difference.max():.2g} on "
            "the trained weights, so nothing was saved; please report this with your settings"
        )
