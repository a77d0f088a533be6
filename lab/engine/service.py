"""Finding podman's API service, or starting one.

In this order: ``--url`` or CONTAINER_HOST; the user's own podman socket when it answers; a
private service that lab starts, on a socket of its own that nobody else can reach, with
settings that fit the host, and an idle time-out that ends it.

Commands wait for this while they import the rest of lab, so this imports little itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from lab import xdg
from lab.engine import locks, versions
from lab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDLE_SECONDS = 120
"""A private service without a request for this long ends by itself."""
START_SECONDS = 20.0
"""How long a private service may take until it accepts connections (32 ms is usual)."""
END_SECONDS = 5.0
"""How long a private service may take to end before it is killed (20 ms are usual)."""
SOCKET, LOG, CONFIGURATION = "podman.sock", "podman.log", "containers.conf"
"""What a private service has in the runtime directory."""
LOCK = "podman.lock"
"""Whoever starts the private service holds the lock of this file."""
USERS = "podman.users"
"""Every process that uses the private service shares the lock of this file to its end."""
PROCESSES = Path("/proc")
"""The process table, proc(5)."""
INSTALL_HINT = "install it: `apt install podman`, `dnf install podman`, or `make setup` in a clone"

_uses: dict[Path, int] = {}
"""The descriptors by which this process shares a lock on :data:`USERS`, by directory."""


class Service(NamedTuple):
    """A podman API service: its URL, and where it comes from in words."""

    url: str
    origin: str
    private: bool = False


def find(url: str = "") -> Service:
    """The service to talk to, started if need be.

    Raises :class:`EngineError` when podman is missing, too old, or its service does not start.
    """
    if url:
        return Service(url, "--engine")
    if named := os.environ.get("CONTAINER_HOST"):
        return Service(named, "CONTAINER_HOST")
    usual = users_socket()
    if answers(usual):
        return Service(f"unix://{usual}", "the user's podman socket")
    return _private()


def users_socket() -> Path:
    """Where podman's own socket of this user is, whether or not anything listens there."""
    if os.geteuid() == 0:
        return Path("/run/podman/podman.sock")
    runtime = xdg.base("RUNTIME_DIR") or Path(f"/run/user/{os.geteuid()}")
    return runtime / "podman" / "podman.sock"


def runtime_dir() -> Path:
    """The directory for lab's own sockets and locks, 0700 and owned by this user.

    Raises :class:`EngineError` when it cannot be made, or is not safe to use.
    """
    if base := xdg.base("RUNTIME_DIR"):
        path = base / "lab"
    elif os.geteuid() == 0:
        path = Path("/run/lab")
    else:
        path = Path(f"/tmp/lab-{os.geteuid()}")  # noqa: S108 - checked below
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        msg = f"cannot make {path}: {error.strerror}"
        raise EngineError(msg, hint="set XDG_RUNTIME_DIR to a directory of yours") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        msg = f"{path} is not a directory that only you can enter"
        hint = f"`chmod 700 {path}`, or remove it"
        if found.st_uid != os.geteuid():
            # Nobody can remove what others have put into /tmp.
            hint = "set XDG_RUNTIME_DIR to a directory of yours that only you can enter"
        raise EngineError(msg, hint=hint)
    return path


def answers(path: Path) -> bool:
    """Whether something accepts connections on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def version() -> tuple[int, ...]:
    """The installed podman's version; raises :class:`EngineError` when there is none."""
    with _asked_for_version() as told:
        return told()


@contextmanager
def _asked_for_version() -> Iterator[Callable[[], tuple[int, ...]]]:
    """Ask podman for its version, and give a function that waits for the answer.

    Both raise as :func:`version` does.
    """
    podman = shutil.which("podman")
    if podman is None:
        raise EngineError("podman is not installed", hint=INSTALL_HINT)
    pipe = subprocess.PIPE
    with subprocess.Popen([podman, "--version"], stdout=pipe, stderr=pipe, text=True) as asked:  # noqa: S603

        def told() -> tuple[int, ...]:
            said, trouble = asked.communicate()
            words = said.split()
            if asked.returncode or not words:
                msg = f"`podman --version` failed: {trouble.strip() or 'it said nothing'}"
                raise EngineError(msg, hint=INSTALL_HINT)
            return versions.parse(words[-1])

        yield told


