"""A training that is stopped, in every way, from the command line; and going on with it."""

import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from tenor import TextClassifier, training
from tenor.artifact import MANIFEST
from tenor.cli import main

SMALL = ("--epochs", 2, "--embedding-dim", 4, "--hidden-sizes", 5, "--min-count", 1)
COMMAND = [sys.executable, "-m", "tenor"]


@pytest.fixture
def train(tenor, tmp_path):
    """A function that trains a small model on a file, and saves it as ``out``."""

    def run(data, *arguments):
        return tenor("train", data, "-o", tmp_path / "out", *SMALL, *arguments)

    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def checkpoints(run):
    return sorted(os.listdir(run / "checkpoints"))


LONG = ("--epochs", "12", "--batch-size", "4", "--checkpoint-steps", "7")


def stopped_by(command, *signals):
    """Run a training, and send signals after its second epoch; status and what it said."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as training:
        for line in training.stderr:
            if line.startswith("epoch 2/"):
                break
        for number in signals:
            training.send_signal(number)
        said = training.stderr.read()
    return training.returncode, said


@pytest.fixture(scope="module")
def not_stopped(tmp_path_factory):
    """A function that gives the model of the same training, not stopped; it is trained once."""
    folder = tmp_path_factory.mktemp("whole")

    def get(reviews):
        if not (folder / "out").exists():
            assert main(["train", str(reviews), "-o", str(folder / "out"), *map(str, SMALL), *LONG]) == 0
        return folder / "out"

    return get


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_all_and_the_line_it_prints_goes_on(reviews, tmp_path, not_stopped, number):
    command = [sys.executable, "-m", "tenor"]
    training = [*command, "train", str(reviews), "-o", str(tmp_path / "out"), *map(str, SMALL), *LONG]

    status, said = stopped_by(training, number)

    assert status == 130
    assert re.search(
        r"tenor: stopped after update \d+, in epoch \d+ of 12; all that was learnt is saved", said
    )
    line = said.splitlines()[-1].removeprefix("next: tenor ")
    done = subprocess.run([*command, *shlex.split(line)], cwd="/", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "resuming after update " in done.stderr
    assert contents(tmp_path / "out") == contents(not_stopped(reviews))


def test_a_second_interrupt_stops_at_once_and_the_last_checkpoint_goes_on(reviews, tmp_path):
    command = [sys.executable, "-m", "tenor", "train", str(reviews), "-o", str(tmp_path / "out"), *LONG]

    status, said = stopped_by(command, signal.SIGINT, signal.SIGINT)

    assert status == 130
    assert said.splitlines()[-1] == f"next: tenor train --resume {tmp_path / 'out.run'}"


def test_a_hangup_that_is_ignored_stays_so(reviews, tmp_path):
    command = ["nohup", sys.executable, "-m", "tenor", "train", str(reviews), "-o", str(tmp_path / "out")]
    status, said = stopped_by([*command, *map(str, SMALL), "--epochs", "4"], signal.SIGHUP)
    assert status == 0
    assert "epoch 4/4" in said


def test_an_unfinished_training_is_gone_on_with_or_begun_anew_with_force(train, tenor, reviews, tmp_path):
    train(reviews, "--epochs", 3)
    shutil.rmtree(tmp_path / "out")
    last = max((tmp_path / "out.run" / "checkpoints").iterdir())
    shutil.rmtree(last)

    refused = train(reviews)
    assert refused.status == 1
    assert (
        f"resume it: tenor train --resume {tmp_path / 'out.run'}\nor start over with --force" in refused.err
    )

    assert tenor("train", "--resume", tmp_path / "out.run").status == 0
    assert last.exists()
    assert train(reviews, "--force").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "9"], "keeps its settings, but for --learning-rate; leave out --epochs"),
        (["--time", "9m"], "keeps its settings, but for --learning-rate; leave out --time"),
        (["--words", "x"], "keeps its settings, but for --learning-rate; leave out --words"),
        (["--show-config"], "--show-config shows what a new training would take"),
        (["--fold", "7", "--test", "x.csv"], "--fold, --test say how DATA is read"),
    ],
)
def test_a_resumed_training_takes_no_settings(tenor, tmp_path, arguments, message):
    (tmp_path / "run.json").touch()
    done = tenor("train", "--resume", tmp_path, *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_a_run_folder_that_is_none_is_refused(tenor, tmp_path):
    for path, message in (
        (tmp_path / "no.run", "there is no run folder"),
        (tmp_path, "holds no training that has begun"),
    ):
        done = tenor("train", "--resume", path, "-o", tmp_path / "new")
        assert done.status == 2
        assert message in done.err
    assert list(tmp_path.iterdir()) == []
    assert "--step goes with --resume" in tenor("train", "x.csv", "--step", 4).err


def test_a_run_folder_is_found_from_inside_it(train, tenor, reviews, tmp_path, monkeypatch):
    train(reviews)
    shutil.rmtree(tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out.run")

    assert tenor("train", "--resume", ".").status == 0
    assert (tmp_path / "out" / MANIFEST).is_file()


def test_a_model_or_a_checkpoint_is_answered_with_its_run_folder_and_stays_as_it_is(
    train, tenor, reviews, tmp_path
):
    train(reviews)
    checkpoint = tmp_path / "out.run" / "checkpoints" / "step-0000004-epoch-2"

    for path, line in ((tmp_path / "out", ""), (checkpoint, " --step 4")):
        before = contents(path)
        done = tenor("train", "--resume", path, "-o", tmp_path / "new")
        assert done.status == 2
        assert done.err.endswith(
            f"its run folder is {tmp_path / 'out.run'}: tenor train --resume {tmp_path / 'out.run'}{line}\n"
        )
        assert contents(path) == before


def test_other_texts_of_the_same_file_are_refused(tenor, tmp_path):
    rows = [f"{i} was good,{i} was fine,{'ab'[i % 2]}\n" for i in range(40)]
    (tmp_path / "two.csv").write_text("title,body,label\n" + "".join(rows))
    out = ("-o", tmp_path / "out")
    tenor("train", tmp_path / "two.csv", "--text-column", "title", *out, *SMALL)

    done = tenor(
        "train",
        tmp_path / "two.csv",
        "--text-column",
        "body",
        "--resume",
        tmp_path / "out.run",
        *out,
        "--force",
    )

    assert done.status == 1
    assert (
        "is the same file, but other texts of it are read (36 train, 4 validation; they were 36 tr"
        in done.err
    )


def test_texts_that_moved_are_asked_for(train, tenor, reviews, tmp_path):
    train(reviews)
    reviews.rename(tmp_path / "moved.csv")

    done = tenor("train", "--resume", tmp_path / "out.run", "--force")

    assert done.status == 2
    assert done.err.endswith(f"name them: tenor train DATA --resume {tmp_path / 'out.run'}\n")
    assert tenor("train", tmp_path / "moved.csv", "--resume", tmp_path / "out.run", "--force").status == 0


def test_a_wrong_setting_leaves_a_stopped_training_as_it_is_even_with_force(train, reviews, tmp_path):
    train(reviews)
    before = checkpoints(tmp_path / "out.run")

    assert train(reviews, "--source", "list", "--force").status == 2
    assert train(reviews, "--min-count", 9999, "--force").status == 2

    assert checkpoints(tmp_path / "out.run") == before


def test_a_damaged_checkpoint_is_answered_with_the_one_before_it(train, tenor, reviews, tmp_path):
    train(reviews, "--checkpoint-steps", 1)
    shutil.rmtree(tmp_path / "out")
    last = tmp_path / "out.run" / "checkpoints" / checkpoints(tmp_path / "out.run")[-1]
    (last / "labels.json").write_text("[]")

    assert tenor("train", "--resume", tmp_path / "out.run").err.endswith(
        f"or resume from an earlier one: tenor train --resume {tmp_path / 'out.run'} --step 3\n"
    )
    assert train(reviews).err.endswith("or start over with --force\n")
    assert tenor("train", "--resume", tmp_path / "out.run", "--step", 3).status == 0


def test_a_terminal_that_closes_loses_nothing(reviews, tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "train", reviews, "-o", tmp_path / "out", *map(str, SMALL), "--epochs", "2000"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # takes it for its terminal
    ) as hung_up:  # fmt: skip
        os.close(theirs)
        shown = b""
        while b"epoch 2/" not in shown:
            shown += os.read(ours, 4096)
        os.close(ours)
        assert hung_up.wait(timeout=60) == 130
    last = checkpoints(tmp_path / "out.run")[-1]
    assert "epoch" not in last or int(last[5:12]) > 4  # saved where it stood, not where an epoch ended


def test_a_reader_of_messages_that_goes_loses_nothing(reviews, tmp_path):
    command = [*COMMAND, "train", reviews, "-o", tmp_path / "out", *map(str, SMALL), "--epochs", "12"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as unheard:
        unheard.stderr.readline()
        unheard.stderr.close()
    assert unheard.returncode == 0
    assert (tmp_path / "out" / MANIFEST).is_file()


def test_a_signal_while_the_model_is_saved_leaves_nothing_half(train, tenor, reviews, tmp_path, monkeypatch):
    def told_to_stop(classifier, path, *, force=False):
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(TextClassifier, "save", told_to_stop)
        done = train(reviews)
    assert done.status == 130
    assert done.err.endswith(f"next: tenor train --resume {tmp_path / 'out.run'}\n")
    assert sorted(os.listdir(tmp_path)) == ["out.run", "reviews.csv"]

    assert "whose model was not saved" in train(reviews).err
    assert tenor("train", "--resume", tmp_path / "out.run").status == 0


def test_a_signal_after_the_last_update_stops_before_the_test_texts_are_read(
    train, tenor, reviews, tmp_path, monkeypatch
):
    run = training.Trainer.run

    def told_to_stop_at_the_end(trainer, *arguments):
        best = run(trainer, *arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return best

    with monkeypatch.context() as patch:
        patch.setattr(training.Trainer, "run", told_to_stop_at_the_end)
        done = train(reviews, "--test", reviews)
    assert done.status == 130
    assert "stopped when all was learnt, before the model was saved" in done.err
    assert tenor("train", "--resume", tmp_path / "out.run").err.count("test accuracy") == 1


def test_a_training_that_is_stopped_before_it_begins_leaves_nothing(tenor, reviews, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "prepare", stopped)
    before = sorted(os.listdir(tmp_path))
    assert tenor("train", reviews, "-o", tmp_path / "out").status == 130
    assert sorted(os.listdir(tmp_path)) == before
    (tmp_path / "out.run").mkdir()
    assert "holds no training that has begun" in tenor("train", "--resume", tmp_path / "out.run").err
