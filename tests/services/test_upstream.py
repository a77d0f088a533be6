"""The pool of connections to the upstream, where a race is otherwise hard to provoke."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.services.conftest import Start, Upstream
from tests.services.processes import PATIENCE, SERVICES
from tests.services.raw_upstream import Exchange, http

# The second call starts before the event loop can have seen what happened to the connection.
TWO_CALLS = """
import sys
import uvloop
from yarl import URL
from upstream import Upstream

async def main():
    async with Upstream(timeout=15) as upstream:
        await upstream.get(URL(sys.argv[1]))
        print("connection is idle", flush=True)
        sys.stdin.readline()
        print((await upstream.get(URL(sys.argv[1]))).body.decode(), flush=True)

uvloop.run(main())
"""


def test_a_connection_that_closed_just_now_is_not_used(upstream: Upstream) -> None:
    idle, closed = threading.Event(), threading.Event()

    def answer_and_close_when_idle(exchange: Exchange) -> None:
        if exchange.receive():
            exchange.send(http(b"fine"))
            idle.wait(PATIENCE)
            exchange.close()
            closed.set()

    other = upstream(answer_and_close_when_idle)
    with subprocess.Popen(
        [sys.executable, "-c", TWO_CALLS, other.url],
        cwd=SERVICES,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "connection is idle\n"
        idle.set()
        assert closed.wait(PATIENCE)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "fine\n"
    assert process.returncode == 0
    assert len(other.requests) == 2


ENDLESS = {
    "a body until the end of the connection": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 60_000),
    "a body with a length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
        b"x" * 60_000,
    ),
    "chunks": (
        b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"2710\r\n" + b"x" * 10_000 + b"\r\n",
    ),
    "announcements": (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 1000),
}


@pytest.mark.parametrize(("head", "unit"), ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_an_end_is_a_failure_with_its_cause_and_takes_no_memory(
    start: Start, upstream: Upstream, head: bytes, unit: bytes
) -> None:
    def flood(exchange: Exchange) -> None:
        if exchange.receive():
            with suppress(OSError):
                exchange.send(head)
                for _ in range(4000):  # an end after all, for who would take it all
                    exchange.send(unit)

    service = start("service_a", UPSTREAM_SERVICE=upstream(flood).url)
    before = peak(service.process.pid)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.get(), range(8)))
    assert {answer.status_code for answer in answers} == {500}
    said = {answer.text for answer in answers}
    assert said <= {
        "Service A: upstream failed with: the answer is larger than 64 KiB\n",
        "Service A: upstream failed with: there are too many answers\n",
    }
    assert peak(service.process.pid) < before + 64 * 1024
    assert service.counted() == (0, 8)


def test_an_answer_as_large_as_they_may_be_is_passed_on(start: Start, upstream: Upstream) -> None:
    whole = b"x" * 64 * 1024

    def answer(exchange: Exchange) -> None:
        while exchange.receive():
            exchange.send(http(whole))

    service = start("service_a", UPSTREAM_SERVICE=upstream(answer).url)
    assert service.get().text == f"Service A: upstream responded with: {whole.decode()}\n"


def peak(process: int) -> int:
    """The most memory that a process has had so far, in KiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
