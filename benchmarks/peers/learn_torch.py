"""The network learns in PyTorch, in two ways that both stop at each text's own last word.

``packed`` gives PyTorch's own layers of several directions a packed batch, as its manual has it.
``padded`` gives them dense tensors, one direction at a time, with the words of the backward one in
turned order: that way its faster routines take them. With ``in bf16`` after either the forward pass
is under ``torch.autocast``, as PyTorch advises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from learn import Learner, Texts, one_by_one, padded, serve
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU}


class Scan(torch.autograd.Function):
    """c_t = kept_t * c_{t-1} + fresh_t (T, B, H): a loop each way in place of a graph of T nodes."""

    @staticmethod
    def forward(ctx: Any, kept: Tensor, fresh: Tensor) -> Tensor:
        """The sums."""
        c = torch.empty_like(fresh)
        before = torch.zeros_like(fresh[0])
        for a, b, out in zip(kept, fresh, c, strict=True):
            before = torch.addcmul(b, a, before, out=out)
        ctx.save_for_backward(kept, c)
        return c

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Of what was kept, and of what was fresh."""
        kept, c = ctx.saved_tensors
        grown = gradients[0].clone()
        for t in range(len(grown) - 1, 0, -1):
            grown[t - 1].addcmul_(kept[t], grown[t])
        return grown * torch.cat([torch.zeros_like(c[:1]), c[:-1]]), grown


class Linear(nn.Module):
    """A gated linear recurrence, whose gates see a word, or the one before it as well."""

    def __init__(self, width: int, size: int, window: int) -> None:
        super().__init__()
        self.current = nn.Linear(width, 2 * size)
        self.previous = nn.Linear(width, 2 * size, bias=False) if window == 2 else None

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """(T, B, I) → (T, B, H)."""
        gates = self.current(x)
        if self.previous is not None:
            gates = torch.cat([gates[:1], gates[1:] + self.previous(x[:-1])])
        kept, taken = gates.chunk(2, dim=2)
        kept = torch.sigmoid(kept)
        return (Scan.apply(kept, (1 - kept) * torch.tanh(taken)),)


class Network(nn.Module):
    """The whole network."""

    def __init__(self, settings: dict[str, Any], weights: Mapping[str, Any]) -> None:
        super().__init__()
        self.model, self.train_config = settings["model"], settings["train"]
        self.packed = settings["way"].startswith("packed")
        given = {name: torch.from_numpy(np.array(weights[name])) for name in weights}
        self.embedding = nn.Embedding.from_pretrained(given["embedding.weight"], freeze=False)
        self.layers = self._packed_layers(given) if self.packed else self._padded_layers(given)
        self.head = nn.ModuleList(
            nn.Linear(*given[f"{name}.weight"].T.shape)
            for name in ("head.hidden", "head")
            if f"{name}.weight" in given
        )
        for layer, name in zip(reversed(self.head), ("head", "head.hidden"), strict=False):
            layer.load_state_dict({part: given[f"{name}.{part}"] for part in ("weight", "bias")})

    def _packed_layers(self, given: Mapping[str, Tensor]) -> nn.ModuleList:
        model = self.model
        rnn = LAYERS[model["cell"]](
            model["embedding_dim"],
            model["hidden_sizes"][0],
            len(model["hidden_sizes"]),
            bidirectional=model["bidirectional"],
            dropout=self.train_config["hidden_dropout"] if len(model["hidden_sizes"]) > 1 else 0.0,
        )
        _fill(rnn, {name.removeprefix("rnn."): each for name, each in given.items() if "rnn." in name})
        return nn.ModuleList([rnn])

    def _padded_layers(self, given: Mapping[str, Tensor]) -> nn.ModuleList:
        """One for each layer and direction."""
        made, width = nn.ModuleList(), self.model["embedding_dim"]
        directions = ("", "_reverse") if self.model["bidirectional"] else ("",)
        for number, size in enumerate(self.model["hidden_sizes"]):
            for suffix in (f"l{number}{direction}" for direction in directions):
                named = {name.removeprefix("rnn."): each for name, each in given.items()}
                own = {name: each for name, each in named.items() if name.endswith(f"_{suffix}")}
                if self.model["cell"] == "linear":
                    layer: nn.Module = Linear(width, size, self.model["window"])
                    layer.current.weight.data = own[f"weight_ih_{suffix}"]
                    layer.current.bias.data = own[f"bias_ih_{suffix}"]
                    if layer.previous is not None:
                        layer.previous.weight.data = own[f"weight_previous_{suffix}"]
                else:
                    layer = LAYERS[self.model["cell"]](width, size)
                    _fill(layer, {name.replace(suffix, "l0"): each for name, each in own.items()})
                made.append(layer)
            width = size * len(directions)
        return made

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Logits of ids (T, B), with zeros after each text of lengths (B,)."""
        x = self._words(ids)
        states = self._read_packed(x, lengths) if self.packed else self._read_padded(x, lengths)
        sides = 2 if self.model["bidirectional"] else 1
        pooled = torch.cat([_POOLINGS[name](states, lengths, sides) for name in self.model["pooling"]], dim=1)
        pooled = functional.dropout(pooled, self.train_config["output_dropout"], self.training)
        for layer in self.head[:-1]:
            pooled = torch.relu(layer(pooled))
            pooled = functional.dropout(pooled, self.train_config["head_dropout"], self.training)
        return self.head[-1](pooled)

    def _words(self, ids: Tensor) -> Tensor:
        """(T, B, E); dropout is the same wherever a word stands, and drops some words as a whole."""
        shares = self.train_config["input_dropout"], self.train_config["embedding_dropout"]
        if not self.training or not any(shares):
            return self.embedding(ids)
        known, each = torch.unique(ids, return_inverse=True)
        rows = functional.dropout(self.embedding(known), shares[0])
        return functional.embedding(each, rows * functional.dropout(torch.ones(len(known), 1), shares[1]))

    def _read_packed(self, x: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.layers[0](pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(out)[0]

    def _read_padded(self, x: Tensor, lengths: Tensor) -> Tensor:
        turned = (lengths - 1 - torch.arange(len(x))[:, None]).clamp(min=0)[:, :, None]  # (T, B, 1)
        directions = len(self.layers) // len(self.model["hidden_sizes"])
        for number in range(0, len(self.layers), directions):
            if number:
                x = functional.dropout(x, self.train_config["hidden_dropout"], self.training)
            states = [self.layers[number](x)[0]]
            if directions == 2:
                backward = self.layers[number + 1](torch.take_along_dim(x, turned, 0))[0]
                states.append(torch.take_along_dim(backward, turned, 0))
            x = torch.cat(states, dim=2)
        return x


def _fill(rnn: nn.RNNBase, given: Mapping[str, Tensor]) -> None:
    """Give a layer its weights; of two biases the one that the network lacks stays zero."""
    for name, parameter in rnn.named_parameters():
        if name in given:
            parameter.data.copy_(given[name])
        else:
            parameter.requires_grad_(False).zero_()


def _ends(states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    return states[0], states[lengths - 1, torch.arange(len(lengths))]


def _last(states: Tensor, lengths: Tensor, directions: int) -> Tensor:
    """Each direction's own last state."""
    first, last = _ends(states, lengths)
    size = states.shape[2] // directions
    return torch.cat([last[:, :size], first[:, size:]], dim=1)


