"""What single values of a scenario have to look like: as podman and Compose take them.

What is refused here, podman would refuse later and in fewer words; where lab asks for more, the
reason stands beside it.

A check returns what is wrong as a clause that follows the quoted value ("is not ..."), or an
empty string. A conversion returns the value or raises ValueError with such a clause.
"""

from __future__ import annotations

import ipaddress
import math
import posixpath
import re

from lab import durations

MAX_NAME = 63
"""A pod's name becomes its host name, which the kernel cuts at 64 characters."""

PORTS = (1, 65535)
PIDS = (1, 2**22)
"""The kernel's own limit on process ids."""
SECRETS = "/run/secrets"
"""Where containers find the files of secrets, as with Compose."""
REPLICAS = (1, 200)
MOST_PODS = 245
"""So many addresses a lab's subnet has."""
MOST_CONTAINERS = 1000
MOST_VALUES = 200_000
"""Keys and values of all pods, those of copies included: each of them takes a moment."""
MOST_NAMES = 100_000
"""Lines that the hosts files of all pods have together."""

LONGEST = 200
"""No name becomes too long for a file that podman calls so."""

_CAPABILITIES = """
AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE
DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE
MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG
SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE
SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
"""
"""Those of capabilities(7), without ``CAP_``."""

_MIN_MEMORY = 4 * 1024**2
"""With less, runc itself has no room to start a container."""
_MAX_MEMORY = 1024**5
_MAX_GRACE = 24 * 3600
_MAX_IMAGE = 512
_UNITS = {unit: 1024**power for power, unit in enumerate(("", "k", "m", "g", "t", "p"))}

# Patterns are compiled, and kept, when they are first used: most scenarios need few of them.
_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]*"
_HOST = r"[^\s:#]{1,253}"
_ARGUMENT = r"[A-Za-z_][A-Za-z0-9_]*"
_USER = r"[^\s:]+(:[^\s:]+)?"
# As RAMInBytes of github.com/docker/go-units reads it.
_SIZE = r"(?i)([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(?:([kmgtp]?)i?b?)"
_TARGET = r"/[^:]*"
_URL_PATH = r"/[!-~]*"
_METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_QUANTITY = r"[A-Za-z]\w*(?:[.-]\w+)*"

# The grammar of github.com/distribution/reference, without compound names of digests.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_IMAGE = (
    rf"(?:(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?"
    rf"{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,})?"
)


def name(text: str, longest: int = MAX_NAME) -> str:
    """Names of pods, containers, volumes and ports: what podman allows."""
    if not re.fullmatch(_NAME, text):
        return "is not a name: letters, digits, and _ . - after the first"
    return f"is longer than {longest} characters" if len(text) > longest else ""


def host(text: str) -> str:
    """A name in a hosts file, where white space and # end it and podman's own : as well."""
    return "" if re.fullmatch(_HOST, text) else "is not the name of a host"


def address(text: str) -> str:
    """An IPv4 address: the lab's network has no other."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return "is not an IPv4 address"
    return ""


def ip(text: str) -> str:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return "is not an IP address"
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
    if re.fullmatch(_COMPONENT, text):
        return ""
    return "cannot name the image it builds: small letters and digits, and . _ - between them"


def variable(text: str) -> str:
    """The name of an environment variable: whatever an environment can hold."""
    return "is not the name of a variable" if not text or "=" in text else ""


def argument(text: str) -> str:
    """The name of a build argument, which stands as ${NAME} in files of the context."""
    return "" if re.fullmatch(_ARGUMENT, text) else "is not the name of an argument"


def user(text: str) -> str:
    """A user, and perhaps a group, each by name or number. A group alone would mean root."""
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
    valid = re.fullmatch(_TARGET, text) and normal(text) != "/"
    return "" if valid else "is not an absolute path below /"


def normal(path: str) -> str:
    """An absolute path as podman writes it, without a slash at its end and such."""
    return "/" + posixpath.normpath(path).lstrip("/") if path else ""


def url_path(text: str) -> str:
    """The path of a URL."""
    return "" if re.fullmatch(_URL_PATH, text) else "is not a URL path that begins with /"


def metric(text: str) -> str:
    """The name of a metric, as Prometheus allows it."""
    return "" if re.fullmatch(_METRIC, text) else "is not the name of a metric"


def quantity(text: str) -> str:
    """The name of a quantity: words with dots or dashes between them."""
    if re.fullmatch(_QUANTITY, text) and len(text) <= MAX_NAME:
        return ""
    return "is not the name of a quantity, such as orders.accepted"


def anything(_: str) -> str:
    """Any text."""
    return ""


def size(text: str) -> int:
    """Bytes from a size such as 512m, 1.5g or 64MiB (units are powers of 1024)."""
    found = re.fullmatch(_SIZE, text)
    if not found:
        raise ValueError("is not a size such as 512m")
    count = int(float(found[1]) * _UNITS[found[2].lower()])
    if not _MIN_MEMORY <= count <= _MAX_MEMORY:
        raise ValueError("is out of range: 4m to 1p")
    return count


def duration(text: str) -> int:
    """Whole seconds from a duration such as 5s, 1m30s or 1.5h, rounded up: podman has no others."""
    seconds = durations.parse(text)
    if seconds > _MAX_GRACE:
        raise ValueError("is out of range: at most 24h")
    return math.ceil(seconds)
