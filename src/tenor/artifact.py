"""A model in → a model folder, and back: verified, or refused.

The folder holds open formats only: ``config.json``, ``vocabulary.txt``, ``labels.json``,
``model.safetensors``, ``README.md`` (the model card) and ``manifest.json``, which has the SHA-256
of each of them and a self-test. No code, no pickle, no path. Nothing is written into it later.

A folder may come from anyone. Whatever its files hold, reading it gives the model that they
describe or an ``ArtifactError``, and takes time and memory in proportion to their size.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt
import safetensors
from safetensors import SafetensorError, TensorSpec

import tenor
from tenor.config import ModelConfig, Precision, TokenizerConfig, VocabularyConfig
from tenor.errors import ArtifactError, InputError
from tenor.model import Model
from tenor.precision import restored, stored
from tenor.section import check
from tenor.untrusted import parse_json, read_file, short
from tenor.vocabulary import Vocabulary

FORMAT_VERSION = 6
"""Of the folder's layout; a reader refuses a higher one. Models without n-grams are written as 1, or as 2 if
they are not of float32, which older readers know."""
_OTHER_NGRAMS = (3, 4, 5)
"""Were those of models with n-grams, which counted in other ways."""

FILES = ("config.json", "vocabulary.txt", "labels.json", "model.safetensors", "README.md")
MANIFEST = "manifest.json"
_SMALL = ("config.json", "labels.json", "README.md", MANIFEST)
_SMALL_BYTES = 1_000_000
"""The most that each of these may have: JSON takes up to 60 times its size in memory."""
_HEADER_BYTES = 50_000
"""The most that the names and shapes of the weights may take: about 500 of them."""
_LIST_ITEMS = 1_000
"""The most layers, poolings and special tokens: each costs nothing to claim and much to compute."""
_TEST_CHARACTERS = 100
_ABOUT = ("format_version", "tenor_version", "precision")
"""What stands in ``config.json`` beside settings and record."""
_DTYPES = {"F32": "<f4", "F64": "<f8", "BF16": "<u2", "I8": "i1", "U8": "u1"}
"""As they are read; NumPy has no bf16."""


class SelfTest(NamedTuple):
    """One text and what the model said of it when it was saved."""

    text: str
    probabilities: list[float]


def is_model_folder(path: str | os.PathLike[str]) -> bool:
    """Whether the path looks like a model folder, sound or not."""
    return any(os.path.isfile(Path(path) / name) for name in (MANIFEST, "model.safetensors"))


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
            folder (which ``force`` does not replace either); or a file would be larger than
            reading allows, or writing failed, and then nothing was changed.
    """
    target = Path(path)
    check_free(target, force=force)
    contents = _contents(model, test, more)
    _check_sizes(target, contents)
    from tenor.atomic import write_folder  # what writing needs would slow the start of every reading

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_folder(target.resolve(), contents)  # a link stays, what it points to is replaced
    except OSError as error:
        raise ArtifactError(
            f"cannot write the model folder {target}: {error.strerror}; nothing was changed there. "
            "Free some space or name another place with -o"
        ) from error


def size_bytes(model: Model, test: SelfTest) -> int:
    """How large the folder of a model is."""
    return sum(map(len, _contents(model, test, {}).values()))


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
    test = _self_test(folder, manifest.get("self_test"))
    del manifest  # whatever else it holds; the next JSON takes its place
    return _build(folder, contents), test


def read_more(path: str | os.PathLike[str], names: Iterable[str]) -> dict[str, bytes]:
    """Read files that a model folder has beside its model's, checked as those are.

    Raises:
        ArtifactError: one of them is missing or damaged; the message names it.
    """
    manifest = _read_manifest(Path(path))
    return {name: _read_checked(Path(path) / name, manifest["files"]) for name in names}


