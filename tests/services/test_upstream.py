"""The pool of connections to the upstream, where a race is otherwise hard to provoke."""

import subprocess
import sys
import threading

from tests.services.conftest import Upstream
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
