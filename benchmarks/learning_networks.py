"""The networks that the benchmark of learning trains → their texts, first weights and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tenor.batching import join
from tenor.config import ModelConfig, Settings, TrainConfig
from tenor.data import Dataset, read_vectors
from tenor.data.vectors import PACKAGED
from tenor.presets import PRESETS, preset
from tenor.recipes import load_recipe
from tenor.scorer import Scorer
from tenor.training.losses import mean_loss
from tenor.training.order import batches
from tenor.training.prepare import Prepared, prepare
from tenor.training.progress import Progress

PROBE = 8
"""Texts whose loss is compared."""
Rows = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network, and how much of an epoch a round takes."""

    settings: Settings
    part: int
    """Reviews of a round, about."""
    reviews: int = 25_000
    """Of an epoch."""
    published: int | None = None
    """Weights that its tutorial prints."""
    peer: str | None = None
    """What its tutorial is written in."""
    peer_part: int = 0
    """Reviews of a round of the tutorial's own way."""
    fill: int = 0
    """Tokens that the tutorial fills texts up to; 0 for none."""
    fill_token: str = ""


def _tutorial(
    name: str, peer: str, flaws: Sequence[str], variants: Sequence[str] = (), **sizes: Any
) -> Network:
    """A recipe with the flaws that decide which tokens and weights there are, so that these are the same.

    Word vectors start from random numbers, which takes as long; where GloVe's words are the vocabulary,
    they come from the package that has all of them.
    """
    recipe = load_recipe(name)
    fill = {}
    if "padding-read" in [flaw.name for flaw in recipe.flaws]:
        fill = recipe.tables(recipe.choose(flaws=["padding-read"]))["vocabulary"]
    settings = Settings.from_dict(recipe.tables(recipe.choose(flaws=flaws, variants=variants)))
    if settings.vocabulary.source == "vectors":
        settings = replace(settings, vocabulary=replace(settings.vocabulary, source="list"))
    return Network(
        settings=settings,
        peer=peer,
        fill=fill.get("fill_to", 0),
        fill_token=fill.get("fill_token", "<pad>"),
        **sizes,
    )


def networks() -> dict[str, Network]:
    """By their names in the results."""
    jax, keras, mindspore = (
        load_recipe(name).published["num_weights"]
        for name in ("jax-birnn-imdb", "tensorflow-imdb", "mindspore-imdb")
    )
    gru = Settings(model=ModelConfig(cell="gru", bidirectional=True), train=TrainConfig(batch_size=64))
    return {
        "tutorial 5: both directions of LSTM 64": _tutorial(
            "tensorflow-imdb", "keras", ["thousand-words", "tags-as-words"],
            part=1024, peer_part=256, published=keras,
        ),
        "tutorial 4, its code: both directions of LSTM 100": _tutorial(
            "jax-birnn-imdb", "flax", ["raw-words", "one-layer"], ["last-states"],
            part=512, peer_part=256, published=jax,
        ),
        "tutorial 4, its text: two layers of both directions of LSTM 100": _tutorial(
            "jax-birnn-imdb", "flax", ["raw-words"], part=256, peer_part=128,
        ),
        "tutorial 1: two layers of both directions of LSTM 256": _tutorial(
            "mindspore-imdb", "mindspore", ["joined-words"],
            part=256, peer_part=64, reviews=17_500, published=mindspore,
        ),
        "GRU 64, both directions": Network(settings=gru, part=1024),
        **{
            f"{name}, without n-grams": Network(
                settings=replace(
                    (settings := preset(name)),
                    model=replace(settings.model, ngrams=0),
                    train=replace(settings.train, optimizer="adam"),
                ),
                part=2048,
            )
            for name in PRESETS
        },
    }  # fmt: skip


class Task:
    """A network with its texts: what each peer is given."""

    def __init__(self, network: Network, given: Dataset, folder: Path) -> None:
        """Encode the texts and write them to the folder, with the first weights."""
        self.network = network
        self.prepared = _prepared(network, given)
        found = self.prepared.model.num_weights
        assert network.published in (None, found), (
            f"the tutorial has {network.published} weights, this {found}"
        )
        self.texts = self.prepared.splits["train"].token_ids
        self.targets = self.prepared.splits["train"].targets
        self.lengths = np.array([len(text) for text in self.texts])
        self.fill_id = self.prepared.model.vocabulary.special_id(network.fill_token) if network.fill else 0
        self.files = {name: str(folder / f"{name}.npz") for name in ("texts", "weights")}
        batch = join(self.texts)
        np.savez(self.files["texts"], token_ids=batch.token_ids, offsets=batch.offsets, targets=self.targets)
        np.savez(self.files["weights"], **self.prepared.model.weights)
        self.losses = {filled: self._loss(filled=filled) for filled in {False, network.fill > 0}}
        """Of the probe, as it is and filled up."""

    @property
    def probe(self) -> list[int]:
        """Texts of all lengths."""
        by_length = np.argsort(self.lengths, kind="stable")
        return [int(by_length[place]) for place in _middles(len(by_length), PROBE)]

    def order(self, size: int, *, shuffled: bool) -> list[Rows]:
        """The batches of an epoch: as tutorials have them, or texts of like length together."""
        if shuffled:
            rows = np.random.default_rng(0).permutation(len(self.lengths))
            return [rows[start : start + size] for start in range(0, len(rows), size)]
        return batches(self.lengths.tolist(), batch_size=size, seed=0, epoch=1)

    def _loss(self, *, filled: bool) -> float:
        """Of the probe with the first weights, in NumPy: the specification."""
        texts = [self.texts[row] for row in self.probe]
        if filled:
            width, fill = self.network.fill, self.fill_id
            texts = [np.pad(text, (0, width - len(text)), constant_values=fill) for text in texts]
        model = self.prepared.model
        logits = Scorer(model.config, model.weights, runtime="numpy").logits(join(texts))
        return mean_loss(logits, self.targets[self.probe])


def spread(order: Sequence[Rows], lengths: np.ndarray[Any, Any], reviews: int) -> list[Rows]:
    """Batches of about so many reviews, spread evenly over an epoch's by the length of their longest text."""
    by_length = sorted(order, key=lambda rows: lengths[rows].max())
    count = max(1, reviews // max(map(len, order)))
    return [by_length[place] for place in _middles(len(order), count)]


def _middles(count: int, parts: int) -> list[int]:
    """The places in the middle of so many equal parts."""
    return [int((part + 0.5) * count / parts) for part in range(parts)]


def _prepared(network: Network, given: Dataset) -> Prepared:
    """As a training would have it, but that no training text is held back for validation."""
    rng = np.random.default_rng(0)
    train = [given.splits["train"][row] for row in rng.permutation(len(given.splits["train"]))]
    splits = {"train": tuple(train[: network.reviews]), "validation": given.splits["test"][::1000]}
    words = read_vectors(PACKAGED).words if network.settings.vocabulary.source == "list" else None
    return prepare(replace(given, splits=splits), network.settings, words, None, Progress(None))
