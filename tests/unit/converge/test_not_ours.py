"""What is not a lab's: refused by name when it is in the way, and never changed."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import ConflictError
from tests.unit.converge.labs import down, spec, up
from tests.unit.fake_engine import Container, FakeEngine, Network, Pod, Volume

if TYPE_CHECKING:
    from lab.topology.spec import LabSpec

WANTED = spec("sidecar")
OWNERS = ("", "la", "labs", "lab-two", "two")
"""Nobody, and labs whose names begin like ours, or ours like theirs."""
NAMES = st.sampled_from(sorted(WANTED.names())) | st.sampled_from(
    ["service", "service-a2", "lab-service-a", "two-service-a", "labs-lab", "x"]
)
PORTS = st.sampled_from([80, 8080, 9090, 9091])
HOSTS = st.sampled_from(["", "127.0.0.1", "127.0.0.2"])
STATES = st.sampled_from(["running", "exited", "created", "paused"])


@st.composite
def engines(draw: st.DrawFn) -> FakeEngine:
    """An engine that holds up to a dozen things, none of which is the lab's."""
    engine = FakeEngine()
    owner = st.sampled_from(OWNERS)
    names = draw(st.lists(NAMES, max_size=6, unique=True))
    for number, name in enumerate(names):
        if draw(st.booleans()):
            pod = Pod(f"pod {number}", name, draw(owner))
            engine.pods[pod.id] = pod
        else:
            ports = draw(st.lists(st.tuples(HOSTS, PORTS), max_size=2))
            container = Container(f"c {number}", name, draw(owner), published=tuple(ports))
            container.state = draw(STATES)
            engine.containers[container.id] = container
    for number, name in enumerate(draw(st.lists(st.sampled_from(["lab", "lab-x", "la"])))):
        engine.networks[name] = Network(name, draw(owner), f"10.99.{number}.0/24")
    for name in draw(st.lists(st.sampled_from(["lab-prometheus-data", "lab-record", "data"]))):
        engine.volumes[name] = Volume(name, draw(owner))
    return engine


def in_the_way(engine: FakeEngine, wanted: LabSpec) -> set[str]:
    """What a lab cannot be made beside."""
    names = wanted.names()
    found = {f"pod {p.name}" for p in engine.pods.values() if p.name in names}
    found |= {f"container {c.name}" for c in engine.containers.values() if c.name in names}
    found |= {f"network {n}" for n in engine.networks if n == wanted.network.name}
    found |= {f"volume {v}" for v in engine.volumes if v in {x.name for x in wanted.volumes}}
    for port in wanted.ports():
        for container in engine.containers.values():
            taken = {p for host, p in container.published if host in {"", port.host_ip}}
            if container.state == "running" and port.published in taken:
                found.add(f"port {port.published} ")
    return found


def everything(engine: FakeEngine) -> object:
    return deepcopy((engine.pods, engine.containers, engine.networks, engine.volumes))


@given(engines())
def test_what_is_in_the_way_is_named_and_what_is_not_stays_as_it_was(engine: FakeEngine) -> None:
    before = everything(engine)
    if blocking := in_the_way(engine, WANTED):
        with pytest.raises(ConflictError) as refused:
            up(engine, WANTED)
        said = "\n".join((refused.value.message, *refused.value.details))
        assert all(thing in said for thing in blocking), said
        assert engine.done == []
    else:
        up(engine, WANTED)
    down(engine, volumes=True)
    assert everything(engine) == before
