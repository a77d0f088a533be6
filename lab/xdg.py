"""Where this user's files belong, as the XDG Base Directory Specification 0.8 has it."""

from __future__ import annotations

import os
from pathlib import Path

from lab.errors import UsageError


def base(kind: str) -> Path | None:
    """The directory of a kind (``CACHE_HOME``, ``STATE_HOME``, ``RUNTIME_DIR`` ...).

    Taken from ``XDG_<kind>``; a relative path in there is ignored, as the specification
    demands. Without it the kind's default is below the home directory, and None for the
    runtime directory, which has no default. Raises :class:`lab.errors.UsageError` when there
    is no home directory.
    """
    named = Path(os.environ.get(f"XDG_{kind}", ""))
    if named.is_absolute():
        return named
    defaults = {"CACHE_HOME": ".cache", "CONFIG_HOME": ".config", "STATE_HOME": ".local/state"}
    return _home() / defaults[kind] if kind in defaults else None


def home(kind: str) -> Path:
    """The directory of a kind that has a default; KeyError for others."""
    found = base(kind)
    if found is None:
        raise KeyError(kind)
    return found


def _home() -> Path:
    hint = "set HOME to the absolute path of a directory of yours"
    try:
        home_directory = Path.home()
    except RuntimeError as error:
        raise UsageError("this user has no home directory", hint=hint) from error
    if not home_directory.is_absolute():
        raise UsageError(f"HOME is no absolute path: {str(home_directory)!r}", hint=hint)
    return home_directory
