"""The types that describe a lab, all frozen, all plain data.

A :class:`LabSpec` is what a scenario becomes once its parameters are filled in and its images,
subnet and addresses are chosen. It is written as JSON into a label of the lab's record volume
(see :mod:`lab.converge.plan`), so that ``lab status`` and ``lab down`` need no scenario file.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from lab.errors import UsageError
from lab.spec.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_NAME = "lab"
"""The lab whose resources carry the article's bare names; any other name is a prefix."""


_DROPPED = ("AUDIT_WRITE", "MKNOD", "NET_RAW")
"""What an image's container does without: with NET_RAW it could send packets that are addressed to
the host's own 127.0.0.1."""


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts: immutable, compared by value, JSON both ways."""

    @property
    def digest(self) -> str:
        """The part's content as 16 hexadecimal digits: equal digests mean equal parts."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:16]


class BuildSpec(Spec, frozen=True, kw_only=True):
    """How to build an image: a context directory, what it stands on, and its arguments.

    ``context`` is a directory shipped with lab (``services``, ``prometheus``, ...) or an absolute
    path of the user's. ``base`` names one of the bases (``python``, ``prometheus``, ...).
    ``args`` fill ``${NAME}`` in the context's ``*.tmpl`` files and are passed as build arguments.
    """

    context: str
    base: str
    args: dict[str, str] = {}


class ImageSpec(Spec, frozen=True, kw_only=True):
    """An image that the lab needs, under the full reference by which podman knows it.

    ``build`` is set on images that lab builds from a context, ``source`` on everything that
    comes from somewhere (``registry`` or ``packages``), ``base`` names the :class:`ImageSpec`
    that has to exist first. An image with neither build nor source is the user's own: used
    when present, pulled otherwise.
    """

    name: str
    reference: str
    build: BuildSpec | None = None
    source: str = ""
    base: str = ""


class MountSpec(Spec, frozen=True, kw_only=True):
    """A named volume of the lab mounted at a path inside a container."""

    volume: str
    target: str
    read_only: bool = False


class ContainerSpec(Spec, frozen=True, kw_only=True):
    """One container. ``image`` is a full reference; sizes are in bytes; times in seconds.

    ``secrets`` maps files in /run/secrets to secrets. ``read_only`` and ``drop_capabilities`` are
    on for everything lab builds itself. ``cap_add`` holds capabilities without ``CAP_``.
    ``completes`` says that its work has an end: exited with code 0 it is as it should be.
    """

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    user: str = ""
    mounts: tuple[MountSpec, ...] = ()
    secrets: dict[str, str] = {}
    tmpfs: tuple[str, ...] = ()
    read_only: bool = True
    drop_capabilities: bool = True
    cap_add: tuple[str, ...] = ()
    memory: int = 512 * 1024 * 1024
    pids: int = 256
    stop_timeout: int = 5
    completes: bool = False

    @property
    def cap_drop(self) -> tuple[str, ...]:
        """The capabilities that the container must not have unless it asks for them."""
        return (
            ("all",)
            if self.drop_capabilities
            else tuple(cap for cap in _DROPPED if cap not in self.cap_add)
        )


class PortSpec(Spec, frozen=True, kw_only=True):
    """A published port. ``ready`` is the path that answers 200 once the service works."""

    name: str
    host_ip: str
    published: int
    target: int
    ready: str = ""

    @property
    def url(self) -> str:
        """The port as it is published; Linux takes a client to 0.0.0.0 to this machine."""
        return f"http://{self.host_ip}:{self.published}"


class PodSpec(Spec, frozen=True, kw_only=True):
    """A pod with its static address, the names it resolves, and its containers.

    A name in ``hosts`` may stand for several addresses. ``replica`` is the number of the copy,
    from 1, for a pod of which the scenario has ``replicas``; its own name and those of its
    containers end in it.
    """

    name: str
    replica: int = 0
    network: str = ""
    address: str = ""
    hosts: dict[str, tuple[str, ...]] = {}
    ports: tuple[PortSpec, ...] = ()
    containers: tuple[ContainerSpec, ...] = ()

    @property
    def infra(self) -> str:
        """The name of the container that holds the pod's namespaces."""
        return f"{self.name}-infra"

    @property
    def hardware_address(self) -> str:
        """The MAC address that goes with the IPv4 address: the same whenever the pod is made.

        With a random one, neighbours would go on sending to the pod that had the address
        before, until their ARP entries expire, which takes half a minute.
        """
        return "02:00:" + ":".join(f"{int(byte):02x}" for byte in self.address.split("."))

    @property
    def shell_digest(self) -> str:
        """The digest of the pod without its containers, which are replaced on their own."""
        return msgspec.structs.replace(self, containers=()).digest


class NetworkSpec(Spec, frozen=True, kw_only=True):
    """The lab's own bridge network."""

    name: str
    subnet: str = ""
    gateway: str = ""


