"""A training that was stopped comes to the same bits as one that was not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tenor import TextClassifier
from tenor.errors import ArtifactError, TrainingError
from tenor.training import RunFolder, resume

OF_A_RUN = ("lock", "metrics.jsonl", "run.json", "curves.svg")


def contents(folder, *, without=()):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name not in without
    }


EACH_STEP = """
import os, shutil

for step in range(40):
    name = f"from-{step}"
    shutil.copytree("whole.run", f"{name}.run")
    if os.fork() == 0:
        go_on(f"{name}.run", step).save(name)
        os._exit(0)
    if step % 2:  # two at a time
        assert os.wait()[1] == os.wait()[1] == 0
"""


def test_from_each_of_40_updates_a_new_process_comes_to_the_same_bytes(script, whole):
    assert len([name for name in os.listdir(whole / "checkpoints") if "epoch" not in name]) == 36

    done = script(EACH_STEP)

    assert done.returncode == 0, done.stderr
    for step in range(40):
        assert contents(whole.parent / f"from-{step}") == contents(whole.parent / "whole")
        again = contents(whole.parent / f"from-{step}.run", without=OF_A_RUN)
        assert again == contents(whole, without=OF_A_RUN), f"checkpoints after step {step}"


KILLS = """
import os, random, signal, time

def whole():
    # Without what is being written: before the first checkpoint there is nothing to go on from.
    folder = Path("part.run/checkpoints")
    return {place.name for place in folder.glob("step-*")} if folder.is_dir() else set()

kills, after = %d, 0
while True:
    child = os.fork()
    if child == 0:
        begin("part.run", %r) if after == 0 else go_on("part.run")
        os._exit(0)
    known = whole() if after else set()
    while after < kills and os.waitpid(child, os.WNOHANG)[0] == 0:
        time.sleep(0.002)
        if whole() - known:
            time.sleep(random.Random(after).random() * 0.03)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
    else:
        assert after == kills, f"the training ended after {after} kills"
        assert os.waitpid(child, 0)[1] == 0
        break
    after += 1
    with RunFolder(Path("part.run")) as folder:
        for place in folder.places():
            folder.read(place)
