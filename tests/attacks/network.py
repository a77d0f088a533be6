"""Where attackers of a network stand, and what they send: run by root, in any network namespace."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOST, NEIGHBOUR = "198.51.100.1", "198.51.100.2"
"""Addresses of this machine and of its neighbour on the segment between them."""
NOBODY = 65534

_REACH = """
import json, select, socket, sys, time
targets = json.loads(sys.argv[1])
asked = {}
for address, port in targets:
    each = socket.socket()
    each.setblocking(False)
    each.connect_ex((address, port))
    asked[each] = [address, port]
reached, deadline = [], time.monotonic() + 1.5
while asked and (left := deadline - time.monotonic()) > 0:
    for each in select.select([], asked, [], left)[1]:
        target = asked.pop(each)
        if each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            reached.append(target)
print(json.dumps(reached))
"""

_FRAMES = """
import json, socket, struct, sys
hardware, source, targets, port = json.loads(sys.argv[1])
def total(data):
    found = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while found >> 16:
        found = (found & 0xFFFF) + (found >> 16)
    return ~found & 0xFFFF
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
for target in targets:
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 29, 0, 0, 64, 17, 0)
    head = head[:10] + struct.pack("!H", total(head + ends)) + ends
    udp = struct.pack("!HHHH", 1, port, 9, 0) + b"x"
    link.send(bytes.fromhex(hardware) + link.getsockname()[4] + b"\\x08\\x00" + head + udp)
"""


class Place:
    """Where programs run: ``prefix`` is the command that leads there, ``user`` a number."""

    def __init__(self, *prefix: str, user: int | None = None) -> None:
        self.prefix = prefix
        self.user = user

    def __call__(self, code: str, argument: object) -> str:
        """Run Python code with an argument, and return what it prints."""
        command = [*self.prefix, sys.executable, "-c", code, json.dumps(argument)]
        if self.user is not None:  # who cannot enter the folder of the tests' Python
            command[len(self.prefix)] = "/usr/bin/python3"
        done = subprocess.run(command, capture_output=True, text=True, check=False, user=self.user)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def reaches(self, targets: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
        """Which of these addresses and ports accept a connection from here."""
        return {(address, port) for address, port in json.loads(self(_REACH, list(targets)))}

    def send(self, hardware: str, source: str, targets: Sequence[str], port: int) -> None:
        """Send a datagram to each address, one after the other, to this hardware address."""
        self(_FRAMES, (hardware.replace(":", ""), source, list(targets), port))


def inside(pid: int) -> Place:
    """The network namespace of a process."""
    return Place("nsenter", f"--net=/proc/{pid}/ns/net", "--")


@contextmanager
def neighbour() -> Iterator[Place]:
    """A machine that sends everything to this one, also what is for its own 127.0.0.1."""
    name = "t-neighbour"
    _ip("netns", "delete", name, check=False)  # what an interrupted run left
    _ip("netns", "add", name)
    try:
        _ip("link", "add", "t-near", "type", "veth", "peer", "name", "t-far", "netns", name)
        _ip("address", "add", f"{HOST}/30", "dev", "t-near")
        _ip("link", "set", "t-near", "up")
        _ip("-n", name, "address", "add", f"{NEIGHBOUR}/30", "dev", "t-far")
        _ip("-n", name, "link", "set", "t-far", "up")
        setting = "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"
        _ip("netns", "exec", name, "sh", "-c", setting)
        for destination in ("default", "127.0.0.0/8"):
            _ip("-n", name, "route", "add", destination, "via", HOST)
        yield Place("ip", "netns", "exec", name)
    finally:
        _ip("netns", "delete", name)


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)
