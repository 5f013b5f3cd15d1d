"""A model in → a model folder, and back: verified, or refused.

The folder holds open formats only: ``config.json``, ``vocabulary.txt``, ``labels.json``,
``model.safetensors``, ``README.md`` (the model card) and ``manifest.json``, which has the SHA-256
of each of them and a self-test. No code, no pickle, no path. Nothing is written into it later.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import safetensors.numpy
from safetensors import SafetensorError

import tenor
from tenor.config import ModelConfig, TokenizerConfig, VocabularyConfig
from tenor.errors import ArtifactError, InputError
from tenor.model import Model
from tenor.vocabulary import Vocabulary

FORMAT_VERSION = 1
"""Of the folder's layout; a reader refuses a higher one."""

FILES = ("config.json", "vocabulary.txt", "labels.json", "model.safetensors", "README.md")
MANIFEST = "manifest.json"
_MANIFEST_LIMIT_BYTES = 1_000_000


class SelfTest(NamedTuple):
    """One text and what the model said of it when it was saved."""

    text: str
    probabilities: list[float]


def is_model_folder(path: str | os.PathLike[str]) -> bool:
    """Whether the path looks like a model folder, sound or not."""
    return (Path(path) / MANIFEST).is_file() or (Path(path) / "model.safetensors").is_file()


