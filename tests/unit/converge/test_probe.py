"""A question to a real HTTP server on loopback: "" when it answered 200, else why not."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from lab.converge.ready import probe
from tests.unit.measure.scripted_server import Reply, Server, http

if TYPE_CHECKING:
    from collections.abc import Iterator


class Answering(BaseHTTPRequestHandler):
    """Answers with the status that stands in the path: /503 with 503."""

    def do_GET(self) -> None:
        body = f"asked for {self.path}\n".encode()
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests are silent."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def scripted(reply: Reply) -> Iterator[str]:
    """The URL of a server that always gives the same answer."""
    with Server(lambda _: reply) as server:
        yield server.url


@contextmanager
def listening(*, accept: bool = True) -> Iterator[tuple[socket.socket, str]]:
    """A socket of our own, and its URL; refused when nothing listens on it."""
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        if accept:
            mine.listen()
        yield mine, f"http://127.0.0.1:{mine.getsockname()[1]}/"


def test_200_is_ready(server: str) -> None:
    assert probe(f"{server}/200", 20) == ""


def test_a_url_without_a_path_means_the_root(server: str) -> None:
    assert probe(server, 20) == ""


@pytest.mark.parametrize("status", [201, 302, 404, 503])
def test_any_other_status_is_told_with_the_body(server: str, status: int) -> None:
    assert probe(f"{server}/{status}", 20) == f"HTTP {status} asked for /{status}"


def test_a_refused_connection_is_told() -> None:
    with listening(accept=False) as (_, url):
        assert "refused" in probe(url, 20)


def test_a_server_that_does_not_answer_is_told() -> None:
    with listening() as (_, url):
        assert "timed out" in probe(url, 0.05)


def test_a_server_that_closes_without_an_answer_is_told() -> None:
    def close() -> None:
        connection, _ = mine.accept()
        connection.recv(1000)
        connection.close()

    with listening() as (mine, url):
        thread = threading.Thread(target=close)
        thread.start()
        assert "without response" in probe(url, 20)
        thread.join()


def test_what_is_not_http_is_told() -> None:
    def answer() -> None:
        connection, _ = mine.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")

    with listening() as (mine, url):
        thread = threading.Thread(target=answer)
        thread.start()
        assert "SSH-2.0" in probe(url, 20)
        thread.join()


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["no reason", "continue", "early hints"],
)
def test_whatever_http_calls_200_is_ready(told: bytes) -> None:
    with scripted(Reply(told, then="close")) as url:
        assert probe(url, 20) == ""


def test_a_server_that_keeps_its_connection_is_not_waited_for() -> None:
    told = http("not yet\n", 503)
    with scripted(Reply(told, then="keep")) as url:
        # Whoever waits for the end of the connection never returns.
        assert probe(url, 3600) == "HTTP 503 not yet"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (b"HTTP/1.1 103 Wait\r\n\r\n" * 10_000, "more than 64 KiB of headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "more than 64 KiB of headers"),
    ],
    ids=["announcements", "a header"],
)
def test_what_never_comes_to_an_answer_is_told(told: bytes, said: str) -> None:
    with scripted(Reply(told, then="keep")) as url:
        assert said in probe(url, 3600)


def test_the_time_that_a_probe_takes_is_bounded_though_bytes_go_on_coming() -> None:
    with listening() as (mine, url):

        def drip() -> None:
            connection, _ = mine.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 503 No\r\n")
                while not over.wait(0.01):
                    connection.sendall(b"X: y\r\n")

        over = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert "timed out" in probe(url, 0.2)
        finally:
            over.set()
            thread.join()


def test_proxies_are_not_used(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(accept=False) as (_, nowhere):
        monkeypatch.setenv("http_proxy", nowhere)
        monkeypatch.setenv("HTTP_PROXY", nowhere)
        assert probe(f"{server}/200", 20) == ""
