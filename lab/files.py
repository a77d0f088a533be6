"""Reading files that somebody else may have written: scenarios, records, configurations.

A name may stand for a link to the reader's own secrets, for a pipe that never ends or for a
device that never stops. So only regular files are read, up to a size, and nothing blocks.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KIB, MIB = 1024, 1024 * 1024

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


def read(path: Path, most: int, *, below: Path | None = None, links: bool = False) -> bytes:
    """The content of a regular file of at most ``most`` bytes.

    ``path`` may not be a symbolic link unless ``links`` says so. With ``below``, a directory
    that ``path`` is in, no directory between the two may be a link either.

    Raises ``OSError``, whose ``strerror`` says what is wrong, and ``ValueError`` for text that is
    no path.
    """
    if below is None:
        return _read(str(path), path, most, None, links=links)
    *folders, name = path.relative_to(below).parts
    parent = os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            if stat.S_ISLNK(os.stat(folder, dir_fd=parent, follow_symlinks=False).st_mode):
                raise OSError(errno.ELOOP, f"{folder} is a symbolic link", str(path))
            inner = os.open(folder, _FOLDER, dir_fd=parent)
            os.close(parent)
            parent = inner
        return _read(name, path, most, parent, links=links)
    finally:
        os.close(parent)


def _read(name: str, path: Path, most: int, parent: int | None, *, links: bool) -> bytes:
    # Looked at before it is opened, which alone can make a device do something, and after,
    # since it may have been replaced in between.
    _check(os.stat(name, dir_fd=parent, follow_symlinks=links).st_mode, path)
    flags = _FLAGS if links else _FLAGS | os.O_NOFOLLOW
    with os.fdopen(os.open(name, flags, dir_fd=parent), "rb") as file:
        _check(os.fstat(file.fileno()).st_mode, path)
        content = file.read(most + 1)
    if len(content) > most:
        size = f"{most // MIB} MiB" if most >= MIB else f"{most // KIB} KiB"
        raise OSError(errno.EFBIG, f"it is larger than {size}", str(path))
    return content


def _check(mode: int, path: Path) -> None:
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symbolic link", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
