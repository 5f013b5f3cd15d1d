"""Fetching from a server that misbehaves, on this machine."""

from __future__ import annotations

import errno
import hashlib
import http.server
import io
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from tenor.data import fetching
from tenor.data.fetching import fetch
from tenor.data.published import Published
from tenor.errors import DataError

BODY = bytes(range(256)) * 4000
NAME = "corpus.tar.gz"
_LENGTH = len(BODY)


class Server(http.server.ThreadingHTTPServer):
    """Answers each request by the next of its plans, the last one again and again."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plans, self.requests = [send], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/{NAME}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        plans = self.server.plans
        self.server.requests.append(self.path)
        plan = plans.pop(0) if len(plans) > 1 else plans[0]
        plan(self)

    def begin(self, status=200, length=_LENGTH, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def send(handler):
    handler.begin()
    handler.wfile.write(BODY)


def cut(handler):
    handler.begin()
    handler.wfile.write(BODY[:100_000])


def stall(handler):
    handler.begin()
    handler.wfile.write(BODY[:100_000])
    handler.wfile.flush()
    time.sleep(1)


def claim_less(handler):
    handler.begin(length=1000)
    handler.wfile.write(BODY[:1000])


def claim_more(handler):
    handler.begin(length=len(BODY) * 9)
    handler.wfile.write(BODY)


def send_more(handler):
    handler.begin(length=None)
    handler.wfile.write(BODY * 3)


def corrupt(handler):
    handler.begin()
    handler.wfile.write(BODY[:-1] + b"!")


def answer(status, **headers):
    return lambda handler: handler.begin(status, length=0, **headers)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TENOR_OFFLINE", raising=False)
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(fetching, "WAIT_S", 0.01)
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def published(server):
    return Published(url=server.url, size_bytes=len(BODY), sha256=hashlib.sha256(BODY).hexdigest())


def cached(tmp_path):
    return {path.name for path in (tmp_path / "tenor").iterdir()} - {f".{NAME}.lock"}


def test_a_file_is_fetched_once_and_reported_as_it_comes(server, tmp_path):
    reports = []
    path = fetch(NAME, published(server), lambda *report: reports.append(report))
    assert path == tmp_path / "tenor" / NAME
    assert path.read_bytes() == BODY
    assert reports[-1] == (NAME, len(BODY), len(BODY))
    assert [done for _, done, _ in reports] == sorted(done for _, done, _ in reports)
    fetch(NAME, published(server))
    assert len(server.requests) == 1
    assert cached(tmp_path) == {NAME}


@pytest.mark.parametrize(
    "trouble", [cut, stall, claim_less, send_more, corrupt, answer(500), answer(503), answer(429)]
)
def test_a_passing_trouble_is_tried_again(server, tmp_path, trouble):
    server.plans = [trouble, trouble, send]
    assert fetch(NAME, published(server)).read_bytes() == BODY
    assert len(server.requests) == 3
    assert cached(tmp_path) == {NAME}


@pytest.mark.parametrize(
    ("trouble", "reason", "requests"),
    [
        (cut, r"the connection ended after 100,\d+ of 1,024,000 bytes|IncompleteRead", 4),
        (stall, "the server was silent for 0.3 s|timed out", 4),
        (claim_less, "the connection ended after 1,000 of 1,024,000 bytes", 4),
        (send_more, "the server sent more than the 1,024,000 bytes of the file", 4),
        (corrupt, "its SHA-256 is [0-9a-f]{64} and should be", 4),
        (answer(404), "the server answers 404 Not Found", 1),
        (answer(403), "the server answers 403 Forbidden", 1),
        (answer(500), "the server answers 500", 4),
        (
            answer(302, Location="ftp://127.0.0.1/x"),
            "sends us on to ftp://127.0.0.1/x, which is not https",
            1,
        ),
        (
            answer(302, Location="file:///etc/passwd"),
            "Redirection to url 'file:///etc/passwd' is not allowed",
            1,
        ),
    ],
)
def test_a_lasting_trouble_says_what_it_was_where_to_get_and_where_to_put_the_file(
    server, tmp_path, trouble, reason, requests
):
    server.plans = [trouble]
    with pytest.raises(DataError, match=reason) as error:
        fetch(NAME, published(server))
    assert str(error.value).splitlines()[1:] == [
        f"Fetch it where there is a network: {server.url}", f"and save it as {tmp_path / 'tenor' / NAME}",
    ]  # fmt: skip
    assert len(server.requests) == requests
    assert cached(tmp_path) == set()


def test_a_length_that_lies_does_no_harm_where_the_content_is_right(server):
    server.plans = [claim_more]
    assert fetch(NAME, published(server)).read_bytes() == BODY


def test_an_endless_redirection_ends(server):
    server.plans = [answer(302, Location=server.url)]
    with pytest.raises(DataError, match=r"redirect|302"):
        fetch(NAME, published(server))


def test_from_https_nothing_leads_back_to_http():
    class Request:
        full_url = "https://example.org/x"

    with pytest.raises(fetching._Refused, match="which is not https"):
        fetching._SafeRedirects().redirect_request(
            Request(), io.BytesIO(), 302, "", {}, "http://example.org/x"
        )


def test_without_a_network_the_error_comes_soon(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(fetching, "WAIT_S", 0.01)
    nowhere = Published(url="http://127.0.0.1:9/x", size_bytes=1, sha256="")
    with pytest.raises(DataError, match=r"could not be fetched: .*refused"):
        fetch(NAME, nowhere)


def test_a_host_that_nobody_knows_is_asked_for_once(monkeypatch, tmp_path):
    def lookup(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    began = time.perf_counter()
    with pytest.raises(DataError, match=r"could not be fetched: .*Name or service not known"):
        fetch(NAME, Published(url="http://nowhere.invalid/x", size_bytes=1, sha256=""))
    assert time.perf_counter() - began < 0.9  # less than the first wait


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match="Not a directory"):
        fetch(NAME, published(server))


def test_what_a_killed_process_left_is_removed(server, tmp_path):
    (tmp_path / "tenor").mkdir()
    (tmp_path / "tenor" / f".{NAME}.part-abc").write_bytes(b"half")
    fetch(NAME, published(server))
    assert cached(tmp_path) == {NAME}


FETCH = """
import sys
from tenor.data.fetching import fetch
from tenor.data.published import Published
print(fetch(%r, Published(url=sys.argv[1], size_bytes=int(sys.argv[2]), sha256=sys.argv[3])))
"""


def test_many_processes_fetch_a_file_once(server, tmp_path):
    def slowly(handler):
        time.sleep(0.2)
        send(handler)

    server.plans, sound = [slowly], published(server)
    command = [sys.executable, "-c", FETCH % NAME, server.url, str(sound.size_bytes), sound.sha256]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) for _ in range(6)]
    said = [process.communicate(timeout=60)[0].decode().strip() for process in running]
    assert said == [str(tmp_path / "tenor" / NAME)] * 6
    assert len(server.requests) == 1


def test_a_full_disk_is_no_reason_to_fetch_again(server, monkeypatch, tmp_path):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    asked = []
    monkeypatch.setattr(fetching.os, "fsync", full)
    monkeypatch.setattr(fetching.time, "sleep", asked.append)
    with pytest.raises(DataError, match="No space left on device"):
        fetch(NAME, published(server))
    assert not asked
