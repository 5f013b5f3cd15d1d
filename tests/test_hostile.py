"""Model folders made to harm: what reading one may do, and how much time and memory it may take."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import safetensors.numpy

import tenor
from tenor import TextClassifier, artifact, cli
from tenor.artifact import FILES, MANIFEST
from tenor.errors import ArtifactError

MB = 1_000_000


@pytest.fixture(scope="module")
def sound(tiny, tmp_path_factory):
    """A model folder with nothing wrong, in which every key of ``config.json`` stands."""
    folder = tmp_path_factory.mktemp("sound") / "model"
    TextClassifier(tiny(cell="gru")).save(folder)
    return folder


@pytest.fixture
def make(sound, tmp_path):
    """A function that lays a folder with some files' bytes replaced and a manifest that fits them."""

    def lay(replaced, folder=tmp_path / "model", **manifest):
        contents = {name: (sound / name).read_bytes() for name in FILES} | replaced
        listed = {name: {"sha256": sha256(data), "size_bytes": len(data)} for name, data in contents.items()}
        said = json.loads((sound / MANIFEST).read_bytes()) | {"files": listed} | manifest
        folder.mkdir()
        for name, data in {MANIFEST: json.dumps(said).encode(), **contents}.items():
            (folder / name).write_bytes(data)
        return folder

    return lay


