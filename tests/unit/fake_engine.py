"""An engine that is a few dictionaries, and as strict as podman where plans depend on it.

What podman does by itself happens here too: a pod gets an infra container, starting a pod starts
its members, removing a pod removes them, a mounted volume that is missing is made unlabelled.
What podman refuses is refused: unknown images and networks, names, addresses and ports that are
taken, starting what is not stopped, and the removal of what is in use.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from lab.converge.observed import (
    PAUSED,
    RUNNING,
    Observed,
    SeenContainer,
    SeenImage,
    SeenNetwork,
    SeenPod,
    SeenSecret,
    SeenVolume,
)
from lab.converge.plan import Action, Kind, RecordSpec, Step
from lab.converge.secrets import fingerprint
from lab.engine.logs import SECOND, Line
from lab.errors import AlreadyThereError, EngineError
from lab.images.builder import StoredImage
from lab.images.recipes import REPOSITORY, base_image
from lab.topology.spec import (
    ContainerSpec,
    ImageSpec,
    NetworkSpec,
    PodSpec,
    SecretSpec,
    VolumeSpec,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import IO

MAY_START = {"created", "exited", "stopped"}
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Pod:
    """A pod; ``lab`` is the lab on its label, empty for a foreign one."""

    id: str
    name: str
    lab: str
    digest: str = ""
    network: str = ""
    address: str = ""


@dataclass
class Container:
    """A container, or a pod's infra container with the pod's ports."""

    id: str
    name: str
    lab: str
    pod: str = ""
    digest: str = ""
    image: str = ""
    image_id: str = ""
    state: str = "created"
    exit_code: int = 0
    infra: bool = False
    published: tuple[tuple[str, int], ...] = ()
    mounts: tuple[str, ...] = ()


@dataclass
class Network:
    """A network with one subnet."""

    name: str
    lab: str
    subnet: str = ""
    digest: str = ""


@dataclass
class Volume:
    """A volume; ``spec`` is what a record remembers."""

    name: str
    lab: str
    spec: str = ""
    created: datetime = BEGINNING


@dataclass
class Secret:
    """A secret; ``value`` is what the containers that mount it read."""

    name: str
    lab: str
    parameter: str
    value: str


class FakeImages:
    """Podman's image store, for the few calls that a lab's life makes of it."""

    def __init__(self, references: dict[str, str]) -> None:
        """Share the references, and the ids that they stand for, with an engine."""
        self.references = references
        self.trouble = ""

    def inspect(self, reference: str) -> StoredImage | None:
        found = self.references.get(reference)
        return StoredImage(id=found, digest=f"sha256:{found}", labels={}) if found else None

    def listed(self) -> tuple[SeenImage, ...]:
        return tuple(
            SeenImage(reference=reference, id=found, size=69_000_000)
            for reference, found in self.references.items()
            if reference.startswith(REPOSITORY)
        )

    def registry_trouble(self, reference: str) -> str:
        del reference
        return self.trouble

    def pull(self, reference: str, emit: Callable[[str], None]) -> str:
        emit(f"pulled {reference}")
        return self.references.setdefault(reference, f"id of {reference}")

    def alias(self, reference: str) -> AbstractContextManager[str]:
        return nullcontext(reference)

    def end(self) -> None:
        """Builds are done as soon as they begin."""

    def build(
        self,
        context: IO[bytes],
        *,
        containerfile: str,
        base: str,
        tag: str,
        arguments: object,
        emit: Callable[[str], None],
    ) -> str:
        del context, containerfile, base, arguments
        emit(f"built {tag}")
        return self.references.setdefault(tag, f"id of {tag}")


@dataclass
class FakeEngine:
    """The engine. Pods and containers are kept by id, networks, volumes and images by name."""

    pods: dict[str, Pod] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    """The ids of the steps that were executed."""
    version: str = "4.3.1"
    firewall: str | None = None
    """The subnet that rules on the host guard; None where there are none to set."""
    local: bool = True

    def __post_init__(self) -> None:
        self.images = FakeImages(self.references)
        self._numbers = count(1)
        self._ids: Counter[str] = Counter()
        self._lock = threading.Lock()

    def observe(self, lab: str) -> Observed:
        return Observed(
            lab=lab,
            pods=tuple(
                SeenPod(
                    id=p.id,
                    name=p.name,
                    state=self._pod_state(p),
                    digest=p.digest,
                    mine=p.lab == lab,
                )
                for p in self.pods.values()
            ),
            containers=tuple(_seen(c, lab) for c in self.containers.values()),
            networks=tuple(
                SeenNetwork(name=n.name, subnets=(n.subnet,), digest=n.digest, mine=n.lab == lab)
                for n in self.networks.values()
            ),
            volumes=tuple(
                SeenVolume(name=v.name, mine=v.lab == lab, spec=v.spec, created=v.created)
                for v in self.volumes.values()
            ),
            secrets=tuple(
                SeenSecret(
                    name=s.name,
                    parameter=s.parameter,
                    fingerprint=fingerprint(s.value),
                    mine=s.lab == lab,
                )
                for s in self.secrets.values()
            ),
            images=dict(self.references),
            subnets_in_use=tuple(n.subnet for n in self.networks.values()),
            firewall=self.firewall,
        )

    def containers_of(self, lab: str) -> tuple[SeenContainer, ...]:
        return tuple(_seen(c, lab) for c in self.containers.values() if c.lab == lab)

    def image_id(self, reference: str) -> str:
        tag = "" if ":" in reference.rsplit("/", 1)[-1] else ":latest"
        wanted = reference + tag
        for known, image_id in self.references.items():
            if known in {reference, wanted} or known.endswith(f"/{wanted}"):
                return image_id
        return ""

    def execute(self, step: Step) -> None:
        with self._lock:
            match step.action:
                case Action.BUILD:
                    assert isinstance(step.subject, ImageSpec)
                    self._build(step.subject)
                case Action.CREATE:
                    self._create(step)
                case Action.START if step.kind is Kind.POD:
                    self._start_pod(step.target)
                case Action.START:
                    self._start_container(self._container(step.target))
                case Action.RESUME:
                    self._resume(self._container(step.target))
                case Action.REMOVE if step.kind is Kind.FIREWALL:
                    self.firewall = ""
                case Action.REMOVE:
                    self._remove(step)
            self.done.append(step.id)

    def create_secret(self, step: Step, value: str) -> None:
        assert isinstance(step.subject, SecretSpec)
        assert step.name not in self.secrets
        self.secrets[step.name] = Secret(step.name, step.lab, step.subject.parameter, value)
        self.done.append(step.id)

    def logs(
        self,
        container: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Iterator[Line]:
        del follow
        lines = [Line(n * SECOND, 1, f"{container} says {n}\n".encode()) for n in range(1, 8)]
        begin = since.timestamp() * SECOND if since else 0
        yield from (line for line in lines[-(tail or 7) :] if line.time >= begin)

    def listeners(self, pid: int) -> frozenset[int] | None:
        del pid
        return None

    def detour(self, network: NetworkSpec) -> str:
        del network
        return ""

    def lock(self, lab: str, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        del lab, waiting
        return nullcontext()

    def retire(self) -> None:
        pass

    # What a user, or another program, does behind lab's back.

    def named(self, name: str) -> Container:
        """The container of a name."""
        return next(c for c in self.containers.values() if c.name == name)

    def pod_named(self, name: str) -> Pod:
        """The pod of a name."""
        return next(p for p in self.pods.values() if p.name == name)

    def members(self, pod: str) -> list[Container]:
        """The containers of a pod, by its id, the infra container first."""
        return [c for c in self.containers.values() if c.pod == pod]

    def infra(self, pod: str) -> Container:
        """The infra container of a pod, by the pod's id."""
        return next(c for c in self.members(pod) if c.infra)

    def add_pod(self, spec: PodSpec, lab: str = "", digest: str = "") -> Pod:
        """Create a pod with its infra container."""
        self._refuse_taken(spec.name)
        if spec.network not in self.networks:
            raise EngineError(f"unable to find network with name or ID {spec.network}")
        pod = Pod(self._id(spec.name), spec.name, lab, digest, spec.network, spec.address)
        self.pods[pod.id] = pod
        infra = Container(
            self._id(f"{spec.name}-infra"),
            f"{pod.id}-infra",
            lab,
            pod=pod.id,
            digest=digest,
            infra=True,
            published=tuple((port.host_ip, port.published) for port in spec.ports),
        )
        self.containers[infra.id] = infra
        return pod

    def add_container(
        self, spec: ContainerSpec, *, pod: str = "", lab: str = "", digest: str = ""
    ) -> Container:
        """Create a container, in a pod (by its id) or alone."""
        self._refuse_taken(spec.name)
        if missing := set(spec.secrets.values()) - self.secrets.keys():
            raise EngineError(f"no secret with name or id {missing.pop()!r}")
        if spec.image not in self.references:
            raise EngineError(f"{spec.image}: image not known")
        for mount in spec.mounts:
            self.volumes.setdefault(mount.volume, Volume(mount.volume, ""))
        container = Container(
            self._id(spec.name),
            spec.name,
            lab,
            pod=pod,
            digest=digest,
            image=spec.image,
            image_id=self.references[spec.image],
            mounts=tuple(mount.volume for mount in spec.mounts),
        )
        self.containers[container.id] = container
        return container

    def add_volume(self, name: str, lab: str = "", spec: str = "") -> Volume:
        """Create a volume, newer than all that were created before."""
        if name in self.volumes:
            raise EngineError(f"volume with name {name} already exists")
        created = BEGINNING + timedelta(seconds=next(self._numbers))
        self.volumes[name] = Volume(name, lab, spec, created)
        return self.volumes[name]

    def add_network(self, name: str, subnet: str, lab: str = "", digest: str = "") -> Network:
        """Create a network."""
        if name in self.networks:
            raise EngineError(f"network name {name} already used")
        if subnet in {network.subnet for network in self.networks.values()}:
            raise EngineError(f"subnet {subnet} is already used on the host")
        self.networks[name] = Network(name, lab, subnet, digest)
        return self.networks[name]

    def remove_pod(self, pod: str) -> None:
        """Remove a pod, by its id, with its members."""
        for member in self.members(pod):
            del self.containers[member.id]
        self.pods.pop(pod, None)

    def _id(self, name: str) -> str:
        """An id that does not depend on the order in which threads create different things."""
        self._ids[name] += 1
        return f"{name}#{self._ids[name]}"

    def _pod_state(self, pod: Pod) -> str:
        states = {member.state for member in self.members(pod.id)}
        if states == {RUNNING}:
            return "Running"
        if RUNNING in states:
            return "Degraded"
        return "Created" if states == {"created"} else "Exited"

    def _container(self, target: str) -> Container:
        if target in self.containers:
            return self.containers[target]
        return next((c for c in self.containers.values() if c.name == target), None) or _no_such(
            target
        )

    def _refuse_taken(self, name: str) -> None:
        if name in {
            *(p.name for p in self.pods.values()),
            *(c.name for c in self.containers.values()),
        }:
            raise AlreadyThereError(f"name {name} is in use: pod or container already exists")

    def _build(self, image: ImageSpec) -> None:
        if image.build:
            base = base_image(image.build.base, image.source).reference
            if base not in self.references:
                raise EngineError(f"image {image.name} stands on {base}, which is missing")
        self.references[image.reference] = f"id of {image.reference}"

    def _create(self, step: Step) -> None:
        match step.subject:
            case NetworkSpec() as spec if step.kind is Kind.FIREWALL:
                self.firewall = spec.subnet
            case NetworkSpec() as spec:
                self.add_network(spec.name, spec.subnet, step.lab, spec.digest)
            case RecordSpec() as spec:
                self.add_volume(spec.name, step.lab, spec.spec)
            case VolumeSpec() as spec:
                self.add_volume(spec.name, step.lab)
            case PodSpec() as spec:
                self.add_pod(spec, step.lab, spec.shell_digest)
            case ContainerSpec() as spec:
                pod = next((p for p in self.pods.values() if p.name == step.pod), None)
                if pod is None:
                    _no_such(step.pod)
                else:
                    self.add_container(spec, pod=pod.id, lab=step.lab, digest=spec.digest)
            case _:
                raise AssertionError(step.id)

    def _start_pod(self, target: str) -> None:
        pod = self.pods.get(target) or next(
            (p for p in self.pods.values() if p.name == target), None
        )
        if pod is None:
            _no_such(target)
            return
        for member in self.members(pod.id):
            if member.state != RUNNING:
                self._start_container(member)

    def _start_container(self, container: Container) -> None:
        if container.state not in MAY_START:
            raise EngineError(f"container {container.name} cannot start: it is {container.state}")
        if container.infra:
            self._refuse_taken_addresses(container)
        elif container.pod and (infra := self.infra(container.pod)).state != RUNNING:
            self._start_container(infra)
        container.state = RUNNING

    def _refuse_taken_addresses(self, infra: Container) -> None:
        if any(c.state in {RUNNING, PAUSED} for c in self.members(infra.pod)):
            raise EngineError("container with given ID already exists")
        pod = self.pods[infra.pod]
        for other in self.containers.values():
            if other.state != RUNNING:
                continue
            if set(other.published) & set(infra.published):
                raise EngineError("cannot listen on the TCP port: address already in use")
            at = self.pods.get(other.pod)
            if other.infra and at and (at.network, at.address) == (pod.network, pod.address):
                raise EngineError(f"IPAM error: requested ip address {pod.address} is taken")

    def _resume(self, container: Container) -> None:
        if container.state != PAUSED:
            raise EngineError(f"container {container.name} is not paused")
        container.state = RUNNING

    def _remove_image(self, reference: str) -> None:
        if any(c.image == reference for c in self.containers.values()):
            raise EngineError(f"image {reference} is in use by a container")
        self.references.pop(reference)

    def _remove(self, step: Step) -> None:
        match step.kind:
            case Kind.POD:
                self.remove_pod(step.target)
            case Kind.CONTAINER:
                if step.target in self.containers and self.containers[step.target].infra:
                    raise EngineError("an infra container goes with its pod only")
                self.containers.pop(step.target, None)
            case Kind.NETWORK:
                if any(pod.network == step.target for pod in self.pods.values()):
                    raise EngineError(f"network {step.target} is being used")
                self.networks.pop(step.target, None)
            case Kind.IMAGE:
                self._remove_image(step.target)
            case Kind.SECRET:
                self.secrets.pop(step.target, None)
            case Kind.VOLUME | Kind.RECORD:
                if any(step.target in c.mounts for c in self.containers.values()):
                    raise EngineError(f"volume {step.target} is being used")
                self.volumes.pop(step.target, None)
            case _:
                raise AssertionError(step.id)


def _seen(container: Container, lab: str) -> SeenContainer:
    return SeenContainer(
        id=container.id,
        name=container.name,
        state=container.state,
        pod=container.pod,
        image=container.image,
        image_id=container.image_id,
        digest=container.digest,
        mine=container.lab == lab,
        infra=container.infra,
        published=container.published,
        exit_code=container.exit_code,
    )


def _no_such(name: str) -> Container:
    raise EngineError(f"no pod or container with name or ID {name}")
