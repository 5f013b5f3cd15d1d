"""The network of the MindSpore tutorial learns as it does there: texts are filled up and read to the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mindspore as ms
import numpy as np
from learn import Learner, Texts, one_by_one, serve
from mindspore import nn, ops


class RNN(nn.Cell):
    """Layers of both directions of LSTM, read at each direction's last word."""

    def __init__(self, vocab_size: int, width: int, hidden_sizes: list[int]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(
            width, hidden_sizes[0], num_layers=len(hidden_sizes), bidirectional=True, batch_first=True
        )
        self.head = nn.Dense(2 * hidden_sizes[0], 1)

    def construct(self, ids: ms.Tensor) -> ms.Tensor:
        """Logits (B, 1) of ids (B, T)."""
        _, (hidden, _) = self.rnn(self.embedding(ids))
        return self.head(ops.concat((hidden[-2], hidden[-1]), axis=1))


def make(settings: dict[str, Any], weights: Mapping[str, Any]) -> Learner:
    """As ``serve`` asks."""
    ms.set_device("CPU")
    network = RNN(*weights["embedding.weight"].shape, settings["model"]["hidden_sizes"])
    for parameter in network.trainable_params():
        name = parameter.name.replace("embedding_table", "weight")
        parameter.set_data(ms.Tensor(weights[name]))
    cross_entropy = nn.BCEWithLogitsLoss()
    optimizer = nn.Adam(network.trainable_params(), learning_rate=settings["train"]["learning_rate"])

    def loss_of(ids: ms.Tensor, targets: ms.Tensor) -> ms.Tensor:
        return cross_entropy(network(ids), targets)

    gradients_of = ms.value_and_grad(loss_of, None, optimizer.parameters)

    def prepare(texts: Texts, targets: np.ndarray[Any, Any]) -> tuple[ms.Tensor, ms.Tensor]:
        return ms.Tensor(np.stack(texts), ms.int32), ms.Tensor(targets[:, None], ms.float32)

    def update(ids: ms.Tensor, targets: ms.Tensor) -> None:
        loss, gradients = gradients_of(ids, targets)
        optimizer(gradients)
        loss.asnumpy()  # waits for it

    def loss(texts: Texts, targets: np.ndarray[Any, Any]) -> float:
        return float(loss_of(*prepare(texts, targets)).asnumpy())

    count = sum(parameter.size for parameter in network.trainable_params())
    return Learner(count, loss, one_by_one(prepare, update))


if __name__ == "__main__":
    serve(make)