@contextmanager
def lab_lock(lab: str, url: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a lab; ``waiting`` is told who holds it when it has to be waited for.

    Services on this machine count as one, since most share one storage; elsewhere each URL has
    labs of its own. Raises :class:`EngineError` when the lock cannot be made.
    """
    where = "" if url.startswith("unix:") else f"@{url}"
    path = runtime_dir() / f"lab-{quote(lab + where, safe='')}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(locks.alone(path, waiting))
        except OSError as error:
            msg = f"cannot make the lock of lab {lab}: {error.strerror}"
            raise EngineError(msg, hint=f"{path} has to be writable") from error
        yield


def stop_private() -> None:
    """End the private service and remove its files, unless another process uses it."""
    directory = runtime_dir()
    mine = _uses.pop(directory, None)
    if mine is None:
        mine = locks.share(directory / USERS)
    try:
        if not locks.take_over(mine):
            return
        _end(directory / SOCKET)
        for name in (SOCKET, LOG, CONFIGURATION, LOCK, USERS):
            (directory / name).unlink(missing_ok=True)
    finally:
        os.close(mine)


def _private() -> Service:
    directory = runtime_dir()
    path = directory / SOCKET
    try:
        if directory not in _uses:
            _uses[directory] = locks.share(directory / USERS)
        if not answers(path):
            # A second service on a path steals the socket from the first, and deletes it.
            with locks.alone(directory / LOCK):
                if not answers(path):
                    _start(directory, path)
    except OSError as error:
        msg = f"cannot start podman's service: {error.strerror}"
        raise EngineError(msg, hint=f"{directory} has to be writable, with some room") from error
    return Service(f"unix://{path}", "a podman service of lab's own", private=True)


def _services(path: Path) -> Iterator[int]:
    """The processes that serve podman's API on a socket, whether or not it is there.

    The process table knows them even when whoever started them was killed before noting it.
    """
    url = os.fsencode(f"unix://{path}")
    for entry in PROCESSES.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it ended, or is somebody else's
                command = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
                if b"service" in command and command[-1] == url and _has(entry, path.parent):
                    yield int(entry.name)


def _has(process: Path, directory: Path) -> bool:
    """Whether a path means to a process what it means here: not so in a container's."""
    return (process / "root" / directory.relative_to("/")).samefile(directory)


def _end(path: Path) -> None:
    """End every service on a socket; by force what does not go in time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + END_SECONDS
        while found := tuple(_services(path)):
            if time.monotonic() > deadline:
                break
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, number)
            time.sleep(0.01)


def _start(directory: Path, path: Path) -> None:
    with _asked_for_version() as told:
        from lab.engine import host

        tables = host.overrides(host.look())
        _end(path)  # one that does not answer, yet or any more, would take the socket away
        path.unlink(missing_ok=True)
        installed = told()
    versions.check(installed)
    log = directory / LOG
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - no shell, fixed words
            ["podman", "system", "service", f"--time={IDLE_SECONDS}", f"unix://{path}"],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(directory, installed, tables),
            start_new_session=True,
            umask=0o077,
        )
    # It usually outlives this process, and is reaped if not. As a running thread is never taken
    # down, neither is its Popen, which would complain that what it started still runs.
    waiter = threading.Thread(target=process.wait, name="podman", daemon=True)
    waiter.start()
    deadline = time.monotonic() + START_SECONDS
    while not answers(path):
        ended = not waiter.is_alive()
        if ended or time.monotonic() > deadline:
            why = "ended at once" if ended else f"did not answer within {START_SECONDS:g} s"
            process.terminate()
            raise EngineError(
                f"`podman system service` {why}",
                hint="run `lab doctor`",
                details=tuple(log.read_text(errors="replace").splitlines()[-5:]),
            )
        time.sleep(0.005)


def _environment(
    directory: Path, installed: tuple[int, ...], tables: dict[str, Any]
) -> dict[str, str]:
    """The variables of a service that needs these settings."""
    environment = dict(os.environ)
    if not tables:
        return environment
    import tomli_w

    from lab.engine import host

    variable = "CONTAINERS_CONF_OVERRIDE"
    if installed < versions.OVERRIDE_SINCE:
        variable = "CONTAINERS_CONF"
        tables = host.merged(host.configuration_files(), tables)
    configuration = directory / CONFIGURATION
    configuration.write_text(tomli_w.dumps(tables))
    environment[variable] = str(configuration)
    return environment
