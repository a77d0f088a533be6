"""Runs a service: listens, dispatches by path, and ends on SIGTERM or SIGINT.

It uses aiohttp's low-level server: two or three fixed paths need no application object,
router or middleware, and each of those would cost time in every request.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import connections
import json_log
import uvloop
from aiohttp import http, web
from settings import SettingsError

Handler = Callable[[], Awaitable[web.Response]]

# Requests in flight get this long after a signal to stop; longer than any upstream call takes.
_GRACE_SECONDS = 20.0
# How long to read the rest of a request that was answered before its end (a POST that is not
# allowed); short, because it would hold up the end of the process.
_LINGERING_SECONDS = 0.05

# Connections that wait to be accepted; one too many would be tried again after a second.
_BACKLOG = 1024

_ALLOWED_METHODS = ("GET", "HEAD")

_log = logging.getLogger("serving")


class ListenError(Exception):
    """A port cannot be listened on; says which and why."""


@dataclass(frozen=True)
class Endpoint:
    """An address to listen on, and what is served there by path. Port 0: any free one."""

    name: str
    host: str
    port: int
    routes: Mapping[str, Handler]


def run(service: str, main: Callable[[], Coroutine[None, None, None]]) -> NoReturn:
    """Run main to its end and exit.

    The exit status is 0 after a signal to stop, 1 when a port is not to be had, 2 when a
    setting is bad. The last two leave one line on standard error.
    """
    json_log.configure(service)
    connections.raise_file_limit()
    gc.freeze()  # what was imported stays: no collection has to look at it again
    gc.enable()
    status = 0
    try:
        uvloop.new_event_loop().run_until_complete(main())
    except (ListenError, SettingsError) as error:
        status = 2 if isinstance(error, SettingsError) else 1
        sys.stderr.write(f"{service}: {error}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    # A look-up of a host name cannot be cancelled, and a plain exit would wait for its thread.
    os._exit(status)


async def serve(endpoints: Sequence[Endpoint], settings: Mapping[str, object]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight.

    Args:
        endpoints: Where to listen.
        settings: What to show in the log's start line.

    Raises:
        ListenError: An address is in use or not available.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    servers = []
    listeners = []
    for endpoint in endpoints:
        server = _server(endpoint.routes, stopping)
        servers.append(server)
        listeners.append(await _listen(server, endpoint))
    addresses = {
        endpoint.name: "{}:{}".format(*listener.sockets[0].getsockname()[:2])
        for endpoint, listener in zip(endpoints, listeners, strict=True)
    }
    _log.info("started", extra={"fields": {"listening": addresses, "settings": settings}})

    await stopping.wait()
    _log.info("stopping")
    for listener in listeners:
        listener.close()
    for server in servers:
        server.pre_shutdown()
    await asyncio.gather(*(server.shutdown(_GRACE_SECONDS) for server in servers))
    _log.info("stopped")


def answer(status: int, body: bytes) -> web.Response:
    """Make an answer of plain text."""
    return web.Response(
        status=status,
        body=body,
        headers={"Content-Type": "text/plain; charset=utf-8"},
    )


async def healthy() -> web.Response:
    """Say that this process answers."""
    return answer(200, b"ok\n")


def _server(routes: Mapping[str, Handler], stopping: asyncio.Event) -> web.Server:
    async def handle(request: web.BaseRequest) -> web.Response:
        handler = routes.get(request.path)
        if handler is None:
            response = answer(404, b"not found\n")
        elif request.method not in _ALLOWED_METHODS:
            response = answer(405, b"method not allowed\n")
            response.headers["Allow"] = ", ".join(_ALLOWED_METHODS)
        else:
            response = await handler()
        if stopping.is_set() or request.body_exists:
            # Tells the client not to send its next request over this connection: its end is
            # near, or what follows is a body that nobody reads.
            response.force_close()
        return response

    return web.Server(handle)


async def _listen(server: web.Server, endpoint: Endpoint) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    logger = logging.getLogger("serving.http")
    logger.addFilter(_is_own_fault)
    # Idle connections keep aiohttp's limit of about an hour: longer than the pools of Envoy and
    # of service A keep one, so that never a request crosses a close on its way.
    factory = connections.factory(
        server, access_log=None, logger=logger, lingering_time=_LINGERING_SECONDS
    )
    try:
        listener = await loop.create_server(factory, endpoint.host, endpoint.port, backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ListenError(
            f"cannot listen on {endpoint.host}:{endpoint.port} ({endpoint.name}): {reason}"
        ) from error
    connections.limit_buffers(listener)
    return listener


def _is_own_fault(record: logging.LogRecord) -> bool:
    # What is not HTTP is answered with status 400; logged too, it would let a client fill the log.
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, http.HttpProcessingError)
