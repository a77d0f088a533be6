"""What stands in a plan's way: resources that carry no label of this lab. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.converge.observed import HALF_MADE
from lab.converge.ports import OTHER_PORT
from lab.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.converge.observed import Observed, SeenContainer
    from lab.topology.spec import LabSpec, PortSpec

ANY = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, never bound
"""Host addresses that stand for all of them."""


def check(spec: LabSpec | None, observed: Observed) -> None:
    """Raise :class:`ConflictError` naming everything foreign that a plan would collide with."""
    kinds = {"take it out of the lab's pod: podman rm": [*_guests(observed)]}
    if spec is not None:
        kinds["remove or rename what is named, or give this lab another --name"] = [
            *_names(spec, observed)
        ]
        kinds[f"stop what publishes it, or {OTHER_PORT}"] = [*_ports(spec, observed)]
    found = [each for several in kinds.values() for each in several]
    if found:
        raise ConflictError(
            found[0] if len(found) == 1 else f"{len(found)} things are in the way of this lab",
            hint="; ".join(hint for hint, several in kinds.items() if several),
            details=tuple(found) if len(found) > 1 else (),
        )


def ports_to_probe(spec: LabSpec, observed: Observed) -> tuple[PortSpec, ...]:
    """The ports that have to be free on the host: those that the lab does not publish itself.

    It may do so on another address, as when 127.0.0.1 becomes 0.0.0.0.
    """
    mine = [container for container in observed.containers if container.mine]
    return tuple(
        port for port in spec.ports() if not any(_publishes(container, port) for container in mine)
    )


def overlap(one: str, other: str) -> bool:
    """Whether two host addresses of the same port exclude each other."""
    return one == other or one in ANY or other in ANY


def _names(spec: LabSpec, observed: Observed) -> Iterator[str]:
    """Pods and containers share one name space in podman; networks and volumes have their own."""
    wanted = spec.names()
    for pod in observed.pods:
        if pod.name in wanted and not pod.mine:
            yield f"pod {pod.name} exists and is not this lab's"
    for container in observed.containers:
        if container.name in wanted and not container.mine and container.state != HALF_MADE:
            yield f"container {container.name} exists and is not this lab's"
    for network in observed.networks:
        if network.name == spec.network.name and not network.mine:
            yield f"network {network.name} exists and is not this lab's"
    volumes = {volume.name for volume in spec.volumes}
    for volume in observed.volumes:
        if volume.name in volumes and not volume.mine:
            yield f"volume {volume.name} exists and is not this lab's"


def _ports(spec: LabSpec, observed: Observed) -> Iterator[str]:
    foreign = [c for c in observed.containers if not c.mine and c.state == "running"]
    for port in spec.ports():
        for container in foreign:
            if _publishes(container, port):
                pod = next((pod.name for pod in observed.pods if pod.id == container.pod), "")
                holder = f"pod {pod}" if pod else f"container {container.name}"
                yield f"port {port.published} ({port.name}) is published by {holder}"
                break


def _publishes(container: SeenContainer, port: PortSpec) -> bool:
    return any(
        number == port.published and overlap(host_ip, port.host_ip)
        for host_ip, number in container.published
    )


def _guests(observed: Observed) -> Iterator[str]:
    """Containers that somebody put into one of our pods: they would go with it."""
    mine = {pod.id: pod.name for pod in observed.my_pods()}
    for container in observed.containers:
        if container.pod in mine and not container.mine and not container.infra:
            yield f"container {container.name} sits in {mine[container.pod]} and is not this lab's"
