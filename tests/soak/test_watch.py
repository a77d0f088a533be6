"""A reading sees what a process holds."""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import ExitStack

from tests.soak.flat import MEBIBYTE
from tests.soak.watch import reading


def test_memory_handles_and_connections_are_told_apart() -> None:
    before = reading(os.getpid())
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(tempfile.TemporaryFile())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server, _ = listener.accept()
        stack.enter_context(server)
        held = os.urandom(64 * MEBIBYTE)
        during = reading(os.getpid())
        assert during.handles - before.handles == 4  # the files, and the socket that listens
        assert during.connections - before.connections == 2
        assert during.memory - before.memory > 0.9 * len(held)
        client.close()
        half = reading(os.getpid())
        assert half.connections == before.connections  # nobody is at the other end any more
        assert half.handles - before.handles == 5
