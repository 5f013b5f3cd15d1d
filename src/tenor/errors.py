"""Every error that Tenor raises on purpose: one tree, so that one ``except`` catches all of it.

A message says what was wrong (with the value), what is allowed, and what to do next.
"""

__all__ = [
    "ArtifactError",
    "ConfigError",
    "DataError",
    "InputError",
    "NativeError",
    "TenorError",
    "TrainingError",
    "TrainingInterrupted",
    "UnsupportedError",
]


class TenorError(Exception):
    """The root of the tree."""


class InputError(TenorError, ValueError):
    """An argument that the caller can put right: a type, a name, a place."""


class ConfigError(InputError):
    """A setting that does not exist or a value that it does not allow."""


class DataError(InputError):
    """A text table, corpus or word-vectors file that cannot be read as what it should be."""


class ArtifactError(TenorError):
    """A model folder that is damaged, incomplete, of another format, or already there."""


class UnsupportedError(TenorError):
    """Something this model or this installation cannot do, with what would make it possible."""


class NativeError(TenorError):
    """The compiled core refused its arguments or could not be loaded."""


class TrainingError(TenorError):
    """A training that cannot go on, such as a loss that is not a finite number."""


class TrainingInterrupted(TrainingError):
    """A training that was told to stop; all that it has learnt is saved."""
