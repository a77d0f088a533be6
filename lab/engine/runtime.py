"""Where lab's own sockets and locks are, and what podman's service was started with.

Commands wait for this while they import the rest of lab, so this imports little itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from lab import __version__, xdg
from lab.errors import EngineError

RUN, TEMPORARY = Path("/run"), Path("/tmp")  # noqa: S108 - checked before it is used
LONGEST_SOCKET = 107
"""Bytes that the path of a unix socket may have (unix(7))."""
LONGEST_NAME = "/lab/podman-0123456789.sock"
"""As long as any socket of lab's below the runtime directory."""
SURROUNDINGS = re.compile(
    r"(?:HTTPS?|ALL|NO|FTP)_PROXY|(?:https?|all|no|ftp)_proxy"
    r"|_?(?:BUILDAH|CONTAINERS?|DBUS|NETAVARK|PODMAN|REGISTRY|REGISTRIES|SSL_CERT|STORAGE)_\w+"
    r"|XDG_(?:CACHE|CONFIG|DATA)_HOME|XDG_(?:CONFIG|DATA)_DIRS|XDG_RUNTIME_DIR"
    r"|DOCKER_CONFIG|GODEBUG|GNUPGHOME|HOME|PATH|TMPDIR|TZ|USER"
)
"""The variables that podman, or a program that it starts, reads."""
NAMED = (
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
)
"""The variables that name a file of settings."""


def directory() -> Path:
    """The directory for the sockets of lab's own services, 0700 and owned by this user.

    Below XDG_RUNTIME_DIR unless there is :func:`trouble` with it. Raises :class:`EngineError`
    when it cannot be made, or is not safe to use.
    """
    base = xdg.base("RUNTIME_DIR")
    return _made(base / "lab") if base and not trouble() else own()


def trouble() -> str:
    """Why XDG_RUNTIME_DIR is not used, as a clause, "" when it is or is not set."""
    base = xdg.base("RUNTIME_DIR")
    if base is None:
        return ""
    if len(os.fsencode(base)) + len(LONGEST_NAME) > LONGEST_SOCKET:
        return "is too long for the path of a socket"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if base.stat().st_uid != os.geteuid():
            return "belongs to another user"
    except OSError as error:
        return f"cannot be used: {error.strerror}"
    return ""


def own() -> Path:
    """The directory that is this user's, whatever the environment says: for locks.

    What they protect, the storage of podman, does not depend on XDG_RUNTIME_DIR either. Raises as
    :func:`directory`.
    """
    user = os.geteuid()
    usual = RUN / "lab" if user == 0 else RUN / "user" / str(user) / "lab"
    if os.access(usual if usual.exists() else usual.parent, os.W_OK):
        return _made(usual)
    return _made(TEMPORARY / f"lab-{user}")


def _made(path: Path) -> Path:
    """Make a directory that only this user can enter, or make sure that it is one."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        msg = f"cannot make {path}: {error.strerror}"
        raise EngineError(msg, hint=f"make {path.parent} writable, with some room") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        msg = f"{path} is not a directory that only you can enter"
        raise EngineError(msg, hint=f"remove it, or `chmod 700 {path}` if it is yours")
    return path


def surroundings() -> str:
    """A digest of what podman's service reads once, when it starts: its variables and settings.

    A service that was started with others is not used: it would go on with them.
    """
    parts = [__version__]
    parts += sorted(f"{k}={v}" for k, v in os.environ.items() if SURROUNDINGS.fullmatch(k))
    for path in _settings():
        try:
            found = path.stat()
        except OSError:
            continue
        parts.append(f"{path} {found.st_ino} {found.st_size} {found.st_mtime_ns}")
    text = os.fsencode("\0".join(parts))
    return hashlib.sha256(text).hexdigest()[:10]


def _settings() -> list[Path]:
    """The files from which podman takes its settings, whether or not they are there."""
    files = [*configuration_files(), Path("/usr/share/containers/storage.conf")]
    for place in _homes():
        files += [place / "registries.conf", place / "storage.conf"]
        files += sorted((place / "registries.conf.d").glob("*.conf"))
    return files + [Path(named) for name in NAMED if (named := os.environ.get(name))]


def configuration_files() -> list[Path]:
    """The containers.conf files that podman reads, in its order (containers.conf(5))."""
    if named := os.environ.get("CONTAINERS_CONF"):
        return [Path(named)]
    files: list[Path] = [Path("/usr/share/containers/containers.conf")]
    for place in _homes():
        files.append(place / "containers.conf")
        files.extend(sorted((place / "containers.conf.d").glob("*.conf")))
    return files


def _homes() -> list[Path]:
    """Where the system's settings are, and this user's unless it is root."""
    homes = [Path("/etc/containers")]
    if os.geteuid() != 0:
        homes.append(xdg.home("CONFIG_HOME") / "containers")
    return homes
