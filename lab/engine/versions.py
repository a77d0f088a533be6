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


def parse(text: str) -> tuple[int, ...]:
    """``5.8.0-rc1`` as (5, 8, 0)."""
    numbers = re.match(r"[\d.]*", text)
    return tuple(int(number) for number in (numbers[0] if numbers else "").split(".") if number)


def check(found: tuple[int, ...]) -> None:
    """Raise :class:`EngineError` when a podman is older than lab can work with."""
    if found and found < OLDEST:
        msg = f"podman {'.'.join(map(str, found))} is too old: lab needs 4.3 or newer"
        raise EngineError(msg, hint="upgrade podman")
