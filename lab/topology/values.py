"""What single values of a scenario have to look like.

A check returns what is wrong as a clause that follows the quoted value ("is not ..."), or an
empty string. A conversion returns the value or raises ValueError with such a clause.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re

MAX_NAME = 63
"""A pod's name becomes its host name, which the kernel cuts at 64 characters."""

PORTS = (1, 65535)
PIDS = (1, 2**22)
"""The kernel's own limit on process ids."""
REPLICAS = (1, 200)
"""A lab's subnet has addresses for 245 pods."""

_MIN_MEMORY = 6 * 1024**2
_MAX_MEMORY = 1024**5
_MAX_GRACE = 3600
_MAX_IMAGE = 512
_UNITS = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}

# Patterns are compiled, and kept, when they are first used: most scenarios need few of them.
_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]*"
_BUILT = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_USER = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?"
_SIZE = r"(?i)([0-9]{1,15})(?:([bkmg])|([kmg])b)?"
_DURATION = r"(?=[0-9])(?:([0-9]{1,4})m)?(?:([0-9]{1,6})s)?"
_TARGET = r"/[^:,\s]+"
_URL_PATH = r"/[!-~]*"

# The grammar of github.com/distribution/reference, without the long forms of digests.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_IMAGE = (
    rf"(?:{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?/)?"
    rf"{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@sha256:[0-9a-f]{64})?"
)


def name(text: str) -> str:
    """Names of pods, containers, volumes, ports and host aliases: what podman allows."""
    if not re.fullmatch(_NAME, text):
        return "is not a name: letters, digits, and _ . - after the first"
    return f"is longer than {MAX_NAME} characters" if len(text) > MAX_NAME else ""


def address(text: str) -> str:
    """An IPv4 address: the lab's network has no other."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return "is not an IPv4 address"
    return ""


def loopback(text: str) -> bool:
    """Whether it is an IPv4 address that only this machine reaches (127.0.0.0/8)."""
    return not address(text) and ipaddress.IPv4Address(text).is_loopback


def image(text: str) -> str:
    """An image reference, such as docker.io/library/nginx:1.27."""
    valid = len(text) <= _MAX_IMAGE and re.fullmatch(_IMAGE, text)
    return "" if valid else "is not an image reference"


def built(text: str) -> str:
    """The name of a container whose image lab builds and calls the same."""
    if re.fullmatch(_BUILT, text):
        return ""
    return "cannot name the image it builds: small letters, digits, single dashes or dots between"


def variable(text: str) -> str:
    """The name of an environment variable or a build argument."""
    return "" if re.fullmatch(_VARIABLE, text) else "is not the name of a variable"


def user(text: str) -> str:
    """A user, and perhaps a group, each by name or number."""
    return "" if re.fullmatch(_USER, text) else "is not USER or USER:GROUP"


def target(text: str) -> str:
    """An absolute path inside a container at which something may be mounted."""
    valid = re.fullmatch(_TARGET, text) and posixpath.normpath(text) == text
    return "" if valid else "is not an absolute path below /"


def url_path(text: str) -> str:
    """The path of a URL."""
    return "" if re.fullmatch(_URL_PATH, text) else "is not a URL path that begins with /"


def anything(_: str) -> str:
    """Any text."""
    return ""


def size(text: str) -> int:
    """Bytes from a size such as 512m (units b, k, m, g: powers of 1024)."""
    found = re.fullmatch(_SIZE, text)
    if not found:
        raise ValueError("is not a size such as 512m")
    count = int(found[1]) * _UNITS[(found[2] or found[3] or "b").lower()]
    if not _MIN_MEMORY <= count <= _MAX_MEMORY:
        raise ValueError("is out of range: 6m to 1048576g")
    return count


def duration(text: str) -> int:
    """Seconds from a duration such as 5s or 1m30s."""
    found = re.fullmatch(_DURATION, text)
    if not found:
        raise ValueError("is not a duration such as 5s or 1m30s")
    seconds = 60 * int(found[1] or 0) + int(found[2] or 0)
    if seconds > _MAX_GRACE:
        raise ValueError("is out of range: at most 60m")
    return seconds
