"""Files and folders that are written whole or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from tenor import TextClassifier
from tenor.atomic import remove_folder, write_file


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_pipe_is_written_into_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(tmp_path / "pipe", b"all of it")
    assert os.read(reader, 99) == b"all of it"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_is_replaced_and_readable_as_any_other(tmp_path):
    (tmp_path / "plain").touch()
    for data in (b"one", b"two"):
        write_file(tmp_path / "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert mode(tmp_path / "file") == mode(tmp_path / "plain")
    assert sorted(os.listdir(tmp_path)) == ["file", "plain"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    write_file(tmp_path / "file", b"one")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "file", b"two")
    assert (tmp_path / "file").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]


def test_a_removed_folder_is_gone(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    remove_folder(tmp_path / "folder")
    assert os.listdir(tmp_path) == []


REPLACE = """
import os, random, signal, time
from tenor import TextClassifier

model = TextClassifier.load("model")
for kill in range(30):
    child = os.fork()
    if child == 0:
        while True:
            model.save("model", force=True)
    time.sleep(random.Random(kill).random() * 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    TextClassifier.load("model")
"""


def test_a_kill_while_a_model_is_replaced_leaves_a_model_under_its_name(model_folder):
    done = subprocess.run(
        [sys.executable, "-c", REPLACE], cwd=model_folder.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert TextClassifier.load(model_folder).labels == ("negative", "positive")