def write(
    model: Model,
    path: str | os.PathLike[str],
    test: SelfTest,
    *,
    force: bool,
    more: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Write a model folder: whole, or not at all.

    Args:
        model: what to write.
        path: where.
        test: what the model says of one text.
        force: whether to replace a model that is there.
        more: files of the caller's own; the manifest lists them, reading the model passes them over.

    Raises:
        ArtifactError: something is there already and ``force`` is false; or it is not a model
            folder (which ``force`` does not replace either); or writing failed, and then
            nothing was changed.
    """
    target = Path(path)
    check_free(target, force=force)
    contents = _contents(model) | dict(more)
    contents[MANIFEST] = _json(
        {
            "format_version": FORMAT_VERSION,
            "files": {
                name: {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
                for name, data in contents.items()
            },
            "self_test": test._asdict(),
        }
    )
    from tenor.atomic import write_folder  # what writing needs would slow the start of every reading

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_folder(target.resolve(), contents)  # a link stays, what it points to is replaced
    except OSError as error:
        raise ArtifactError(
            f"cannot write the model folder {target}: {error.strerror}; nothing was changed there. "
            "Free some space or name another place with -o"
        ) from error


def check_free(target: Path, *, force: bool) -> None:
    """Refuse a place that is taken, before any work is done for it.

    Raises:
        ArtifactError: see ``write``.
    """
    if not os.path.lexists(target):
        return
    if not target.is_dir() or (any(target.iterdir()) and not is_model_folder(target)):
        raise ArtifactError(
            f"{target} is there already and is not a model folder; name another place with -o"
        )
    strange = sorted({path.name for path in target.iterdir()} - {*FILES, MANIFEST})
    if strange:
        raise ArtifactError(
            f"{target} holds files that are not a model's ({', '.join(strange[:3])}); move them, or name "
            "another place with -o"
        )
    if not force and is_model_folder(target):
        raise ArtifactError(
            f"{target} holds a model already; name another place with -o, or --force to replace it"
        )


def read(path: str | os.PathLike[str]) -> tuple[Model, SelfTest]:
    """Read a model folder; nothing is believed before the manifest was checked.

    Raises:
        ArtifactError: it is not a model folder, or a file is missing, damaged, or not what the
            settings say; the message names the file.
    """
    folder = Path(path)
    manifest = _read_manifest(folder)
    contents = {name: _read_checked(folder / name, manifest["files"]) for name in FILES}
    config = _parse(folder / "config.json", contents["config.json"])
    try:
        return _build(config, contents), _self_test(manifest)
    except (InputError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{folder} is not a sound model folder: {error}") from error


def read_more(path: str | os.PathLike[str], names: Iterable[str]) -> dict[str, bytes]:
    """Read files that a model folder has beside its model's, checked as those are.

    Raises:
        ArtifactError: one of them is missing or damaged; the message names it.
    """
    manifest = _read_manifest(Path(path))
    return {name: _read_checked(Path(path) / name, manifest["files"]) for name in names}


def _contents(model: Model) -> dict[str, bytes]:
    config = {
        "format_version": FORMAT_VERSION,
        "tenor_version": tenor.__version__,
        "tokenizer": model.tokenizer.to_dict(),
        "vocabulary": model.vocabulary.config.to_dict(),
        "model": model.config.to_dict(),
        **model.record,
    }
    tokens = "".join(f"{token}\n" for token in model.vocabulary.tokens)
    return {
        "config.json": _json(config),
        "vocabulary.txt": tokens.encode("utf-8"),
        "labels.json": _json(list(model.labels)),
        "model.safetensors": safetensors.numpy.save(dict(model.weights)),
        "README.md": model.card.encode("utf-8", "replace"),
    }


def _build(config: Mapping[str, Any], contents: Mapping[str, bytes]) -> Model:
    tokens = contents["vocabulary.txt"].decode("utf-8").split("\n")
    labels = json.loads(contents["labels.json"])
    if tokens.pop() != "":
        raise ArtifactError("vocabulary.txt does not end with a line break: it was cut")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ArtifactError("labels.json is not a list of strings")
    settings = ("format_version", "tenor_version", "tokenizer", "vocabulary", "model")
    return Model(
        tokenizer=TokenizerConfig.from_dict(config["tokenizer"]),
        vocabulary=Vocabulary(tokens, VocabularyConfig.from_dict(config["vocabulary"])),
        config=ModelConfig.from_dict(config["model"]),
        labels=tuple(labels),
        weights=safetensors.numpy.load(contents["model.safetensors"]),
        record={key: value for key, value in config.items() if key not in settings},
        card=contents["README.md"].decode("utf-8"),
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    if not is_model_folder(folder):
        if not folder.exists():
            raise ArtifactError(f"there is no model folder {folder}; make it: tenor train DATA -o {folder}")
        kind = "a file" if folder.is_file() else "a folder"
        raise ArtifactError(f"{folder} is {kind}, not a model folder; name one that tenor train made")
    data = _read_file(folder / MANIFEST, _MANIFEST_LIMIT_BYTES)
    manifest = _parse(folder / MANIFEST, data)
    version = manifest.get("format_version")
    if type(version) is not int or version < 1 or not isinstance(manifest.get("files"), dict):
        raise ArtifactError(f"{folder / MANIFEST} is not a manifest; copy the folder anew")
    if version > FORMAT_VERSION:
        raise ArtifactError(
            f"{folder} has format {version}; this is Tenor {tenor.__version__}, which reads up to "
            f"{FORMAT_VERSION}. Update it: pip install --upgrade tenor"
        )
    return manifest


def _read_checked(path: Path, files: Mapping[str, Any]) -> bytes:
    entry = files.get(path.name)
    if not isinstance(entry, dict) or type(entry.get("size_bytes")) is not int:
        raise ArtifactError(f"{path.parent / MANIFEST} does not list {path.name}")
    data = _read_file(path, entry["size_bytes"])
    if len(data) != entry["size_bytes"] or hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise ArtifactError(f"{path} is damaged: it is not what was saved; copy the folder anew")
    return data


def _read_file(path: Path, limit_bytes: int) -> bytes:
    """At most one byte more than the limit, so that a file of any size is refused cheaply."""
    try:
        with path.open("rb") as file:
            return file.read(min(limit_bytes, path.stat().st_size) + 1)
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}") from error


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ArtifactError(f"{path} is not a JSON object")
    return value


def _self_test(manifest: Mapping[str, Any]) -> SelfTest:
    test = manifest["self_test"]
    return SelfTest(str(test["text"]), [float(p) for p in test["probabilities"]])


def _json(value: object) -> bytes:
    r"""JSON in UTF-8; half a surrogate pair, as in an odd file name, is written as ``\udcff``."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")
