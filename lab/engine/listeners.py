"""Which TCP ports are open beyond loopback in a container's pod, as the kernel says."""

from __future__ import annotations

from pathlib import Path

LISTEN = "0A"
"""The state TCP_LISTEN in /proc/net/tcp (proc(5))."""
_IPV4_DIGITS = 8
_LOOPBACK_V4 = "7F"
"""127.0.0.0/8: the bytes stand in reverse, so the first of the address comes last."""
_LOOPBACK_V6 = "00000000000000000000000001000000"
_MAPPED = "0000000000000000FFFF0000"
"""::ffff:0:0/96, an IPv4 address in IPv6's form."""


def beyond_loopback(pid: int) -> frozenset[int] | None:
    """The open ports of the namespace that a process is in; None when that cannot be read."""
    ports: set[int] = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            return None
        for line in lines:
            local, state = line.split()[1], line.split()[3]
            address, _, port = local.partition(":")
            if state == LISTEN and not is_loopback(address):
                ports.add(int(port, 16))
    return frozenset(ports)


def is_loopback(address: str) -> bool:
    """Whether an address, in the hexadecimal form of /proc/net/tcp, is a loopback one."""
    if len(address) == _IPV4_DIGITS or address.startswith(_MAPPED):
        return address.endswith(_LOOPBACK_V4)
    return address == _LOOPBACK_V6
