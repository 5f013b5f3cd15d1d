"""Labelled texts in → a checked dataset, and its validation split."""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from tenor.errors import DataError
from tenor.section import closest, listed

if TYPE_CHECKING:
    from tenor.data.loading import Source

SPLITS = ("train", "validation", "test")
"""Names a split can have, in the order of their use."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text and what a person said it is."""

    text: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled texts, in splits that share no example; made by ``build_dataset``."""

    name: str
    """The corpus's name, or the file's without its ending."""
    labels: tuple[str, ...]
    """Every label of the train split; an index in it is a label_id."""
    splits: Mapping[str, tuple[Example, ...]]
    """``train`` and, where there are any, ``validation`` and ``test``."""
    sha256: str
    """Hash of the bytes that were read: the file's own, or that of a list of several files'."""
    source: str
    """Names of the files that were read, without their folders."""
    origin: Source | None = None
    """How to read it again; None for texts that were given in memory."""

    def hash_texts(self) -> str:
        """SHA-256 of every text and label with its split: what is learnt from, however it was read."""
        hashed = hashlib.sha256()
        for split, examples in self.splits.items():
            rows = [[split, example.text, example.label] for example in examples]
            hashed.update(json.dumps(rows).encode())
        return hashed.hexdigest()


def build_dataset(
    splits: Mapping[str, Iterable[Example]],
    *,
    name: str,
    sha256: str,
    source: str,
    labels: Sequence[str] | None = None,
) -> Dataset:
    """Check the splits and read the labels off the train split.

    Labels are sorted, as numbers where all of them are numbers. A label of the train split may
    be absent from another split: rare labels are.

    Args:
        splits: split → examples.
        name: of the whole.
        sha256: of what was read.
        source: names of the files.
        labels: in an order of their own; None sorts them.

    Raises:
        DataError: a split is empty, the train split has fewer than two labels, or another split
            has a label that the train split has not.
    """
    fixed = {split: tuple(splits[split]) for split in SPLITS if split in splits}
    for split, examples in fixed.items():
        if not examples:
            raise DataError(f"the {split} split of {source} has no examples; give it some")
    found = sort_labels({example.label for example in fixed["train"]})
    if len(found) < 2:
        raise DataError(
            f"all {len(fixed['train'])} training examples of {source} have the label "
            f"{found[0]!r}; there must be at least two labels to tell apart"
        )
    ordered = found if labels is None else tuple(label for label in labels if label in found)
    for split, examples in fixed.items():
        _check_labels(split, {example.label for example in examples}, ordered)
    return Dataset(name=name, labels=ordered, splits=MappingProxyType(fixed), sha256=sha256, source=source)


def dataset_of(pairs: Iterable[tuple[str, str]], name: str = "texts") -> Dataset:
    """The training texts that a program has at hand.

    Args:
        pairs: a text and its label each.
        name: of the whole.

    Raises:
        DataError: something is no pair of strings, or see ``build_dataset``.
    """
    examples = examples_of(pairs)
    hashed = hashlib.sha256(json.dumps([[e.text, e.label] for e in examples]).encode())
    return build_dataset({"train": examples}, name=name, sha256=hashed.hexdigest(), source=name)


def examples_of(pairs: Iterable[tuple[str, str] | Example]) -> tuple[Example, ...]:
    """Texts with their labels, as a program has them at hand.

    Raises:
        DataError: something is no pair of strings.
    """
    return tuple(_example(pair, number) for number, pair in enumerate(pairs))


def normal_label(label: str) -> str:
    """The label without spaces around it, in normal form C, as texts are read.

    So ``é`` is one label, however a system or an editor composes it. Half a surrogate pair, which no file
    can hold, becomes U+FFFD.
    """
    whole = label.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", whole.strip())


def _example(pair: object, number: int) -> Example:
    match pair:
        case Example():
            return pair
        case (str(text), str(label)) if not label.strip():
            raise DataError(f"item {number:,} of the data has an empty label; give it one or leave it out")
        case (str(text), str(label)):
            return Example(text=text, label=normal_label(label))
    raise DataError(
        f"item {number:,} of the data is {reprlib.repr(pair)}; each must be a text and its label, both "
        'strings: ("a fine film", "positive")'
    )


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels in alphabetical order, or in order of size where all of them are numbers."""
    ordered = sorted(labels)
    if all(re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", label) for label in ordered):
        ordered.sort(key=float)
    return tuple(ordered)


def hold_out(dataset: Dataset, fraction: float, seed: int) -> Dataset:
    """Move a share of the train split into a validation split.

    Every label with at least two examples gives its share, rounded, but at least one example and
    never all. Both splits keep the order of the examples. Which ones move depends on the order of
    the examples and the seed only: the smallest of the raw numbers of PCG64, whose stream, unlike
    that of NumPy's samplers, is the same in every version of NumPy.

    Args:
        dataset: one without a validation split; not changed.
        fraction: share of the train split to move, above 0 and below 1.
        seed: a whole number, at least 0.

    Raises:
        DataError: the fraction is out of range, there is a validation split already, or no label
            has two examples.
    """
    if not 0.0 < fraction < 1.0:
        raise DataError(f"the validation fraction is {fraction!r}; it must be above 0 and below 1")
    if "validation" in dataset.splits:
        raise DataError(f"{dataset.name} has a validation split already; there is nothing to hold out")
    train = dataset.splits["train"]
    held = _chosen([example.label for example in train], fraction, seed)
    if not held:
        raise DataError(
            f"{dataset.name} has one training example per label, so none can be held out; "
            "add examples, or give validation texts of your own"
        )
    splits = {
        **dataset.splits,
        "train": tuple(example for i, example in enumerate(train) if i not in held),
        "validation": tuple(example for i, example in enumerate(train) if i in held),
    }
    return replace(dataset, splits=MappingProxyType({s: splits[s] for s in SPLITS if s in splits}))


def validate_on_test(dataset: Dataset, count: int, seed: int) -> Dataset:
    """Use test texts for validation, and every training text for training: a mistake, to be measured.

    Args:
        dataset: with a test split, which stays whole; a validation split joins the train split.
        count: how many test texts; all, where there are fewer.
        seed: which.

    Raises:
        DataError: there are no test texts.
    """
    test = dataset.splits.get("test", ())
    if not test:
        raise DataError(f"{dataset.name} has no test texts to validate on; give some, or hold texts back")
    keys = np.random.PCG64(seed).random_raw(len(test))
    chosen = sorted(np.argsort(keys, kind="stable")[:count].tolist())
    splits = {
        "train": (*dataset.splits["train"], *dataset.splits.get("validation", ())),
        "validation": tuple(test[place] for place in chosen),
        "test": test,
    }
    return replace(dataset, splits=MappingProxyType(splits))


def _chosen(labels: list[str], fraction: float, seed: int) -> set[int]:
    """Places of the examples to hold out."""
    keys = np.random.PCG64(seed).random_raw(len(labels))
    by_label: dict[str, list[int]] = {}
    for place in np.argsort(keys, kind="stable").tolist():
        by_label.setdefault(labels[place], []).append(place)
    held: set[int] = set()
    for places in by_label.values():
        count = min(max(round(fraction * len(places)), 1), len(places) - 1)
        held.update(places[:count])
    return held


def _check_labels(split: str, found: set[str], labels: tuple[str, ...]) -> None:
    unknown = sort_labels(found.difference(labels))
    if unknown:
        raise DataError(
            f"the {split} split has the label {unknown[0]!r}, which no training example has"
            f"{closest(unknown[0], labels)}; the labels are {listed(labels)}"
        )