@pytest.fixture
def configured(sound):
    """A function that gives the bytes of ``config.json`` with some keys of a group changed."""

    def change(group, **settings):
        config = json.loads((sound / "config.json").read_bytes())
        config[group] = config.get(group, {}) | settings
        return {"config.json": json.dumps(config).encode()}

    return change


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def weights_file(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + data


# Time and memory. A new process for each: a peak of memory is a process's.

COST = """
import pathlib, resource, sys, time
import numpy.random  # so that it does not count
from tenor import TextClassifier
from tenor.errors import ArtifactError

def peak():
    if sys.platform == "linux":  # where getrusage has the parent's peak, if that is higher
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

good, folder = map(pathlib.Path, sys.argv[1:])
TextClassifier.load(good)
resource.setrlimit(resource.RLIMIT_AS, (8_000_000_000,) * 2)  # a machine should outlive a failure
before, start = peak(), time.perf_counter()
try:
    TextClassifier.load(folder)
    said = "loaded"
except ArtifactError as error:
    said = str(error)
taken = time.perf_counter() - start
size = sum(path.stat().st_size for path in folder.iterdir())
print(taken, (peak() - before - 3 * size) / 1e6, said)
"""


def cost(good, folder):
    """Seconds, megabytes beyond three times the size of the files, and what was said."""
    command = [sys.executable, "-c", COST, str(good), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    seconds, megabytes, said = done.stdout.split(maxsplit=2)
    return float(seconds), float(megabytes), said


def big_lists(size):
    return b"[" + b"[]," * (size // 3 - 20) + b"[]]"


MODEL = b'"model": {"cell": "gru", "embedding_dim": 4, "hidden_sizes": [5]}'


def record_of(value):
    """A configuration of the sound model, but for its record."""
    return b'{"tokenizer": {}, "vocabulary": {}, ' + MODEL + b', "data": ' + value + b"}"


def unlike(count):
    return [f"{n:x}" for n in range(count)]


def small_objects():
    return b"[" + b'{"a":1},' * 124_000 + b"0]"


def lines(count):
    return "".join(f"{word}\n" for word in unlike(count)).encode()


def empty_weights(count):
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return weights_file(dict.fromkeys(unlike(count), entry))


def huge_weight():
    entry = {"dtype": "F32", "shape": [2**31, 2**31], "data_offsets": [0, 2**64 - 1]}
    return weights_file({"embedding.weight": entry})


BOMBS = {
    "a record of empty lists": ("config.json", lambda: record_of(big_lists(MB - 300))),
    "a record of small objects": ("config.json", lambda: record_of(small_objects())),
    "a record of 30 MB": ("config.json", lambda: record_of(big_lists(30 * MB))),
    "a number of a million digits": ("config.json", lambda: record_of(b"9" * (MB - 300))),
    "a fraction of a million digits": ("config.json", lambda: record_of(b"0." + b"7" * (MB - 300))),
    "a million labels": ("labels.json", lambda: json.dumps(unlike(MB)).encode()),
    "100,000 labels": ("labels.json", lambda: json.dumps(unlike(MB // 10)).encode()),
    "a card of 30 MB": ("README.md", lambda: "\U0001f600".encode() + b"x" * 30 * MB),
    "30 million lines": ("vocabulary.txt", lambda: b"\n" * 30 * MB),
    "2 million words": ("vocabulary.txt", lambda: lines(2 * MB)),
    "a header of 2^63 bytes": ("model.safetensors", lambda: (2**63).to_bytes(8, "little") + bytes(100)),
    "weights that are all header": ("model.safetensors", lambda: weights_file(b" " * 30 * MB + b"{}")),
    "100,000 weights without numbers": ("model.safetensors", lambda: empty_weights(100_000)),
    "a weight of 2^62 numbers": ("model.safetensors", huge_weight),
}


@pytest.mark.parametrize(("name", "data"), BOMBS.values(), ids=BOMBS.keys())
def test_large_claims_are_refused_at_once_and_in_little_memory(name, data, make, sound):
    """A record of up to a megabyte is no claim, and is read."""
    seconds, megabytes, said = cost(sound, make({name: data()}))
    assert name in said or (said == "loaded\n" and name == "config.json")
    assert seconds < 2
    assert megabytes < 50


def test_all_files_large_at_once_take_little_memory(make, sound):
    """The manifest, of which unknown keys are passed over, and the labels too."""
    labels = json.dumps(unlike(MB // 10)).encode()
    files = {"config.json": record_of(small_objects()), "labels.json": labels, "README.md": b"x" * MB}
    folder = make(files, more=[{"a": 1}] * 98_000)
    _, megabytes, said = cost(sound, folder)
    assert "head.weight has the shape (1, 10), not (100000, 10)" in said
    assert megabytes < 50


@pytest.mark.parametrize(
    "settings",
    [
        {"embedding_dim": 10**12},
        {"embedding_dim": 10**299},
        {"hidden_sizes": [10**9]},
        {"hidden_sizes": [1] * 300_000},
        {"head_hidden": 10**18},
        {"pooling": ["max"] * 150_000},
        {"cell": "x" * 900_000},
        {"x" * 900_000: 1},
    ],
    ids=lambda settings: f"{next(iter(settings))[:20]}-{len(str(settings))}",
)
def test_settings_of_a_giant_are_refused_before_anything_is_made_for_them(settings, configured, make, sound):
    seconds, megabytes, said = cost(sound, make(configured("model", **settings)))
    assert "config.json" in said or "model.safetensors" in said
    assert seconds < 2
    assert megabytes < 50


def test_a_network_of_many_poolings_is_refused_even_with_its_weights(configured, make, sound):
    """Each costs little to store and much to compute."""
    weights = safetensors.numpy.load((sound / "model.safetensors").read_bytes())
    weights["head.weight"] = np.zeros((1, 5 * 1001), np.float32)
    files = configured("model", pooling=["max"] * 1001)
    folder = make(files | {"model.safetensors": safetensors.numpy.save(weights)})
    seconds, _, said = cost(sound, folder)
    assert "config.json: pooling has 1,001 items, and may have 1,000" in said
    assert seconds < 2


def test_the_deepest_network_that_can_be_stored_is_loaded_or_refused_in_time(configured, make, sound):
    """The names of the weights may take 50,000 bytes, and a self-test 100 characters."""
    layers = 200
    entries, place = {}, 0
    shapes = {"embedding.weight": (8, 1), "head.weight": (1, 1), "head.bias": (1,)}
    for n in range(layers):
        shapes |= {f"rnn.weight_ih_l{n}": (1, 1), f"rnn.weight_hh_l{n}": (1, 1), f"rnn.bias_ih_l{n}": (1,)}
    for name, shape in shapes.items():
        end = place + 4 * int(np.prod(shape))
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [place, end]}
        place = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    deep = {
        "cell": "rnn",
        "embedding_dim": 1,
        "hidden_sizes": [1] * layers,
        "biases": "input",
        "pooling": ["last"],
    }
    files = configured("model", **deep) | {"model.safetensors": weights_file(header, bytes(place))}
    folder = make(files, self_test={"text": "中" * 100, "probabilities": [0.5, 0.5]})
    assert 45_000 < len(header) < 50_000
    seconds, _, said = cost(sound, folder)
    assert said.strip() == "loaded"
    assert seconds < 2


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_refused_even_where_no_text_meets_it(number, make, sound):
    weights = safetensors.numpy.load((sound / "model.safetensors").read_bytes())
    weights["embedding.weight"][-1, -1] = number  # of a word that the self-test does not have
    folder = make({"model.safetensors": safetensors.numpy.save(weights)})
    with pytest.raises(
        ArtifactError, match=r"model.safetensors.* embedding.weight holds numbers that are not"
    ):
        TextClassifier.load(folder)


def test_a_link_is_refused_with_the_way_to_copy_it(sound, tmp_path):
    for file in sound.iterdir():
        (tmp_path / file.name).symlink_to(file)
    with pytest.raises(ArtifactError, match=r"is a link; copy the folder again: cp -rL gives files"):
        TextClassifier.load(tmp_path)


def test_texts_are_filled_up_to_no_more_than_a_self_test_takes_in_time(configured, make):
    with pytest.raises(
        ArtifactError, match=r"config.json: fill_to is 4097; it must be at least 1 and at most 4096"
    ):
        TextClassifier.load(make(configured("vocabulary", fill_to=4097)))


def test_a_long_self_test_is_not_computed(make, sound):
    folder = make({}, self_test={"text": "a " * 400_000, "probabilities": [0.5, 0.5]})
    seconds, _, said = cost(sound, folder)
    assert "the self-test in manifest.json is not a text of at most 100 characters" in said
    assert seconds < 2


def test_a_manifest_may_claim_any_size_without_getting_memory_for_it(make, sound):
    folder = make({})
    listed = json.loads((folder / MANIFEST).read_bytes())
    listed["files"]["vocabulary.txt"]["size_bytes"] = 2**62
    (folder / MANIFEST).write_text(json.dumps(listed), encoding="utf-8")
    _, megabytes, said = cost(sound, folder)
    assert "vocabulary.txt is damaged" in said
    assert megabytes < 50


def test_a_file_larger_than_the_manifest_says_is_not_read(make, sound):
    folder = make({})
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(2**40)  # takes no space: a hole
    seconds, _, said = cost(sound, folder)
    assert "model.safetensors is damaged" in said
    assert seconds < 2


def test_a_file_that_no_memory_holds_is_refused(make, sound):
    folder = make({})
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(2**42)
    listed = json.loads((folder / MANIFEST).read_bytes())
    listed["files"]["model.safetensors"]["size_bytes"] = 2**42
    (folder / MANIFEST).write_text(json.dumps(listed), encoding="utf-8")
    assert "model.safetensors does not fit in memory" in cost(sound, folder)[2]


# What loading may do at all

HOSTILE = 200
PICKLE = b"cos\nsystem\n(S'touch broken-in'\ntR."
WATCH = """
import ast, json, os, pathlib, sys
from tenor import TextClassifier, config
from tenor.errors import ArtifactError

good, *folders = map(pathlib.Path, json.load(sys.stdin))
annotations = {a for kind in config.SECTIONS.values() for a in kind.__annotations__.values()}
own = {compile(a, "<string>", "eval") for a in annotations}  # our settings' types are text until used
here, seen = None, []

def is_open(path, mode, flags):
    writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    return writes or pathlib.Path(os.fsdecode(path)).parent != here

def hook(event, args):
    if here is None:
        return
    if event == "compile":
        bad = (args[0].decode() if isinstance(args[0], bytes) else args[0]) not in annotations
    elif event == "exec":
        bad = args[0] not in own
    elif event == "open":
        bad = isinstance(args[0], int) or is_open(*args)
    else:
        bad = not event.startswith(("object.__getattr__", "sys._getframe", "time.", "gc."))
    if bad:
        seen.append(f"{here.name}: {event} {args!r:.200}")

def load(folder):
    try:
        TextClassifier.load(folder)
        return "loaded"
    except ArtifactError as error:
        return "refused"

for folder in good.iterdir():  # what is imported late, for a model and for a message, is so once
    load(folder)
sys.addaudithook(hook)
said = []
for here in folders:
    said.append(load(here))
here = None
print(json.dumps({"seen": seen, "said": said}))
"""


def archive():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("archive/data.pkl", PICKLE)
    return data.getvalue()


def npy():
    data = io.BytesIO()
    np.save(data, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return data.getvalue()


CODE = "__import__('os').system('touch broken-in')"
TEXTS = (
    CODE, "$(touch broken-in)", "`touch broken-in`", "; touch broken-in;", "{0.__class__.__mro__}",
    "%(x)s%n%s", "../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x",
    "\x1b]0;x\x07", "\x00", "!!python/object/apply:os.system ['touch broken-in']", "<b>alert()</b>",
    "${jndi:ldap://x/a}", "\ud800", "\u202e", "tenor.training", "pickle", "builtins.exec", "x" * 100_000,
)  # fmt: skip
BINARIES = (PICKLE, archive(), npy(), b"\x7fELF" + bytes(100), b"\x80\x04\x95" + bytes(50), CODE.encode())


def hostile(number, sound):
    """Files of one hostile folder, and what its manifest says beside them."""
    rng = random.Random(f"hostile {number}")
    text = rng.choice(TEXTS)
    config = json.loads((sound / "config.json").read_bytes())
    weights = safetensors.numpy.load((sound / "model.safetensors").read_bytes())
    odd = {
        "__class__": text,
        "__reduce__": [text],
        "$ref": text,
        "py/object": text,
        text[:50]: {text[:50]: text},
    }
    group = rng.choice(("tokenizer", "vocabulary", "model"))
    setting = rng.choice(sorted(config[group]))
    word = text.encode("utf-8", "replace").replace(b"\n", b" ") + b"\n"
    words = (sound / "vocabulary.txt").read_bytes().splitlines(keepends=True)
    header = {text[:50]: {"dtype": rng.choice(("F32", "O", text)), "shape": [1], "data_offsets": [0, 4]}}
    return rng.choice(
        (
            ({"config.json": json.dumps(config | odd).encode()}, {}),
            (
                {"config.json": json.dumps(config | {"data": odd, "train": text, "metrics": [odd]}).encode()},
                {},
            ),
            ({"config.json": json.dumps(config | {group: config[group] | {setting: text}}).encode()}, {}),
            ({"config.json": json.dumps(config | {group: config[group] | {text[:50]: 1}}).encode()}, {}),
            ({"labels.json": json.dumps([text, "other"]).encode()}, {}),
            ({"vocabulary.txt": b"".join([*words[:-1], word])}, {}),
            ({"README.md": text.encode("utf-8", "replace")}, {}),
            ({rng.choice(FILES): rng.choice(BINARIES)}, {}),
            ({"model.safetensors": weights_file(header, bytes(4))}, {}),
            (
                {"model.safetensors": safetensors.numpy.save(weights, {"code": ascii(text), "format": "pt"})},
                {},
            ),
            ({}, {"self_test": {"text": text, "probabilities": [0.5, 0.5]}}),
            (
                {"__init__.py": CODE.encode(), "sitecustomize.py": CODE.encode(), "numpy.py": CODE.encode()},
                odd,
            ),
        )
    )


def test_loading_imports_runs_opens_and_calls_nothing(make, sound, tmp_path):
    """Seen by Python's own audit events, of which only opening the folder's files for reading is allowed.

    The types of our own settings, which Python keeps as text, may be compiled: by their exact text.
    Before that a few folders are loaded, one of each way a message is made.
    """
    (tmp_path / "warm").mkdir()
    for number in range(HOSTILE, HOSTILE + 40):
        files, manifest = hostile(number, sound)
        make(files, tmp_path / "warm" / f"{number}", **manifest)
    folders = [make(hostile(n, sound)[0], tmp_path / f"{n}", **hostile(n, sound)[1]) for n in range(HOSTILE)]
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        input=json.dumps([str(path) for path in [tmp_path / "warm", *folders]]),
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    result = json.loads(done.stdout)
    assert result["seen"] == []
    assert 30 < result["said"].count("loaded") < 170
    assert not (tmp_path / "broken-in").exists()


# Records: whatever JSON has, to whoever shows it

RECORDS = (
    None, True, 0, 1.5, 10**299, "", "\x1b[2J", "\ud800", "中", [], {}, [[]], [None, {"a": []}],
    {"": {"": {}}},
    {"a": None, "b": [1, "\u202e"], "\n": "\r"}, "x" * 10_000, {"x" * 1000: 1},
)  # fmt: skip


@pytest.mark.parametrize("value", RECORDS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_record_of_any_kind_is_loaded_and_shown(value, terminal, sound, make, capsys, monkeypatch):
    config = json.loads((sound / "config.json").read_bytes()) | {"data": value, "metrics": value, "": value}
    folder = make({"config.json": json.dumps(config).encode()})
    assert TextClassifier.load(folder).model.record["data"] == value
    assert repr(artifact.read(folder))
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert cli.main(["inspect", str(folder)]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("depth", [17, 100, 900])
def test_a_record_is_nested_no_deeper_than_it_can_be_shown(depth, make, sound):
    config = (sound / "config.json").read_bytes().rstrip()[:-1]
    value = b"[" * depth + b"]" * depth
    folder = make({"config.json": config + b', "data": ' + value + b"}"})
    if depth < 20:
        assert cli.main(["inspect", str(folder)]) == 0
    else:
        with pytest.raises(ArtifactError, match=r"config.json is not JSON: .*nested|recursion"):
            TextClassifier.load(folder)


# Messages, and what is written


def test_a_folder_of_a_newer_format_names_both_versions_and_the_way_out(make):
    """Nothing else of it is looked at: another format may have another manifest."""
    folder = make({}, format_version=artifact.FORMAT_VERSION + 6, files=None, self_test=None)
    expected = (
        f"{folder}/manifest.json has format {artifact.FORMAT_VERSION + 6}; this is Tenor "
        f"{tenor.__version__}, which reads up to {artifact.FORMAT_VERSION}. "
        "Update it: pip install --upgrade tenor"
    )
    with pytest.raises(ArtifactError, match=f"^{re.escape(expected)}$"):
        TextClassifier.load(folder)


def test_a_message_is_short_and_drives_no_terminal(make, configured):
    folder = make(configured("model", **{"\x1b[2J" * 100_000: 1}))
    with pytest.raises(ArtifactError) as refused:
        TextClassifier.load(folder)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


def test_a_name_of_a_weight_in_a_message_drives_no_terminal(make, sound):
    weights = safetensors.numpy.load((sound / "model.safetensors").read_bytes())
    data = safetensors.numpy.save(weights | {"\x1b[2J": np.zeros(1, np.float32)})
    with pytest.raises(ArtifactError, match="unexpected") as refused:
        TextClassifier.load(make({"model.safetensors": data}))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("huge", [3e38, -3e38])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("runtime", ["numpy", "auto"])
def test_weights_that_overflow_fail_the_self_test_quietly(huge, cell, runtime, tiny, tmp_path):
    """The tests make errors of warnings."""
    model = tiny(cell=cell)
    weights = {name: np.full_like(weight, huge) for name, weight in model.weights.items()}
    test = artifact.SelfTest("good film", [0.5, 0.5])
    artifact.write(tenor.model.Model(**vars(model) | {"weights": weights}), tmp_path / "m", test, force=False)
    with pytest.raises(ArtifactError, match=r"fails its self-test: .*copy the folder again"):
        TextClassifier.load(tmp_path / "m", runtime=runtime)


@pytest.mark.parametrize(
    ("change", "name"),
    [({"card": "x" * (MB + 1)}, "README.md"), ({"record": {"data": "x" * MB}}, "config.json")],
)
def test_what_would_not_be_read_is_not_written(change, name, tiny, tmp_path):
    model = tenor.model.Model(**vars(tiny()) | change)
    with pytest.raises(
        ArtifactError, match=rf"its {name} would have 1,.* at most 1,000,000 are read; nothing"
    ):
        TextClassifier(model).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_the_longest_card_that_is_written_is_read(tiny, tmp_path):
    TextClassifier(tenor.model.Model(**vars(tiny()) | {"card": "x" * MB})).save(tmp_path / "model")
    assert TextClassifier.load(tmp_path / "model").model.card == "x" * MB
