"""The values of secrets: from a file, standard input or the environment, never from an argument.

Other users see the arguments of a command in the list of processes, and a shell remembers them.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK = "@"
"""What the name of a file begins with where a value would stand, as for curl's ``--data``."""
STANDARD_INPUT = "-"
PREFIX = "LAB_SECRET_"
"""Variables that hold a value: LAB_SECRET_DB_PASSWORD is that of the secret db-password."""
MOST = 511_999
"""Bytes that podman takes."""

_taken: dict[str, str] = {}


def take() -> None:
    """Take the values out of the environment, which all that lab starts would inherit."""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        name = variable.removeprefix(PREFIX).lower().replace("_", "-")
        _taken[name] = os.environ.pop(variable)


def in_environment() -> Mapping[str, str]:
    """The values from the environment, by the names of the secrets."""
    take()
    return _taken


def hint(name: str) -> str:
    """How to give a secret of that name."""
    variable = PREFIX + name.upper().replace("-", "_")
    return f"give it as a file, --set {name}=@FILE (@- is standard input), or in {variable}"


def read(name: str, source: str) -> str:
    """The value of a secret: ``source`` is a file's name behind an @.

    One line end at the end of a file belongs to the file and not to the value. Raises
    UsageError, which never holds any of the value.
    """
    try:
        return _checked(name, _content(source.removeprefix(MARK)))
    except OSError as error:
        raise UsageError(
            f"the secret {name} cannot be read: {error.strerror}", hint=hint(name)
        ) from error


def checked(name: str, value: str) -> str:
    """A value from the environment. Raises like :func:`read`."""
    return _checked(name, value.encode(errors="surrogateescape"))


@cache
def _content(source: str) -> bytes:
    """What stands in a file; read once, as standard input can only be read once."""
    if source == STANDARD_INPUT:
        data = sys.stdin.buffer.read(MOST + 3)
    else:
        with Path(source).open("rb") as file:
            data = file.read(MOST + 3)
    return data.removesuffix(b"\n").removesuffix(b"\r")


def _checked(name: str, data: bytes) -> str:
    fault = ""
    if not data:
        fault = "is empty"
    elif len(data) > MOST:
        fault = f"is longer than {MOST} bytes"
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            fault = "is not UTF-8 text"
        else:
            if "\0" not in text:
                return text
            fault = "has a NUL in it"
    raise UsageError(f"the secret {name} {fault}", hint=hint(name))
