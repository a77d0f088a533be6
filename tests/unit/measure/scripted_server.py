"""A real HTTP server that answers each request as a test wants, well-behaved or not."""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
FOREVER = math.inf


def http(body: str = "", status: int = 200, *headers: str) -> bytes:
    """A whole answer with the length of its body."""
    lines = (f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", *headers, "", body)
    return "\r\n".join(lines).encode()


@dataclass(frozen=True)
class Reply:
    """Bytes to send, after a stall in seconds, and what becomes of the connection then."""

    data: bytes = http("fine\n")
    then: Literal["keep", "close", "reset"] = "keep"
    stall: float = 0


class Server:
    """Answers request number ``n`` (from 0) with ``script(n)``."""

    def __init__(self, script: Callable[[int], Reply]) -> None:
        self._script = script
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._threads = [threading.Thread(target=self._accept)]
        self._connections: list[socket.socket] = []
        self._heads: list[bytes] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/path?q=1"

    @property
    def received(self) -> int:
        """How many requests were read."""
        return len(self._heads)

    @property
    def connected(self) -> int:
        """How many connections were made."""
        return len(self._connections)

    @property
    def heads(self) -> list[str]:
        """The requests."""
        return [head.decode() for head in self._heads]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for each in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            received = b""
            while not self._stopping.is_set():
                while b"\r\n\r\n" not in received:
                    chunk = connection.recv(65536)
                    if not chunk:
                        return
                    received += chunk
                head, _, received = received.partition(b"\r\n\r\n")
                reply = self._script(self._count(head))
                if reply.stall:
                    self._stopping.wait(None if reply.stall == FOREVER else reply.stall)
                connection.sendall(reply.data)
                if reply.then == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                if reply.then != "keep":
                    return

    def _count(self, head: bytes) -> int:
        with self._lock:
            self._heads.append(head)
            return len(self._heads) - 1
