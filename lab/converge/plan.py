"""The plan: what has to be done to podman, in which order, and why. Pure.

``diff(spec, observed)`` compares what is wanted with what is there. ``up`` is a diff against
the scenario, ``down`` a diff against nothing, ``status`` and ``--dry-run`` only look at the
plan. Equal inputs give equal plans, and ``str(plan)`` is what users and tests read.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from lab.topology.spec import ContainerSpec, ImageSpec, NetworkSpec, PodSpec, SecretSpec, VolumeSpec


class Action(StrEnum):
    """What a step does to a resource."""

    BUILD = "build"
    CREATE = "create"
    START = "start"
    RESUME = "resume"
    REMOVE = "remove"


class Kind(StrEnum):
    """What a step does it to."""

    IMAGE = "image"
    NETWORK = "network"
    FIREWALL = "firewall"
    VOLUME = "volume"
    RECORD = "record"
    SECRET = "secret"  # noqa: S105 - a word
    POD = "pod"
    CONTAINER = "container"


class RecordSpec(VolumeSpec, frozen=True):
    """The volume whose label carries the spec's JSON."""

    spec: str


Subject = ImageSpec | NetworkSpec | VolumeSpec | RecordSpec | SecretSpec | PodSpec | ContainerSpec


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on one resource.

    ``because`` is the cause as a clause ("its environment changed"), ``needs`` holds the ids
    of the steps that must have succeeded before, ``subject`` is the part of the spec to create
    or build, ``pod`` the name of a new container's pod, ``target`` the id of the existing
    resource to start, resume or remove, and ``lab`` the lab that owns what is created. A ``late``
    step is for what the first answer does without: it is not to take processors from others.
    """

    lab: str
    action: Action
    kind: Kind
    name: str
    because: str
    needs: tuple[str, ...] = ()
    subject: Subject | None = None
    pod: str = ""
    target: str = ""
    late: bool = False

    @property
    def id(self) -> str:
        """Unique in a plan: "create pod web-pod"."""
        return f"{self.action} {self.kind} {self.name}"

    def __str__(self) -> str:
        """The step and its cause on one line."""
        return f"{self.id}  because {self.because}"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that needs no step, and why not."""

    kind: Kind
    name: str
    because: str

    def __str__(self) -> str:
        """The resource and the reason on one line."""
        return f"keep {self.kind} {self.name}  because {self.because}"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in an order that respects their needs, and what stays as it is."""

    lab: str
    steps: tuple[Step, ...] = ()
    kept: tuple[Kept, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.steps)

    def __str__(self) -> str:
        """One line a step, then one line a kept resource."""
        return "\n".join(map(str, (*self.steps, *self.kept)))
