"""Waiting for something to become true: polled, and bounded."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which a wait counts as in vain; no test depends on how long one takes."""

_PAUSE = 0.05


def until(what: str, ask: Callable[[], T]) -> T:
    """Return the first answer that is not empty, false or None."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := ask()):
        if time.monotonic() > deadline:
            message = f"waited {PATIENCE:g} s in vain until {what}; the last answer was {answer!r}"
            raise AssertionError(message)
        time.sleep(_PAUSE)
    return answer
