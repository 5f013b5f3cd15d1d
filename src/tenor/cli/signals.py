"""Signals that ask a training to end → a training that saves all it has learnt, then stops."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenor.training import RunFolder

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def saving_on_signals(run: RunFolder) -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP save and stop the training of a run.

    A second SIGINT, and any of them where nothing is being learnt, interrupts at once. A signal
    that is ignored, as SIGHUP is under ``nohup``, stays so.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if not run.learning or (run.stopping and number == signal.SIGINT):
            raise KeyboardInterrupt
        if not run.stopping:
            run.stopping = True
            line = "\nsaving, then stopping; once more Ctrl-C stops at once\n"
            with suppress(OSError):  # the terminal that hung up, or a reader that is gone
                os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line.encode())

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
