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
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from lab import xdg
from lab.engine import locks, runtime, versions
from lab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.engine.host import Host

IDLE_SECONDS = 120
"""A private service without a request for this long ends by itself."""
START_SECONDS = 20.0
"""How long a private service may take until it accepts connections (32 ms is usual)."""
END_SECONDS = 5.0
"""How long a private service may take to end before it is killed (20 ms are usual)."""
PROCESSES = Path("/proc")
"""The process table, proc(5)."""
UNIX = "unix://"
FORWARDERS = frozenset({"ssh", "gvproxy"})
"""Programs behind whose sockets a service of another machine answers."""
INSTALL_HINT = "install it: `apt install podman`, `dnf install podman`, or `make setup` in a clone"

_uses: dict[Path, int] = {}
"""The descriptors by which this process shares the lock of a service's users, by its file."""


class Files(NamedTuple):
    """What a private service has in the runtime directory.

    Whoever starts it holds the lock of ``lock``; every process that uses it shares the lock of
    ``users`` to its end.
    """

    socket: Path
    log: Path
    configuration: Path
    lock: Path
    users: Path

    @property
    def url(self) -> str:
        """The socket's address; podman reads it as a URL, and so does podman-py."""
        return f"unix://{quote(str(self.socket))}"


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
        return Service(url, "--url")
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


def answers(path: Path) -> bool:
    """Whether something accepts connections on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def is_local(found: Service, peer: int) -> bool:
    """Whether a service shares this machine's network, so that what is seen here holds there.

    ``peer`` is the process that listens on its socket, 0 when there is none that can be seen: so
    through TCP and SSH, and when the socket comes from outside the container that this is.
    """
    if found.private:
        return True
    listener = PROCESSES / str(peer)
    try:
        program = (listener / "comm").read_text().strip()
        near = (listener / "ns/net").samefile(PROCESSES / "self/ns/net")
    except FileNotFoundError:
        return False  # there is none, or its process is in another container
    except OSError:
        return True  # somebody else's, as root's is
    return near and program not in FORWARDERS


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
                from lab.engine import errors

                said = errors.complaint(trouble) or "it said nothing"
                raise EngineError(f"podman does not work: {said}", hint=errors.remedy(said))
            return versions.parse(words[-1])

        yield told


def files() -> Files:
    """The files of the private service that fits this process's surroundings."""
    stem = f"podman-{runtime.surroundings()}"
    place = runtime.directory()
    return Files(*(place / f"{stem}.{end}" for end in ("sock", "log", "conf", "lock", "users")))


@contextmanager
def lab_lock(lab: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a lab; ``waiting`` is told who holds it when it has to be waited for.

    It is this user's lab of that name in whatever storage, and reached in whatever way: which
    services share a storage cannot be told by their addresses. Raises :class:`EngineError` when
    the lock cannot be made.
    """
    path = runtime.own() / f"lab-{quote(lab, safe='')}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(locks.alone(path, waiting))
        except OSError as error:
            msg = f"cannot make the lock of {lab}: {error.strerror}"
            raise EngineError(msg, hint=f"{path} has to be writable") from error
        yield


def stop_private() -> None:
    """End the private service and remove its files, unless another process uses it."""
    mine = files()
    users = _uses.pop(mine.users, None)
    if users is None:
        users = locks.share(mine.users)
    try:
        if not locks.take_over(users):
            return
        _end(mine)
        for path in mine:
            path.unlink(missing_ok=True)
    finally:
        os.close(users)


def _private() -> Service:
    mine = files()
    try:
        if mine.users not in _uses:
            _uses[mine.users] = locks.share(mine.users)
        if not answers(mine.socket):
            # A second service on a path steals the socket from the first, and deletes it.
            with locks.alone(mine.lock):
                if not answers(mine.socket):
                    _start(mine)
    except OSError as error:
        msg = f"cannot start podman's service: {error.strerror}"
        hint = f"{mine.socket.parent} has to be writable, with some room"
        raise EngineError(msg, hint=hint) from error
    return Service(mine.url, "a podman service of lab's own", private=True)


def _services(mine: Files) -> Iterator[int]:
    """The processes that serve podman's API on a socket, whether or not it is there.

    The process table knows them even when whoever started them was killed before noting it.
    """
    url = mine.url.encode()
    for entry in PROCESSES.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it ended, or is somebody else's
                command = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
                if b"service" in command and command[-1] == url and _has(entry, mine.socket.parent):
                    yield int(entry.name)


def _has(process: Path, directory: Path) -> bool:
    """Whether a path means to a process what it means here: not so in a container's."""
    return (process / "root" / directory.relative_to("/")).samefile(directory)


def _end(mine: Files) -> None:
    """End every service on a socket; by force what does not go in time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + END_SECONDS
        while found := tuple(_services(mine)):
            if time.monotonic() > deadline:
                break
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, number)
            time.sleep(0.01)


def _tidy(directory: Path) -> None:
    """Remove what is left of other services that have ended and that nobody uses.

    Not their settings: podman reads them again when a container that they started ends.
    """
    for users in directory.glob("podman-*.users"):
        lock = locks.share(users)
        try:
            ended = users.with_suffix(".sock")
            if locks.take_over(lock) and not answers(ended):
                for path in (ended, users.with_suffix(".log"), users):
                    path.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _start(mine: Files) -> None:
    with _asked_for_version() as told:
        from lab.engine import host

        found = host.look()
        _tidy(mine.users.parent)
        _end(mine)  # one that does not answer, yet or any more, would take the socket away
        mine.socket.unlink(missing_ok=True)
        installed = told()
    versions.check(installed)
    with mine.log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - no shell, fixed words
            ["podman", "system", "service", f"--time={IDLE_SECONDS}", mine.url],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(mine, installed, found),
            start_new_session=True,
            umask=0o077,
        )
    # It usually outlives this process, and is reaped if not. As a running thread is never taken
    # down, neither is its Popen, which would complain that what it started still runs.
    waiter = threading.Thread(target=process.wait, name="podman", daemon=True)
    waiter.start()
    deadline = time.monotonic() + START_SECONDS
    while not answers(mine.socket):
        ended = not waiter.is_alive()
        if ended or time.monotonic() > deadline:
            why = "ended at once" if ended else f"did not answer within {START_SECONDS:g} s"
            process.terminate()
            from lab.engine import errors

            said = mine.log.read_text(errors="replace")
            raise EngineError(
                f"`podman system service` {why}",
                hint=errors.remedy(said),
                details=tuple(said.splitlines()[-5:]),
            )
        time.sleep(0.005)


def _environment(mine: Files, installed: tuple[int, ...], found: Host) -> dict[str, str]:
    """The variables of a service that has the settings which labs depend on, and this host."""
    import tomli_w

    from lab.engine import host

    variable, below = "CONTAINERS_CONF_OVERRIDE", []
    if installed < versions.OVERRIDE_SINCE:
        variable, below = "CONTAINERS_CONF", runtime.configuration_files()
    elif named := os.environ.get(variable):
        below = [Path(named)]
    tables = host.merged(below, host.required(installed, found))
    mine.configuration.write_text(tomli_w.dumps(tables))
    environment = {**os.environ, variable: str(mine.configuration)}
    if runtime.trouble():  # podman has a place of its own without it, as lab has
        del environment["XDG_RUNTIME_DIR"]
    return environment
