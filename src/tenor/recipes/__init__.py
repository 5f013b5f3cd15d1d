"""The name of a recipe → its data, its settings, and what can be changed about it.

A recipe is a TOML file beside this one: the settings of a published tutorial, put right. Its
flaws are the tutorial's mistakes, each of which can be made again; its variants are other choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenor.config import SECTIONS
from tenor.errors import InputError
from tenor.section import closest

_FOLDER = Path(__file__).parent
_KEYS = {
    "title", "framework", "summary", "data", "variants", "flaws", "texts", "published", *SECTIONS,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Change:
    """A flaw or a variant: some settings that differ."""

    name: str
    what: str
    """What is done, in a sentence."""
    repair: str = ""
    """What is done in its place; empty for a variant."""
    latent: bool = False
    """Whether the tutorial's own run does not meet this flaw; ``as_published`` leaves it out."""
    settings: Mapping[str, Mapping[str, Any]]
    """Group → setting → value."""
    vectors: str | None = None
    """Word vectors to start from; None leaves them."""
    reading: Mapping[str, Mapping[str, Any]]
    """What differs only when a trained model reads a new text."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training that is known by name."""

    name: str
    title: str
    """Of the tutorial."""
    framework: str
    summary: str
    """In a line."""
    data: Mapping[str, Any]
    """Fields of ``tenor.data.Source``."""
    vectors: str | None
    """Word vectors to start from."""
    settings: Mapping[str, Mapping[str, Any]]
    """Group → setting → value, where the tutorial says other than the defaults."""
    variants: tuple[Change, ...]
    flaws: tuple[Change, ...]
    texts: tuple[tuple[str, str], ...]
    """The tutorial's own examples: (text, right label)."""
    published: Mapping[str, Any]
    """The figures that the tutorial prints."""

    def choose(
        self, *, variants: Iterable[str] = (), flaws: Iterable[str] = (), as_published: bool = False
    ) -> tuple[Change, ...]:
        """The changes of these names, each once; ``as_published`` adds every flaw that is not latent.

        Raises:
            InputError: the recipe has no such flaw or variant (the message names those it has), or a
                flaw changes no training, only how a trained model is read.
        """
        named = [_find(self.name, "flaw", name, self.flaws) for name in dict.fromkeys(flaws)]
        for flaw in named:
            if not flaw.settings:
                raise InputError(
                    f"the flaw {flaw.name!r} changes nothing in training, only how a trained model reads: "
                    f"{flaw.what} Leave it out; docs/tutorials.md shows what it does"
                )
        if as_published:
            named += [flaw for flaw in self.flaws if not flaw.latent and flaw not in named]
        chosen = [_find(self.name, "variant", name, self.variants) for name in dict.fromkeys(variants)]
        return (*chosen, *named)

    def tables(self, changes: Iterable[Change] = ()) -> dict[str, dict[str, Any]]:
        """The settings with some changes made, as ``Settings.from_dict`` takes them."""
        merged = {group: dict(values) for group, values in self.settings.items()}
        for change in changes:
            for group, values in change.settings.items():
                merged.setdefault(group, {}).update(values)
        return merged

    def vectors_with(self, changes: Iterable[Change]) -> str | None:
        """The word vectors to start from."""
        return ([self.vectors] + [change.vectors for change in changes if change.vectors])[-1]


def recipe_names() -> list[str]:
    """The names of all recipes, in alphabetical order."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def recipe_file(name: str) -> Path:
    """The TOML file of a recipe.

    Raises:
        InputError: there is no recipe of that name; the message names the closest.
    """
    if name not in recipe_names():
        raise InputError(
            f"there is no recipe {name!r}{closest(name, recipe_names())}; see them all: tenor recipe list"
        )
    return _FOLDER / f"{name}.toml"


def load_recipe(name: str) -> Recipe:
    """Read a recipe.

    Raises:
        InputError: there is no recipe of that name; the message names the closest.
    """
    import tomllib  # only needed here, and slow to load

    table = tomllib.loads(recipe_file(name).read_text(encoding="utf-8"))
    assert set(table) <= _KEYS, f"{name} has {set(table) - _KEYS}"
    data = dict(table["data"])
    return Recipe(
        name=name,
        title=table["title"],
        framework=table["framework"],
        summary=table["summary"],
        vectors=data.pop("vectors", None),
        data=data,
        settings={group: table[group] for group in SECTIONS if isinstance(table.get(group), dict)},
        variants=_changes(table.get("variants", ())),
        flaws=_changes(table.get("flaws", ())),
        texts=tuple((row["text"], row["label"]) for row in table["texts"]),
        published=table["published"],
    )


def _changes(rows: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    empty: dict[str, dict[str, Any]] = {}
    return tuple(Change(**{"settings": empty, "reading": empty, **row}) for row in rows)


def _find(recipe: str, kind: str, name: str, changes: Iterable[Change]) -> Change:
    known = {change.name: change for change in changes}
    if name not in known:
        raise InputError(
            f"the recipe {recipe} has no {kind} {name!r}{closest(name, known)}; it has "
            f"{', '.join(known) or 'none'}"
        )
    return known[name]
