"""Damage to each file of a model folder: it is refused, or what is loaded is exactly what the files say."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import random
import signal
import socket
import tracemalloc
from itertools import count, islice

import numpy as np
import pytest
import safetensors.numpy

from tenor import TextClassifier, section
from tenor.artifact import FILES, MANIFEST
from tenor.config import ModelConfig, TokenizerConfig, VocabularyConfig
from tenor.errors import ArtifactError
from tenor.vocabulary import build_from_words

CASES = 1000
"""Of generated damage, for each file and for each way to hold it against the manifest."""
SECONDS = 2
RECORD = {"data": {"name": "tiny", "texts": 3}, "metrics": {"accuracy": 0.5}}
GROUPS = {"tokenizer": TokenizerConfig, "vocabulary": VocabularyConfig, "model": ModelConfig}
WAYS_OUT = ("copy the folder", "Update it: pip install")
every_file = pytest.mark.parametrize("name", [*FILES, MANIFEST])


@pytest.fixture(scope="module", autouse=True)
def _types_are_looked_up_once():
    """Looking up the types of the settings anew is half the time of loading a small model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(section, "_annotations", functools.cache(section._annotations))
        yield


@pytest.fixture(scope="module")
def good(tiny, tmp_path_factory):
    """Name → bytes of a sound model folder."""
    model = dataclasses.replace(tiny(bidirectional=True), card="# A model\n\nIt is small.\n", record=RECORD)
    return saved(TextClassifier(model), tmp_path_factory.mktemp("good") / "model")


@pytest.fixture(scope="module")
def others(tiny, tmp_path_factory):
    """Name → bytes of models that differ in every file, some of them in shapes too."""
    model = tiny(bidirectional=True)
    strangers = dataclasses.replace(
        model,
        labels=("bad", "good"),
        vocabulary=build_from_words(
            ("le", "film", "est", "pas", "bon", "mal"), VocabularyConfig(min_count=1)
        ),
        weights={name: -weight for name, weight in model.weights.items()},
        card="# Un autre",
    )
    fewer = dataclasses.replace(
        tiny(cell="gru", labels=("a", "b", "c")),
        vocabulary=build_from_words("xyz", VocabularyConfig()),
        weights=tiny(cell="gru", labels=("a", "b", "c")).weights
        | {"embedding.weight": np.ones((5, 4), "f4")},
    )
    place = tmp_path_factory.mktemp("others")
    return [saved(TextClassifier(other), place / f"{n}") for n, other in enumerate((strangers, fewer))]


@pytest.fixture
def folder(good, tmp_path):
    """The sound folder on the disk, to be damaged."""
    return laid(tmp_path / "model", good)


def saved(classifier, place):
    classifier.save(place)
    return {path.name: path.read_bytes() for path in place.iterdir()}


def laid(folder, contents):
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


# What damages bytes: (random numbers, data, the same file of other models) → other data


def flip(rng, data, others):
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 30))):
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(rng, data, others):
    return data[: rng.randrange(len(data))]


def behead(rng, data, others):
    return data[rng.randrange(len(data)) + 1 :]


def append(rng, data, others):
    more = [b"\0", b"\n", b" ", b"{}", data, b"\0" * 4096, rng.randbytes(rng.randrange(1, 300))]
    return data + rng.choice(more)


def hole(rng, data, others):
    start, end = sorted(rng.choices(range(len(data) + 1), k=2))
    return data[:start] + bytes([rng.choice((0, 0, 0, 0x20, 0xFF))]) * (end - start) + data[end:]


def swap(rng, data, others):
    a, b, c, d = sorted(rng.choices(range(len(data) + 1), k=4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def drop(rng, data, others):
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 1, 4, 64)) :]


def exchange(rng, data, others):
    return rng.choice(others)


def splice(rng, data, others):
    place = rng.randrange(len(data))
    return data[:place] + rng.choice(others)[place:]


BYTES = (flip, cut, behead, append, hole, swap, drop, exchange, splice)

# What damages JSON: one value becomes an odd one, or a key comes twice

ODD = (
    "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1" + "0" * 400, "-1" + "0" * 400, "1" + "0" * 5000,
    "0." + "1" * 5000, "18446744073709551616", "9223372036854775807", "-1", "0", "-0.0", "1", "1.0", "2.5",
    "1e300", "null", "true", "false", "[]", "{}", "[[]]", "[null]", '[""]', '{"": {}}', '""', '"none"',
    r'"\u0000"', r'"\ud800"', r'"\u001b[2J"', '"' + "x" * 100_000 + '"', "[" * 40 + "]" * 40,
    "[" * 600 + "]" * 600, "[" * 5000 + "]" * 5000, '{"a":' * 600 + "1" + "}" * 600,
    "[" + "1," * 30_000 + "1]",
)  # fmt: skip
MARK = "the-place-of-an-odd-value"


