"""Open files: each connection takes one, and a process has a limit of them."""

from __future__ import annotations

import resource
from pathlib import Path

from lab.errors import LabError

SPARE = 32
"""Files that a load opens beside its connections, and those that are there already."""


def check(connections: int) -> None:
    """Raise :class:`LabError` when this process may not have so many connections at a time."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and _needed(connections) > hard:
        most = max(0, hard - _needed(0))
        raise LabError(
            f"{connections} requests at a time need {_needed(connections)} open files, "
            f"and this process may have {hard} at most",
            hint=f"send {most} at a time (-c {most}), or raise the limit: ulimit -Hn"
            if most
            else "raise the limit: ulimit -Hn",
        )


def allow(connections: int) -> None:
    """Let this process have so many connections at a time.

    Raises :class:`LabError` when it may not.
    """
    check(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and _needed(connections) > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_needed(connections), hard))


def _needed(connections: int) -> int:
    return connections + SPARE + sum(1 for _ in Path("/proc/self/fd").iterdir())
