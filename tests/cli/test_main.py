"""What every verb shares: exit statuses, errors, help, and how light it is to ask for help."""

import os
import re
import signal
import subprocess
import sys

import pytest

import tenor as package
from tenor.cli import main
from tenor.config import SECTIONS
from tenor.section import field_help

VERBS = ("train", "evaluate", "predict", "read", "inspect", "data", "doctor")


@pytest.fixture
def columns_of_80(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_a_command_that_is_done_has_status_0(tenor, model_folder):
    done = tenor("predict", "-m", model_folder, "good")

    assert (done.status, done.err) == (0, "")


def test_a_command_that_failed_has_status_1_and_prints_no_result(tenor, tmp_path):
    done = tenor("predict", "-m", tmp_path / "nosuch", "good")

    assert (done.status, done.out) == (1, "")


def test_a_command_that_was_asked_for_wrongly_has_status_2_and_prints_no_result(tenor, model_folder):
    done = tenor("predict", "-m", model_folder)

    assert (done.status, done.out) == (2, "")


def test_an_interrupted_command_has_status_130(model_folder):
    command = [sys.executable, "-m", "tenor", "predict", "-m", str(model_folder), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        running.stdin.write(b"good\n" * 10_000)
        running.stdin.flush()
        running.stdout.readline()  # it is at work, and waits for more
        running.send_signal(signal.SIGINT)
        err = running.stderr.read()

    assert running.returncode == 130
    assert err == b"\ntenor: interrupted\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["predict"],
        ["predict", "--nonsense"],
        ["predict", "-m", "nosuch", "good"],
        ["predict", "-f", "nosuch.csv"],
        ["read"],
        ["evaluate", "nosuch", "nosuch.csv"],
        ["inspect", "nosuch"],
        ["data", "nosuch.csv"],
        ["train"],
        ["train", "nosuch.csv"],
        ["train", "nosuch.csv", "--epochs", "many"],
        ["train", "nosuch.csv", "--epochs", "0"],
        ["train", "nosuch.csv", "--config", "nosuch.toml"],
    ],
)
def test_an_error_is_one_to_six_lines(tenor, tmp_path, monkeypatch, columns_of_80, arguments):
    monkeypatch.chdir(tmp_path)

    done = tenor(*arguments)

    assert done.status in (1, 2)
    assert done.out == ""
    assert 1 <= len(done.err.splitlines()) <= 6
    assert "tenor" in done.err
    assert "Traceback" not in done.err


def test_debug_shows_where_an_error_was_raised(tenor, tmp_path):
    done = tenor("predict", "-m", tmp_path / "nosuch", "good", "--debug")

    assert done.status == 1
    assert done.err.startswith("Traceback (most recent call last)")
    assert done.err.splitlines()[-1].startswith(f"tenor: there is no model folder {tmp_path / 'nosuch'}")


def test_an_error_of_the_system_names_the_file(tenor, model_folder, tmp_path):
    done = tenor("read", "-m", model_folder, "good", "--svg", tmp_path / "nosuch" / "picture.svg")

    assert done.status == 1
    assert done.err == f"tenor: {tmp_path / 'nosuch' / 'picture.svg'}: No such file or directory\n"


def test_an_unknown_verb_gives_the_verbs_there_are(tenor):
    done = tenor("foretell", "good")

    assert done.status == 2
    assert "invalid choice: 'foretell'" in done.err
    assert all(verb in done.err for verb in VERBS)


def test_an_unknown_flag_gives_the_closest_one(tenor):
    done = tenor("train", "reviews.csv", "--hiddn-sizes", "4")

    assert done.status == 2
    assert "tenor train: error: unknown argument '--hiddn-sizes'; did you mean '--hidden-sizes'?" in done.err


def test_a_reader_that_has_had_enough_ends_the_command_silently(model_folder, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("good film\n" * 5_000, encoding="utf-8")
    command = [sys.executable, "-m", "tenor", "predict", "-m", str(model_folder), "-f", str(texts)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()

    assert (running.returncode, err) == (0, b"")


def test_output_that_has_no_room_is_an_error(model_folder):
    command = [sys.executable, "-m", "tenor", "predict", "-m", str(model_folder), "good"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)

    assert done.returncode == 1
    assert done.stderr == b"tenor: No space left on device\n"


def test_the_version_is_that_of_the_package(tenor):
    done = tenor("--version")

    assert (done.status, done.out) == (0, f"tenor {package.__version__}\n")


def test_the_help_lists_every_verb(tenor):
    done = tenor("--help")

    assert done.status == 0
    assert all(f"\n    {verb} " in done.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_an_example(tenor, verb):
    done = tenor(verb, "--help")

    assert (done.status, done.err) == (0, "")
    assert f"tenor {verb}" in done.out.splitlines()[-1] + done.out.splitlines()[-2]
    assert "--debug" in done.out


def test_the_help_of_train_names_every_setting_and_its_default(tenor, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    shown = " ".join(tenor("train", "--help").out.split())

    for section in SECTIONS.values():
        for name, sentence in field_help(section).items():
            assert f" --{name.replace('_', '-')}" in shown, name
            assert f"{sentence.removesuffix('.')} (default: " in shown, name


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_fits_80_columns(tenor, columns_of_80, verb):
    assert max(map(len, tenor(verb, "--help").out.splitlines())) <= 80


def test_no_help_loads_what_computes():
    code = (
        "import sys; from tenor.cli import main\n"
        f"for verb in {VERBS!r}: assert main([verb, '--help']) == 0\n"
        "print(sorted({'numpy', 'torch', 'tqdm', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_arguments_of_the_process_are_the_default(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tenor", "--version"])

    assert main() == 0
    assert capsys.readouterr().out.startswith("tenor ")


def test_flags_are_not_abbreviated(tenor):
    done = tenor("train", "reviews.csv", "--epoch", "3")
    assert done.status == 2
    assert "did you mean '--epochs'?" in done.err


def test_closed_streams_are_no_error(model_folder):
    for closed in (">&-", "2>&-"):
        command = f'"$0" -m tenor predict -m "$1" good {closed}'
        done = subprocess.run(
            ["sh", "-c", command, sys.executable, str(model_folder)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert ("label" in done.stdout) == (closed == "2>&-")


def test_too_little_memory_is_told_in_a_line(tenor, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n" + "good,1\nbad,0\n" * 9)
    done = tenor(
        "train", tmp_path / "a.csv", "--min-count", 1, "--embedding-dim", 10**13, "-o", tmp_path / "m"
    )
    assert done.status == 1
    assert done.err.splitlines()[-1].startswith("tenor: there is too little memory: Unable to allocate")


def test_an_instruction_set_that_there_is_not_is_told(model_folder):
    command = [sys.executable, "-m", "tenor", "predict", "-m", str(model_folder), "good"]
    done = subprocess.run(command, env=os.environ | {"TENOR_ISA": "AVX2"}, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.startswith("note: NumPy reads, as TENOR_ISA='AVX2' is not one of")


def test_help_has_the_defaults_of_a_training_without_settings(tenor):
    shown = " ".join(tenor("train", "--help").out.split())
    for flag, value in (("cell", "linear"), ("optimizer", "lazy_adam"), ("pooling", "last,max")):
        assert re.search(rf" --{flag} (?:(?! --).)*\(default: {value}\)", shown), flag