def _inside(states: Tensor, lengths: Tensor) -> Tensor:
    """(T, B, 1) whether a place holds a word."""
    return (torch.arange(len(states))[:, None] < lengths)[:, :, None]


_POOLINGS = {
    "last": _last,
    "first_last": lambda states, lengths, _: torch.cat(_ends(states, lengths), dim=1),
    "mean": lambda states, lengths, _: (states * _inside(states, lengths)).sum(0) / lengths[:, None],
    "max": lambda states, lengths, _: states.masked_fill(~_inside(states, lengths), -torch.inf).amax(0),
}


def make(settings: dict[str, Any], weights: Mapping[str, Any]) -> Learner:
    """As ``serve`` asks."""
    torch.set_flush_denormal(True)  # before there are threads, which inherit it
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(0)
    network = Network(settings, weights)
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    config = settings["train"]
    optimizer = torch.optim.Adam(learnt, lr=config["learning_rate"], fused=True)

    def prepare(texts: Texts, targets: np.ndarray[Any, Any]) -> tuple[Tensor, Tensor, Tensor]:
        ids, lengths = padded(texts)
        ids = torch.from_numpy(np.ascontiguousarray(ids.T, np.int64))
        return ids, torch.from_numpy(lengths), torch.from_numpy(targets)

    def loss_of(ids: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
        logits = network(ids, lengths)
        if logits.shape[1] == 1:
            return functional.binary_cross_entropy_with_logits(logits[:, 0], targets.float())
        return functional.cross_entropy(logits, targets)

    in_bf16 = settings["way"].endswith("in bf16")

    def update(*batch: Tensor) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            found = loss_of(*batch)
        found.backward()
        if config["clip_norm"]:
            nn.utils.clip_grad_norm_(learnt, config["clip_norm"], foreach=True)
        optimizer.step()

    @torch.no_grad()
    def loss(texts: Texts, targets: np.ndarray[Any, Any]) -> float:
        network.eval()
        found = loss_of(*prepare(texts, targets)).item()
        network.train()
        return found

    return Learner(sum(each.numel() for each in learnt), loss, one_by_one(prepare, update))


if __name__ == "__main__":
    serve(make)
