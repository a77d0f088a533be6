"""Calls the upstream service over pooled connections, never sending a request twice.

Every call of `get` reaches the upstream at most once, so that the requests counted on both
sides can be compared. Two things stand in the way of that:

- aiohttp resends a GET by itself when the connection breaks before the answer, even though the
  upstream may have received it. A middleware turns such an error into one that it leaves alone.
- Without that, a pooled connection which the upstream closed while it was idle would fail a
  request. The pool looks at a connection before it hands it out.
"""

import functools
import os
import select
import weakref
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import NamedTuple, Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

MOST_BYTES = 64 * 1024
"""How large an answer's body may be; all requests under way have one in memory."""

# Answers that may come at once: the one that was asked for, and those that announce it (1xx).
_MOST_ANSWERS = 16
_TOO_LARGE = f"the answer is larger than {MOST_BYTES // 1024} KiB"


class UpstreamError(Exception):
    """No answer came; the message names the cause."""


class UpstreamAnswer(NamedTuple):
    """What the upstream answered; the body is as it came."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Upstream:
    """The pool of connections to upstream servers; an asynchronous context manager."""

    def __init__(self, timeout: float) -> None:
        """Limit each call to a number of seconds, from the look-up to the body's last byte."""
        self._timeout = timeout
        self._session = aiohttp.ClientSession(
            connector=_Connector(),
            timeout=aiohttp.ClientTimeout(total=timeout),
            middlewares=[self._send_once],
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        )

    async def __aenter__(self) -> Self:
        """Return the pool, still empty."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, url: URL) -> UpstreamAnswer:
        """Send one GET request and read the answer, whatever its status; follow no redirect.

        Raises:
            UpstreamError: There was no complete answer.
        """
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                return UpstreamAnswer(response.status, await self._body(response))
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(self._cause(error, url)) from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > MOST_BYTES:
            raise UpstreamError(_TOO_LARGE)
        content = response.content
        body = b""
        while not content.at_eof():
            body += await content.readany()
            if len(body) > MOST_BYTES:
                raise UpstreamError(_TOO_LARGE)
        return body

    async def _send_once(
        self,
        request: aiohttp.ClientRequest,
        send: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
    ) -> aiohttp.ClientResponse:
        try:
            return await send(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise UpstreamError(self._cause(error, request.url)) from error

    def _cause(self, error: Exception, url: URL) -> str:
        match error:
            case aiohttp.ClientConnectorDNSError():
                cause = f"cannot resolve the host name {url.host}"
            case aiohttp.ClientConnectorError():
                cause = f"cannot connect to {url.authority}: {_reason(error.os_error)}"
            case TimeoutError():
                cause = f"timed out after {self._timeout:g} s"
            case aiohttp.ServerDisconnectedError():
                cause = "connection closed before the answer"
            case aiohttp.ClientPayloadError():
                cause = "connection closed in the middle of the answer"
            case aiohttp.ClientResponseError():
                cause = "the answer is not HTTP"
            case OSError():
                cause = _reason(error)
            case _:
                cause = f"{type(error).__name__}: {error}"
        return cause


class _Protocol(ResponseHandler):
    """Ends a connection over which answers come by the thousand; aiohttp would keep them all."""

    def data_received(self, data: bytes) -> None:
        """Take what came; what is too much is the last."""
        super().data_received(data)
        if len(self) > _MOST_ANSWERS and self.transport is not None:
            self.transport.abort()
            self.set_exception(UpstreamError("there are too many answers"))


class _Connector(aiohttp.TCPConnector):
    """Drops pooled connections that the upstream has closed, even if only just now.

    aiohttp drops those whose end the event loop has processed. This one asks the kernel: an
    idle connection that is readable brings an end, a reset, or bytes that nobody asked for.
    """

    def __init__(self) -> None:
        """Start with no connection."""
        # No limit: the load decides how many requests are under way. No cached addresses:
        # the pool makes look-ups rare, and an outdated address fails requests.
        super().__init__(limit=0, use_dns_cache=False)
        self._factory = functools.partial(_Protocol, loop=self._loop)  # type: ignore[assignment]
        self._used: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the overridden method's
    ) -> Connection:
        """Get a connection from the pool or create a new one."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None:
                return connection
            if protocol not in self._used or not _is_readable(protocol):
                self._used.add(protocol)
                return connection
            connection.close()


def _is_readable(protocol: ResponseHandler) -> bool:
    if protocol.transport is None:
        return True
    poll = select.poll()
    poll.register(protocol.transport.get_extra_info("socket"), select.POLLIN)
    return bool(poll.poll(0))


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)