print(after)
"""


def killed(script, whole, texts, kills):
    keep = 3
    longer = (
        f"SETTINGS.train.__dict__['epochs'] = {kills + 5}\n"  # eight updates each, each with its checkpoint
    )
    done = script(longer + f"begin('long.run', {str(texts)!r}).save('long')", keep=keep)
    assert done.returncode == 0, done.stderr
    done = script(longer + KILLS % (kills, str(texts)) + "go_on('part.run').save('part')", keep=keep)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{kills}\n"
    assert contents(whole.parent / "part") == contents(whole.parent / "long")
    left = contents(whole.parent / "part.run", without=OF_A_RUN)
    assert left == contents(whole.parent / "long.run", without=OF_A_RUN)


def test_20_kills_at_any_moment_lose_nothing(script, whole, texts):
    killed(script, whole, texts, 20)


@pytest.mark.slow
def test_50_kills_at_any_moment_lose_nothing(script, whole, texts):
    killed(script, whole, texts, 50)


def test_every_checkpoint_is_a_model_that_predicts(whole):
    folders = sorted((whole / "checkpoints").iterdir())
    assert len(folders) == 41
    for folder in folders:
        assert TextClassifier.load(folder).predict(["a fine film"])[0].label in ("bad", "good")


def test_the_last_few_and_the_best_they_go_back_to_are_kept(script, texts):
    done = script(f"begin('few.run', {str(texts)!r})", keep=2)
    assert done.returncode == 0, done.stderr
    folder = texts.parent / "few.run"
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    best = [row for row in rows if row["best"]][-1]["epoch"]
    assert best < 5  # or this shows nothing
    assert sorted(os.listdir(folder / "checkpoints")) == [
        f"step-{8 * best:07d}-epoch-{best}", "step-0000039", "step-0000040-epoch-5",
    ]  # fmt: skip


def test_a_resumed_run_keeps_its_record_of_all_epochs(script, whole):
    before = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    script("go_on('whole.run', 20)")
    after = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert after[:2] == before[:2]  # their times too
    assert [row["validation_loss"] for row in after] == [row["validation_loss"] for row in before]


def test_a_finished_run_can_be_gone_on_with_and_gives_its_model_again(script, whole):
    done = script("go_on('whole.run').save('again')")
    assert done.returncode == 0, done.stderr
    assert contents(whole.parent / "again") == contents(whole.parent / "whole")


def test_texts_that_were_changed_are_refused(whole, texts):
    texts.write_text(texts.read_text() + "one more,good\n")
    with (
        RunFolder(whole) as run,
        pytest.raises(TrainingError, match=r"texts.csv is not what this training began"),
    ):
        resume(run, step=3)
    assert len(os.listdir(whole / "checkpoints")) == 41  # nothing was taken back


def test_texts_that_moved_can_be_named(whole, texts):
    from tenor.data import load

    moved = texts.rename(texts.with_name("moved.csv"))
    with RunFolder(whole) as run:
        with pytest.raises(Exception, match="is neither a file nor a corpus"):
            resume(run)
        data = load(moved)
        assert resume(run, data).model.record["metrics"]["epochs"] == 5


def test_a_step_that_is_not_there_is_answered_with_those_that_are(whole):
    shutil.rmtree(whole / "checkpoints" / "step-0000012")
    with (
        RunFolder(whole) as run,
        pytest.raises(TrainingError, match=r"no checkpoint of step 12; it has 0, 1, 2"),
    ):
        resume(run, step=12)


@pytest.mark.parametrize("name", ["training.json", "training.safetensors", "model.safetensors"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_goes_on(whole, name):
    file = whole / "checkpoints" / "step-0000040-epoch-5" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with RunFolder(whole) as run:
        with pytest.raises(ArtifactError, match=rf"{name} is damaged"):
            resume(run)
        assert resume(run, step=39).predict(["fine"]) == TextClassifier.load(whole.parent / "whole").predict(
            ["fine"]
        )


def test_an_unfinished_training_is_not_begun_anew_by_mistake(whole):
    shutil.rmtree(whole / "checkpoints" / "step-0000040-epoch-5")
    with RunFolder(whole) as run:
        with pytest.raises(TrainingError, match=r"stopped after update 39; resume it: tenor train --resume"):
            run.begin(None)
    with RunFolder(whole, force=True) as run:
        run.begin(None)
        assert run.places() == []


def test_a_training_whose_model_was_not_saved_is_not_begun_anew_by_mistake(whole):
    with RunFolder(whole) as run:
        run.check_free()  # its model is there
        shutil.rmtree(whole.parent / "whole")
        with pytest.raises(
            TrainingError, match=r"is finished \(40 updates\), but whose model was not saved.* --resume"
        ):
            run.begin(None)
        assert len(run.places()) == 41


def test_a_run_in_memory_asks_for_its_texts(whole):
    (whole / "run.json").write_text('{"data": null}')
    with (
        RunFolder(whole) as run,
        pytest.raises(TrainingError, match=r"does not say where the texts are .* name them"),
    ):
        resume(run)


def test_a_run_folder_without_checkpoints_says_so(tmp_path):
    with (
        RunFolder(tmp_path / "x.run") as run,
        pytest.raises(TrainingError, match="has no checkpoint to resume from"),
    ):
        resume(run)


HOLD = """
import sys, time
from pathlib import Path
from tenor.training import RunFolder
with RunFolder(Path("x.run")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_trainings_in_one_folder_are_one_too_many_and_a_dead_one_is_none(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD], cwd=tmp_path, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(
            TrainingError, match=rf"written by another training, process {other.pid}; wait for"
        ):
            RunFolder(tmp_path / "x.run")
        other.kill()
    with RunFolder(tmp_path / "x.run"):
        pass


def test_the_same_command_gives_the_same_bytes_wherever_and_however_it_runs(tmp_path, texts):
    command = [sys.executable, "-m", "tenor", "train", "texts.csv", "-o", "model", "--epochs", "2"]
    small = ["--embedding-dim", "6", "--hidden-sizes", "5", "--min-count", "1"]
    ways = [("one", "0", "C"), ("two é", "1", "C.UTF-8"), ("three/deep", "random", "tr_TR.UTF-8")]
    made = []
    for name, seed, locale in ways:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        shutil.copy(texts, folder)
        variables = os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": locale, "LANG": locale, "TZ": name}
        subprocess.run([*command, *small], cwd=folder, env=variables, check=True, capture_output=True)
        made.append((contents(folder / "model"), contents(folder / "model.run", without=OF_A_RUN)))
    assert made[0] == made[1] == made[2]
