"""A model folder: written whole or not at all, read as it was or refused."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

from tenor import TextClassifier, artifact, atomic
from tenor.artifact import FILES, MANIFEST, SelfTest
from tenor.config import TokenizerConfig, VocabularyConfig
from tenor.errors import ArtifactError
from tenor.vocabulary import Vocabulary, build_from_words

TEST = SelfTest("the film", [0.25, 0.75])
every_file = pytest.mark.parametrize("name", FILES)


@pytest.fixture
def folder(tiny, tmp_path):
    """A model folder whose self-test is not true."""
    artifact.write(tiny(), tmp_path / "saved", TEST, force=False)
    return tmp_path / "saved"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def edit_manifest(folder, change):
    manifest = json.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def replace_file(folder, name, data):
    """Put other bytes in a file, and in the manifest what they hash to."""
    (folder / name).write_bytes(data)
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    edit_manifest(folder, lambda manifest: manifest["files"].update({name: entry}))


def replace_config(folder, group, **settings):
    config = json.loads((folder / "config.json").read_bytes())
    config[group] |= settings
    replace_file(folder, "config.json", json.dumps(config).encode())


def test_a_folder_holds_its_files_and_nothing_else(folder):
    assert names(folder) == sorted([*FILES, MANIFEST])
    assert names(folder.parent) == ["saved"]


def test_a_model_is_read_as_it_was_written(tiny, tmp_path):
    model = tiny(labels=("böse", "gut", "“so so”"), cell="gru")
    model = replace(
        model,
        vocabulary=Vocabulary(model.vocabulary.tokens, VocabularyConfig(min_count=3)),
        tokenizer=TokenizerConfig(max_tokens=7, keep="both"),
        record={"seed": 7, "metrics": {"accuracy": 0.1 + 0.2}},
        card="# Größe\r\nline\n",
    )
    artifact.write(model, tmp_path / "saved", TEST, force=False)
    found, test = artifact.read(tmp_path / "saved")
    assert test == TEST
    assert (found.tokenizer, found.config, found.labels) == (model.tokenizer, model.config, model.labels)
    assert (found.record, found.card) == (model.record, model.card)
    assert found.vocabulary.tokens == model.vocabulary.tokens
    assert found.vocabulary.config == model.vocabulary.config
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(found.weights[name], weight, strict=True)


def test_what_was_read_is_written_with_the_same_bytes(folder, tmp_path):
    model, test = artifact.read(folder)
    artifact.write(model, tmp_path / "again", test, force=False)
    assert contents(tmp_path / "again") == contents(folder)


def test_a_model_of_doubles_stays_one(tiny, tmp_path):
    artifact.write(tiny(np.float64), tmp_path / "saved", TEST, force=False)
    assert artifact.read(tmp_path / "saved")[0].weights["head.bias"].dtype == np.float64


ODD_WORDS = [
    "a\rb",
    "\r",
    "a\r",
    "\u2028",
    "\u2029",
    "\x85",
    "\f",
    "\v",
    "\x1c",
    " ",
    "\t",
    "",
    "\x00",
    "\ufeff",
]


def test_words_with_odd_white_space_stay_themselves(tiny, tmp_path):
    vocabulary = build_from_words(ODD_WORDS, VocabularyConfig(specials_place="end"))
    weights = tiny().weights | {"embedding.weight": np.zeros((len(vocabulary), 4), np.float32)}
    artifact.write(replace(tiny(), vocabulary=vocabulary, weights=weights), tmp_path / "m", TEST, force=False)
    assert artifact.read(tmp_path / "m")[0].vocabulary.tokens == (*ODD_WORDS, "<pad>", "<unk>")


def test_names_that_are_not_unicode_do_not_lose_a_trained_model(tiny, tmp_path):
    odd = os.fsdecode(b"f\xfclme")  # the name of a file written elsewhere
    model = replace(tiny(), labels=("bad", odd), record={"data": {"name": odd}}, card=f"# {odd}")
    artifact.write(model, tmp_path / "saved", TEST, force=False)
    found, _ = artifact.read(tmp_path / "saved")
    assert (found.labels, found.record, found.card) == (model.labels, model.record, "# f?lme")


def test_missing_parents_are_made(tiny, tmp_path):
    artifact.write(tiny(), tmp_path / "a" / "b" / "saved", TEST, force=False)
    assert artifact.is_model_folder(tmp_path / "a" / "b" / "saved")


def test_the_folder_is_readable_as_any_other(folder, tmp_path):
    (tmp_path / "other").mkdir()
    assert folder.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_a_model_folder_is(folder, tmp_path):
    assert artifact.is_model_folder(folder)
    assert not artifact.is_model_folder(tmp_path)
    assert not artifact.is_model_folder(folder / MANIFEST)
    (folder / MANIFEST).unlink()
    assert artifact.is_model_folder(folder)


def test_a_folder_that_holds_a_model_is_kept(tiny, folder):
    before = contents(folder)
    with pytest.raises(ArtifactError, match=r"saved holds a model already; .* -o, or --force to replace it"):
        artifact.write(tiny(cell="gru"), folder, TEST, force=False)
    assert contents(folder) == before


def test_a_folder_with_files_of_its_owner_is_never_replaced(tiny, folder):
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"holds files that are not a model's \(notes.txt\); move them"):
        artifact.write(tiny(cell="gru"), folder, TEST, force=True)
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_holds_a_model_is_replaced_if_so_told(tiny, folder):
    artifact.write(tiny(cell="gru"), folder, TEST, force=True)
    assert artifact.read(folder)[0].config.cell == "gru"
    assert names(folder) == sorted([*FILES, MANIFEST])
    assert names(folder.parent) == ["saved"]


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_other_things_is_never_replaced(tiny, tmp_path, force):
    (tmp_path / "thesis.txt").write_text("years", encoding="utf-8")
    with pytest.raises(
        ArtifactError, match=r"is there already and is not a model folder; name another place"
    ):
        artifact.write(tiny(), tmp_path, TEST, force=force)
    assert names(tmp_path) == ["thesis.txt"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_never_replaced(tiny, tmp_path, force):
    (tmp_path / "saved").write_text("years", encoding="utf-8")
    with pytest.raises(ArtifactError, match="saved is there already and is not a model folder"):
        artifact.write(tiny(), tmp_path / "saved", TEST, force=force)


def test_a_link_to_nothing_is_a_place_taken(tiny, tmp_path):
    (tmp_path / "saved").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="saved is there already and is not a model folder"):
        artifact.write(tiny(), tmp_path / "saved", TEST, force=True)


def test_an_empty_folder_is_free(tiny, tmp_path):
    (tmp_path / "saved").mkdir()
    artifact.write(tiny(), tmp_path / "saved", TEST, force=False)
    assert names(tmp_path) == ["saved"]


def test_a_link_stays_and_the_model_it_leads_to_is_replaced(tiny, folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    artifact.write(tiny(cell="gru"), tmp_path / "link", TEST, force=True)
    assert (tmp_path / "link").is_symlink()
    assert artifact.read(folder)[0].config.cell == "gru"


def fail_at(monkeypatch, name, call, error):
    """Make the call-th call of a function of ``os`` raise."""
    calls, real = [], getattr(os, name)

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == call:
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(os, name, failing)
    return calls


FULL = OSError(28, "No space left on device")
failures = pytest.mark.parametrize(
    ("name", "call"), [*(("fsync", n) for n in range(1, 7)), ("rename", 1), ("rename", 2)]
)


@failures
def test_a_failed_write_leaves_the_old_folder_and_nothing_else(tiny, folder, monkeypatch, name, call):
    before = contents(folder)
    monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)  # as on a system that cannot
    fail_at(monkeypatch, name, call, FULL)
    message = "cannot write the model folder .*saved: No space left on device; nothing was changed there"
    with pytest.raises(ArtifactError, match=message):
        artifact.write(tiny(cell="gru"), folder, TEST, force=True)
    assert contents(folder) == before
    assert names(folder.parent) == ["saved"]


@failures
def test_an_interrupted_write_leaves_the_old_folder_and_nothing_else(tiny, folder, monkeypatch, name, call):
    before = contents(folder)
    monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    fail_at(monkeypatch, name, call, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        artifact.write(tiny(cell="gru"), folder, TEST, force=True)
    assert contents(folder) == before
    assert names(folder.parent) == ["saved"]


def test_a_folder_is_replaced_in_one_step_where_the_system_can(tiny, folder, monkeypatch):
    calls = fail_at(monkeypatch, "rename", 0, FULL)
    artifact.write(tiny(cell="gru"), folder, TEST, force=True)
    assert calls == []  # no moment in which the name is free
    assert artifact.read(folder)[0].config.cell == "gru"
    assert names(folder.parent) == ["saved"]


@pytest.mark.parametrize(("name", "call"), [("fsync", 1), ("fsync", 6), ("rename", 1)])
def test_a_failed_first_write_leaves_nothing(tiny, tmp_path, monkeypatch, name, call):
    fail_at(monkeypatch, name, call, FULL)
    with pytest.raises(ArtifactError, match="No space left on device"):
        artifact.write(tiny(), tmp_path / "saved", TEST, force=False)
    assert names(tmp_path) == []


def test_a_file_system_that_cannot_sync_folders_is_good_enough(tiny, tmp_path, monkeypatch):
    calls = fail_at(monkeypatch, "fsync", 7, OSError(22, "Invalid argument"))
    artifact.write(tiny(), tmp_path / "saved", TEST, force=False)
    assert len(calls) == 8  # six files, the folder, its parent
    assert artifact.is_model_folder(tmp_path / "saved")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nowhere", "there is no model folder .*nowhere; make it: tenor train DATA -o"),
        (".", "is a folder, not a model folder; name one"),
        ("saved/config.json", "is a file, not a model folder; name one"),
    ],
)
def test_what_is_no_model_folder_is_told_apart(folder, path, told):
    place = folder.parent / path
    with pytest.raises(ArtifactError, match=told):
        artifact.read(place)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"cannot read .*{name}: No such file or directory"):
        artifact.read(folder)


@every_file
def test_a_folder_in_the_place_of_a_file_is_refused(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(ArtifactError, match=f"cannot read .*{name}: Is a directory"):
        artifact.read(folder)


@every_file
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_flipped_bit_is_refused(tiny, tmp_path, name, place):
    artifact.write(replace(tiny(), card="# A model"), tmp_path / "saved", TEST, force=False)
    data = bytearray((tmp_path / "saved" / name).read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    (tmp_path / "saved" / name).write_bytes(data)
    with pytest.raises(ArtifactError, match=f"{name} is damaged: it is not what was saved"):
        artifact.read(tmp_path / "saved")


@every_file
@pytest.mark.parametrize("more", [b"", b"x"], ids=["cut", "longer"])
def test_a_file_of_another_length_is_refused(tiny, tmp_path, name, more):
    artifact.write(replace(tiny(), card="# A model"), tmp_path / "saved", TEST, force=False)
    data = (tmp_path / "saved" / name).read_bytes()
    (tmp_path / "saved" / name).write_bytes(data + more if more else data[:-1])
    with pytest.raises(ArtifactError, match=f"{name} is damaged"):
        artifact.read(tmp_path / "saved")


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_format_with_other_ngrams_is_refused(folder, version):
    edit_manifest(folder, lambda manifest: manifest.update(format_version=version))
    with pytest.raises(
        ArtifactError, match=rf"has format {version}, whose n-grams counted in another way; train"
    ):
        TextClassifier.load(folder)


def test_a_newer_format_is_refused_with_the_way_out(folder):
    edit_manifest(folder, lambda manifest: manifest.update(format_version=artifact.FORMAT_VERSION + 1))
    with pytest.raises(
        ArtifactError,
        match=rf"has format {artifact.FORMAT_VERSION + 1}; .* Update it: pip install --upgrade tenor",
    ):
        artifact.read(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 0},
        {"format_version": "1"},
        {"format_version": True},
        {"format_version": None},
        {"files": []},
        {"files": None},
    ],
    ids=str,
)
def test_a_manifest_that_is_none_is_refused(folder, change):
    edit_manifest(folder, lambda manifest: manifest.update(change))
    with pytest.raises(ArtifactError, match=r"manifest.json is not a manifest; copy the folder again"):
        artifact.read(folder)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\xfd", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a": "' + b"x" * 2_000_000 + b'"}', "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
    ],
    ids=["empty", "cut", "binary", "deep", "huge", "list", "null"],
)
def test_a_manifest_that_is_no_json_object_is_refused(folder, data, message):
    (folder / MANIFEST).write_bytes(data)
    with pytest.raises(ArtifactError, match=f"manifest.json {message}"):
        artifact.read(folder)


@every_file
@pytest.mark.parametrize("entry", [None, {}, {"size_bytes": "9"}, {"size_bytes": True}], ids=str)
def test_a_file_that_the_manifest_does_not_list_is_refused(folder, name, entry):
    edit_manifest(folder, lambda manifest: manifest["files"].update({name: entry}))
    with pytest.raises(ArtifactError, match=f"manifest.json does not list {name}"):
        artifact.read(folder)


@every_file
@pytest.mark.parametrize(
    "entry", [{"sha256": "0" * 64}, {"sha256": None}, {"size_bytes": 1}, {"size_bytes": -2}]
)
def test_a_manifest_that_lists_other_contents_is_refused(folder, name, entry):
    edit_manifest(folder, lambda manifest: manifest["files"][name].update(entry))
    with pytest.raises(ArtifactError, match=f"{name} is damaged"):
        artifact.read(folder)


@pytest.mark.parametrize(
    "test",
    [None, {}, {"text": "a"}, {"text": "a", "probabilities": ["much"]}, {"text": "a", "probabilities": 1}],
    ids=str,
)
def test_a_self_test_that_is_none_is_refused(folder, test):
    edit_manifest(folder, lambda manifest: manifest.update(self_test=test))
    with pytest.raises(ArtifactError, match="saved is not a sound model folder"):
        artifact.read(folder)


@pytest.mark.parametrize(
    ("group", "settings", "message"),
    [
        ("model", {"hidden_size": 5}, "unknown setting 'hidden_size'; did you mean 'hidden_sizes'"),
        ("model", {"cell": "qrnn"}, "cell is 'qrnn'; it must be one of rnn, lstm, gru"),
        ("model", {"hidden_sizes": [6]}, r"rnn.weight_ih_l0 has the shape \(20, 4\), not \(24, 4\)"),
        ("model", {"hidden_sizes": [5, 5]}, "rnn.weight_ih_l1, .* missing"),
        ("model", {"head_hidden": 10**18}, "head.hidden.weight, head.hidden.bias missing"),
        ("tokenizer", {"max_tokens": -1}, "max_tokens is -1; it must be at least 1"),
        ("vocabulary", {"unknown_token": "[U]"}, r"unknown_token is '\[U\]'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(folder, group, settings, message):
    replace_config(folder, group, **settings)
    with pytest.raises(ArtifactError, match=f"saved is not a sound model folder: .*{message}"):
        artifact.read(folder)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"tokenizer": 5},
        {"tokenizer": None},
        {"tokenizer": "abc"},
        {"tokenizer": []},
        {"tokenizer": {}, "vocabulary": {}},
    ],
    ids=str,
)
def test_a_configuration_without_its_groups_is_refused(folder, config):
    replace_file(folder, "config.json", json.dumps(config).encode())
    with pytest.raises(ArtifactError, match="saved is not a sound model folder"):
        artifact.read(folder)


@pytest.mark.parametrize("data", [b"", b"[1", b"[]", b"[" * 100_000], ids=["empty", "cut", "list", "deep"])
def test_a_configuration_that_is_no_json_object_is_refused(folder, data):
    replace_file(folder, "config.json", data)
    with pytest.raises(ArtifactError, match=r"config.json is not (a JSON object|JSON)"):
        artifact.read(folder)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Expecting value"),
        (b"{}", "labels.json is not a list of strings"),
        (b"[0, 1]", "labels.json is not a list of strings"),
        (b'["bad", null]', "labels.json is not a list of strings"),
        (b'["bad", "bad"]', "a model needs at least two, each once"),
        (b'["bad"]', "a model needs at least two, each once"),
        (b'["bad", "fair", "good"]', r"head.weight has the shape \(1, 10\), not \(3, 10\)"),
        (b"[" * 100_000, "maximum recursion depth"),
    ],
    ids=["empty", "object", "numbers", "null", "twice", "one", "three", "deep"],
)
def test_labels_that_are_none_or_do_not_fit_are_refused(folder, data, message):
    replace_file(folder, "labels.json", data)
    with pytest.raises(ArtifactError, match=message):
        artifact.read(folder)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "lacks the special token '<pad>'"),
        (b"<pad>\n<unk>\nthe", "vocabulary.txt does not end with a line break: it was cut"),
        (b"<pad>\n<unk>\nthe\n", r"embedding.weight has the shape \(8, 4\), not \(3, 4\)"),
        (b"<pad>\n<unk>\nthe\nthe\n", "has the token 'the' twice"),
        (b"<pad>\n<unk>\n\xff\n", "can't decode byte 0xff"),
    ],
    ids=["empty", "cut", "short", "twice", "binary"],
)
def test_a_vocabulary_that_is_none_or_does_not_fit_is_refused(folder, data, message):
    replace_file(folder, "vocabulary.txt", data)
    with pytest.raises(ArtifactError, match=message):
        artifact.read(folder)


def test_a_model_card_that_is_no_text_is_refused(folder):
    replace_file(folder, "README.md", b"\xff")
    with pytest.raises(ArtifactError, match=r"saved is not a sound model folder: .*can't decode byte 0xff"):
        artifact.read(folder)


@pytest.mark.parametrize(
    ("name", "weight", "message"),
    [
        ("head.bias", np.zeros(2, np.float32), r"head.bias has the shape \(2,\), not \(1,\)"),
        ("head.bias", np.array([np.nan], np.float32), "head.bias holds numbers that are not finite"),
        ("head.bias", np.array([np.inf], np.float32), "head.bias holds numbers that are not finite"),
        ("head.bias", np.zeros(1, np.float64), "head.bias is float64, not float32"),
        ("head.extra", np.zeros(1, np.float32), "head.extra unexpected"),
        ("embedding.weight", np.zeros((), np.float32), r"embedding.weight has the shape \(\), not \(8, 4\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tiny, folder, name, weight, message):
    weights = {**tiny().weights, name: weight}
    replace_file(folder, "model.safetensors", safetensors.numpy.save(weights))
    with pytest.raises(ArtifactError, match=f"the weights do not fit the settings: {message}"):
        artifact.read(folder)


def test_weights_of_a_type_that_no_precision_has_are_refused(tiny, folder):
    weights = {**tiny().weights, "head.bias": np.zeros(1, np.int32)}
    replace_file(folder, "model.safetensors", safetensors.numpy.save(weights))
    with pytest.raises(ArtifactError, match="of the type I32, and may have F32, F64, BF16, I8, U8"):
        artifact.read(folder)


def test_an_unknown_precision_is_refused(folder):
    config = (folder / "config.json").read_bytes()
    replace_file(folder, "config.json", config.replace(b'"precision": "float32"', b'"precision": "int4"'))
    with pytest.raises(ArtifactError, match="precision is 'int4'; it must be one of float32, bf16, int8"):
        artifact.read(folder)


def bare_safetensors(**tensor):
    """A file of one tensor with this header, and eight bytes."""
    header = json.dumps({"embedding.weight": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 64,
        bare_safetensors(dtype="F32", shape=[2], data_offsets=[0, 4]),
        bare_safetensors(dtype="F32", shape=[2**40, 2**40], data_offsets=[0, 8]),
        bare_safetensors(dtype="F32", shape=[-1], data_offsets=[0, 8]),
        bare_safetensors(dtype="BF16", shape=[4], data_offsets=[0, 8]),
        bare_safetensors(dtype="F8_E4M3", shape=[8], data_offsets=[0, 8]),
        bare_safetensors(dtype="C64", shape=[1], data_offsets=[0, 8]),
        bare_safetensors(dtype="object", shape=[1], data_offsets=[0, 8]),
    ],
    ids=["empty", "binary", "short", "huge", "negative", "bf16", "f8", "complex", "object"],
)
def test_a_weight_file_that_is_none_is_refused(folder, data):
    replace_file(folder, "model.safetensors", data)
    with pytest.raises(ArtifactError, match="saved is not a sound model folder"):
        artifact.read(folder)


def test_a_model_that_computes_something_else_here_is_refused(folder):
    with pytest.raises(
        ArtifactError, match=r"saved fails its self-test: 'the film' gives \[.*\[0.25, 0.75\]"
    ):
        TextClassifier.load(folder)


@pytest.mark.parametrize("probabilities", [[], [0.5], [0.5, 0.5]])
def test_a_self_test_that_cannot_be_passed_is_refused(model_folder, probabilities):
    edit_manifest(model_folder, lambda manifest: manifest["self_test"].update(probabilities=probabilities))
    with pytest.raises(ArtifactError, match="fails its self-test"):
        TextClassifier.load(model_folder)


def test_a_folder_is_never_written_into(model_folder):
    before = {path: path.stat().st_mtime_ns for path in [model_folder, *model_folder.iterdir()]}
    TextClassifier.load(model_folder).predict(["good"])
    assert {path: path.stat().st_mtime_ns for path in [model_folder, *model_folder.iterdir()]} == before
