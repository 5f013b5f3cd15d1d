"""A fork waits for what other threads compute in BLAS, and they for it.

BLAS holds locks of its own for moments. A child has only the thread that forked: what another one held
then would stay held in it for ever, and its first product would not end. Every thread has a lock of
its own, which costs nothing while nobody forks; to fork is to hold all of them.
"""

from __future__ import annotations

import os
import threading
import weakref

_here = threading.local()
_every: weakref.WeakSet[threading.RLock] = weakref.WeakSet()
_registering = threading.RLock()  # a signal may come within, and whoever handles it may fork
_held: list[threading.RLock] = []


def undisturbed() -> threading.RLock:
    """This thread's lock: no process is forked while it is held."""
    lock = getattr(_here, "lock", None)
    if lock is None:
        lock = threading.RLock()
        with _registering:
            _every.add(lock)
        _here.lock = lock
    return lock


def _before() -> None:
    _registering.acquire()
    for lock in list(_every):
        lock.acquire()
        _held.append(lock)


def _after() -> None:
    while _held:
        _held.pop().release()
    _registering.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
