"""Whether what processes hold stays flat. Pure: it is told readings, and looks at nothing.

What leaks is never given back, so a leak lifts the *floor*: the least that is held in a while.
The first third of a life is for warming up. By how much the floor of the last third lies above
that of the middle third is the *rise*: a third of all that a steady leak takes in that life.
What traffic needs for a moment and gives back does not show in it.

A container that every switch replaces lives as often. The rise that counts is the median of its
lives': a leak is in all of them, a stall of the machine is not.

Flat is a rise of memory by no more than a mebibyte or 5 %, whichever is more, a rise of handles
by no more than 2, and never more connections than the load's own take at all hops together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.soak.watch import Reading

LEAST = 12
"""Readings that a life needs to be judged: shorter ones are all warm-up."""
MEBIBYTE = 1 << 20
SHARE = 0.05
HANDLES = 2


class Floors(NamedTuple):
    """What was never fallen below in the middle third of a life, and in the last."""

    middle: float
    last: float

    @property
    def rise(self) -> float:
        """How much more it was in the end."""
        return self.last - self.middle


@dataclass(frozen=True)
class Held:
    """What the processes of a role held, and what is wrong with that."""

    role: str
    lives: int
    """Those that were long enough to be judged."""
    memory: Floors
    """Bytes."""
    handles: Floors
    connections: int
    """The most at any time."""
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Bounds:
    """What a role may have: connections, and bytes of memory on top of what all may rise by."""

    connections: int
    memory: float = 0


def judge(role: str, lives: Iterable[Sequence[Reading]], bounds: Bounds) -> Held:
    """Judge what all processes of a role held, life by life."""
    lives = list(lives)
    judged = [life for life in lives if len(life) >= LEAST]
    memory = typical([reading.memory for reading in life] for life in judged)
    handles = typical([reading.handles for reading in life] for life in judged)
    most = max((reading.connections for life in lives for reading in life), default=0)
    problems = []
    if not judged:
        problems.append(f"no process was seen {LEAST} times")
    if memory.rise > max(MEBIBYTE, SHARE * memory.middle) + bounds.memory:
        problems.append(f"memory rose by {memory.rise / MEBIBYTE:.1f} MiB")
    if handles.rise > HANDLES:
        problems.append(f"handles rose by {handles.rise:g}")
    if most > bounds.connections:
        problems.append(f"{most} connections, of at most {bounds.connections}")
    return Held(role, len(judged), memory, handles, most, tuple(problems))


def typical(lives: Iterable[Sequence[float]]) -> Floors:
    """The floors of the life with the median rise, the higher one of two; zeros without lives."""
    found = sorted((floors(life) for life in lives), key=lambda each: each.rise)
    return found[len(found) // 2] if found else Floors(0, 0)


def floors(values: Sequence[float]) -> Floors:
    """The floors of a series of three values or more."""
    third = len(values) // 3
    return Floors(min(values[third:-third]), min(values[-third:]))
