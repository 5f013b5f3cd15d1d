"""The network of the TensorFlow tutorial learns in Keras: texts as ids, zeros after them masked.

The way ``compiled`` has XLA compile the whole update, for lengths that are multiples of 100;
``plain`` is what Keras chooses by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from learn import Batch, Learner, Texts, padded, serve

SUFFIXES = ("l0", "l0_reverse")
STEP = 100


def make(settings: dict[str, Any], weights: Mapping[str, Any]) -> Learner:
    """As ``serve`` asks."""
    tf.config.threading.set_intra_op_parallelism_threads(settings["threads"])
    model, compiled = settings["model"], settings["way"] == "compiled"
    vocabulary, width = weights["embedding.weight"].shape
    network = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(vocabulary, width, mask_zero=True),
            layers.Bidirectional(layers.LSTM(model["hidden_sizes"][0])),
            layers.Dense(model["head_hidden"], activation="relu"),
            layers.Dense(1),
        ]
    )
    network.set_weights(_translated(weights))
    network.compile(
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        optimizer=keras.optimizers.Adam(settings["train"]["learning_rate"]),
        metrics=["accuracy"],
        jit_compile=True if compiled else "auto",
    )

    def learn(batches: Iterable[Batch]) -> float:
        made = [(padded(texts, STEP if compiled else 1)[0], targets) for texts, targets in batches]

        def each() -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
            yield from made

        signature = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int64)
        dataset = tf.data.Dataset.from_generator(each, output_signature=signature)
        began = time.perf_counter()
        network.fit(dataset.prefetch(tf.data.AUTOTUNE), steps_per_epoch=len(made), shuffle=False, verbose=0)
        return time.perf_counter() - began

    def loss(texts: Texts, targets: np.ndarray[Any, Any]) -> float:
        logits = network(padded(texts)[0])
        return float(keras.losses.BinaryCrossentropy(from_logits=True)(targets[:, None], logits))

    return Learner(network.count_params(), loss, learn)


def _translated(weights: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
    """In the order and shapes that Keras has them; the gates have PyTorch's order."""
    named = ["embedding.weight"]
    for suffix in SUFFIXES:
        named += [f"rnn.weight_ih_{suffix}", f"rnn.weight_hh_{suffix}", f"rnn.bias_ih_{suffix}"]
    named += ["head.hidden.weight", "head.hidden.bias", "head.weight", "head.bias"]
    return [weights[name] if name == "embedding.weight" else weights[name].T for name in named]


if __name__ == "__main__":
    serve(make)
