"""Advisory locks on files: the kernel frees what a process held when it dies.

The file of a lock is removed with it, so that none accumulate. Whoever waited for a file that
was removed meanwhile holds a lock that nobody else can see, and has to begin again.
"""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST_NOTED = 200
"""Bytes of a holder's command that are noted in its lock: enough to recognise it."""


@contextmanager
def alone(path: Path, waiting: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock of a file that nobody else holds meanwhile; the file goes in the end.

    ``waiting`` is told once who holds it ("lab up direct, process 123"), if it has to be waited
    for. Raises ``OSError`` when the file cannot be made.
    """
    descriptor = _lock(path, fcntl.LOCK_EX, waiting)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, _myself())
        yield
    finally:
        path.unlink(missing_ok=True)  # before it is freed: nobody else can hold this one
        os.close(descriptor)


def share(path: Path) -> int:
    """Hold the lock of a file together with others; returns the descriptor that holds it.

    It is freed when the descriptor is closed or the process ends. Raises ``OSError`` when the
    file cannot be made.
    """
    return _lock(path, fcntl.LOCK_SH)


def take_over(descriptor: int) -> bool:
    """Turn a shared lock into one that is held alone, if nobody else shares it.

    Otherwise the lock is lost.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock(path: Path, kind: int, waiting: Callable[[str], None] = lambda _: None) -> int:
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    waiting(_holder(descriptor))
                    told = True
                fcntl.flock(descriptor, kind)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _myself() -> bytes:
    command = " ".join(("lab", *sys.argv[1:])).encode(errors="replace")
    return command[:MOST_NOTED] + f", process {os.getpid()}".encode()


def _holder(descriptor: int) -> str:
    noted = os.pread(descriptor, MOST_NOTED + 100, 0).decode(errors="replace")
    return noted or "another lab command"
