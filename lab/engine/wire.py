"""The quick way to podman: libpod's HTTP API over its unix socket.

Importing podman-py takes as long as all the calls of a ``lab status``, and ``http.client`` a
fifth of that. So the short calls, on which ``up``, ``down`` and ``status`` spend their time, go
over this when the service has a unix socket; podman-py carries what takes long anyway (builds,
pulls, logs), and everything to a service that is reached through ssh or TCP.
"""

from __future__ import annotations

import json
import struct
import threading
from socket import AF_UNIX, SO_PEERCRED, SOL_SOCKET, socket
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from httptools import HttpParserError, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "/v4.0.0/libpod"
"""Any version from 3.4 to 6.0 is accepted; the server speaks its own in any case."""
_BAD = 400
_CHUNK = 65536
_UCRED = struct.Struct("3i")
"""What SO_PEERCRED tells: process, user, group (unix(7))."""


class Answer(Protocol):
    """What lab needs of an answer; podman-py's APIResponse has it as well."""

    @property
    def status_code(self) -> int:
        """The status of HTTP."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; their names are in small letters, or in any case."""

    @property
    def text(self) -> str:
        """The body."""

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON; raises ValueError when it is not."""

    def raise_for_status(self) -> None:
        """Raise an error that :func:`lab.engine.errors.translated` knows, from status 400 on."""


class Api(Protocol):
    """What lab needs of a connection; podman-py's APIClient has it as well."""

    def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Answer:
        """Ask for something."""

    def post(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: str | bytes | None = None,
    ) -> Answer:
        """Have something done."""

    def delete(self, path: str, *, params: Mapping[str, str] | None = None) -> Answer:
        """Have something removed."""

    def close(self) -> None:
        """Close what is open."""


class RefusedError(Exception):
    """Podman refused a call; the text is its cause."""


class WireAnswer:
    """An answer that has been read whole."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Keep what came."""
        self.status_code = status
        self.headers = headers
        self._body = body

    @property
    def text(self) -> str:
        """The body."""
        return self._body.decode(errors="replace")

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON."""
        return json.loads(self._body)

    def raise_for_status(self) -> None:
        """Raise :class:`RefusedError` with podman's own words."""
        if self.status_code < _BAD:
            return
        try:
            found = self.json()
            raise RefusedError(found.get("message") or found["cause"])
        except (ValueError, LookupError, AttributeError):
            raise RefusedError(self.text.strip() or f"status {self.status_code}") from None


class _Incoming:
    """Collects one answer as it is parsed."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.complete = False
        self.parser = HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True

    @property
    def answer(self) -> WireAnswer:
        return WireAnswer(self.parser.get_status_code(), self.headers, bytes(self.body))


class _Connection:
    """HTTP over a unix socket, one request at a time; connects when it has to."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket | None = None
        self.peer = 0

    def exchange(self, request: bytes) -> WireAnswer:
        """Send a request and read its answer; raises ``OSError`` or ``ValueError``."""
        connected = self._socket
        if connected is None:
            connected = self._socket = socket(AF_UNIX)
            connected.connect(self._path)
            self.peer = _UCRED.unpack(connected.getsockopt(SOL_SOCKET, SO_PEERCRED, _UCRED.size))[0]
        connected.sendall(request)
        incoming = _Incoming()
        while not incoming.complete:
            received = connected.recv(_CHUNK)
            if not received:
                raise ConnectionResetError("the connection ended before the answer")
            try:
                incoming.parser.feed_data(received)
            except HttpParserError as error:
                raise ValueError(f"the answer is not HTTP: {error}") from error
        if not incoming.parser.should_keep_alive():
            self.close()
        return incoming.answer

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class UnixApi:
    """A connection for each thread that asks, kept open between its calls."""

    def __init__(self, path: str) -> None:
        """``path`` is the socket's; nothing is connected yet."""
        self._path = path
        self._mine = threading.local()
        self._all: list[_Connection] = []

    def get(self, path: str, *, params: Mapping[str, str] | None = None) -> WireAnswer:
        """Ask for something."""
        return self._call("GET", path, params)

    def post(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: str | bytes | None = None,
    ) -> WireAnswer:
        """Have something done."""
        return self._call("POST", path, params, data)

    def delete(self, path: str, *, params: Mapping[str, str] | None = None) -> WireAnswer:
        """Have something removed."""
        return self._call("DELETE", path, params)

    @property
    def peer(self) -> int:
        """The process that listens, as of the latest connections; 0 when it cannot be seen."""
        return next((connection.peer for connection in self._all if connection.peer), 0)

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._all:
            connection.close()

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: str | bytes | None = None,
    ) -> WireAnswer:
        """Send a request; whatever goes wrong on the way leaves no connection half used."""
        target = PREFIX + quote(path) + (f"?{urlencode(params)}" if params else "")
        body = data.encode() if isinstance(data, str) else data or b""
        head = f"{method} {target} HTTP/1.1\r\nHost: podman\r\nContent-Length: {len(body)}\r\n"
        if data:
            head += "Content-Type: application/json\r\n"
        connection = self._connection()
        try:
            return connection.exchange(head.encode() + b"\r\n" + body)
        except BaseException:
            connection.close()
            raise

    def _connection(self) -> _Connection:
        found: _Connection | None = getattr(self._mine, "connection", None)
        if found is None:
            found = self._mine.connection = _Connection(self._path)
            self._all.append(found)
        return found
