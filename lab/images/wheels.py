"""Python packages for images, fetched on the host so that builds need no network."""

from __future__ import annotations

import hashlib
import re
import sys
from typing import TYPE_CHECKING

from lab.images import cache, process
from lab.images.bases import python_version
from lab.images.platform import wheel_platforms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NOT_NEEDED = re.compile(
    r"^bin/"  # scripts, which name this host's interpreter
    r"|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"  # how it was installed
    r"|\.(pyi|pyx|pxd|pxi|c|h|in)$"  # sources of what is compiled
    r"|(^|/)tests?/"
)


def needed(path: str) -> bool:
    """Whether a file of installed wheels is used at run time and is the same on every host."""
    return _NOT_NEEDED.search(path) is None


def fetch(requirements: bytes, emit: Callable[[str], None]) -> Path:
    """Return a directory with the wheels of a hash-pinned requirements file, unpacked.

    They are those for Linux on this machine's architecture and the Python of our images, not
    for the interpreter that runs lab. Every progress line goes to ``emit``. Raises
    ``StepError`` when pip fails.
    """
    platforms = wheel_platforms()
    key = hashlib.sha256(
        b"\0".join((requirements, python_version().encode(), *(tag.encode() for tag in platforms)))
    ).hexdigest()[:16]

    def install(target: Path) -> None:
        source = target / "requirements.txt"
        source.write_bytes(requirements)
        command = [
            sys.executable, "-m", "pip", "install",
            "--target", str(target), "--requirement", str(source),
            "--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile",
            "--implementation", "cp", "--python-version", python_version(),
            *(f"--platform={tag}" for tag in platforms),
            "--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar=off",
            "--root-user-action=ignore",
        ]  # fmt: skip
        process.run(command, emit, doing="fetching Python wheels", hint=_hint)
        source.unlink()

    return cache.once(cache.directory() / "wheels" / key, install)


def _hint(said: str) -> str:
    if "No module named pip" in said:
        return "install pip into the environment that lab runs in"
    if "DO NOT MATCH THE HASHES" in said:
        return "what was downloaded is not what was locked: do not use it"
    return "is the package index reachable? pip's own settings (pip.conf, PIP_*) apply"
