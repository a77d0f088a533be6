"""Python packages for images, fetched on the host so that builds need no network.

A scenario's author names packages by their hashes; everything else about pip is the caller's:
where it looks for them, through which proxy, and whose certificates it trusts. pip runs apart
from all that a context, the current directory or the environment could tell it beyond that.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import StepError
from lab.images import cache, process, requirements
from lab.images.bases import python_version
from lab.images.platform import wheel_platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SETTINGS = frozenset(
    {
        "cert", "client-cert", "default-timeout", "extra-index-url", "find-links", "index-url",
        "keyring-provider", "no-index", "proxy", "retries", "timeout", "trusted-host",
    }
)  # fmt: skip
"""What of the caller's pip configuration holds: where packages come from, and how."""
ENVIRONMENT = frozenset(
    {
        "HOME", "LANG", "LC_ALL", "NETRC", "PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR",
        "SSL_CERT_FILE", "TMPDIR", "XDG_CACHE_HOME",
        *("all_proxy", "http_proxy", "https_proxy", "no_proxy"),
        *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    }
)  # fmt: skip
"""The variables that pip keeps."""

MAX_BYTES = 1 << 30
"""How much the wheels of a context may hold together: their files are kept in memory."""

_PATHS = frozenset({"cert", "client-cert", "find-links"})
_ASK_SECONDS = 30.0
# Python's -I would leave out packages that the user has installed for themself, perhaps pip.
_PIP = (sys.executable, "-E", "-P", "-m", "pip", "--disable-pip-version-check", "--no-input")
_SECTIONS = ("global", "install", ":env:")  # the later wins, as in pip
_NOT_NEEDED = re.compile(
    r"^bin/"  # scripts, which name this host's interpreter
    r"|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"  # how it was installed
    r"|\.(pyi|pyx|pxd|pxi|c|h|in)$"  # sources of what is compiled
    r"|(^|/)tests?/"
)


def needed(path: str) -> bool:
    """Whether a file of installed wheels is used at run time and is the same on every host."""
    return _NOT_NEEDED.search(path) is None


@contextmanager
def unpacked(pins: bytes, emit: Callable[[str], None]) -> Iterator[Path]:
    """Give a directory with the wheels of a hash-pinned requirements file, unpacked.

    They are those for Linux on this machine's architecture and the Python of our images, not
    for the interpreter that runs lab. What the cache holds of them is held against the pins
    each time. Every progress line goes to ``emit``. Raises ``UsageError`` for what is no pin
    and ``StepError`` when pip fails.
    """
    wanted = requirements.parse(pins, requirements.FILE)
    known = requirements.hashes(wanted)
    platforms = wheel_platforms()
    key = hashlib.sha256("\0".join((wanted, python_version(), *platforms)).encode()).hexdigest()
    selected = [
        "--require-hashes", "--only-binary=:all:", "--no-deps",
        "--implementation", "cp", "--python-version", python_version(),
        *(f"--platform={tag}" for tag in platforms), "--progress-bar=off", "--no-color",
    ]  # fmt: skip

    def intact(target: Path) -> bool:
        return all(path.is_file() and _sha256(path) in known for path in target.iterdir())

    with tempfile.TemporaryDirectory(dir=cache.directory()) as name:
        apart = Path(name)
        listed = apart / requirements.FILE
        listed.write_text(wanted)

        def pip(command: str, *words: str, **settings: str) -> None:
            process.run(
                [*_PIP, command, *words, "--requirement", str(listed), *selected],
                emit,
                doing="fetching Python wheels",
                hint=_hint,
                # Settings come from nowhere but these variables, which no other user can read.
                environment=_kept(ENVIRONMENT) | {"PIP_CONFIG_FILE": os.devnull} | settings,
                directory=apart,
            )

        def download(target: Path) -> None:
            pip("download", "--dest", str(target), **_settings())

        wheels = cache.once(cache.directory() / "wheels" / key[:16], download, intact)
        if sum(map(_unpacked_size, wheels.iterdir())) > MAX_BYTES:
            raise StepError(
                f"the wheels hold more than {MAX_BYTES >> 20} MiB",
                hint="ask for fewer packages in requirements.txt",
            )
        root = apart / "root"
        pip(
            "install", "--target", str(root), "--no-compile", "--root-user-action=ignore",
            "--no-index", "--no-cache-dir", "--find-links", str(wheels),
        )  # fmt: skip
        yield root


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _unpacked_size(wheel: Path) -> int:
    """How much a wheel holds, as its directory says: no more of a file than that is unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _kept(names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in names}


def _settings() -> dict[str, str]:
    """The caller's settings that hold, from their files and variables, as variables of pip's."""
    asked = subprocess.run(  # noqa: S603 - fixed words
        [*_PIP, "config", "list"],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=_ASK_SECONDS,
    )
    found: dict[str, str] = {}
    for name, value in _effective(asked.stdout).items():
        words = value.split()
        if name in _PATHS:  # pip runs elsewhere
            words = [word if "://" in word else str(Path(word).absolute()) for word in words]
        found[f"PIP_{name.replace('-', '_').upper()}"] = " ".join(words)
    return found


def _effective(listed: str) -> Mapping[str, str]:
    """What `pip config list` says, each setting as pip itself would take it."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if equals and section in found and name in SETTINGS:
            found[section][name] = str(ast.literal_eval(value))
    return {name: value for section in _SECTIONS for name, value in found[section].items()}


def _hint(said: str) -> str:
    if "No module named pip" in said:
        return "install pip into the environment that lab runs in"
    if "DO NOT MATCH THE HASHES" in said:
        return "what was downloaded is not what was locked: do not use it"
    return "is the package index reachable? pip's settings of indexes and proxies apply"
