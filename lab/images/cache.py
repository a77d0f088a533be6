"""Downloads that outlive a run: made once, by one process at a time, whole or not at all."""

from __future__ import annotations

import fcntl
import shutil
from typing import TYPE_CHECKING

from lab import xdg
from lab.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def directory() -> Path:
    """Return lab's cache directory (``$XDG_CACHE_HOME/lab``), made if it is missing.

    Raises ``StepError`` when it cannot be made.
    """
    cache = xdg.home("CACHE_HOME") / "lab"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StepError(
            f"cannot make {cache}: {error.strerror}",
            hint="set XDG_CACHE_HOME to a directory that can be written to",
        ) from error
    return cache


def once(target: Path, make: Callable[[Path], None]) -> Path:
    """Return the directory ``target``, filled by ``make`` unless it is there already.

    ``make`` fills a directory beside it that becomes ``target`` only when ``make`` returns.
    Threads and processes that ask at the same time wait for the first. What ``make`` raises is
    raised, with nothing left behind.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.is_dir():
            return target
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        partial.mkdir()
        try:
            make(partial)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return target
