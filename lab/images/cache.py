"""Downloads that outlive a run: made once, by one process at a time, whole or not at all.

Nobody else can reach them, whatever the umask, and who uses them looks at them each time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lab import xdg
from lab.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Callable


def directory() -> Path:
    """Return lab's cache directory (``$XDG_CACHE_HOME/lab``), made if it is missing.

    Only its owner, who has to be this user, can enter it. Raises ``StepError`` when it cannot
    be made, or is somebody else's.
    """
    cache = xdg.home("CACHE_HOME") / "lab"
    try:
        for missing in (*reversed(cache.parents), cache):
            missing.mkdir(mode=0o700, exist_ok=True)
        found = cache.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            if stat.S_IMODE(found.st_mode) & 0o077:
                cache.chmod(0o700)
            return cache
    except OSError as error:
        raise StepError(
            f"cannot make {cache}: {error.strerror}",
            hint="set XDG_CACHE_HOME to a directory that can be written to",
        ) from error
    raise StepError(
        f"{cache} is not a directory of this user's own",
        hint="what lies there could be somebody else's: set XDG_CACHE_HOME to a directory of yours",
    )


def once(
    target: Path, make: Callable[[Path], None], intact: Callable[[Path], bool] = Path.is_dir
) -> Path:
    """Return the directory ``target``, filled by ``make`` unless it is there and ``intact``.

    ``make`` fills a directory beside it that becomes ``target`` only when ``make`` returns.
    What is there and not intact is made anew. Threads and processes that ask at the same time
    wait for the first. What ``make`` raises is raised, with nothing left behind.
    """
    if _usable(target, intact):
        return target
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _usable(target, intact):
            return target
        for old in (partial, target):  # of a process that was killed; not what was made
            if old.is_symlink():
                old.unlink()
            elif old.exists():
                shutil.rmtree(old)
        partial.mkdir(mode=0o700)
        try:
            make(partial)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return target


def _usable(target: Path, intact: Callable[[Path], bool]) -> bool:
    return target.is_dir() and not target.is_symlink() and intact(target)
