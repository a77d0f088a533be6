"""What Ctrl-C and SIGTERM do, at every moment of a command's life.

Before a command changes anything they end it at once: nothing has to be put in order. While it
does, the first one raises where the main thread is, so that what runs is waited for and told,
and a second one ends the command at once. After that a signal comes too late and is ignored.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
STATUS_BASE = 128
"""A shell's exit status for a program that a signal ended: this and the signal's number."""
SHOW_CURSOR = "\x1b[?25h"


class Terminated(KeyboardInterrupt):
    """SIGTERM, handled on the same path as Ctrl-C."""


def begin() -> None:
    """From now on a signal ends the program at once, in words and without a traceback."""
    for number in SIGNALS:
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
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for number in SIGNALS:
            signal.signal(number, _interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if handler is _quit else handler)


def _quit(number: int, _frame: FrameType | None) -> None:
    _leave(number, "nothing was changed")


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, _give_up)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _give_up(number: int, _frame: FrameType | None) -> None:
    _leave(number, "what podman was doing goes on; `lab up` or `lab down` carries on from there")


def _leave(number: int, said: str) -> None:
    with suppress(Exception):  # it may have been writing when the signal came
        sys.stdout.flush()
    shown = SHOW_CURSOR if sys.stderr.isatty() else ""
    with suppress(OSError):  # nobody can be told
        os.write(2, f"{shown}{SIGNALS[signal.Signals(number)]}: {said}\n".encode())
    os._exit(STATUS_BASE + number)
