"""What Ctrl-C, SIGTERM and SIGHUP do, at every moment of a command's life.

Before a command changes anything they end it at once: nothing has to be put in order. While it
does, the first one raises where the main thread is, so that what runs is waited for and told,
and a second one ends the command at once. While it measures, they are held: a first one ends the
measurement early, a second one waits for nothing more, and what was measured is kept. After that
a signal comes too late and is ignored.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SIGNALS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "hung up",
}
HEARD = tuple(
    number
    for number in SIGNALS
    if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
)
"""All but SIGHUP below ``nohup``."""
STATUS_BASE = 128
"""A shell's exit status for a program that a signal ended: this and the signal's number."""
PATIENCE = 2
"""Signals that are held; one more ends the command at once."""
CARRY_ON = "`lab up` or `lab down` carries on"
SHOW_CURSOR = "\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """A signal, handled on the same path as Ctrl-C; the arguments say what became of the work."""

    def __init__(self, number: int, *said: str) -> None:
        """``number`` is the signal's."""
        super().__init__(*said)
        self.number = signal.Signals(number)


class Held:
    """The signals that came while they were held, in their order."""

    def __init__(self) -> None:
        """None came."""
        self.came: list[int] = []

    @property
    def first(self) -> int | None:
        """The signal that everything is to end for."""
        return self.came[0] if self.came else None

    @property
    def hurried(self) -> bool:
        """Whether a second one asked to wait for nothing more."""
        return len(self.came) >= PATIENCE


def begin() -> None:
    """From now on a signal ends the program at once, in words and without a traceback."""
    for number in HEARD:
        signal.signal(number, _quit)


def end() -> None:
    """From now on signals are ignored: the work is done, and what was printed gets out."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, ValueError):  # whoever read it is gone
        sys.stdout.flush()


@contextmanager
def orderly() -> Iterator[None]:
    """While something is changed, let the first signal raise and only a second one end it all."""
    with _handled(_interrupt):
        yield


@contextmanager
def held(lost: str) -> Iterator[Held]:
    """While something is measured, hold signals; ``lost`` says what one too many of them costs.

    Outside of the main thread none are held.
    """
    found = Held()
    if threading.current_thread() is not threading.main_thread():
        yield found
        return

    def hold(number: int, _frame: FrameType | None) -> None:
        if found.hurried:
            _leave(number, lost)
        found.came.append(number)

    with _handled(hold):
        yield found


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals for a while, and then as before; too late is ignored."""
    before = {number: signal.getsignal(number) for number in HEARD}
    try:
        for number in HEARD:
            signal.signal(number, handler)
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_IGN if earlier is _quit else earlier)


def _quit(number: int, _frame: FrameType | None) -> None:
    _leave(number, "nothing was changed")


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for each in HEARD:
        signal.signal(each, _give_up)
    raise Interrupted(number)


def _give_up(number: int, _frame: FrameType | None) -> None:
    _leave(number, "what podman was doing goes on; `lab up` or `lab down` carries on from there")


def _leave(number: int, said: str) -> None:
    with suppress(Exception):  # it may have been writing when the signal came
        sys.stdout.flush()
    shown = SHOW_CURSOR if sys.stderr.isatty() else ""
    with suppress(OSError):  # the terminal may be gone
        os.write(2, f"{shown}{SIGNALS[signal.Signals(number)]}: {said}\n".encode())
    os._exit(STATUS_BASE + number)
