"""Whether the host's ports are free, asked before anything is created."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from lab.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.topology.spec import PortSpec


def check(ports: Iterable[PortSpec]) -> None:
    """Raise :class:`ConflictError` naming every port that cannot be published.

    A port is tried by binding it for a moment, which is what podman will do with it.
    """
    found = [why for port in ports if (why := _obstacle(port))]
    if found:
        raise ConflictError(
            "; ".join(found),
            hint="stop what uses it, or choose another: --port, --prometheus-port, --host",
        )


def _obstacle(port: PortSpec) -> str:
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host_ip, port.published))
        except OSError as error:
            where = f"port {port.published} on {port.host_ip or '0.0.0.0'} ({port.name})"  # noqa: S104 - a message
            if error.errno == errno.EADDRINUSE:
                return f"{where} is in use by another process"
            if error.errno == errno.EADDRNOTAVAIL:
                return f"{where}: this machine has no such address"
            return f"{where} cannot be bound: {error.strerror}"
    return ""
