"""Who is not asked in reaches nothing of a lab but what it publishes, where it publishes it."""

from __future__ import annotations

import json
import socket
import subprocess
from shutil import which
from typing import TYPE_CHECKING

import pytest

from lab.engine import firewall, payloads
from lab.topology.spec import NetworkSpec
from tests.attacks import network
from tests.attacks.network import HOST, NOBODY, Place, inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.conftest import Labs
    from tests.real.engine import Podman
    from tests.real.labs import Lab

pytestmark = pytest.mark.real

METRICS, ENVOYS_METRICS, ADMIN = 8081, 9902, 9901


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Place]:
    with network.neighbour() as place:
        yield place


def addresses(lab: Lab) -> dict[str, str]:
    """The address of each pod, by its name without the lab's."""
    pods = lab.status()["pods"]
    return {pod["name"].removeprefix(f"{lab.name}-"): pod["ip"] for pod in pods}


def everything(lab: Lab) -> list[tuple[str, int]]:
    """Everything that listens in a lab, by the pods' own addresses."""
    found = addresses(lab)
    return [
        *((found["service-a-pod"], port) for port in (80, METRICS, ENVOYS_METRICS, ADMIN)),
        *((found["service-b-pod"], port) for port in (80, METRICS)),
        (found["prometheus-pod"], 9090),
    ]


def pid(podman: Podman, container: str) -> int:
    found: int = podman.inspect(container)["State"]["Pid"]
    return found


def rules(lab: Lab) -> list[str]:
    """What stands of a lab's rules in the host's firewall, of whatever kind."""
    network_ = f"{lab.name}-lab"
    commands = [name for name in (["iptables-save"], ["nft", "list", "ruleset"]) if which(name[0])]
    lines = [
        line
        for command in commands
        for line in subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    ]
    return [line for line in lines if network_ in line or payloads.bridge(network_) in line]


@pytest.mark.attack("8.4: a neighbour routes packets for a pod's address through the host")
def test_a_neighbour_reaches_no_pod(shared_lab: Lab, neighbour: Place) -> None:
    assert neighbour.reaches(everything(shared_lab)) == set()


@pytest.mark.attack("8.4: a neighbour sends packets for 127.0.0.1 with a published port")
def test_a_neighbour_reaches_no_port_that_is_published_on_loopback(
    shared_lab: Lab, neighbour: Place
) -> None:
    ports = (shared_lab.port, shared_lab.prometheus_port)
    targets = [(address, port) for port in ports for address in ("127.0.0.1", HOST)]
    assert neighbour.reaches(targets) == set()
    local = [("127.0.0.1", port) for port in ports]
    assert Place(user=NOBODY).reaches(local) == set(local)


@pytest.mark.attack("8.4: a neighbour reaches a lab that is published for it, and its pods")
def test_a_neighbour_reaches_only_the_ports_that_are_published_for_it(
    labs: Labs, neighbour: Place
) -> None:
    lab = labs("open")
    lab.up("direct", "--host", "0.0.0.0")  # noqa: S104 - what a user may ask for
    published = (HOST, lab.port)
    assert neighbour.reaches([published, *everything(lab)]) == {published}


@pytest.mark.attack("8.4: another lab's pod connects to the pods of this one")
def test_a_pod_of_another_lab_reaches_no_pod(shared_lab: Lab, labs: Labs) -> None:
    other = labs("other")
    other.up("direct")
    place = inside(pid(other.podman, other.container("service-a")))
    own = (addresses(other)["service-b-pod"], 80)
    loopback = ("127.0.0.1", shared_lab.port)
    assert place.reaches([own, loopback, *everything(shared_lab)]) == {own}


@pytest.mark.attack("8.4: a user of this machine connects to a pod's own address")
def test_a_user_of_this_machine_reaches_no_pod(shared_lab: Lab) -> None:
    targets = everything(shared_lab)
    assert Place(user=NOBODY).reaches(targets) == set()
    listening = [target for target in targets if target[1] != ADMIN]
    assert Place().reaches(targets) == set(listening)


