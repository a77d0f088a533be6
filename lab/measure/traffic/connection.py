"""One HTTP/1.1 connection that carries one request at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

from httptools import HttpParserError, HttpResponseParser

from lab.measure.traffic.outcome import ErrorKind, kind_of

BODY_KEPT = 4096
"""How many bytes of a body are kept, at least; the rest is read and dropped."""

_FINAL = 200
"""Statuses below this announce another answer."""


@dataclass(slots=True)
class Request:
    """A request: its place in the order of sending, and two moments of ``time.monotonic()``.

    ``due`` is when it should have been sent: its latency counts from there. ``began`` is when
    a client took it up: its time limit counts from there.
    """

    index: int
    due: float
    began: float


class Owner(Protocol):
    """Who is told what becomes of the requests."""

    def answered(self, connection: Connection, request: Request, status: int, body: bytes) -> None:
        """The whole answer is there; ``connection.usable`` says whether it takes another."""

    def failed(
        self, connection: Connection, request: Request, kind: ErrorKind, detail: str
    ) -> None:
        """There is not going to be an answer, and the connection is closed."""

    def closed(self, connection: Connection) -> None:
        """The server closed the connection while it was idle."""


class Connection(asyncio.Protocol):
    """Sends a prepared request again and again, each time when the answer has been read.

    A request is sent once, never twice: when a kept connection ends before an answer, the
    server may have worked on the request or not, and a repetition would be missing from the
    client's count. It is an error, ``reset``.
    """

    # How far the answer has been read.
    _began: bool
    _headers_complete: bool
    _framed: bool
    _complete: bool
    _status: int
    _body: bytes

    def __init__(self, owner: Owner, request_bytes: bytes) -> None:
        """Unusable until it is connected."""
        self._owner = owner
        self._bytes = request_bytes
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._request: Request | None = None
        self._broken = False
        self._forget()

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        transport = self._transport
        return transport is not None and not self._broken and not transport.is_closing()

    @property
    def request(self) -> Request | None:
        """The request whose answer is awaited."""
        return self._request

    def send(self, request: Request) -> None:
        """Send the request; what becomes of it is the owner's to hear."""
        self._request = request
        if self._transport is None:
            self.fail(ErrorKind.RESET, "the connection ended before the request")
        else:
            self._transport.write(self._bytes)

    def fail(self, kind: ErrorKind, detail: str) -> None:
        """Give the request up, if there is one, and close the connection."""
        self.close()
        request, self._request = self._request, None
        if request is not None:
            self._owner.failed(self, request, kind, detail)

    def close(self) -> None:
        """Close at once: nothing that could still come is wanted."""
        self._broken = True
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on; when the answer is complete, pass it on."""
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            # What came before the surplus counts: a whole answer.
            if not self._complete:
                self.fail(ErrorKind.MALFORMED, str(error) or type(error).__name__)
                return
            self._broken = True
        if self._complete:
            self._finish()
        elif self._request is None:
            self.close()  # nobody asked: no answer to come could be told apart

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed, or the network failed: the end of some bodies, or an error."""
        self._transport = None
        if self._request is None:
            self._owner.closed(self)
        elif exc is None and self._headers_complete and not self._framed:
            self._finish()
        else:
            kind = ErrorKind.RESET if exc is None else kind_of(exc)
            where = "within the answer" if self._began else "before an answer"
            self.fail(kind, f"the connection ended {where}")
        del self._parser  # which refers to this object

    # Called by the parser.

    def on_message_begin(self) -> None:
        """A status line begins; a second one would answer a request that was not sent."""
        self._broken = self._broken or self._complete
        self._began = True

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Note headers that say where the body ends."""
        if len(name) in _FRAMING_LENGTHS and name.lower() in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        """All headers are read."""
        self._headers_complete = True

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._complete:
            return
        if not self._body:
            self._body = body
        elif len(self._body) < BODY_KEPT:
            self._body += body

    def on_message_complete(self) -> None:
        """A whole answer is there, or one that announces another."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < _FINAL:
            self._forget()
            return
        self._complete = True
        self._status = status
        self._broken = self._broken or not self._parser.should_keep_alive()

    def _finish(self) -> None:
        request, status, body = self._request, self._status, self._body
        if self._broken:
            self.close()
        self._request = None
        self._forget()
        if request is not None:
            self._owner.answered(self, request, status or self._parser.get_status_code(), body)

    def _forget(self) -> None:
        """Nothing of the next answer has been read."""
        self._status = 0
        self._body = b""
        self._began = self._headers_complete = self._framed = self._complete = False


_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_FRAMING_LENGTHS = frozenset(map(len, _FRAMING))
