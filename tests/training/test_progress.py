from __future__ import annotations

import io
import time

from tenor.training.history import EpochRecord, RunningMean
from tenor.training.progress import Progress

RECORD = EpochRecord(
    epoch=2, step=40, train_loss=0.5, train_accuracy=0.75, validation_loss=0.4, validation_accuracy=0.8,
    validation_macro_f1=0.79, learning_rate=0.001, seconds=12.4, tokens_per_second=123456.7, best=True,
)  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show(stream):
    progress = Progress(stream)
    with progress.bar("epoch 2 training", 10) as bar:
        mean = RunningMean()
        mean.add(0.5, 3, 4)
        time.sleep(0.15)  # a bar is drawn ten times a second at most
        bar.update(10, mean)
    progress.epoch(RECORD, 5)
    return stream.getvalue()


def test_piped_there_is_a_line_an_epoch_and_nothing_else():
    assert show(io.StringIO()) == (
        "epoch 2/5 · training loss 0.5000 accuracy 0.7500 · validation loss 0.4000 accuracy 0.8000 · "
        "12 s, 123,457 tokens/s · best\n"
    )


def test_on_a_terminal_a_bar_shows_loss_accuracy_rate_and_time_left():
    shown = show(Terminal())
    assert "epoch 2 training: 100%" in shown
    assert "loss 0.5000, accuracy 0.7500" in shown
    assert "texts/s" in shown


def test_nothing_is_written_where_there_is_no_stream():
    Progress(None).say("unseen")


def test_running_means_are_over_examples_not_over_batches():
    mean = RunningMean()
    mean.add(1.0, 1, 1)
    mean.add(0.0, 0, 3)
    assert (mean.loss, mean.accuracy) == (0.25, 0.25)
