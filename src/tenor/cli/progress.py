"""A count that goes up on a terminal; nothing where standard error is piped."""

from __future__ import annotations

import sys
import time
from types import TracebackType


class Counter:
    """``reading test texts: 12,288 of 25,000, 3,100/s``. For what runs without the training extra."""

    def __init__(self, title: str, total: int | None = None) -> None:
        self._title = title
        self._of = f" of {total:,}" if total else ""
        self._done = 0
        self._began = time.perf_counter()
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Counter:
        return self

    def add(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        if self._shown:
            speed = self._done / max(time.perf_counter() - self._began, 1e-6)
            line = f"\r\033[K{self._title}: {self._done:,}{self._of}, {speed:,.0f}/s"
            print(line, end="", file=sys.stderr, flush=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._shown and self._done:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


class Fetching:
    """``fetching aclImdb_v1.tar.gz: 31 of 84 MB, 12 MB/s``; a line at both ends where piped."""

    def __init__(self) -> None:
        self._began = 0.0
        self._drawn = 0.0

    def __call__(self, name: str, done: int, total: int) -> None:
        """So many bytes are here, of so many."""
        now = time.perf_counter()
        if not self._began:
            self._began = now
            if not sys.stderr.isatty():
                print(f"fetching {name}, {total / 1e6:,.1f} MB", file=sys.stderr, flush=True)
        if sys.stderr.isatty() and (now - self._drawn > 0.1 or done == total):
            self._drawn = now
            speed = done / 1e6 / max(now - self._began, 1e-6)
            line = f"fetching {name}: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB, {speed:,.1f} MB/s"
            print(f"\r\033[K{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
