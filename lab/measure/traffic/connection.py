"""One HTTP/1.1 connection that carries one request at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

from lab.answers import MalformedError, Reader
from lab.measure.traffic.outcome import ErrorKind, kind_of


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

    def __init__(self, owner: Owner, request_bytes: bytes) -> None:
        """Unusable until it is connected."""
        self._owner = owner
        self._bytes = request_bytes
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self._request: Request | None = None

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        transport = self._transport
        return transport is not None and not self._reader.last and not transport.is_closing()

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
        self._reader.last = True
        if self._transport is not None:
            self._transport.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on; when the answer is complete, pass it on."""
        try:
            self._reader.feed(data)
        except MalformedError as error:
            self.fail(ErrorKind.MALFORMED, str(error))
            return
        if self._reader.complete:
            self._finish()
        elif self._request is None:
            self.close()  # nobody asked: no answer to come could be told apart

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed, or the network failed: the end of some bodies, or an error."""
        self._transport = None
        reader = self._reader
        reader.end()
        if self._request is None:
            self._owner.closed(self)
        elif exc is None and reader.complete:
            self._finish()
        else:
            kind = ErrorKind.RESET if exc is None else kind_of(exc)
            where = "within the answer" if reader.began else "before an answer"
            self.fail(kind, f"the connection ended {where}")

    def _finish(self) -> None:
        reader, request = self._reader, self._request
        status, body = reader.status, reader.body
        if reader.last:
            self.close()
        self._request = None
        reader.forget()
        if request is not None:
            self._owner.answered(self, request, status, body)
