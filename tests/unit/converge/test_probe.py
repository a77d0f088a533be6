"""A question to a real HTTP server on loopback: "" when it answered 200, else why not."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from lab.converge.ready import probe

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


@pytest.mark.parametrize("status", [204, 302, 404, 503])
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


def test_proxies_are_not_used(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(accept=False) as (_, nowhere):
        monkeypatch.setenv("http_proxy", nowhere)
        monkeypatch.setenv("HTTP_PROXY", nowhere)
        assert probe(f"{server}/200", 20) == ""
