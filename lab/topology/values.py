"""What single values of a scenario have to look like.

A check returns what is wrong as a clause that follows the quoted value ("is not ..."), or an
empty string. A conversion returns the value or raises ValueError with such a clause.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re

from lab import durations

MAX_NAME = 63
"""A pod's name becomes its host name, which the kernel cuts at 64 characters."""

PORTS = (1, 65535)
PIDS = (1, 2**22)
"""The kernel's own limit on process ids."""
REPLICAS = (1, 200)
MOST_PODS = 245
"""So many addresses a lab's subnet has."""
MOST_CONTAINERS = 1000
MOST_VALUES = 200_000
"""Keys and values of all pods, those of copies included: each of them takes a moment."""
MOST_NAMES = 100_000
"""Lines that the hosts files of all pods have together."""

_CAPABILITIES = """
AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE
DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE
MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG
SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE
SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
"""
"""Those of capabilities(7), without ``CAP_``."""

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


def plain_user(text: str) -> str:
    """A user other than root."""
    name, _, _ = text.partition(":")
    if name == "root" or (name.isdecimal() and int(name) == 0):
        return "is root, which takes --allow-root on the command line of `lab up`"
    return user(text)


def capability(text: str) -> str:
    """The name of a Linux capability, with or without ``CAP_``."""
    known = _CAPABILITIES.split()
    return "" if text.upper().removeprefix("CAP_") in known else "is not a Linux capability"


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
    """Whole seconds from a duration such as 5s or 1m30s."""
    seconds = durations.parse(text)
    if seconds > _MAX_GRACE:
        raise ValueError("is out of range: at most 60m")
    if seconds % 1:
        raise ValueError("is not a duration in whole seconds")
    return int(seconds)
