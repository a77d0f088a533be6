"""Podman's versions: which lab works with, and where they differ.

Each difference that lab has to know is a constant here. A lab's whole life is tried on 4.3.1,
5.4.2 and 5.8.6 (docs/matrix.md): their lists, creates, builds and removals are used alike.
"""

from __future__ import annotations

import re

from lab.errors import EngineError

OLDEST = (4, 3)
"""The oldest podman whose API has all that lab uses."""
OVERRIDE_SINCE = (4, 5)
"""4.5 is the first that reads CONTAINERS_CONF_OVERRIDE; before, a file replaces the host's own."""

APPEND_SINCE = (4, 8)
"""4.8 is the first whose lists of settings add to what other files have, where these say so."""
BUILD_HOLES = (
    ("CVE-2024-1753", ((4, 9, 4), (5, 0, 1))),
    ("CVE-2024-9407", ((5, 2, 4),)),
    ("CVE-2024-9675", ((5, 2, 5),)),
    ("CVE-2024-9676", ((5, 2, 5),)),
    ("CVE-2024-11218", ((5, 3, 2),)),
)
"""Published ways of builds and images to the host, and the releases that first close each."""


def holes(found: tuple[int, ...]) -> tuple[str, ...]:
    """The published holes of builds in podman's own release of that version.

    A distribution may have closed them without another version.
    """
    return tuple(name for name, fixes in BUILD_HOLES if found and not _closed(found, fixes))


def _closed(found: tuple[int, ...], fixes: tuple[tuple[int, ...], ...]) -> bool:
    """Whether a release has a fix: of its own series, or of one before."""
    return any(found >= fix and (found[:1] == fix[:1] or fix == fixes[-1]) for fix in fixes)


def parse(text: str) -> tuple[int, ...]:
    """``5.8.0-rc1`` as (5, 8, 0)."""
    numbers = re.match(r"[\d.]*", text)
    return tuple(int(number) for number in (numbers[0] if numbers else "").split(".") if number)


def check(found: tuple[int, ...]) -> None:
    """Raise :class:`EngineError` when a podman is older than lab can work with."""
    if found and found < OLDEST:
        msg = f"podman {'.'.join(map(str, found))} is too old: lab needs 4.3 or newer"
        raise EngineError(msg, hint="upgrade podman")
