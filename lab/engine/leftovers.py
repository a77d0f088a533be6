"""What podman forgets of a network on this host.

Podman removes a network's bridge, and the rules that forward ports to it, with the last
container on it. When it is killed while it starts a pod, it does not know later that the pod
was on the network: pod and network can be removed, but the bridge stays, with a route that
keeps the subnet from being used again, and the rules go on sending the ports' connections to
an address that nobody has.

When containers leave a network at the same time, none of them may take itself for the last: then
the chain of those rules stays, empty (netavark 1.4).
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import socket
import struct
import subprocess
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

# linux/sockios.h and linux/if.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCBRDELBR = 0x8913, 0x8914, 0x89A1
_IFF_UP = 1
_IFREQ = struct.Struct("16sH22x")

_CHAIN, _CHAIN_DIGITS = "NETAVARK-DN-", 13
"""A network's chain is called this, and so much of the SHA-512 of the network's name
(``create_network_hash`` in netavark's src/network/core_utils.rs)."""


def is_bridge(name: str) -> bool:
    """Whether this host has a bridge of that name."""
    return Path(f"/sys/class/net/{name}/bridge").is_dir()


def remove_bridge(name: str) -> None:
    """Remove a bridge; without the right to, or without the bridge, nothing happens."""
    if os.geteuid() != 0:
        return
    # The bridge may go at the same moment, or this may be a root without CAP_NET_ADMIN.
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = ioctl(control, _SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
        _, flags = _IFREQ.unpack_from(asked)
        ioctl(control, _SIOCSIFFLAGS, _IFREQ.pack(name.encode(), flags & ~_IFF_UP))
        ioctl(control, _SIOCBRDELBR, name.encode() + b"\0")


def remove_forwarding(network: str) -> None:
    """Remove netavark's rules that forward ports to a network that is gone.

    They are known by the comment that netavark gives them.
    """
    for rule in _nat("-S", "NETAVARK-HOSTPORT-DNAT").splitlines():
        words = shlex.split(rule)
        if any(word.startswith(f"dnat name: {network} id: ") for word in words):
            _nat("-D", *words[1:])
            # Its rules are the network's, which shares the chain with no other.
            _nat("-F", words[words.index("-j") + 1])


def remove_chain(network: str) -> None:
    """Remove the chain of a network that is gone; iptables refuses while anything uses it."""
    chain = _CHAIN + hashlib.sha512(network.encode()).hexdigest()[:_CHAIN_DIGITS].upper()
    if _nat("-S", chain):  # to remove what is not there could make the table
        _nat("-X", chain)


def _nat(*words: str) -> str:
    """What iptables prints; nothing where there is none, or without the right to use it."""
    iptables = shutil.which("iptables", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if iptables is None or os.geteuid() != 0:
        return ""
    command = [iptables, "--wait", "--table", "nat", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - no shell
