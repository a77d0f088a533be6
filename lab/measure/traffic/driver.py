"""Sending requests: in a closed loop, each after an answer, or in an open loop, on time."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from typing import TYPE_CHECKING

from lab.measure.traffic.alarm import Alarm
from lab.measure.traffic.connection import Connection, Request
from lab.measure.traffic.outcome import ErrorKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.measure.traffic.tally import Tally
    from lab.measure.traffic.target import Target

TICK = 0.1
"""Seconds between two looks at the time limits, and two reports of progress."""
GRACE = 1.0
"""Seconds that an interrupted load waits for the answers to what it has sent."""


class Limits:
    """What ends a load: a number of requests, a time in seconds, or both."""

    def __init__(self, requests: int | None, seconds: float | None) -> None:
        """None is no limit."""
        self.requests = math.inf if requests is None else requests
        self.seconds = math.inf if seconds is None else seconds


class Driver:
    """Keeps up to ``concurrency`` requests on their way, and tallies what becomes of them.

    ``due`` yields when requests are due, in seconds after the start; without it, one is due
    whenever fewer than ``concurrency`` are on their way. A request that is due while all
    connections are busy is sent late, as soon as one is free: ``last_due`` and ``last_sent``
    say when the last one should have been sent and when it was, in seconds after the start,
    and ``lag`` by how much the latest one was late.
    """

    def __init__(
        self,
        target: Target,
        tally: Tally,
        limits: Limits,
        *,
        concurrency: int,
        timeout: float,
        due: Iterator[float] | None,
    ) -> None:
        """To be used once, in a running event loop."""
        self._target = target
        self._tally = tally
        self._limits = limits
        self._concurrency = concurrency
        self._timeout = timeout
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._loop, self._pump)
        self._ended = self._loop.create_future()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._addresses: list[str] = []
        self._began = self._deadline = self._upcoming = 0.0
        self.stopped = False
        self.last_due = 0.0
        self.last_sent = 0.0
        self.lag = 0.0

    async def run(self, progress: Callable[[], None]) -> None:
        """Send until a limit is reached and everything sent has an outcome.

        ``progress`` is called every tick.
        """
        self._began = time.monotonic()
        self._deadline = self._began + self._limits.seconds
        self._upcoming = self._began + (next(self._due) if self._due else 0)
        ticking = self._loop.create_task(self._tick(progress))
        try:
            self._pump()
            await asyncio.wait((self._ended, ticking), return_when=asyncio.FIRST_COMPLETED)
            (self._ended if self._ended.done() else ticking).result()
        finally:
            ticking.cancel()
            self._alarm.close()
            for connection in (*self._idle, *self._busy):
                connection.close()

    def stop(self) -> None:
        """Send nothing more, and end soon; at once when called again."""
        if self.stopped:
            self._abandon()
            return
        self.stopped = True
        self._loop.call_later(GRACE, self._abandon)
        self._pump()

    # Called by connections.

    def answered(self, connection: Connection, request: Request, status: int, body: bytes) -> None:
        """Tally an answer, and go on."""
        self._tally.answer(request.index, status, body, time.monotonic() - request.due)
        self._busy.discard(connection)
        if connection.usable:
            self._idle.append(connection)
        self._pump()

    def failed(
        self, connection: Connection, request: Request, kind: ErrorKind, detail: str
    ) -> None:
        """Tally an error, and go on with another connection."""
        self._tally.failed(request.index, kind, detail, time.monotonic() - request.due)
        self._busy.discard(connection)
        self._pump()

    def closed(self, connection: Connection) -> None:
        """Forget a connection that the server closed between requests."""
        if connection in self._idle:
            self._idle.remove(connection)

    def _pump(self) -> None:
        """Send what is due as far as connections allow; notice the end."""
        now = time.monotonic()
        while len(self._busy) + len(self._connecting) < self._concurrency:
            if self._exhausted(now):
                break
            if self._due and self._upcoming > now:
                self._alarm.set(self._upcoming)
                return
            self._send(now)
        if not self._busy and not self._connecting and not self._ended.done():
            self._ended.set_result(None)

    def _exhausted(self, now: float) -> bool:
        return (
            self.stopped
            or self._tally.begun >= self._limits.requests
            or max(now, self._upcoming) >= self._deadline
        )

    def _send(self, now: float) -> None:
        due = now
        self.last_sent = now - self._began
        if self._due:
            due, self._upcoming = self._upcoming, self._began + next(self._due)
            self.last_due = due - self._began
            self.lag = max(self.lag, now - due)
        request = Request(self._tally.begin(), due, now)
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                self._busy.add(connection)
                connection.send(request)
                return
        task = self._loop.create_task(self._connect(request))
        self._connecting.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[None]) -> None:
        """Go on with what an attempt to connect left; an unforeseen error ends the load."""
        self._connecting.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._ended.done():
            self._ended.set_exception(error)
        self._pump()

    async def _connect(self, request: Request) -> None:
        """Send a request on a connection of its own."""
        try:
            async with asyncio.timeout(self._timeout):
                connection = await self._open()
        except OSError as error:
            waited = time.monotonic() - request.due
            detail = str(error) or "no connection"
            self._tally.failed(request.index, kind_of(error), detail, waited)
        except asyncio.CancelledError:
            self._tally.failed(
                request.index, ErrorKind.UNANSWERED, "interrupted before it was sent", 0
            )
            raise
        else:
            self._busy.add(connection)
            connection.send(request)

    async def _open(self) -> Connection:
        """Connect to the first of the host's addresses that takes it; look it up once."""
        if not self._addresses:
            found = await self._loop.getaddrinfo(
                self._target.host, self._target.port, type=socket.SOCK_STREAM
            )
            self._addresses = [str(address[0]) for *_, address in found]
        *others, last = self._addresses
        for address in others:
            with contextlib.suppress(OSError):
                return await self._open_to(address)
        return await self._open_to(last)

    async def _open_to(self, address: str) -> Connection:
        _, connection = await self._loop.create_connection(
            lambda: Connection(self, self._target.request), address, self._target.port
        )
        return connection

    async def _tick(self, progress: Callable[[], None]) -> None:
        """Now and then, give up what takes too long, and report progress."""
        while True:
            await asyncio.sleep(min(TICK, self._timeout / 10))
            latest = time.monotonic() - self._timeout
            for connection in tuple(self._busy):
                if connection.request and connection.request.began < latest:
                    connection.fail(ErrorKind.TIMEOUT, f"waited {self._timeout:g} s")
            progress()

    def _abandon(self) -> None:
        for connection in tuple(self._busy):
            connection.fail(ErrorKind.UNANSWERED, "interrupted while it was awaited")
        for task in tuple(self._connecting):
            task.cancel()
