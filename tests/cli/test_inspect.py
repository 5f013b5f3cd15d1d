"""A model folder in, what it is out."""

import json

import pytest

from tenor.config import ModelConfig, TokenizerConfig


def test_the_record_has_settings_labels_and_shapes(tenor, model_folder):
    done = tenor("inspect", model_folder)

    record = json.loads(done.out)
    assert (done.status, done.err) == (0, "")
    assert record["labels"] == ["negative", "positive"]
    assert record["tokenizer"] == TokenizerConfig().to_dict()
    assert record["model"] == ModelConfig(embedding_dim=4, hidden_sizes=(5,)).to_dict()
    assert record["weights"]["rnn.weight_ih_l0"] == [20, 4]


def test_the_weights_add_up(tenor, model_folder):
    record = json.loads(tenor("inspect", model_folder).out)

    sizes = [rows * (columns[0] if columns else 1) for rows, *columns in record["weights"].values()]
    assert record["num_weights"] == sum(sizes)


def test_the_same_model_gives_the_same_record(process, model_folder):
    first, second, third = (process("inspect", str(model_folder)).out for _ in range(3))

    assert first == second == third
    assert list(json.loads(first)["weights"]) == sorted(json.loads(first)["weights"])


def test_the_table_has_every_group_of_the_record(terminal, tenor, model_folder):
    shown = terminal("inspect", model_folder)

    record = json.loads(tenor("inspect", model_folder).out)
    lines = shown.out.splitlines()
    for name, value in record.items():
        assert any(line.split()[:1] == [name] for line in lines), name
        if isinstance(value, dict):
            assert all(any(line.split()[:1] == [key] for line in lines) for key in value), name


def test_hostile_labels_do_not_drive_the_terminal(terminal, save):
    done = terminal("inspect", save(labels=("\x9b31m", "two\nlines", "\u202e")))

    assert done.status == 0
    assert not {"\x1b", "\x9b", "\u202e"} & set(done.out)


@pytest.mark.parametrize("name", ["config.json", "vocabulary.txt", "labels.json", "model.safetensors"])
def test_a_damaged_file_is_named(tenor, model_folder, name):
    data = (model_folder / name).read_bytes()
    (model_folder / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])

    done = tenor("inspect", model_folder)

    assert (done.status, done.out) == (1, "")
    assert f"{model_folder / name} is damaged" in done.err


def test_a_missing_file_is_named(tenor, model_folder):
    (model_folder / "labels.json").unlink()

    done = tenor("inspect", model_folder)

    assert (done.status, done.out) == (1, "")
    place = model_folder / "labels.json"
    assert done.err == f"tenor: cannot read {place}: No such file or directory; copy the folder again\n"


def test_a_table_of_texts_is_no_model(tenor, reviews):
    done = tenor("inspect", reviews)

    assert (done.status, done.out) == (1, "")
    assert f"{reviews} is a file, not a model folder" in done.err
