"""A lock between processes."""

import os
import subprocess
import sys
import threading
import time

from tenor.lock import Lock


def test_one_holds_it_and_the_other_is_told_who(tmp_path):
    one, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert one.acquire(wait=False)
    assert not other.acquire(wait=False)
    assert other.holder() == str(os.getpid())
    one.release()
    assert other.acquire(wait=False)
    other.release()


def test_waiting_ends_when_it_is_free(tmp_path):
    one, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    one.acquire(wait=False)
    threading.Timer(0.2, one.release).start()
    began = time.perf_counter()
    with other:
        assert time.perf_counter() - began > 0.1


def test_a_process_that_dies_lets_go(tmp_path):
    code = "import os; from pathlib import Path; from tenor.lock import Lock; "
    code += "Lock(Path('lock')).acquire(wait=False); os._exit(1)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    lock = Lock(tmp_path / "lock")
    assert lock.holder() != str(os.getpid())
    assert lock.acquire(wait=False)
    lock.release()


def test_a_file_without_a_number_names_nobody(tmp_path):
    assert Lock(tmp_path / "lock").holder() == "?"
    (tmp_path / "lock").write_bytes(b"\xff\n")
    assert Lock(tmp_path / "lock").holder() == "?"
