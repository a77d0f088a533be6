"""Lets SIGTERM and SIGINT end the process while it still imports; imported for that effect.

In a container the service has process id 1, and the kernel delivers no signal to that process
unless it has a handler. Without this one, a container stopped during the imports would linger
until it is killed. `serving` replaces the handlers once it can finish requests in flight.
"""

import os
import signal
from types import FrameType


def _exit(_signal: int, _frame: FrameType | None) -> None:
    os._exit(0)


signal.signal(signal.SIGTERM, _exit)
signal.signal(signal.SIGINT, _exit)
