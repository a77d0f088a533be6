"""What a lab looks like now, beside what it was last asked to be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.converge.diff import diff
from lab.converge.observed import RUNNING
from lab.topology import values

if TYPE_CHECKING:
    from lab.converge.observed import Observed, SeenPod
    from lab.topology.spec import LabSpec, PodSpec


class ContainerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A container as it is now; ``state`` is ``missing`` when it should be there and is not."""

    name: str
    state: str
    image: str
    id: str


class PodStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A pod as it is now, with its address in the lab's network."""

    name: str
    state: str
    ip: str
    containers: tuple[ContainerStatus, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A lab's state.

    ``state`` is ``up`` when everything runs, ``absent`` when there is nothing, ``degraded``
    otherwise. ``in_sync`` says that an ``up`` with the recorded parameters would change
    nothing; ``drift`` has one line for everything that it would change. ``entry`` names the
    endpoint that traffic is poured on, and ``exposed`` those that other machines can reach.
    """

    name: str
    scenario: str = ""
    state: str = "absent"
    in_sync: bool = False
    parameters: dict[str, int | str | None] = {}
    pods: tuple[PodStatus, ...] = ()
    endpoints: dict[str, str] = {}
    entry: str = ""
    exposed: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()

    @property
    def up(self) -> bool:
        """Whether everything runs."""
        return self.state == "up"


def status(observed: Observed) -> Status:
    """The status of the lab that was observed."""
    if not observed.exists():
        return Status(name=observed.lab)
    spec = observed.recorded()
    if spec is None:
        return Status(
            name=observed.lab,
            state="degraded",
            pods=tuple(_pod(observed, pod, None) for pod in observed.my_pods()),
            drift=("nothing says what this lab was made from",),
        )
    plan = diff(spec, observed)
    pods = tuple(_pod(observed, observed.pod(pod.name), pod) for pod in spec.pods)
    running = all(c.state == RUNNING for pod in pods for c in pod.containers)
    return Status(
        name=observed.lab,
        scenario=spec.scenario,
        state="up" if running else "degraded",
        in_sync=not plan,
        parameters=spec.parameters,
        pods=pods,
        endpoints=endpoints(spec),
        entry=spec.entry,
        exposed=tuple(port.name for port in spec.ports() if not values.loopback(port.host_ip)),
        drift=tuple(map(str, plan.steps)),
    )


def endpoints(spec: LabSpec) -> dict[str, str]:
    """Where each published port answers, by its name in the scenario."""
    return {port.name: port.url for port in spec.ports()}


def _pod(observed: Observed, seen: SeenPod | None, wanted: PodSpec | None) -> PodStatus:
    if seen is not None and not seen.mine:
        seen = None
    ours = (c for c in (observed.members(seen) if seen else ()) if c.mine and not c.infra)
    members = {c.name: c for c in ours}
    rows = [
        ContainerStatus(name=c.name, state=c.state, image=c.image, id=c.id)
        for c in members.values()
        if wanted is None
    ]
    for container in wanted.containers if wanted else ():
        found = members.get(container.name)
        rows.append(
            ContainerStatus(
                name=container.name,
                state=found.state if found else "missing",
                image=found.image if found else container.image,
                id=found.id if found else "",
            )
        )
    return PodStatus(
        name=wanted.name if wanted else seen.name if seen else "",
        state=seen.state.lower() if seen else "missing",
        ip=wanted.address if wanted else "",
        containers=tuple(rows),
    )
