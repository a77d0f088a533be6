"""What a lab looks like now, beside what it was last asked to be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.converge import defects
from lab.converge.diff import diff
from lab.converge.observed import RUNNING, STARTABLE
from lab.topology import graphs, values

if TYPE_CHECKING:
    from lab.converge.observed import Observed, SeenContainer, SeenPod
    from lab.topology.spec import ContainerSpec, LabSpec, PodSpec

COMPLETED = "completed"
DEGRADED = "degraded"


class ContainerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A container as it is now.

    ``state`` is podman's word, ``missing`` when it should be there and is not, ``completed`` when
    its work had an end and is done. ``exit_code`` is what it exited with, if it did.
    """

    name: str
    state: str
    image: str
    id: str
    exit_code: int | None = None

    @property
    def well(self) -> bool:
        """Whether it runs, or has done what it had to."""
        return self.state in {RUNNING, COMPLETED}


class PodStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A pod as it is now, with its address in the lab's network."""

    name: str
    state: str
    ip: str
    containers: tuple[ContainerStatus, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A lab's state.

    ``state`` is ``up`` when everything runs that should, ``absent`` when there is nothing,
    ``degraded`` otherwise. ``in_sync`` says that an ``up`` with the recorded parameters would
    change nothing; ``drift`` has one line for everything that it would change. ``entry`` names
    the endpoint that receives traffic, and ``exposed`` those that other machines can reach;
    ``graphs`` is the URL of Prometheus' graphs of the lab.
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
    graphs: str = ""
    drift: tuple[str, ...] = ()

    @property
    def up(self) -> bool:
        """Whether everything runs that should."""
        return self.state == "up"


def status(observed: Observed) -> Status:
    """The status of the lab that was observed."""
    if not observed.exists():
        return Status(name=observed.lab)
    spec = observed.recorded()
    if spec is None:
        return Status(
            name=observed.lab,
            state=DEGRADED,
            pods=tuple(_pod(observed, pod, None) for pod in observed.my_pods()),
            drift=("nothing says what this lab was made from",),
        )
    plan = diff(spec, observed)
    pods = tuple(_pod(observed, observed.pod(pod.name), pod) for pod in spec.pods)
    running = all(container.well for pod in pods for container in pod.containers)
    return Status(
        name=observed.lab,
        scenario=spec.scenario,
        state="up" if running else DEGRADED,
        in_sync=not plan,
        parameters=spec.parameters,
        pods=pods,
        endpoints=endpoints(spec),
        entry=spec.entry,
        exposed=tuple(port.name for port in spec.ports() if not values.loopback(port.host_ip)),
        graphs=graphs.link(spec),
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
    if wanted is None:
        rows = [_container(None, each) for each in members.values()]
    else:
        rows = [_container(each, members.get(each.name)) for each in wanted.containers]
    state = seen.state.lower() if seen else "missing"
    if state == DEGRADED and wanted and all(row.well for row in rows):
        state = RUNNING  # podman counts what has completed as gone
    return PodStatus(
        name=wanted.name if wanted else seen.name if seen else "",
        state=state,
        ip=wanted.address if wanted else "",
        containers=tuple(rows),
    )


def _container(wanted: ContainerSpec | None, seen: SeenContainer | None) -> ContainerStatus:
    """A container that is there, is wanted, or both."""
    if seen is None:
        name, image = (wanted.name, wanted.image) if wanted else ("", "")
        return ContainerStatus(name=name, state="missing", image=image, id="")
    done = wanted is not None and defects.completed(wanted, seen)
    return ContainerStatus(
        name=seen.name,
        state=COMPLETED if done else seen.state,
        image=seen.image,
        id=seen.id,
        exit_code=seen.exit_code if seen.state in STARTABLE else None,
    )
