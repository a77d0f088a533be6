"""Several containers' logs as one, in the order of their times. Knows no podman."""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from lab.engine.logs import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.engine.logs import Line

DELAY = 0.2
"""Seconds that a line waits for an earlier one of another container."""
PATIENCE = 1.0
"""Seconds after which is asked again whether anybody reads."""
AHEAD = 1000
"""Lines of one container that are read before they are wanted."""

Named = tuple[str, "Line"]
_Timed = tuple[int, int, "Line"]


def merged(
    streams: Mapping[str, Iterator[Line]],
    *,
    follow: bool = False,
    unread: Callable[[], bool] = lambda: False,
) -> Iterator[Named]:
    """The lines of several logs by time, each with its log's name.

    Those of one log stay in their order; at the same time the first log comes first. When they
    are followed, a line waits a moment for others that were written before it, and they end when
    nobody reads them any more: ``unread`` is asked while there are none.
    """
    if follow:
        yield from _Followed(streams).lines(unread)
        return
    names = list(streams)
    logs = (_steady(lines, number) for number, lines in enumerate(streams.values()))
    for _, number, line in heapq.merge(*logs, key=lambda each: each[0]):
        yield names[number], line


def _steady(lines: Iterator[Line], number: int) -> Iterator[_Timed]:
    """Lines with the number of their log, and with times that never go back."""
    latest = 0
    for line in lines:
        latest = max(latest, line.time)
        yield latest, number, line


class _Log:
    """One of the logs that are followed: what was read of it and is not given yet."""

    def __init__(self) -> None:
        self.ready: deque[tuple[float, _Timed]] = deque()
        self.ended = False
        self.error: Exception | None = None
        self.heard = time.monotonic()


class _Followed:
    """Reads each log in a thread of its own, and gives their lines out in order."""

    def __init__(self, streams: Mapping[str, Iterator[Line]]) -> None:
        self._changed = threading.Condition()
        self._logs = {name: _Log() for name in streams}
        for number, (log, lines) in enumerate(
            zip(self._logs.values(), streams.values(), strict=True)
        ):
            # A daemon: nothing else ends a thread that waits for a line, on Ctrl-C.
            threading.Thread(target=self._read, args=(log, number, lines), daemon=True).start()

    def _read(self, log: _Log, number: int, lines: Iterator[Line]) -> None:
        try:
            for timed in _steady(lines, number):
                with self._changed:
                    self._changed.wait_for(lambda: len(log.ready) < AHEAD)
                    log.heard = time.monotonic()
                    log.ready.append((log.heard, timed))
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - raised again by who reads the lines
            log.error = error
        with self._changed:
            log.ended = True
            self._changed.notify_all()

    def lines(self, unread: Callable[[], bool]) -> Iterator[Named]:
        """Give out each line as soon as no earlier one can be expected."""
        while True:
            with self._changed:
                found = self._next()
                while not isinstance(found, tuple):
                    if found is None or unread():
                        return
                    self._changed.wait(found or PATIENCE)
                    found = self._next()
                self._changed.notify_all()
            yield found

    def _next(self) -> Named | float | None:
        """The next line, else how long to wait for it (0: for any), or None after the last."""
        ready = {name: log for name, log in self._logs.items() if log.ready}
        silent = [log for log in self._logs.values() if not log.ready and not log.ended]
        if not ready:
            if error := next((log.error for log in self._logs.values() if log.error), None):
                raise error
            return 0.0 if silent else None
        name = min(ready, key=lambda each: ready[each].ready[0][1][0])
        came, (moment, _, line) = ready[name].ready[0]
        if silent:
            now = time.monotonic()
            age = max(now - came, time.time() - moment / SECOND)
            quiet = now - max(log.heard for log in silent)
            if (left := DELAY - min(age, quiet)) > 0:
                return left
        ready[name].ready.popleft()
        return name, line
