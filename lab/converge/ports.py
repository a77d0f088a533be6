"""Whether the host's ports are free, asked before anything is created."""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import ConflictError
from lab.topology.spec import PortSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

FREE = range(22_000, 32_768)
"""Where free ports are looked for: below those that Linux gives to clients by itself."""


OTHER_PORT = "choose another port: --port, --prometheus-port, or --set"
UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
"""Which ports everybody may publish, from this one on (ip(7))."""


def free(taken: Collection[int], *, probe: bool) -> Iterator[int]:
    """Ports of loopback that are not ``taken``, in no order; nobody listens there when probed.

    Raises :class:`ConflictError` when there is none left.
    """
    for number in random.sample(FREE, len(FREE)):
        port = PortSpec(name="", host_ip="127.0.0.1", published=number, target=0)
        if number not in taken and not (probe and _obstacle(port)):
            yield number
    raise ConflictError(f"no port from {FREE.start} to {FREE.stop - 1} is free")


def check(ports: Iterable[PortSpec]) -> None:
    """Raise :class:`ConflictError` naming every port that cannot be published.

    A port is tried by binding it for a moment, which is what podman will do with it.
    """
    found = {port: error for port in ports if (error := _obstacle(port)) is not None}
    if found:
        raise ConflictError(
            "; ".join(_said(port, error) for port, error in found.items()),
            hint="; ".join(dict.fromkeys(map(_remedy, found.values()))),
        )


def _obstacle(port: PortSpec) -> OSError | None:
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host_ip, port.published))
        except OSError as error:
            return error
    return None


def _said(port: PortSpec, error: OSError) -> str:
    where = f"port {port.published} on {port.host_ip or '0.0.0.0'} ({port.name})"  # noqa: S104 - a message
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another process"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address"
    if error.errno == errno.EACCES:
        return f"{where} is privileged: only root may publish it"
    return f"{where} cannot be bound: {error.strerror}"


def _remedy(error: OSError) -> str:
    """One cause, one remedy."""
    if error.errno == errno.EADDRINUSE:
        return f"stop what uses it, or {OTHER_PORT}"
    if error.errno == errno.EADDRNOTAVAIL:
        return "choose an address that `ip address` lists: --host"
    if error.errno == errno.EACCES:
        return (
            f"{OTHER_PORT} from {_first_unprivileged()} on, or have root lower "
            "net.ipv4.ip_unprivileged_port_start with sysctl"
        )
    return OTHER_PORT


def _first_unprivileged() -> str:
    try:
        return UNPRIVILEGED.read_text().strip()
    except OSError:
        return "1024"
