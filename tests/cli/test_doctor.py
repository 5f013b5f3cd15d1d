"""What works here, and what to type where it does not."""

import json
from importlib import metadata

import tenor as package
from tenor import native
from tenor.cli import doctor


def test_the_record_says_what_is_installed(tenor):
    done = tenor("doctor")

    record = json.loads(done.out)
    assert (done.status, done.err) == (0, "")
    assert record["tenor"] == package.__version__
    assert record["training"].endswith(f"PyTorch {metadata.version('torch')}")
    assert record["training"].startswith("the compiled core, ") == native.is_available()
    assert {"numpy", "safetensors", "compiled core", "corpus imdb"} <= set(record)


def test_a_terminal_gets_a_table(terminal, tenor):
    shown = terminal("doctor", width=1000)

    record = json.loads(tenor("doctor").out)
    assert [line.split("  ")[0] for line in shown.out.splitlines()] == list(record)


def test_an_absent_core_is_no_failure_and_says_why(tenor, monkeypatch):
    status = native.Status(available=False, reason="no compiler", isa=None, isas=(), threads=1, library=None)
    monkeypatch.setattr(native, "status", lambda: status)

    done = tenor("doctor")

    assert done.status == 0
    assert json.loads(done.out)["compiled core"] == "absent: no compiler"


def test_an_installation_without_training_says_what_to_type(tenor, monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    absent = native.Status(available=False, reason="no compiler", isa=None, isas=(), threads=1, library=None)
    monkeypatch.setattr(native, "status", lambda: absent)

    assert json.loads(tenor("doctor").out)["training"] == (
        "needs the compiled core, or PyTorch; type: pip install 'tenor[train]'"
    )


def test_a_package_that_is_not_there_is_no_failure(tenor, monkeypatch):
    def version(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(doctor.metadata, "version", version)

    assert json.loads(tenor("doctor").out)["safetensors"] == "not installed"


def test_a_corpus_is_found_where_the_environment_says(tenor, tmp_path, monkeypatch):
    monkeypatch.setenv("TENOR_DATA", str(tmp_path))
    (tmp_path / "aclImdb_v1.tar.gz").touch()

    assert json.loads(tenor("doctor").out)["corpus imdb"] == str(tmp_path / "aclImdb_v1.tar.gz")