@pytest.mark.attack("8.4: a pod of the same lab stops Envoy, and sets its counters back")
def test_envoy_answers_nothing_but_the_question_for_its_metrics(
    shared_lab: Lab, podman: Podman
) -> None:
    code = """
import http.client, json, sys
answers = []
for method, port, path in json.loads(sys.argv[1])[1]:
    connection = http.client.HTTPConnection(json.loads(sys.argv[1])[0], port, timeout=10)
    try:
        connection.request(method, path)
        answers.append(connection.getresponse().status)
    except ConnectionRefusedError:
        answers.append(0)
print(json.dumps(answers))
"""
    question = "/stats/prometheus"
    asked = [
        ("GET", ENVOYS_METRICS, question),
        ("POST", ENVOYS_METRICS, question),
        ("GET", ENVOYS_METRICS, f"{question}?filter=x"),
        ("GET", ENVOYS_METRICS, f"{question}/../../config_dump"),
        ("GET", ENVOYS_METRICS, "/"),
        ("POST", ENVOYS_METRICS, "/reset_counters"),
        ("POST", ENVOYS_METRICS, "/quitquitquit"),
        ("GET", ADMIN, question),
        ("POST", ADMIN, "/quitquitquit"),
    ]
    envoy = pid(podman, shared_lab.container("service-a-envoy"))
    address = addresses(shared_lab)["service-a-pod"]
    place = inside(pid(podman, shared_lab.container("envoy-prom")))
    answers = json.loads(place(code, (address, asked)))
    assert answers == [200, 404, 404, 404, 404, 404, 404, 0, 0]
    assert pid(podman, shared_lab.container("service-a-envoy")) == envoy


@pytest.mark.attack("8.5: raw packets from a pod for what listens on the host's 127.0.0.1")
def test_raw_packets_from_a_pod_do_not_reach_the_host_s_loopback(
    shared_lab: Lab, podman: Podman
) -> None:
    address = addresses(shared_lab)["service-b-pod"]
    gateway = f"{address.rpartition('.')[0]}.1"
    bridge = payloads.bridge(f"{shared_lab.name}-lab")
    with open(f"/sys/class/net/{bridge}/address") as file:  # noqa: PTH123 - one line
        hardware = file.read().strip()
    place = inside(pid(podman, shared_lab.container("service-b")))
    with (
        socket.socket(type=socket.SOCK_DGRAM) as attacked,
        socket.socket(type=socket.SOCK_DGRAM) as control,
    ):
        attacked.bind(("127.0.0.1", 0))
        control.bind((gateway, attacked.getsockname()[1]))
        attacked.settimeout(0)
        control.settimeout(30)
        place.send(hardware, address, ["127.0.0.1", gateway], attacked.getsockname()[1])
        assert control.recv(1) == b"x"  # sent last: what came first came before it
        with pytest.raises(BlockingIOError):
            attacked.recv(1)


@pytest.mark.attack("8.4: rules of the firewall are removed behind lab's back")
def test_rules_that_are_gone_are_drift_and_come_back(shared_lab: Lab, neighbour: Place) -> None:
    name = f"{shared_lab.name}-lab"
    firewall.remove(name)
    assert shared_lab.status()["drift"] == [f"create firewall {name}  because it does not exist"]
    shared_lab.up("sidecar")
    assert shared_lab.status()["in_sync"]
    assert neighbour.reaches(everything(shared_lab)) == set()


@pytest.mark.attack("8.4: a lab leaves rules that hit whoever has its subnet next")
def test_down_leaves_no_rule_also_of_a_lab_that_was_killed(labs: Labs) -> None:
    lab = labs("traceless")
    lab.up("direct")
    assert rules(lab)
    start = addresses(lab)["service-a-pod"].rpartition(".")[0]
    spec = NetworkSpec(name=f"{lab.name}-lab", subnet=f"{start}.0/24", gateway=f"{start}.1")
    lab("down")
    assert rules(lab) == []
    firewall.create(spec)  # as when `down` or `up` is killed between two steps
    lab("down")
    assert rules(lab) == []