class VolumeSpec(Spec, frozen=True, kw_only=True):
    """A named volume that outlives ``up`` and ``down`` until ``down --volumes``."""

    name: str


class SecretSpec(Spec, frozen=True, kw_only=True):
    """A secret of podman's that holds the value of a parameter; nothing here holds the value.

    ``name`` is podman's, "" until one is chosen (:mod:`lab.converge.secrets`).
    """

    name: str
    parameter: str


class MeterSpec(Spec, frozen=True, kw_only=True):
    """A meter of the scenario's own: the sum of a metric's series with these labels.

    ``container`` is called as in the scenario; it exposes its metrics at ``port`` and ``path``.
    """

    container: str
    port: int
    path: str = "/metrics"
    metric: str
    labels: dict[str, str] = {}


class ModelSpec(Spec, frozen=True, kw_only=True):
    """The model that predicts a scenario's counts: its ``kind``, and its parameters by name.

    Shares are between 0 and 1, times in seconds. A parameter that is not set is left out.
    """

    kind: str
    parameters: dict[str, float] = {}


class LabSpec(Spec, frozen=True, kw_only=True):
    """A whole lab: everything podman has to hold, and the parameters it came from.

    ``entry`` names the published port that traffic is sent to, "" when none is published.
    ``kinds`` are by the containers' names in the scenario; ``path`` has every hop of a request
    with each hop that it calls (see :mod:`lab.metrics.laws`).
    ``addresses`` has, by the name of a port, the parameters that stand for its ``host_ip`` and
    ``published``; ``chosen`` are those of them that were given: they stay with the lab.
    ``throwaway`` is set on a lab that was made for one experiment and goes with it: the name of
    the lab that it stands for. ``baseline`` is the scenario that a report compares this one with.
    """

    name: str
    scenario: str
    summary: str = ""
    baseline: str = ""
    parameters: dict[str, int | str | None] = {}
    entry: str = ""
    addresses: dict[str, dict[str, str]] = {}
    chosen: tuple[str, ...] = ()
    throwaway: str = ""
    network: NetworkSpec
    volumes: tuple[VolumeSpec, ...] = ()
    secrets: tuple[SecretSpec, ...] = ()
    images: tuple[ImageSpec, ...] = ()
    pods: tuple[PodSpec, ...] = ()
    kinds: dict[str, str] = {}
    path: tuple[tuple[str, str], ...] = ()
    meters: dict[str, MeterSpec] = {}
    claims: tuple[Claim, ...] = ()
    model: ModelSpec | None = None

    def services(self) -> dict[str, list[str]]:
        """The containers' names, by what the scenario calls them: without prefix and copy."""
        found: dict[str, list[str]] = {}
        for service, _, container in self.named_containers():
            found.setdefault(service, []).append(container.name)
        return found

    def named_containers(self) -> Iterator[tuple[str, PodSpec, ContainerSpec]]:
        """Every container with its name in the scenario and its pod, in the scenario's order."""
        start = prefix(self.name)
        for pod, container in self.containers():
            copy = f"-{pod.replica}" if pod.replica else ""
            yield container.name.removeprefix(start).removesuffix(copy), pod, container

    def containers(self) -> Iterator[tuple[PodSpec, ContainerSpec]]:
        """Every container beside its pod, in the scenario's order."""
        for pod in self.pods:
            for container in pod.containers:
                yield pod, container

    def names(self) -> frozenset[str]:
        """What pods and containers are called, which share one name space in podman."""
        pods = {name for pod in self.pods for name in (pod.name, pod.infra)}
        return frozenset(pods | {container.name for _, container in self.containers()})

    def ports(self) -> Iterator[PortSpec]:
        """Every published port, in the scenario's order."""
        for pod in self.pods:
            yield from pod.ports

    def to_json(self) -> str:
        """The whole spec as JSON with sorted keys; :meth:`from_json` reads it back."""
        return msgspec.json.encode(self, order="sorted").decode()

    @staticmethod
    def from_json(text: str) -> LabSpec:
        """Read what :meth:`to_json` wrote.

        Raises ``ValueError`` when the text is not such a spec (another version, or damaged).
        """
        return msgspec.json.decode(text, type=LabSpec)


def network_name(lab: str) -> str:
    """What a lab's network is called."""
    return f"{prefix(lab)}lab"


def check_name(lab: str) -> None:
    """Raise UsageError unless a lab can have this name, which other names will begin with."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", lab):
        raise UsageError(
            f"{lab[:60]!r} cannot be the name of a lab",
            hint="use up to 31 lower-case letters, digits and dashes; begin with a letter or digit",
        )


def prefix(lab: str) -> str:
    """What the names of a lab's resources start with: nothing for the default lab."""
    return "" if lab == DEFAULT_NAME else f"{lab}-"
