"""A frozen dataclass of settings → its checks, its help, and the way to and from plain values."""

from __future__ import annotations

import ast
import dataclasses
import math
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from tenor.errors import ConfigError


class Range(NamedTuple):
    """Bounds of a number, both included."""

    low: float
    high: float = math.inf


class Section:
    """What all groups of settings share: checking, and the way to and from plain dictionaries."""

    def __post_init__(self) -> None:
        for name, annotation in _annotations(type(self)).items():
            value = check(name, getattr(self, name), annotation)
            object.__setattr__(self, name, value)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Build from parsed TOML or JSON; what is not named keeps its default.

        Raises:
            ConfigError: a key is not a setting (the message names the closest one), or a value
                is of the wrong type or outside its range.
        """
        known = list(_annotations(cls))
        for key in settings:
            if key not in known:
                raise ConfigError(f"unknown setting {key!r}{closest(key, known)}")
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: tuples become lists."""
        values = {name: getattr(self, name) for name in _annotations(type(self))}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def _annotations(cls: type) -> dict[str, Any]:
    """Types of the fields, with their ``Annotated`` bounds, in the order of declaration."""
    return typing.get_type_hints(cls, include_extras=True)


def field_help(cls: type) -> dict[str, str]:
    """The docstring below each field: one sentence on what it sets."""
    source = Path(str(sys.modules[cls.__module__].__file__))
    tree = ast.parse(source.read_text(encoding="utf-8"))
    body = next(n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == cls.__name__)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def fields(cls: type[Section]) -> dict[str, tuple[Any, Any]]:
    """Name → (type with its bounds, default) of every setting of a group."""
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return {name: (kind, defaults[name]) for name, kind in _annotations(cls).items()}


def closest(name: str, known: typing.Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known name most like this one, or nothing."""
    import difflib  # loaded for a message only

    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def listed(names: typing.Iterable[str], most: int = 10) -> str:
    """``"'a', 'b', 'c'"``; behind so many names as a message has room for, how many there are."""
    quoted = [repr(name) for name in names]
    more = f", … ({len(quoted):,} in all)" if len(quoted) > most else ""
    return ", ".join(quoted[:most]) + more


def check(name: str, value: Any, annotation: Any) -> Any:
    """The value, as the annotation wants it (a whole float for an int, a list for a tuple).

    Raises:
        ConfigError: the value is not of the type, or outside the bounds or the choices.
    """
    origin = typing.get_origin(annotation)
    if origin is types.UnionType or origin is typing.Union:
        if value is None or value == "none":  # TOML has no null
            return None
        return check(name, value, typing.get_args(annotation)[0])
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{name} is {value!r}; it must be a list")
        return tuple(check(name, item, typing.get_args(annotation)[0]) for item in value)
    if origin is Literal:
        choices = typing.get_args(annotation)
        if isinstance(value, bool) or value not in choices:
            allowed = ", ".join(map(str, choices))
            raise ConfigError(f"{name} is {value!r}; it must be one of {allowed}")
        return choices[choices.index(value)]  # 1 for a 1.0
    bounds = Range(-math.inf)
    if origin is Annotated:
        annotation, bounds = typing.get_args(annotation)
    return _check_plain(name, value, annotation, bounds)


def _check_plain(name: str, value: Any, kind: Any, bounds: Range) -> Any:
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise ConfigError(f"{name} is {value!r}; it must be of type {kind.__name__}")
    if kind in (int, float) and not bounds.low <= value <= bounds.high:
        high = "" if bounds.high == math.inf else f" and at most {bounds.high:g}"
        raise ConfigError(f"{name} is {value!r}; it must be at least {bounds.low:g}{high}")
    return kind(value)
