"""What podman holds, as far as one lab is concerned: the left-hand side of every plan.

Ours is what lab made under this lab's name; the engine tells by labels that nothing else can
carry. Everything else is foreign: it is listed so that a plan can refuse to collide with it, and
is never touched.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lab.topology.spec import LabSpec, Spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LAB = "lab.name"
"""Label on every resource: the lab that owns it."""
DIGEST = "lab.digest"
"""Label on pods, containers and networks: the digest of the part of the spec behind them."""
RECORD = "lab.spec"
"""Label on the record volume: the whole spec as JSON. There is no other state."""

RUNNING = "running"
STARTABLE = frozenset({"exited", "stopped"})
"""States from which podman can start a container again as it is."""
PAUSED = "paused"
HALF_MADE = "storage"
"""State of what is left when podman is killed while it makes a container: its name is taken in
podman's storage, but it has no labels, does not count as a container and cannot be started."""
INCOMPLETE = "incomplete"
"""In place of the subnet that a firewall guards, when it is not all there."""
ABANDONED = "abandoned"
"""State of what podman works in on a build of lab's, when the process that built is gone."""

CONFIDED = "lab.parameter"
"""Label on secrets: the parameter whose value it holds."""
FINGERPRINT = "lab.fingerprint"
"""Label on secrets: what tells the value (:mod:`lab.converge.secrets`)."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class SeenContainer(Spec, frozen=True, kw_only=True):
    """A container: ``pod`` is its pod's id or empty, ``infra`` marks the pod's own.

    ``networks`` are empty for the members of a pod, which are on those of its infra container.

    ``pid`` is its first process on the host, 0 when it does not run; ``exit_code`` is what that
    ended with, 0 as long as it runs.
    """

    id: str
    name: str
    state: str
    pod: str = ""
    image: str = ""
    image_id: str = ""
    digest: str = ""
    mine: bool = False
    infra: bool = False
    networks: tuple[str, ...] = ()
    pid: int = 0
    exit_code: int = 0
    published: tuple[tuple[str, int], ...] = ()


class SeenPod(Spec, frozen=True, kw_only=True):
    """A pod, with its state as podman words it (``Running``, ``Degraded``, ``Exited`` ...)."""

    id: str
    name: str
    state: str
    digest: str = ""
    mine: bool = False


class SeenNetwork(Spec, frozen=True, kw_only=True):
    """A network and its IPv4 subnets in CIDR form."""

    name: str
    subnets: tuple[str, ...] = ()
    digest: str = ""
    mine: bool = False


class SeenVolume(Spec, frozen=True, kw_only=True):
    """A volume. ``spec`` is the JSON of a record volume's label, empty for data volumes."""

    name: str
    mine: bool = False
    spec: str = ""
    created: datetime = _NEVER


class SeenImage(Spec, frozen=True, kw_only=True):
    """An image that lab built, by one of the references under which lab did; size in bytes."""

    reference: str
    id: str
    size: int


class SeenSecret(Spec, frozen=True, kw_only=True):
    """A secret with a name as the lab gives it: of which parameter, and what tells its value."""

    name: str
    parameter: str = ""
    fingerprint: str = ""
    mine: bool = False


class Observed(Spec, frozen=True, kw_only=True):
    """Everything that :meth:`lab.engine.Engine.observe` found for one lab.

    ``images`` maps the references that were looked up, and found, to image ids.
    ``subnets_in_use`` also counts the host's own routes. ``firewall`` is the subnet that the
    lab's rules on the host keep others out of, :data:`INCOMPLETE` when some are missing, "" when
    there are none, and None where lab sets none; ``exposed`` says as a clause why it cannot.
    """

    lab: str
    pods: tuple[SeenPod, ...] = ()
    containers: tuple[SeenContainer, ...] = ()
    networks: tuple[SeenNetwork, ...] = ()
    volumes: tuple[SeenVolume, ...] = ()
    secrets: tuple[SeenSecret, ...] = ()
    images: dict[str, str] = {}
    subnets_in_use: tuple[str, ...] = ()
    firewall: str | None = None
    exposed: str = ""

    def my_pods(self) -> tuple[SeenPod, ...]:
        """The lab's pods by name: podman lists them in the order in which they were made."""
        return tuple(sorted((pod for pod in self.pods if pod.mine), key=lambda pod: pod.name))

    def my_containers(self) -> tuple[SeenContainer, ...]:
        """The lab's containers, without the infra containers of its pods."""
        mine = (c for c in self.containers if c.mine and not c.infra)
        return tuple(sorted(mine, key=lambda c: c.name))

    def my_secrets(self) -> tuple[SeenSecret, ...]:
        """The lab's secrets, by name."""
        mine = (secret for secret in self.secrets if secret.mine)
        return tuple(sorted(mine, key=lambda secret: secret.name))

    def pod(self, name: str) -> SeenPod | None:
        """The pod of that name, ours or not."""
        return next((pod for pod in self.pods if pod.name == name), None)

    def container(self, name: str) -> SeenContainer | None:
        """The container of that name, ours or not."""
        return next((c for c in self.containers if c.name == name), None)

    def half_made(self, names: frozenset[str]) -> tuple[SeenContainer, ...]:
        """What is left of containers of these names that were never finished."""
        return tuple(c for c in self.containers if c.state == HALF_MADE and c.name in names)

    def abandoned(self) -> tuple[SeenContainer, ...]:
        """What interrupted builds left, of whatever lab: nobody waits for them any more."""
        return tuple(c for c in self.containers if c.state == ABANDONED)

    def members(self, pod: SeenPod) -> tuple[SeenContainer, ...]:
        """The containers of a pod, its infra container among them."""
        members = (c for c in self.containers if c.pod == pod.id)
        return tuple(sorted(members, key=lambda c: c.name))

    def image_id(self, reference: str) -> str:
        """The id of the image that podman would use for a reference, "" when it has none."""
        return self.images.get(reference, "")

    def records(self) -> tuple[SeenVolume, ...]:
        """The lab's record volumes, newest first: more than one only after an interruption."""
        found = [volume for volume in self.volumes if volume.mine and volume.spec]
        return tuple(sorted(found, key=lambda v: (v.created, v.name), reverse=True))

    def recorded(self) -> LabSpec | None:
        """What the last ``up`` was asked for, or None when there is no (readable) record."""
        return next(self._specs(), None)

    def recorded_names(self) -> frozenset[str]:
        """The names of all pods and containers that any record speaks of."""
        return frozenset(name for spec in self._specs() for name in spec.names())

    def every_lab(self) -> tuple[LabSpec, ...]:
        """What each lab there is was made from, whoever's: what its records say."""
        return tuple(_readable(volume for volume in self.volumes if volume.spec))

    def _specs(self) -> Iterator[LabSpec]:
        yield from _readable(self.records())

    def exists(self) -> bool:
        """Whether anything of this lab but its data volumes is there."""
        mine = (*self.my_pods(), *self.my_containers(), *self.records(), *self.my_secrets())
        return bool(mine or self.firewall) or any(network.mine for network in self.networks)


def secret_prefix(lab: str) -> str:
    """What the names of a lab's secrets begin with, by which they are looked for."""
    return f"{lab}-secret-"


def _readable(records: Iterable[SeenVolume]) -> Iterator[LabSpec]:
    for record in records:
        with suppress(ValueError):
            yield LabSpec.from_json(record.spec)
