"""What is in a lab's way: foreign names, ports, and guests in its pods."""

from __future__ import annotations

import pytest

from lab.converge import conflicts
from lab.errors import ConflictError
from lab.topology.spec import ContainerSpec, PodSpec, PortSpec
from tests.unit.converge.labs import spec, up
from tests.unit.fake_engine import FakeEngine

DIRECT = spec("direct")
IMAGE = "docker.io/library/foreign:1"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(references={IMAGE: "id of foreign"})


def container(name: str) -> ContainerSpec:
    return ContainerSpec(name=name, image=IMAGE)


def publish(engine: FakeEngine, host_ip: str, number: int, *, lab: str = "") -> None:
    """Let a running pod of somebody else's publish a port."""
    engine.add_network("foreign", "10.88.0.0/16")
    port = PortSpec(name="p", host_ip=host_ip, published=number, target=80)
    pod = PodSpec(name="foreign-pod", network="foreign", address="10.88.0.2", ports=(port,))
    engine.infra(engine.add_pod(pod, lab).id).state = "running"


def test_an_empty_podman_is_in_nobody_s_way(engine: FakeEngine) -> None:
    conflicts.check(DIRECT, engine.observe("lab"))


def test_a_lab_is_not_in_its_own_way(engine: FakeEngine) -> None:
    up(engine, DIRECT)
    conflicts.check(DIRECT, engine.observe("lab"))


def test_two_labs_with_different_ports_are_not_in_each_other_s_way(engine: FakeEngine) -> None:
    up(engine, DIRECT)
    two = spec("direct", name="two", port=8081, prometheus_port=9091)
    conflicts.check(two, engine.observe("two"))


@pytest.mark.parametrize("lab", ["", "two"])
def test_a_pod_of_the_same_name_is_in_the_way(engine: FakeEngine, lab: str) -> None:
    engine.add_network("foreign", "10.88.0.0/16")
    engine.add_pod(PodSpec(name="service-a-pod", network="foreign"), lab)
    with pytest.raises(
        ConflictError, match=r"^pod service-a-pod exists and does not belong to this lab$"
    ):
        conflicts.check(DIRECT, engine.observe("lab"))


def test_a_container_of_the_same_name_is_in_the_way(engine: FakeEngine) -> None:
    engine.add_container(container("service-b"))
    with pytest.raises(
        ConflictError, match=r"^container service-b exists and does not belong to this lab$"
    ):
        conflicts.check(DIRECT, engine.observe("lab"))


def test_a_container_with_the_name_of_a_pod_is_in_the_way(engine: FakeEngine) -> None:
    engine.add_container(container("service-b-pod"))
    with pytest.raises(ConflictError, match="container service-b-pod"):
        conflicts.check(DIRECT, engine.observe("lab"))


def test_a_network_of_the_same_name_is_in_the_way(engine: FakeEngine) -> None:
    engine.add_network("lab", "10.88.0.0/16")
    with pytest.raises(
        ConflictError, match=r"^network lab exists and does not belong to this lab$"
    ):
        conflicts.check(DIRECT, engine.observe("lab"))


def test_a_volume_of_the_same_name_is_in_the_way(engine: FakeEngine) -> None:
    engine.add_volume("lab-prometheus-data")
    with pytest.raises(ConflictError, match=r"^volume lab-prometheus-data exists"):
        conflicts.check(DIRECT, engine.observe("lab"))


def test_what_has_another_name_is_not_in_the_way(engine: FakeEngine) -> None:
    publish(engine, "127.0.0.1", 8082)
    engine.add_container(container("foreign"))
    engine.add_volume("foreign")
    conflicts.check(DIRECT, engine.observe("lab"))


@pytest.mark.parametrize("host_ip", ["127.0.0.1", "0.0.0.0", "", "::"])  # noqa: S104 - only compared
def test_a_port_that_another_pod_publishes_is_in_the_way(engine: FakeEngine, host_ip: str) -> None:
    publish(engine, host_ip, 8080)
    expected = r"^port 8080 \(service-a\) is published by pod foreign-pod$"
    with pytest.raises(ConflictError, match=expected):
        conflicts.check(DIRECT, engine.observe("lab"))


def test_the_same_port_of_another_address_is_not_in_the_way(engine: FakeEngine) -> None:
    publish(engine, "127.0.0.2", 8080)
    conflicts.check(DIRECT, engine.observe("lab"))


def test_a_port_that_a_stopped_pod_would_publish_is_not_in_the_way(engine: FakeEngine) -> None:
    publish(engine, "127.0.0.1", 8080)
    engine.infra(engine.pod_named("foreign-pod").id).state = "exited"
    conflicts.check(DIRECT, engine.observe("lab"))


def test_a_port_that_a_lone_container_publishes_is_in_the_way(engine: FakeEngine) -> None:
    foreign = engine.add_container(container("foreign"))
    foreign.state, foreign.published = "running", (("127.0.0.1", 9090),)
    expected = r"port 9090 \(prometheus\) is published by container foreign"
    with pytest.raises(ConflictError, match=expected):
        conflicts.check(DIRECT, engine.observe("lab"))


def test_everything_in_the_way_is_named_at_once(engine: FakeEngine) -> None:
    engine.add_container(container("service-b"))
    engine.add_volume("lab-prometheus-data")
    publish(engine, "127.0.0.1", 8080)
    with pytest.raises(ConflictError) as caught:
        conflicts.check(DIRECT, engine.observe("lab"))
    assert caught.value.message == "3 resources conflict with this lab"
    assert caught.value.details == (
        "container service-b exists and does not belong to this lab",
        "volume lab-prometheus-data exists and does not belong to this lab",
        "port 8080 (service-a) is published by pod foreign-pod",
    )
    assert "--name" in caught.value.hint


@pytest.mark.parametrize("going", ["up", "down"])
def test_a_guest_in_one_of_the_lab_s_pods_is_in_the_way_of_everything(
    engine: FakeEngine, going: str
) -> None:
    up(engine, DIRECT)
    engine.add_container(container("guest"), pod=engine.pod_named("service-a-pod").id)
    with pytest.raises(ConflictError, match="container guest is in service-a-pod"):
        conflicts.check(DIRECT if going == "up" else None, engine.observe("lab"))


def test_down_minds_no_foreign_names_and_ports(engine: FakeEngine) -> None:
    engine.add_container(container("service-b"))
    publish(engine, "127.0.0.1", 8080)
    conflicts.check(None, engine.observe("lab"))


def test_the_ports_to_probe_are_those_that_the_lab_does_not_publish_itself(
    engine: FakeEngine,
) -> None:
    def probed(*, port: int) -> list[int]:
        wanted = spec("direct", port=port)
        found = conflicts.ports_to_probe(wanted, engine.observe("lab"))
        return [port.published for port in found]

    assert probed(port=8080) == [9090, 8080]
    up(engine, DIRECT)
    assert probed(port=8080) == []
    assert probed(port=8081) == [8081]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),  # noqa: S104 - only compared
        ("::", "0.0.0.0", True),  # noqa: S104 - only compared
    ],
)
def test_addresses_exclude_each_other_when_equal_or_when_one_stands_for_all(
    one: str, other: str, *, expected: bool
) -> None:
    assert conflicts.overlap(one, other) is expected
