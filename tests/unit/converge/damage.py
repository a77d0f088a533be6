"""Everything that can happen to a lab behind lab's back, one resource at a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lab.converge.diff import record_of
from lab.converge.observed import PAUSED, RUNNING
from lab.topology.spec import ContainerSpec
from tests.unit.converge.labs import spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.fake_engine import Container, FakeEngine, Pod

FOREIGN_IMAGE = "docker.io/library/foreign:1"


def every(engine: FakeEngine, lab: str = "lab") -> Iterator[tuple[str, Callable[[], object]]]:
    """Name and do every damage that is possible now; each leaves a state podman can have."""
    for container in [c for c in engine.containers.values() if c.lab == lab]:
        yield from _to_container(engine, container)
    for pod in [p for p in engine.pods.values() if p.lab == lab]:
        yield from _to_pod(engine, pod, lab)
    for network in [n for n in engine.networks.values() if n.lab == lab]:
        yield f"remove network {network.name}", partial(_remove_network, engine, network.name)
        anew = f"make network {network.name} anew, with other settings"
        yield anew, partial(_replace_network, engine, network.name, lab)
    for volume in [v for v in engine.volumes.values() if v.lab == lab]:
        yield f"remove volume {volume.name}", partial(_remove_volume, engine, volume.name)
    for reference in engine.references:
        if reference != FOREIGN_IMAGE:
            yield f"untag {reference}", partial(engine.references.pop, reference, None)
    if "stray" not in {c.name for c in engine.containers.values()}:
        yield "add a container without a pod", partial(_stray, engine, "", lab)
    older = record_of(spec("direct", name=lab, seed=1))
    if older.name not in engine.volumes:
        yield "ask for something else", partial(engine.add_volume, older.name, lab, older.spec)
    if "broken" not in engine.volumes:
        yield "add a broken record", partial(engine.add_volume, "broken", lab, "{")


def _to_container(
    engine: FakeEngine, container: Container
) -> Iterator[tuple[str, Callable[[], object]]]:
    name = container.name
    if container.state == RUNNING:
        yield f"kill {name}", partial(setattr, container, "state", "exited")
    if container.infra:
        return
    if container.state == RUNNING:
        yield f"pause {name}", partial(setattr, container, "state", PAUSED)
    yield f"remove {name}", partial(engine.containers.pop, container.id, None)
    if container.state != RUNNING:
        yield f"interrupt the start of {name}", partial(setattr, container, "state", "created")
    if container.image in engine.references:
        yield f"tag {name}'s image anew", partial(_retag, engine, container.image)
    yield f"change {name}'s settings", partial(setattr, container, "digest", "another")


def _to_pod(engine: FakeEngine, pod: Pod, lab: str) -> Iterator[tuple[str, Callable[[], object]]]:
    yield f"stop {pod.name}", partial(_stop, engine, pod)
    yield f"remove {pod.name}", partial(engine.remove_pod, pod.id)
    yield f"interrupt the start of {pod.name}", partial(_never_started, engine, pod)
    if "stray" not in {c.name for c in engine.containers.values()}:
        yield f"add a container to {pod.name}", partial(_stray, engine, pod.id, lab)


def _stop(engine: FakeEngine, pod: Pod) -> None:
    for member in engine.members(pod.id):
        member.state = "exited"


def _never_started(engine: FakeEngine, pod: Pod) -> None:
    for member in engine.members(pod.id):
        member.state = "created"


def _retag(engine: FakeEngine, reference: str) -> None:
    engine.references[reference] = f"another id of {reference}"


def _remove_network(engine: FakeEngine, name: str) -> None:
    """As `podman network rm --force` does, with every pod on it."""
    for pod in [p for p in engine.pods.values() if p.network == name]:
        engine.remove_pod(pod.id)
    engine.networks.pop(name, None)


def _replace_network(engine: FakeEngine, name: str, lab: str) -> None:
    _remove_network(engine, name)
    engine.add_network(name, "10.99.0.0/24", lab, "another")


def _remove_volume(engine: FakeEngine, name: str) -> None:
    """As `podman volume rm --force` does, with every container that mounts it."""
    for container in [c for c in engine.containers.values() if name in c.mounts]:
        del engine.containers[container.id]
    engine.volumes.pop(name, None)


def _stray(engine: FakeEngine, pod: str, lab: str) -> None:
    engine.references.setdefault(FOREIGN_IMAGE, "id of foreign")
    engine.add_container(
        ContainerSpec(name="stray", image=FOREIGN_IMAGE), pod=pod, lab=lab, digest="stray"
    )
