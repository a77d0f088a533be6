"""`lab load --url` against a server that wants to fill its memory, or to keep it for ever."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.measure.scripted_server import http

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = 256 * 1024 * 1024
"""More than twice of what a load takes."""
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
KIB = b"x" * 1024

Flood = tuple[bytes, bytes, str]
FLOODS: dict[str, Flood] = {
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", KIB, "malformed"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: " + KIB + b"\r\n", "malformed"),
    "a reason": (b"HTTP/1.1 200 ", KIB, "malformed"),
    "announcements": (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", "malformed"),
    "a chunk's extension": (CHUNKED + b"1;", KIB, "malformed"),
    "trailers": (CHUNKED + b"0\r\n", b"X: " + KIB + b"\r\n", "malformed"),
    "one trailer": (CHUNKED + b"0\r\nX: ", KIB, "malformed"),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", KIB, "timeout"),
    "chunks": (CHUNKED, b"400\r\n" + KIB + b"\r\n", "timeout"),
}


@contextmanager
def endless(head: bytes, unit: bytes) -> Iterator[str]:
    """The URL of a server that begins every answer with a head, and goes on until it is cut."""

    def answer(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(65536)
            client.sendall(head)
            while True:
                client.sendall(unit * 256)

    with serving(answer) as url:
        yield url


@contextmanager
def serving(answer: Any) -> Iterator[str]:  # noqa: ANN401 - a function of a socket
    """The URL of a server that gives each connection to a function, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=answer, args=(client,), daemon=True).start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def load(url: str, *options: str) -> dict[str, Any]:
    """The result of a load in a process of its own, which has to get by with little memory."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "load", "--url", url, "-o", "json", "--quiet", *options],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


LIMITED = f"""
import resource, sys
from lab.__main__ import main
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert used < {MEMORY}, used
"""


@pytest.mark.attack("8.16: headers, announcements, trailers and bodies without an end")
@pytest.mark.parametrize(("head", "unit", "kind"), FLOODS.values(), ids=FLOODS)
def test_an_endless_answer_is_an_error_by_its_cause(head: bytes, unit: bytes, kind: str) -> None:
    with endless(head, unit) as url:
        result = load(url, "-n", "4", "-c", "4", "--timeout", "2")
    assert result["errors"] == {kind: 4}


@pytest.mark.attack("8.16: a thousand kinds of answers, each of a megabyte")
def test_what_is_kept_of_answers_is_little() -> None:
    def answer(client: socket.socket) -> None:
        number = 0
        with client, suppress(OSError):
            while client.recv(65536):
                number += 1
                client.sendall(http(f"{number:08}" + "x" * 2**20))

    with serving(answer) as url:
        result = load(url, "-n", "100")
    assert result["succeeded"] == 100
    assert max(len(row["example"]) for row in result["answers"]) <= 256
    assert len(json.dumps(result)) < 2**20


@pytest.mark.attack("8.16: an answer that goes on coming, a byte now and then")
def test_a_requests_time_ends_though_bytes_come() -> None:
    over = threading.Event()

    def drip(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.01):
                client.sendall(b"X: y\r\n")

    with serving(drip) as url:
        result = load(url, "-n", "2", "-c", "2", "--timeout", "0.5")
        over.set()
    assert result["errors"] == {"timeout": 2}