def _contents(model: Model, test: SelfTest, more: Mapping[str, bytes]) -> dict[str, bytes]:
    contents = _model_contents(model) | dict(more)
    contents[MANIFEST] = _json(
        {
            "format_version": _version_of(model),
            "files": {
                name: {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
                for name, data in contents.items()
            },
            "self_test": test._asdict(),
        }
    )
    return contents


def _model_contents(model: Model) -> dict[str, bytes]:
    config = {
        "format_version": _version_of(model),
        "tenor_version": tenor.__version__,
        "tokenizer": model.tokenizer.to_dict(),
        "vocabulary": model.vocabulary.config.to_dict(),
        "model": model.config.to_dict(),
        "precision": model.precision,
        **model.record,
    }
    tokens = "".join(f"{token}\n" for token in model.vocabulary.tokens)
    return {
        "config.json": _json(config),
        "vocabulary.txt": tokens.encode("utf-8"),
        "labels.json": _json(list(model.labels)),
        "model.safetensors": _saved(stored(model.weights, model.precision)),
        "README.md": model.card.encode("utf-8", "replace"),
    }


def _check_sizes(target: Path, contents: Mapping[str, bytes]) -> None:
    """Refuse to write what reading would refuse."""
    sizes = [(name, len(contents[name]), _SMALL_BYTES) for name in _SMALL]
    sizes.append(("header of model.safetensors", _header_bytes(contents["model.safetensors"]), _HEADER_BYTES))
    for name, size, limit in sizes:
        if size > limit:
            raise ArtifactError(
                f"cannot write the model folder {target}: its {name} would have {size:,} bytes, and at most "
                f"{limit:,} are read; nothing was changed there. Make it shorter"
            )


def _build(folder: Path, contents: Mapping[str, bytes]) -> Model:
    config = _parse_object(folder / "config.json", contents["config.json"])
    labels = _labels(folder / "labels.json", contents["labels.json"])
    with _sound(folder, "config.json"):
        groups = {name: _group(config, name) for name in ("tokenizer", "vocabulary", "model")}
        tokenizer = TokenizerConfig.from_dict(groups["tokenizer"])
        vocabulary_config = VocabularyConfig.from_dict(groups["vocabulary"])
        model_config = ModelConfig.from_dict(groups["model"])
        precision = check("precision", config.get("precision", "float32"), Precision)
    with _sound(folder, "model.safetensors"):
        weights = restored(_arrays(contents["model.safetensors"]), precision)
    with _sound(folder, "vocabulary.txt"):
        tokens = _tokens(folder / "vocabulary.txt", contents["vocabulary.txt"], weights)
        vocabulary = Vocabulary(tokens, vocabulary_config)
    with _sound(folder, "README.md"):
        card = contents["README.md"].decode("utf-8")
    with _sound(folder, "labels.json or model.safetensors"):
        return Model(
            tokenizer=tokenizer,
            vocabulary=vocabulary,
            config=model_config,
            labels=labels,
            weights=weights,
            precision=precision,
            record={k: v for k, v in config.items() if k not in (*groups, *_ABOUT)},
            card=card,
        )


def _group(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    group = config.get(name)
    if not isinstance(group, dict):
        raise InputError(f"{name} is {group!r}; it must be a group of settings")
    for setting, value in group.items():
        if isinstance(value, list) and len(value) > _LIST_ITEMS:
            raise InputError(f"{setting} has {len(value):,} items, and may have {_LIST_ITEMS:,}")
    return group


def _labels(path: Path, data: bytes) -> tuple[str, ...]:
    labels = _parse(path, data)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ArtifactError(f"{path} is not a list of strings; copy the folder again")
    return tuple(labels)


def _version_of(model: Model) -> int:
    if model.config.ngrams:
        return FORMAT_VERSION
    return 1 if model.precision == "float32" else 2


def _saved(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """A safetensors file. NumPy has no bf16: their halves of floats are uint16 here."""
    kept = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()
    }
    specs = {
        name: TensorSpec(
            dtype="bfloat16" if array.dtype == np.uint16 else array.dtype.name,
            shape=array.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
        for name, array in kept.items()
    }
    return bytes(safetensors.serialize(specs))


def _arrays(data: bytes) -> dict[str, npt.NDArray[Any]]:
    size = _header_bytes(data)
    if size > _HEADER_BYTES:
        raise InputError(f"its header claims {size} bytes, and may have {_HEADER_BYTES}")
    parse_json(data[8 : 8 + size])  # of two weights of one name the library would take the last
    found = {}
    for name, tensor in safetensors.deserialize(data):  # type: ignore[no-untyped-call]
        dtype = _DTYPES.get(tensor["dtype"])
        if dtype is None:
            allowed = ", ".join(_DTYPES)
            raise InputError(f"it holds numbers of the type {tensor['dtype']}, and may have {allowed}")
        found[name] = np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])
    return found


def _header_bytes(data: bytes) -> int:
    return int.from_bytes(data[:8], "little")


def _tokens(path: Path, data: bytes, weights: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    if data and not data.endswith(b"\n"):
        raise ArtifactError(f"{path} does not end with a line break: it was cut; copy the folder again")
    lines, numbers = data.count(b"\n"), sum(weight.size for weight in weights.values())
    if lines > numbers:  # strings are large: none is made before there is a word vector for each
        raise InputError(f"it has {lines} lines, and the model {numbers} weights in all")
    return data.decode("utf-8").split("\n")[:-1]


def _read_manifest(folder: Path) -> dict[str, Any]:
    if not is_model_folder(folder):
        if not os.path.exists(folder):
            raise ArtifactError(f"there is no model folder {folder}; make it: tenor train DATA -o {folder}")
        kind = "a file" if os.path.isfile(folder) else "a folder"
        raise ArtifactError(f"{folder} is {kind}, not a model folder; name one that tenor train made")
    path = folder / MANIFEST
    data = read_file(path, range(_SMALL_BYTES + 1))
    if data is None:
        raise ArtifactError(f"{path} is not JSON of at most {_SMALL_BYTES:,} bytes; copy the folder again")
    manifest = _parse_object(path, data)
    version = manifest.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:  # which may have anything else in its manifest
        raise ArtifactError(
            f"{path} has format {version}; this is Tenor {tenor.__version__}, which reads up to "
            f"{FORMAT_VERSION}. Update it: pip install --upgrade tenor"
        )
    if version in _OTHER_NGRAMS:
        raise ArtifactError(
            f"{path} has format {version}, whose n-grams counted in another way; train the model again"
        )
    if type(version) is not int or version < 1 or not isinstance(manifest.get("files"), dict):
        raise ArtifactError(f"{path} is not a manifest; copy the folder again")
    return manifest


def _read_checked(path: Path, files: Mapping[str, Any]) -> bytes:
    entry = files.get(path.name)
    if not isinstance(entry, dict) or type(entry.get("size_bytes")) is not int:
        raise ArtifactError(f"{path.parent / MANIFEST} does not list {path.name}; copy the folder again")
    size = entry["size_bytes"]
    if path.name in _SMALL and size > _SMALL_BYTES:
        raise ArtifactError(
            f"{path} is larger than {_SMALL_BYTES:,} bytes, as no model's is; copy the folder again"
        )
    data = read_file(path, range(size, size + 1))
    if data is None or hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise ArtifactError(f"{path} is damaged: it is not what was saved; copy the folder again")
    return data


def _parse_object(path: Path, data: bytes) -> dict[str, Any]:
    value = _parse(path, data)
    if not isinstance(value, dict):
        raise ArtifactError(f"{path} is not a JSON object; copy the folder again")
    return value


def _parse(path: Path, data: bytes) -> Any:
    try:
        return parse_json(data)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not JSON: {short(error)}; copy the folder again") from error


def _self_test(folder: Path, test: object) -> SelfTest:
    if not _is_self_test(test):
        raise ArtifactError(
            f"{folder} is not a sound model folder: the self-test in {MANIFEST} is not a text of at most "
            f"{_TEST_CHARACTERS} characters and a list of numbers; copy the folder again"
        )
    return SelfTest(test["text"], [float(p) for p in test["probabilities"]])


def _is_self_test(test: object) -> TypeGuard[dict[str, Any]]:
    if not isinstance(test, dict):
        return False
    text, numbers = test.get("text"), test.get("probabilities")
    if not isinstance(text, str) or len(text) > _TEST_CHARACTERS or not isinstance(numbers, list):
        return False
    return all(type(number) in (int, float) for number in numbers)


@contextmanager
def _sound(folder: Path, name: str) -> Iterator[None]:
    """Say of which file it is that what is in it was refused."""
    try:
        yield
    except (InputError, SafetensorError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ArtifactError(
            f"{folder} is not a sound model folder: {name}: {short(error)}; copy the folder again"
        ) from error


def _json(value: object) -> bytes:
    r"""JSON in UTF-8; half a surrogate pair, as in an odd file name, is written as ``\udcff``."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")