def places(value):
    """Every (container, key) inside a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def odd_value(rng, data, others):
    value = json.loads(data)
    container, key = rng.choice(list(places(value)))
    container[key] = MARK
    return json.dumps(value).replace(f'"{MARK}"', rng.choice(ODD)).encode()


def odd_key(rng, data, others):
    value = json.loads(data)
    dictionaries = [value, *(c[k] for c, k in places(value))]
    target = rng.choice([d for d in dictionaries if isinstance(d, dict)] or [{}])
    kept = dict(target)
    target.clear()
    target.update(kept | {rng.choice(("x", "", "cell", "files", "labels", "data", "\0")): MARK})
    return json.dumps(value).replace(f'"{MARK}"', rng.choice(ODD)).encode()


def lost_key(rng, data, others):
    value = json.loads(data)
    container, key = rng.choice(list(places(value)))
    del container[key]
    return json.dumps(value).encode()


def twice(rng, data, others):
    """A line of the indented file a second time: a key that comes twice, or one item more."""
    lines = data.splitlines(keepends=True)
    number = rng.randrange(len(lines))
    lines.insert(rng.randrange(len(lines)), lines[number].rstrip(b",\n") + b",\n")
    return b"".join(lines)


def reshaped(rng, data, others):
    return json.dumps(json.loads(data), indent=rng.choice((None, 0, 7)), sort_keys=True).encode(
        rng.choice(("utf-8", "utf-8", "utf-16", "utf-8-sig"))
    )


JSON = (odd_value, odd_value, odd_value, odd_key, lost_key, twice, reshaped)

# What damages lines of the vocabulary, and headers of the weights


def lines_moved(rng, data, others):
    lines = data.splitlines(keepends=True)
    start = rng.randrange(len(lines))
    lines[start:] = rng.sample(lines[start:], len(lines) - start)
    return b"".join(lines)


def odd_line(rng, data, others):
    lines = data.splitlines(keepends=True)
    odd = (
        b"\n",
        b"\r\n",
        b"\xff\n",
        b"\0\n",
        b"film\n",
        "é\u2028\n".encode(),
        b"\xed\xa0\x80\n",
        b"x" * 50_000,
    )
    lines[rng.randrange(len(lines))] = rng.choice(odd)
    return b"".join(lines)


def with_header(data, change):
    """The file with ``change`` made to its header; its own length is right again."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = change(data[8:end])
    return len(header).to_bytes(8, "little") + header + data[end:]


def odd_header(rng, data, others):
    return with_header(data, lambda header: rng.choice(JSON)(rng, header, others))


def odd_length(rng, data, others):
    true = int.from_bytes(data[:8], "little")
    lengths = (0, 1, true - 1, true + 1, true * 2, len(data), 10**8, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
    return rng.choice(lengths).to_bytes(8, "little") + data[8:]


def odd_tensor(rng, data, others):
    weights = dict(safetensors.numpy.load(data))
    name = rng.choice(sorted(weights))
    weight = weights.pop(name)
    kinds = (np.float64, np.float16, np.int32, np.uint8, np.bool_, np.complex64)
    odd = [
        weight.astype(rng.choice(kinds)),
        weight.T.copy(),
        weight[None],
        weight[:0],
        weight[..., :1].copy(),
    ]
    odd += [np.full_like(weight, value) for value in (np.nan, np.inf, -np.inf, 3e38, 1e-45, 0)]
    weights[rng.choice((name, name, name, "extra", ""))] = rng.choice(odd)
    return safetensors.numpy.save({name: weights[name] for name in sorted(weights)})


def header_twice(rng, data, others):
    return with_header(data, lambda header: header.rstrip()[:-1] + b"," + header.lstrip()[1:])


def tensor_twice(rng, data, others):
    def change(header):
        entries = list(json.loads(header).items())
        entries.insert(rng.randrange(len(entries)), rng.choice(entries))
        return ("{" + ",".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in entries) + "}").encode()

    return with_header(data, change)


OWN = {
    "config.json": JSON,
    "labels.json": JSON,
    MANIFEST: JSON,
    "vocabulary.txt": (lines_moved, odd_line),
    "model.safetensors": (odd_header, odd_header, odd_length, odd_tensor, header_twice, tensor_twice),
    "README.md": (),
}


