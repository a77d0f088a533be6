"""Clients that take more than their share: memory stays bounded, others go on being answered."""

import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.services.conftest import Start, Upstream
from tests.services.processes import PATIENCE, Service
from tests.services.raw_upstream import Exchange, http

CROWD = 2000
MOST_CONNECTIONS = 4000
"""What a service allows per port where it may open enough files."""
MEMORY = 256
"""MiB that a service may take, whatever its clients do; its container has 512."""
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(params=["service_a", "service_b"])
def service(request: pytest.FixtureRequest, start: Start, upstream: Upstream) -> Service:
    if request.param == "service_b":
        return start("service_b", ERROR_RATE=0)
    return start("service_a", UPSTREAM_SERVICE=upstream(answer_all).url)


@pytest.fixture
def service_b(start: Start) -> Service:
    return start("service_b", ERROR_RATE=0)


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def answer_all(exchange: Exchange) -> None:
    with suppress(ConnectionError):  # the end of the test may come in between
        while exchange.receive():
            exchange.send(http(b"yes\n"))


def connect(service: Service, clients: ExitStack) -> socket.socket:
    address = ("127.0.0.1", service.port)
    client = clients.enter_context(socket.create_connection(address, timeout=PATIENCE))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def memory(service: Service) -> float:
    """The resident memory of a service in MiB (proc(5))."""
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def flood(client: socket.socket, data: bytes) -> None:
    """Send 40 MB, or until the service closes the connection or reads no further."""
    with suppress(OSError):
        for _ in range(40_000_000 // len(data)):
            client.sendall(data)


def ended(client: socket.socket) -> bool:
    """Read what comes until the service closes; False when it goes on for too long."""
    try:
        while client.recv(65536):
            pass
    except (BrokenPipeError, ConnectionResetError):
        return True
    except TimeoutError:
        return False
    return True


def assert_unharmed(service: Service) -> None:
    assert service.get().status_code == 200
    assert memory(service) < MEMORY


def test_idle_connections_cost_little_and_stay_open(service: Service, running: ExitStack) -> None:
    crowd = [connect(service, running) for _ in range(CROWD)]
    assert_unharmed(service)
    crowd[0].sendall(REQUEST)
    assert crowd[0].recv(1024).startswith(b"HTTP/1.1 200")


def test_connections_beyond_the_limit_are_closed_and_the_others_served(
    service_b: Service, running: ExitStack
) -> None:
    most = min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 4)
    crowd = [connect(service_b, running) for _ in range(most)]
    assert ended(connect(service_b, running))
    crowd[-1].sendall(REQUEST)
    assert crowd[-1].recv(1024).startswith(b"HTTP/1.1 200")
    assert memory(service_b) < MEMORY


def test_heads_that_never_end_are_cut_off(service_b: Service, running: ExitStack) -> None:
    slow = [connect(service_b, running) for _ in range(CROWD)]
    for client in slow:
        client.sendall(REQUEST[:-2] + b"X-More: " + b"a" * 4000)
    assert_unharmed(service_b)
    assert all(ended(client) for client in slow)
    assert service_b.counted() == (1, 0)


def test_a_client_that_once_behaved_may_not_dribble_either(
    service_b: Service, running: ExitStack
) -> None:
    client = connect(service_b, running)
    client.sendall(REQUEST + REQUEST[:-1])
    assert ended(client)
    assert service_b.counted() == (1, 0)


@pytest.mark.parametrize(
    ("begin", "more"),
    [(b"GET /", b"a" * 100_000), (REQUEST[:-2], b"X-More: " + b"a" * 4000 + b"\r\n")],
    ids=["a line without end", "headers without end"],
)
def test_huge_heads_are_cut_off(
    service: Service, running: ExitStack, begin: bytes, more: bytes
) -> None:
    client = connect(service, running)
    client.sendall(begin)
    flood(client, more)
    assert ended(client)
    assert_unharmed(service)


def test_many_large_heads_at_once_fit_the_memory(service_b: Service, running: ExitStack) -> None:
    head = REQUEST[:-2] + b"".join(b"X-%d: %b\r\n" % (i, b"a" * 8000) for i in range(100))
    for _ in range(CROWD):
        client = connect(service_b, running)
        client.setblocking(False)  # noqa: FBT003 - the socket's own
        client.send(head)
    assert_unharmed(service_b)


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_body_without_end_is_not_read(
    service: Service, running: ExitStack, method: bytes
) -> None:
    client = connect(service, running)
    client.sendall(method + REQUEST[3:-2] + b"Content-Length: 1000000000000\r\n\r\n")
    flood(client, b"a" * 100_000)
    assert ended(client)
    assert_unharmed(service)


def test_pipelined_requests_are_answered_in_order(service: Service, running: ExitStack) -> None:
    client = connect(service, running)
    paths = [b"/", b"/healthz", b"/nowhere"] * 50
    for path in paths:
        client.sendall(REQUEST.replace(b"/", path, 1))
    received = b""
    while received.count(b"HTTP/1.1 ") < len(paths) and (data := client.recv(65536)):
        received += data
    answers = received.split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200", b"200", b"404"] * 50


def test_a_client_that_never_reads_is_read_no_further(service: Service, running: ExitStack) -> None:
    client = connect(service, running)
    client.settimeout(1)  # as long as this the service has to have stopped reading
    with pytest.raises(TimeoutError):
        client.sendall(REQUEST * 1_000_000)
    assert_unharmed(service)


def test_clients_that_vanish_leave_nothing_behind(service: Service, running: ExitStack) -> None:
    linger_for_no_time = struct.pack("ii", 1, 0)
    for sent in (b"", REQUEST[:10], REQUEST) * 100:
        client = connect(service, running)
        client.sendall(sent)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
        client.close()
    assert_unharmed(service)
    assert service.stop() == 0


def test_half_closed_connections_do_not_hold_up_the_end(
    service: Service, running: ExitStack
) -> None:
    for sent in (b"", REQUEST[:10]) * 100:
        client = connect(service, running)
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
    assert_unharmed(service)
    assert service.stop() == 0
