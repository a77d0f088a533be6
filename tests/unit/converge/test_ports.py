"""Ports of this machine, tried for real on loopback."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

import pytest

from lab.converge import ports
from lab.errors import ConflictError
from lab.topology.spec import PortSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def busy() -> Iterator[int]:
    """A port of 127.0.0.1 on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def port(number: int, host_ip: str = "127.0.0.1", name: str = "service-a") -> PortSpec:
    return PortSpec(name=name, host_ip=host_ip, published=number, target=80)


def test_a_free_port_passes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    ports.check([port(number)])


def test_a_port_that_was_used_a_moment_ago_passes() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        accepted, (_, _) = server.accept()
        accepted.close()  # closed here first: it is this side that lingers
        client.recv(1)
        number = server.getsockname()[1]
    ports.check([port(number)])


def test_trying_a_port_leaves_it_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    ports.check([port(number)])
    socket.create_server(("127.0.0.1", number)).close()


@pytest.mark.parametrize("host_ip", ["127.0.0.1", "0.0.0.0", ""])  # noqa: S104 - tried, not served
def test_a_port_in_use_is_named(busy: int, host_ip: str) -> None:
    expected = rf"^port {busy} on {host_ip or '0.0.0.0'} \(service-a\) is in use by"  # noqa: S104
    with pytest.raises(ConflictError, match=expected):
        ports.check([port(busy, host_ip)])


def test_every_port_in_use_is_named_at_once(busy: int) -> None:
    with pytest.raises(ConflictError) as caught:
        ports.check([port(busy), port(busy, name="prometheus")])
    assert caught.value.message.count(f"port {busy}") == 2
    assert "--prometheus-port" in caught.value.hint


def test_an_address_that_this_machine_does_not_have_is_named() -> None:
    with pytest.raises(ConflictError, match="this machine has no such address"):
        ports.check([port(8080, "192.0.2.1")])  # TEST-NET-1, RFC 5737


class Privileged(socket.socket):
    """A socket of a process that may not bind it."""

    def bind(self, address: object) -> None:
        """Refuse as the kernel does."""
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), address)


def test_a_privileged_port_is_not_one_that_somebody_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "start").write_text("90\n")
    monkeypatch.setattr(ports, "UNPRIVILEGED", tmp_path / "start")
    monkeypatch.setattr("socket.socket", Privileged)
    with pytest.raises(ConflictError, match=r"^port 80 on 127\.0\.0\.1 \(service-a\) is priv") as c:
        ports.check([port(80)])
    assert "from 90 on" in c.value.hint
    assert "net.ipv4.ip_unprivileged_port_start" in c.value.hint
    assert "stop" not in c.value.hint


def test_each_cause_has_its_remedy_once(busy: int) -> None:
    with pytest.raises(ConflictError) as caught:
        ports.check([port(busy), port(busy), port(8080, "192.0.2.1")])
    assert caught.value.hint == (
        "stop what uses it, or choose another port: --port, --prometheus-port, or --set; "
        "choose an address that `ip address` lists: --host"
    )


def test_a_free_port_is_neither_taken_nor_in_use() -> None:
    number = next(ports.free((), probe=True))
    rest = [other for other in ports.FREE if other != number]
    with socket.create_server(("127.0.0.1", number)):
        with pytest.raises(ConflictError, match="no port"):
            next(ports.free(rest, probe=True))
        assert next(ports.free(rest, probe=False)) == number
