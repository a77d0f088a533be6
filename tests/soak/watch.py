"""Watching the processes of a lab: how much memory and how many handles each holds over time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tests.real import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.arena import Arena

PERIOD = 2.0
"""Seconds between two looks."""
SERVICE = "podman service"
PREFIX = "conmon of "
PROMETHEUS = "envoy-prom"
_CONTAINERS = (
    *("service-a", "service-a-envoy", "service-b", PROMETHEUS),
    *("service-a-pod-infra", "service-b-pod-infra", "prometheus-pod-infra"),
)
ROLES = (SERVICE, *_CONTAINERS, *(PREFIX + container for container in _CONTAINERS))
"""Every process of a lab in the scenario sidecar."""
_OF_MEMORY = "RssAnon:", "RssShmem:"
_ESTABLISHED = "01"


class Reading(NamedTuple):
    """What a process held at a moment of ``time.monotonic()``."""

    at: float
    memory: int
    """Bytes in memory that are no part of a file, as what leaks is not: pages of files come and
    go with whatever else the machine does."""
    handles: int
    """Open file descriptors, but for the next ones."""
    connections: int
    """Those that are connected through TCP, at both ends: as many as the traffic needs."""


@dataclass(frozen=True)
class Process:
    """A process in its role: a container's, the conmon of a container, or podman's service."""

    role: str
    id: int
    born: int
    """Ticks since the machine started; an id may be given again."""


Lives: TypeAlias = dict[Process, list[Reading]]


@contextmanager
def watching(arena: Arena) -> Iterator[Lives]:
    """Look at every process of an arena's lab now and then; what was read is added as it comes."""
    lives: Lives = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(PERIOD):
            for process in found(arena):
                with suppress(OSError):  # it has ended
                    lives.setdefault(process, []).append(reading(process.id))

    thread = threading.Thread(target=look, name="watch", daemon=True)
    thread.start()
    try:
        yield lives
    finally:
        over.set()
        thread.join()


def found(arena: Arena) -> Iterator[Process]:
    """The processes that an arena's lab consists of now, as the process table shows them."""
    services = arena.services()
    watched = {}
    for process, words in processes.commands():
        if process in services:
            watched[process] = SERVICE
        elif words and Path(words[0]).name == "conmon" and str(arena.directory) in " ".join(words):
            name = words[words.index("-n") + 1]
            if name.startswith(f"{arena.lab}-"):
                watched[process] = PREFIX + name.removeprefix(f"{arena.lab}-")
    for process, _ in processes.commands():
        with suppress(OSError):
            parent, born = _parent_and_birth(process)
            role = watched.get(process)
            if role is None and watched.get(parent, "").startswith(PREFIX):
                role = watched[parent].removeprefix(PREFIX)
            if role is not None:
                yield Process(role, process, born)


def reading(process: int) -> Reading:
    """Read one process; OSError when it has ended."""
    proc = Path(f"/proc/{process}")
    lines = (proc / "status").read_text().splitlines()
    kilobytes = sum(int(line.split()[1]) for line in lines if line.startswith(_OF_MEMORY))
    handles = list(processes.handles(process))
    connected = _connected(proc / "net")
    connections = sum(handle in connected for handle in handles)
    return Reading(time.monotonic(), kilobytes * 1024, len(handles) - connections, connections)


def _connected(net: Path) -> frozenset[str]:
    """The sockets of a network namespace that are connected through TCP, as handles show them."""
    rows = (
        line.split() for kind in ("tcp", "tcp6") for line in (net / kind).read_text().splitlines()
    )
    return frozenset(f"socket:[{row[9]}]" for row in rows if row[3] == _ESTABLISHED)


def _parent_and_birth(process: int) -> tuple[int, int]:
    # The second field, a name in parentheses, may have blanks.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), int(fields[19])
