"""A server on a unix socket that answers every request with bytes that a test has chosen."""

from __future__ import annotations

import json
import threading
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Answer = bytes
"""A whole answer as it goes over the wire; empty to close without one."""


def answer(status: int, body: object = None, *, text: str | None = None) -> Answer:
    """An HTTP answer with a JSON body, or with a text that need not be JSON."""
    content = (json.dumps(body) if text is None else text).encode()
    head = f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(content)}\r\n"
    return f"{head}Libpod-API-Version: 4.3.1\r\nConnection: close\r\n\r\n".encode() + content


PONG = answer(200, text="OK")


class FakePodman:
    """Use as a context manager; ``requests`` has (method, path without version, query, body).

    A ping is answered as podman does, and not written down.
    """

    def __init__(
        self, path: Path, respond: Callable[[str, str], Answer], ping: Answer = PONG
    ) -> None:
        """Answer a request by ``respond(method, path)``."""
        self.url = f"unix://{path}"
        self.requests: list[tuple[str, str, str, bytes]] = []
        seen = self.requests

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                method, target, _ = self.rfile.readline().decode().split(" ", 2)
                length = 0
                while (line := self.rfile.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                body = self.rfile.read(length)
                path, _, query = target.partition("?")
                short = path.split("/libpod", 1)[-1]
                if short == "/_ping":
                    self.wfile.write(ping)
                    return
                seen.append((method, short, query, body))
                self.wfile.write(respond(method, short))

        self._server = ThreadingUnixStreamServer(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
