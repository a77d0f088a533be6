"""A timer for event loops that is precise to tens of microseconds.

The loops' own timers are precise to a millisecond, which is as long as the latencies that an
open loop measures from the moment when a request was due.
"""

from __future__ import annotations

import ctypes
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_TIMER_ABSTIME = 1
_NANOSECONDS = 1_000_000_000

# os.timerfd_create is there from Python 3.13 on.
_libc = ctypes.CDLL(None, use_errno=True)


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("value_seconds", ctypes.c_long),
        ("value_nanoseconds", ctypes.c_long),
    )


class Alarm:
    """Calls ``wake`` once after each time it is set; Linux's timerfd."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        """Hold a file descriptor until :meth:`close`."""
        self._fd = _checked(
            _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        )
        self._loop = loop
        self._wake = wake
        self._at: float | None = None
        loop.add_reader(self._fd, self._ring)

    def set(self, at: float) -> None:
        """Ring at this moment of ``time.monotonic()``, at once if it has passed."""
        if at == self._at:
            return
        self._at = at
        seconds, nanoseconds = divmod(max(1, int(at * _NANOSECONDS)), _NANOSECONDS)
        value = _Itimerspec(0, 0, seconds, nanoseconds)
        _checked(_libc.timerfd_settime(self._fd, _TIMER_ABSTIME, ctypes.byref(value), None))

    def close(self) -> None:
        """Ring no more."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # it was set anew after it had expired
            return
        self._at = None
        self._wake()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
