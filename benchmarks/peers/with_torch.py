"""The network in PyTorch, as its manual would have it read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from serve import batches, serve
from torch.nn.utils.rnn import pack_padded_sequence


def make(settings: dict[str, Any], data: Any) -> Callable[[list[np.ndarray[Any, Any]]], Any]:
    """Settings: threads, batch, precision (float32, bf16), packed."""
    torch.set_num_threads(settings["threads"])
    torch.set_flush_denormal(True)
    weights = {name: torch.from_numpy(data[name]) for name in data.files if "_l" in name}
    size = weights["weight_hh_l0"].shape[1]
    both = "weight_hh_l0_reverse" in weights
    layers = len(weights) // (8 if both else 4)
    embedding = torch.nn.Embedding.from_pretrained(torch.from_numpy(data["embedding"]))
    lstm = torch.nn.LSTM(embedding.embedding_dim, size, layers, batch_first=True, bidirectional=both)
    lstm.load_state_dict(weights)
    head = torch.nn.Linear(size * (1 + both), 1)
    head.load_state_dict({"weight": torch.from_numpy(data["head"]), "bias": torch.zeros(1)})
    network = torch.nn.ModuleList([embedding, lstm, head]).eval()
    if settings["precision"] == "bf16":
        network.bfloat16()

    @torch.inference_mode()
    def read(texts: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        found = np.empty(len(texts), np.float32)
        for rows, lengths, ids in batches(texts, settings["batch"]):
            inputs = embedding(torch.from_numpy(ids))
            if settings["packed"]:
                inputs = pack_padded_sequence(inputs, torch.from_numpy(lengths), batch_first=True)
            _, (h, _) = lstm(inputs)
            last = list(h)[-1 - both :]
            found[rows] = head(torch.cat(last, dim=1)).float().squeeze(1).numpy()
        return found

    return read


if __name__ == "__main__":
    serve(make)
