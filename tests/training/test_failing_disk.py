"""Whatever the file system refuses while a training is saved, what was saved before still loads.

As SQLite tests itself: the first call to the file system fails, then the second, and so on until
saving succeeds.
"""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from tenor import TextClassifier
from tenor.errors import TenorError, TrainingError
from tenor.training import RunFolder, resume


class FailingDisk:
    """Counts calls to the file system, and refuses one of them."""

    def __init__(self, monkeypatch, refused):
        self.calls, self.refused, self.where = 0, refused, None
        for name in ("open", "fsync", "mkdir", "rename", "replace", "chmod"):
            monkeypatch.setattr(os, name, self.counted(getattr(os, name), name))
        monkeypatch.setattr(pathlib.Path, "open", self.opened(pathlib.Path.open))

    def counted(self, real, name):
        def call(*arguments, **options):
            self.count(name)
            return real(*arguments, **options)

        return call

    def opened(self, real):
        def call(path, mode="r", *arguments, **options):
            self.count("open")
            file = real(path, mode, *arguments, **options)
            return CountedFile(file, self.count) if "w" in mode else file

        return call

    def count(self, name):
        self.calls += 1
        if self.calls == self.refused:
            self.where = name
            raise OSError(errno.EIO, "Input/output error")


class CountedFile:
    """A file whose writes and flushes may be refused, half of the bytes written."""

    def __init__(self, file, count):
        self.file, self.count = file, count

    def write(self, data):
        try:
            self.count("write")
        except OSError:
            self.file.write(data[: len(data) // 2])
            raise
        return self.file.write(data)

    def flush(self):
        self.count("flush")
        self.file.flush()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()


def failures(work, check):
    """Let work run with the first call refused, then the second, … until it succeeds.

    After each failure something is checked. Gives what was refused.
    """
    refused = []
    while True:
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = FailingDisk(monkeypatch, len(refused) + 1)
            with suppress(TenorError):
                work()
            if disk.where is None:
                return refused
            refused.append(disk.where)
        check()


@pytest.fixture
def at_39(whole):
    """A training of which one update, one validation and one checkpoint are left."""
    shutil.rmtree(whole / "checkpoints" / "step-0000040-epoch-5")
    for place in (whole / "checkpoints").glob("step-000000*"):
        if "epoch" not in place.name:
            shutil.rmtree(place)
    return whole


def test_when_any_call_fails_while_a_checkpoint_is_saved_the_one_before_loads(at_39, trained, tmp_path):
    last = at_39 / "checkpoints" / "step-0000040-epoch-5"

    def go_on():
        with RunFolder(at_39) as run:
            resume(run)

    def check():
        with RunFolder(at_39) as run:
            for place in run.places():
                run.read(place)
            assert run.places()[-1].step >= 39
        shutil.rmtree(last, ignore_errors=True)  # where only the fsync of a folder failed, it was saved

    refused = failures(go_on, check)

    assert len(refused) > 30
    assert set(refused) == {"open", "write", "flush", "fsync", "mkdir", "rename", "replace", "chmod"}
    file = "whole.run/checkpoints/step-0000040-epoch-5/training.safetensors"
    assert (tmp_path / file).read_bytes() == (trained / file).read_bytes()


def test_when_any_call_fails_while_a_model_is_replaced_one_of_the_two_loads(tiny, tmp_path):
    old, new = TextClassifier(tiny()), TextClassifier(tiny(cell="gru"))
    old.save(tmp_path / "model")

    def save():
        new.save(tmp_path / "model", force=True)

    def check():
        assert TextClassifier.load(tmp_path / "model").model.config.cell in ("lstm", "gru")
        assert all(name.startswith(".model.") for name in set(os.listdir(tmp_path)) - {"model"})

    assert len(failures(save, check)) > 25
    assert TextClassifier.load(tmp_path / "model").model.config.cell == "gru"


FULL = """
mount -t tmpfs -o size=900k tmpfs small
{python} begin.py 2> full.txt
cp -r small/part.run left.run
mount -o remount,size=9000k small
{python} go_on.py
"""


def can_mount():
    return (
        subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True
        ).returncode
        == 0
    )


@pytest.mark.skipif(
    shutil.which("unshare") is None or not can_mount(), reason="needs a file system of its own"
)
def test_a_disk_that_fills_up_stops_the_training_and_space_lets_it_go_on(code, whole, tmp_path):
    (tmp_path / "small").mkdir()
    (tmp_path / "begin.py").write_text(code + "begin('small/part.run', 'texts.csv')")
    (tmp_path / "go_on.py").write_text(code + "go_on('small/part.run').save('part')")

    script = FULL.format(python=sys.executable)
    subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=tmp_path, check=True)

    assert "ArtifactError: cannot write the model folder" in (tmp_path / "full.txt").read_text()
    assert "No space left on device" in (tmp_path / "full.txt").read_text()
    with RunFolder(tmp_path / "left.run") as run:
        places = run.places()
        assert 3 < len(places) < 40
        assert [run.read(place).position.step for place in places] == [place.step for place in places]
    weights = [tmp_path / name / "model.safetensors" for name in ("part", "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_run_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"cannot write the run folder .*file"):
        RunFolder(tmp_path / "file")