def damages(name, good, others):
    """Without end (case's name, damaged bytes of the file): two thirds of the file's own kinds."""
    kinds = (*BYTES, *OWN[name] * (18 // max(len(OWN[name]), 1)))
    for number in count():
        seed = f"{name} {number}"
        damage = kinds[number % len(kinds)]
        damaged = damage(random.Random(seed), good[name], [other[name] for other in others])
        if damaged != good[name]:
            yield f"{damage.__name__}, seed {seed!r}", damaged


def edited_manifests(good):
    """Manifests with one or two values changed, lost or added: what only looks like one."""
    for number in count():
        rng = random.Random(f"edited {number}")
        data = rng.choice((odd_value, odd_key, lost_key))(rng, good[MANIFEST], ())
        if number % 2 and len(data) < 20_000 and is_json(data):
            data = odd_value(rng, data, ())
        yield f"edited manifest, seed 'edited {number}'", data


def is_json(data):
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


# What may be said of a damaged folder


class TooLong(BaseException):
    """No error that the loader might take for one of its own."""


def outcome(folder):
    """The classifier, or the message with which it was refused; anything else is raised, slowness too."""

    def too_long(*_):
        raise TooLong(f"loading takes more than {SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return TextClassifier.load(folder)
    except ArtifactError as error:
        return str(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def unique(pairs):
    assert len(dict(pairs)) == len(pairs), "a key comes twice"
    return dict(pairs)


def strict(data):
    """JSON as RFC 8259 has it, in UTF-8, each key once, each number finite."""
    value = json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=float)
    json.dumps(value, allow_nan=False)
    return value


def same_setting(said, found):
    return said == found or (said == "none" and found is None)


COMPUTED = {}


def assert_is_what_is_said(classifier, contents):
    """The loaded model is the one that the bytes of the folder describe, read a second way."""
    model, config = classifier.model, strict(contents["config.json"])
    assert list(model.labels) == strict(contents["labels.json"])
    assert "".join(f"{token}\n" for token in model.vocabulary.tokens).encode() == contents["vocabulary.txt"]
    assert model.card.encode() == contents["README.md"]
    found = {"tokenizer": model.tokenizer, "vocabulary": model.vocabulary.config, "model": model.config}
    for group, kind in GROUPS.items():
        said = kind().to_dict() | config.pop(group)
        assert all(same_setting(said[key], value) for key, value in found[group].to_dict().items())
        assert said.keys() == found[group].to_dict().keys()
    about = ("format_version", "tenor_version", "precision")
    assert model.record == {k: v for k, v in config.items() if k not in about}
    assert_weights_are(model, contents["model.safetensors"])


def assert_weights_are(model, data):
    weights = safetensors.numpy.load(data)
    strict(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert weights.keys() == model.weights.keys()
    for name, weight in weights.items():
        assert weight.dtype == model.weights[name].dtype
        assert weight.shape == model.weights[name].shape
        assert weight.tobytes() == model.weights[name].tobytes()


def assert_passes_its_self_test(classifier, contents):
    """Computed in NumPy once for all cases that differ in nothing that counts."""
    test = strict(contents[MANIFEST])["self_test"]
    counts = ("config.json", "vocabulary.txt", "model.safetensors")
    key = (len(classifier.labels), test["text"], *(contents[name] for name in counts))
    if key not in COMPUTED:
        with np.errstate(all="ignore"):
            reference = TextClassifier(classifier.model, runtime="numpy")
            COMPUTED[key] = reference.predict_proba([test["text"]])[0]
    np.testing.assert_allclose(COMPUTED[key], test["probabilities"], rtol=0, atol=1.1e-4)


def judge(found, folder, contents, files):
    """Refused by name with a way out, or right."""
    if isinstance(found, str):
        assert str(folder) in found
        assert any(name in found for name in files)
        assert any(way in found for way in WAYS_OUT)
        assert len(found) < 2000
    else:
        assert_is_what_is_said(found, contents)
        assert_passes_its_self_test(found, contents)


def with_true_manifest(contents):
    """The folder's contents with the manifest that belongs to them, but for the self-test."""
    manifest = json.loads(contents[MANIFEST])
    for name in FILES:
        data = contents[name]
        entry = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        manifest["files"][name] = entry
    return contents | {MANIFEST: json.dumps(manifest).encode()}


def put(folder, contents):
    for name, data in contents.items():
        (folder / name).write_bytes(data)


def failures(cases, trial):
    """Names of the cases whose trial raised, with what it raised."""
    found = []
    for case, data in cases:
        try:
            trial(data)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of the safetensors library is no Exception
            found.append(f"{case}: {type(error).__name__}: {str(error)[:300]}")
    return found


def summary(found):
    return "\n".join([f"{len(found)} cases, such as", *found[:10]])


@every_file
def test_a_damaged_file_is_refused_by_name(name, folder, good, others):
    """The manifest is the one that was saved, so nothing else than the saved bytes may load.

    The manifest itself has no hash. Damage there may be harmless (a space, the last digits of the
    self-test), and then the model is the saved one.
    """
    names = (*FILES, MANIFEST) if name == MANIFEST else (name,)

    def trial(data):
        put(folder, {name: data})
        found = outcome(folder)
        judge(found, folder, good | {name: data}, names)
        assert isinstance(found, str) or name == MANIFEST

    found = failures(islice(damages(name, good, others), CASES), trial)
    assert not found, summary(found)


@every_file
def test_a_damaged_file_with_its_hash_made_right_is_refused_or_read_as_it_is(name, folder, good, others):
    """Whoever can write all files can write any model; what loads is that model and no other.

    So every label, token, setting, weight and word of the card is the one in the damaged file, by
    an independent reading of it; what the other files say is as it was; the self-test passes. Of
    the manifest, which has no hash, single values are changed here.
    """

    def trial(data):
        contents = good | {name: data}
        contents = contents if name == MANIFEST else with_true_manifest(contents)
        put(folder, {name: data, MANIFEST: contents[MANIFEST]})
        judge(outcome(folder), folder, contents, (*FILES, MANIFEST))

    cases = edited_manifests(good) if name == MANIFEST else damages(name, good, others)
    found = failures(islice(cases, CASES), trial)
    assert not found, summary(found)


@every_file
def test_no_damage_takes_more_memory_than_three_times_the_files_and_50_mb(name, folder, good, others):
    def trial(data):
        contents = with_true_manifest(good | {name: data}) if name != MANIFEST else good | {name: data}
        put(folder, {name: data, MANIFEST: contents[MANIFEST]})
        tracemalloc.reset_peak()
        outcome(folder)
        assert tracemalloc.get_traced_memory()[1] < 3 * sum(map(len, contents.values())) + 50_000_000

    tracemalloc.start()
    found = failures(islice(damages(name, good, others), 0, CASES, 20), trial)
    tracemalloc.stop()
    assert not found, summary(found)


# What else may stand in a file's place: (path of the file, a free path) → None


def a_link_to_the_file(path, aside):
    path.rename(aside)
    path.symlink_to(aside)


def a_link_without_end(path, aside):
    path.unlink()
    path.symlink_to("/dev/zero")


def a_link_to_a_pipe(path, aside):
    path.unlink()
    os.mkfifo(aside)
    path.symlink_to(aside)


def a_link_to_nothing(path, aside):
    path.unlink()
    path.symlink_to(aside)


def a_link_to_itself(path, aside):
    path.unlink()
    path.symlink_to(path)


def a_folder(path, aside):
    path.unlink()
    path.mkdir()


def a_pipe(path, aside):
    path.unlink()
    os.mkfifo(path)


def a_socket(path, aside):
    path.unlink()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.path.relpath(path))


def nothing(path, aside):
    path.unlink()


def an_empty_file(path, aside):
    path.write_bytes(b"")


REPLACED = (
    a_link_to_the_file, a_link_without_end, a_link_to_a_pipe, a_link_to_nothing, a_link_to_itself,
    a_folder, a_pipe, a_socket, nothing, an_empty_file,
)  # fmt: skip


@every_file
@pytest.mark.parametrize("replace", REPLACED, ids=lambda replace: replace.__name__)
def test_what_is_no_file_of_the_folder_itself_is_refused_at_once(name, replace, folder, good, monkeypatch):
    """A link is refused even to the right bytes: it need not lead there at the next reading."""
    monkeypatch.chdir(folder.parent)  # the path of a socket may not be long
    replace(folder / name, folder.parent / "aside")
    found = outcome(folder)
    assert isinstance(found, str)
    judge(found, folder, good, (name,))


@every_file
def test_a_second_name_of_the_right_file_is_that_file(name, folder, good):
    """A hard link cannot be told from a file, and its bytes are verified as any other's."""
    (folder / name).rename(folder.parent / "aside")
    os.link(folder.parent / "aside", folder / name)
    assert_is_what_is_said(outcome(folder), good)


def test_files_that_are_not_a_models_are_passed_over(folder, good):
    (folder / "notes.txt").write_bytes(b"mine")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/dev/zero")
    assert_is_what_is_said(outcome(folder), good)


def test_a_link_to_the_folder_is_followed(folder, good):
    """The person named it, not the folder's maker."""
    (folder.parent / "latest").symlink_to(folder)
    assert_is_what_is_said(outcome(folder.parent / "latest"), good)


@pytest.mark.parametrize("path", ["", "absent", "a\0b", "x" * 5000, "/dev/zero", "/dev/null/model"])
def test_a_path_that_no_folder_can_have_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(outcome(path), str)
