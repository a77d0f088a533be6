"""Requirements of a context, read strictly: pins with hashes, and nothing that pip would obey.

A requirements file is a small language: its lines can be options, URLs, paths and other files.
Of all that lab takes ``NAME==VERSION`` with hashes, and gives pip a file of its own with what it
has read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from lab.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "requirements.txt"
"""A context that has this file gets its wheels."""
MAX_PINS = 1000
"""How many packages a context may ask for."""

_HASH = re.compile(r"\s--hash[ =]")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_DIGITS = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_COMMENT = re.compile(r"(^|\s)#.*$")
_VERSION = re.compile(r"==\s*[A-Za-z0-9.!+_-]+")
# A `$` is left out, as pip fills variables of the environment in; a backslash continues a line.
_HEAD = re.compile(r"""[A-Za-z0-9 \t\[\]<>=!~().,;:'"+_-]+""")


def parse(content: bytes, name: str) -> str:
    """Return a requirements file as pip gets it; ``name`` is the file's in errors.

    Raises ``UsageError`` with every line that is no pin.
    """
    pins: list[str] = []
    faults: list[str] = []
    try:
        for number, line in _lines(content.decode()):
            head, *hashes = _HASH.split(line)
            if fault := _fault(head.strip(), [each.strip() for each in hashes]):
                faults.append(f"line {number}: {fault}")
            else:
                given = " ".join(f"--hash={each.strip()}" for each in hashes)
                pins.append(f"{Requirement(head)} {given}\n")
    except UnicodeDecodeError:
        faults.append("line 1: it is not UTF-8")
    if len(pins) > MAX_PINS:
        faults.append(f"line 1: more than {MAX_PINS} packages")
    if faults:
        raise UsageError(
            f"{name} cannot be used",
            hint="write NAME==VERSION --hash=sha256:..., as `uv pip compile --generate-hashes` and"
            " `pip-compile --generate-hashes` do",
            details=tuple(faults),
        )
    return "".join(pins)


def hashes(parsed: str) -> frozenset[str]:
    """Return the digits of every SHA-256 in what :func:`parse` returned."""
    return frozenset(_DIGITS.findall(parsed))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines without comments; give each with the number of its first line."""
    first, joined = 0, ""
    for number, raw in enumerate(text.split("\n"), start=1):
        line = _COMMENT.sub("", raw.rstrip("\r")).rstrip()
        first = first or number
        joined += line.removesuffix("\\")
        if not line.endswith("\\"):
            if joined.strip():
                yield first, joined.strip()
            first, joined = 0, ""
    if joined.strip():
        yield first, joined.strip()


def _fault(head: str, hashes: list[str]) -> str:
    """What is wrong with a line, as a clause."""
    shown = head[:40]
    if not _HEAD.fullmatch(head) or head.startswith("-"):
        return f"{shown!r} is not NAME==VERSION"
    try:
        found = Requirement(head)
    except (InvalidRequirement, RecursionError):
        return f"{shown!r} is not NAME==VERSION"
    specifier = str(found.specifier)
    if found.url or not _VERSION.fullmatch(specifier):
        return f"{shown!r} is not NAME==VERSION"
    if not hashes:
        return f"{found.name} has no --hash=sha256:..."
    if wrong := next((each for each in hashes if not _SHA256.fullmatch(each)), ""):
        return f"{found.name}: {wrong[:40]!r} is not sha256: and 64 digits"
    return ""
