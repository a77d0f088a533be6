"""What podman's service is started in: settings, variables and paths that labs must not feel."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.real.conftest import free_port
from tests.real.labs import finish, run_lab
from tests.real.steps import step
from tests.real.traffic import send
from tests.real.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.accounts import Account
    from tests.real.conftest import Labs
    from tests.real.engine import Podman
    from tests.real.labs import Lab

pytestmark = pytest.mark.real

HOSTILE = """\
[containers]
base_hosts_file = "{hosts}"
cgroups = "disabled"
default_sysctls = ["nonsense"]
devices = ["/dev/nonexistent"]
env = ["PATH=/nonexistent", "PYTHONHOME=/nonexistent", "ERROR_RATE=100"]
ipcns = "host"
log_driver = "none"
netns = "none"
no_hosts = true
pidns = "host"
pids_limit = 1
umask = "0777"
userns = "auto"
utsns = "host"
volumes = ["/nonexistent:/x"]

[engine]
cgroup_manager = "systemd"
infra_image = "registry.invalid/pause:1"
remote = true

[network]
network_backend = "cni"
"""
"""Each of these alone keeps a lab from coming up, from answering, or from having logs."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short path, as a socket's has to be; no service in it goes on."""
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        yield Path(name)
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if f"unix://{name}/" in command.read_text():
                    os.kill(int(command.parent.name), signal.SIGTERM)


@pytest.fixture
def lab(labs: Labs) -> Lab:
    return labs("around")


def test_a_lab_works_whatever_the_user_s_settings_are(
    lab: Lab, place: Path, podman: Podman
) -> None:
    hosts = place / "hosts"
    hosts.write_text("127.0.0.1 localhost\n192.0.2.1 a.service b.service\n")
    settings = place / "containers.conf"
    settings.write_text(HOSTILE.format(hosts=hosts))
    environment = {"CONTAINERS_CONF": str(settings), "XDG_RUNTIME_DIR": str(place)}
    lab.up("direct", "--error-rate", "0", environment=environment)
    assert send(lab.url, 20).succeeded == 20
    assert "started" in lab("logs", "service-b", environment=environment).out
    assert lab("status", environment=environment).status == 0
    lab("down", "--volumes", environment=environment)
    assert podman.states(lab.name) == {}


def test_two_commands_wait_for_each_other_whatever_their_runtime_directory(
    lab: Lab, place: Path
) -> None:
    """One lab, one storage, two private services: as from a login and from cron."""
    first = lab.start(*lab.up_arguments("direct"))
    progress = first.stderr
    assert progress is not None
    until("the first has begun", lambda: "create record" in progress.readline())
    first.send_signal(signal.SIGSTOP)  # it goes on when the second one waits
    other = lab.account.popen(
        lab.account.python, "-m", "lab", *lab.up_arguments("sidecar"),
        environment={"XDG_RUNTIME_DIR": str(place)},
    )  # fmt: skip
    assert other.stderr is not None
    said = other.stderr.readline()
    first.send_signal(signal.SIGCONT)
    status, _, err = finish(first)
    assert status == 0, err
    status, _, err = finish(other)
    assert status == 0, err
    assert said.startswith(f"waiting: lab {lab.name} is being changed by lab up direct"), said
    assert lab.status()["scenario"] == "sidecar"
    run_lab(
        lab.account, "down", "--volumes", "--name", lab.name,
        environment={"XDG_RUNTIME_DIR": str(place)},
    )  # fmt: skip


class Counting(http.server.BaseHTTPRequestHandler):
    """A proxy that refuses everything."""

    asked: list[str]

    def _refuse(self) -> None:
        self.asked.append(self.requestline)
        self.send_error(502)

    do_GET = do_POST = do_DELETE = do_CONNECT = _refuse  # noqa: N815 - its base class's names

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """The address of a proxy, and what it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (Counting,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


@pytest.fixture
def forwarded(account: Account) -> Iterator[str]:
    """The TCP address of the user's podman, as of one that is elsewhere."""
    port = free_port()
    path = account.service().removeprefix("unix://")

    def copy(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def carry(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as service:
            service.connect(path)
            back = threading.Thread(target=copy, args=(service, client))
            back.start()
            copy(client, service)
            back.join()

    def serve(server: socket.socket, carriers: list[threading.Thread]) -> None:
        with suppress(OSError):  # it is closed in the end
            while True:
                carriers.append(threading.Thread(target=carry, args=(server.accept()[0],)))
                carriers[-1].start()

    carriers: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", port)) as server:
        serving = threading.Thread(target=serve, args=(server, carriers))
        serving.start()
        yield f"tcp://127.0.0.1:{port}"
        server.shutdown(socket.SHUT_RDWR)
        serving.join()
    for carrier in carriers:
        carrier.join()


def test_a_podman_behind_tcp_is_not_asked_through_a_proxy_and_nothing_here_is_probed_for_it(
    lab: Lab, forwarded: str, proxy: tuple[str, list[str]]
) -> None:
    address, asked = proxy
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")
    environment = dict.fromkeys(names, address) | {"no_proxy": ""}
    with socket.create_server(("127.0.0.2", lab.port)):  # in use here, which says nothing of there
        words = lab.up_arguments(
            "direct", "--engine", forwarded, "--host", "127.0.0.2", "--dry-run"
        )
        planned = run_lab(lab.account, *words, environment=environment)
    assert "ports not checked: podman is on another machine" in planned.err
    with step("it works all the same"):
        lab.up("direct", "--engine", forwarded, environment=environment)
        found = lab("status", "--engine", forwarded, "-o", "json", environment=environment)
        assert found.json["in_sync"]
        lab("down", "--volumes", "--engine", forwarded, environment=environment)
    assert asked == []


@pytest.mark.parametrize("name", ["a b", "what? #1 100%", "x" * 200])
def test_a_runtime_directory_of_any_name_will_do(account: Account, place: Path, name: str) -> None:
    """Podman itself reads the socket's address as a URL, and its path may have 107 bytes."""
    environment = {"XDG_RUNTIME_DIR": str(place / name)}
    found = run_lab(account, "status", "--name", "t-nothing", status=3, environment=environment)
    assert "t-nothing" in found.out
    findings = {
        f["name"]: f for f in run_lab(account, "doctor", "-o", "json", environment=environment).json
    }
    assert findings["service"]["state"] == "good"
    assert ("sockets" in findings) == (len(name) > 100)


def test_what_was_wrong_with_the_variables_is_right_at_the_next_command(
    account: Account, place: Path, proxy: tuple[str, list[str]]
) -> None:
    """A pull that needs a proxy: without it, with it, and without it again."""
    address, asked = proxy
    here = {"XDG_RUNTIME_DIR": str(place)}
    there = {**here, "HTTPS_PROXY": address, "https_proxy": address}
    counts = []
    for environment in (here, there, here):
        before = len(asked)
        run_lab(account, "doctor", environment=environment)
        counts.append(len(asked) - before)
    assert counts[0] == counts[2] == 0
    assert counts[1] > 0


def test_broken_settings_are_named_with_what_repairs_them(account: Account, place: Path) -> None:
    settings = place / "containers.conf"
    settings.write_text("[containers\n")
    environment = {"XDG_RUNTIME_DIR": str(place), "CONTAINERS_CONF": str(settings)}
    failed = run_lab(account, "status", status=1, environment=environment)
    assert str(settings) in failed.err
    assert "hint: correct the settings that podman names" in failed.err
    examined = run_lab(account, "doctor", status=1, environment=environment)
    assert "apt install podman" not in examined.out
    assert "lab doctor" not in examined.out
