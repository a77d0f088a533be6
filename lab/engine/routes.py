"""Which IPv4 addresses this host already knows a way to, as the kernel says."""

from __future__ import annotations

import socket
from pathlib import Path

TABLES = Path("/proc/net/fib_trie")
"""Every routing table, also those that only a rule leads to: VPNs have one of their own, and its
routes go before those of the main table, which is all that /proc/net/route shows."""
NOWHERE = "nowhere"
_WIDEST = 8
"""A route to more than a /8 is a default route, or a half of one, as VPNs write it."""


def in_use() -> tuple[str, ...]:
    """The destinations of all routes in CIDR form, without default routes."""
    try:
        lines = TABLES.read_text().splitlines()
    except OSError:
        return ()
    found: dict[str, None] = {}
    address = ""
    for line in lines:
        words = line.split()
        if words[0] == "|--":  # a leaf; below it, one line for each length of its routes' prefix
            address = words[1]
        elif words[0].startswith("/") and int(words[0][1:]) >= _WIDEST:
            found[address + words[0]] = None
    return tuple(found)


def source(address: str) -> str:
    """The address from which this host would send to an IPv4 address, or :data:`NOWHERE`.

    To a lab's network that is its own address there, unless a rule leads elsewhere before.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))  # asks for the route; nothing is sent
        except OSError:
            return NOWHERE
        name: str = probe.getsockname()[0]
        return name
