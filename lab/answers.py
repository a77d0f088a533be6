"""Reading HTTP/1.1 answers, whoever gives them: bounded in size, and in time where one waits."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = 4096
"""Bytes of a body that are kept unless more is asked for; the rest is read and dropped."""
MOST_FRAMING = 64 * 1024
"""Bytes without one of a body among them: of status lines, headers, announcements, trailers."""
MOST_READ = 64 * 1024
"""Bytes that are read at a time."""

_MOST_SHOWN = 60
_FINAL = 200
"""Statuses below this announce another answer."""
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_FRAMING_LENGTHS = frozenset(map(len, _FRAMING))
_REQUEST = "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"


class MalformedError(Exception):
    """What came is not HTTP, or has more around a body than any answer needs."""


class Reader:
    """Reads the answers that come over a connection, one after the other.

    ``status`` is 0 until all headers of a final answer are read; ``body`` is what was kept of
    its body and ``size`` how long that is. ``complete`` says that the whole answer is there, and
    ``last`` that no other can follow on the connection.
    """

    status: int
    size: int
    complete: bool
    began: bool
    _framed: bool
    _parts: list[bytes]

    def __init__(self, kept: int = KEPT) -> None:
        """Keep about ``kept`` bytes of each body."""
        self._parser = HttpResponseParser(self)
        self._kept = kept
        self.last = False
        self.forget()

    @property
    def body(self) -> bytes:
        """What was kept of the body."""
        parts = self._parts
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def feed(self, data: bytes) -> None:
        """Read on. Raises :class:`MalformedError`; what came before a whole answer's end counts."""
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            if not self.complete:
                first = data.partition(b"\r\n")[0][:_MOST_SHOWN].decode(errors="replace")
                shown = f": {first!r}" if self._framing == len(data) else ""
                raise MalformedError(f"{error}{shown}") from error
            self.last = True
        if self._framing > MOST_FRAMING and not self.complete:
            raise MalformedError(f"more than {MOST_FRAMING // 1024} KiB of headers")

    def end(self) -> None:
        """The connection has ended, and with it a body that nothing else ends.

        Nothing can be read any more: reader and parser refer to each other until now.
        """
        if self.status and not self._framed:
            self.complete = True
        del self._parser

    def forget(self) -> None:
        """Begin with the next answer."""
        self._framing = 0
        self._next()

    def _next(self) -> None:
        self.status = self.size = 0
        self.complete = self.began = self._framed = False
        self._parts = []

    # Called by the parser.

    def on_message_begin(self) -> None:
        """A status line begins; a second one would answer a request that was not sent."""
        self.last = self.last or self.complete
        self.began = True

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Note headers that say where the body ends."""
        if len(name) in _FRAMING_LENGTHS and name.lower() in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        """All headers are read, maybe those of an announcement."""
        if not self.complete and (status := self._parser.get_status_code()) >= _FINAL:
            self.status = status

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self.complete:
            return
        self._framing = 0
        if self.size < self._kept:
            self._parts.append(body[: self._kept - self.size])
        self.size += len(body)

    def on_message_complete(self) -> None:
        """A whole answer is there, or one that announces another."""
        if self.complete:
            return
        if not self.status:
            self._next()
            return
        self.complete = True
        self.last = self.last or not self._parser.should_keep_alive()


def get(url: str, timeout: float, *, kept: int = KEPT, enough: Callable[[Reader], bool]) -> Reader:
    """Ask a URL once, without proxies, on a connection of its own.

    Reads until the answer is complete or ``enough`` of it is there, for ``timeout`` seconds all
    together. Raises ``OSError`` when there is no answer, and :class:`MalformedError`.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + timeout
    reader = Reader(kept)
    where = (parts.hostname or "", parts.port or 80)
    with socket.create_connection(where, timeout) as connection:
        connection.sendall(_REQUEST.format(path=path, host=parts.netloc).encode())
        while not reader.complete and not enough(reader):
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise TimeoutError("timed out")
            if not (data := connection.recv(MOST_READ)):
                break
            reader.feed(data)
    reader.end()
    if not reader.complete and not enough(reader):
        how = "within the answer" if reader.began else "without response"
        raise ConnectionResetError(f"it closed {how}")
    return reader
