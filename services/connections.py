"""Bounds what one client may take, so that the others go on being answered.

aiohttp itself limits a line and the number of headers, pauses a client that sends requests
faster than they are answered, and never keeps a body that nobody reads. It waits for the rest
of a request without limits, though: these are here.
"""

import asyncio
import resource
import socket
from collections.abc import Callable
from typing import Any

from aiohttp import web

# The time a request's head may take from its first byte to its last, ...
_HEAD_SECONDS = 10.0
# ... and its size; twice that may be kept.
_HEAD_BYTES = 32 * 1024
# A client that sends more gets this long to receive an answer, if it sent a body after a head.
_LAST_SECONDS = 1.0
_HEAD_END = b"\r\n\r\n"
# Connections per port. The heads of all of them, unfinished, fit the container's memory.
_MOST_CONNECTIONS = 4000


def factory(server: web.Server, **options: Any) -> Callable[[], asyncio.Protocol]:  # noqa: ANN401 - aiohttp's
    """Make the protocols of one port's connections, with options of aiohttp's RequestHandler."""
    loop = asyncio.get_running_loop()
    port = _Port()
    return lambda: _Connection(port, server, loop=loop, **options)


def limit_buffers(listener: asyncio.Server) -> None:
    """Let clients send no more at a time than a whole head may have."""
    for socket_ in listener.sockets:
        # The kernel doubles the number, and counts its own bookkeeping in.
        socket_.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _HEAD_BYTES // 2)


def raise_file_limit() -> None:
    """Use all the open files that this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Port:
    """Counts the connections of a port.

    A quarter of the open files at most: service A may need as many again for its upstream.
    """

    def __init__(self) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most = min(_MOST_CONNECTIONS, files // 4)
        self.open = 0


class _Connection(web.RequestHandler):
    """A client's connection, which ends when its requests come too slowly or too large.

    One that is merely idle stays: clients keep such connections to send requests again.
    """

    __slots__ = ("_deadline", "_end", "_port", "_unfinished")

    def __init__(self, port: _Port, *args: Any, **options: Any) -> None:  # noqa: ANN401 - aiohttp's
        super().__init__(*args, **options)
        self._port = port
        self._unfinished = 0  # bytes since the last whole head: of the next one, or of a body
        self._end = b""  # the last bytes that came, which may begin the end of a head
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._port.open += 1
        if self._port.open > self._port.most:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._port.open -= 1
        self._close_in(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._unfinished > _HEAD_BYTES:
            return  # the connection is about to end
        seen = self._end + data
        head_end = seen.rfind(_HEAD_END)
        if head_end >= 0:
            self._close_in(None)
            self._unfinished = len(seen) - head_end - len(_HEAD_END)
        else:
            self._unfinished += len(data)
        self._end = seen[1 - len(_HEAD_END) :]
        if self._unfinished > _HEAD_BYTES:
            self._close_in(_LAST_SECONDS)
        elif self._unfinished and self._deadline is None:
            self._close_in(_HEAD_SECONDS)
        super().data_received(data)

    def _close_in(self, seconds: float | None) -> None:
        """Set the time at which the connection ends; None takes it back."""
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = None if seconds is None else loop.call_later(seconds, self.force_close)
