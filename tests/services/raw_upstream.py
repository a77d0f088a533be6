"""An upstream that answers, or fails to, exactly as a test says: byte by byte."""

import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

from tests.services.processes import PATIENCE

Script = Callable[["Exchange"], None]


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Exchange:
    """One connection, as the script of a test sees it."""

    def __init__(self, upstream: "RawUpstream", connection: socket.socket) -> None:
        self._upstream = upstream
        self._connection = connection

    def receive(self) -> bool:
        """Wait for a request; False when the client closes instead."""
        request = b""
        while b"\r\n\r\n" not in request:
            received = self._connection.recv(65536)
            if not received:
                return False
            request += received
        self._upstream.requests.append(request.decode())
        return True

    def send(self, answer: bytes) -> None:
        self._connection.sendall(answer)

    def close(self) -> None:
        self._connection.close()

    def reset(self) -> None:
        linger_for_no_time = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)


class RawUpstream:
    """Listens on a free port, and runs the script for each connection until it closes.

    The end of the script closes the connection.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[str] = []
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed: the end of the test
                return
            thread = threading.Thread(target=self._talk, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(PATIENCE)
            self._script(Exchange(self, connection))

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)
