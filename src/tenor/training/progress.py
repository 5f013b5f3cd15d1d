"""What a training reports in → bars on a terminal, a line an epoch when piped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

try:
    from tqdm import tqdm
except ImportError:  # then there are lines and no bars
    tqdm = None

from tenor.training.history import EpochRecord, RunningMean


class _Unheard:
    """A stream that may lose its reader: a terminal that is closed, a pipe that ends. The work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


class Progress:
    """Writes to one stream, such as ``sys.stderr``; ``None`` writes nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = None if stream is None else _Unheard(stream)

    def say(self, line: str) -> None:
        """One line, above a bar if there is one."""
        if self._stream is not None:
            if tqdm is None:
                self._stream.write(line + "\n")
            else:
                tqdm.write(line, file=self._stream)
            self._stream.flush()

    @contextmanager
    def bar(self, title: str, texts: int, done: int = 0) -> Iterator[Bar]:
        """A bar over so many texts, with rate and time left; gone when it is done."""
        shown = self._stream is not None and self._stream.isatty()
        if tqdm is None or not shown:
            yield Bar(None)
            return
        with tqdm(
            total=texts, initial=done, desc=title, unit=" texts", file=self._stream,
            leave=False, dynamic_ncols=True, smoothing=0.1,
        ) as tq:  # fmt: skip
            yield Bar(tq)

    def epoch(self, record: EpochRecord, epochs: int) -> None:
        """The line of one epoch."""
        self.say(
            f"epoch {record.epoch}/{epochs} · training loss {record.train_loss:.4f} "
            f"accuracy {record.train_accuracy:.4f} · validation loss {record.validation_loss:.4f} "
            f"accuracy {record.validation_accuracy:.4f} · {record.seconds or 0:.0f} s, "
            f"{record.tokens_per_second or 0:,.0f} tokens/s{' · best' if record.best else ''}"
        )


class Bar:
    """One bar: counts texts and shows loss and accuracy so far; None shows nothing."""

    def __init__(self, tq: tqdm | None) -> None:
        self._tq = tq

    def update(self, texts: int, mean: RunningMean | None = None) -> None:
        """So many more texts were read; the mean, where there is one, is shown beside."""
        if self._tq is None:
            return
        if mean is not None:
            self._tq.set_postfix_str(f"loss {mean.loss:.4f}, accuracy {mean.accuracy:.4f}", refresh=False)
        self._tq.update(texts)
