"""A plan being drawn up: steps are added one by one, each named after what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lab.converge.plan import Action, Kept, Kind, Plan, Step

if TYPE_CHECKING:
    from collections.abc import Collection

    from lab.converge.observed import SeenContainer, SeenPod
    from lab.converge.plan import RecordSpec, Subject
    from lab.topology.spec import (
        ContainerSpec,
        ImageSpec,
        NetworkSpec,
        PodSpec,
        SecretSpec,
        VolumeSpec,
    )

Ids: TypeAlias = tuple[str, ...]
"""The ids of steps, as other steps need them."""

UNCHANGED = "it did not change"


class Sketch:
    """Collects steps and kept resources; every method that adds a step returns its id."""

    def __init__(self, lab: str, late: Collection[str] = ()) -> None:
        """Begin an empty plan for a lab; ``late`` names the pods that can wait for the others."""
        self._lab = lab
        self._late = late
        self._steps: list[Step] = []
        self._kept: list[Kept] = []

    def plan(self) -> Plan:
        """What has been collected."""
        return Plan(lab=self._lab, steps=tuple(self._steps), kept=tuple(self._kept))

    def removals(self) -> Ids:
        """The steps so far that remove pods and containers."""
        kinds = {Kind.POD, Kind.CONTAINER}
        steps = (s for s in self._steps if s.action is Action.REMOVE and s.kind in kinds)
        return tuple(step.id for step in steps)

    def keep(self, kind: Kind, name: str, because: str = UNCHANGED) -> None:
        """Note a resource that needs nothing."""
        self._kept.append(Kept(kind=kind, name=name, because=because))

    def build(self, image: ImageSpec, because: str, needs: Ids) -> str:
        """Build or pull an image."""
        return self._add(Action.BUILD, Kind.IMAGE, image, because, needs)

    def create(
        self,
        kind: Kind,
        subject: NetworkSpec | VolumeSpec | RecordSpec | SecretSpec,
        because: str,
        needs: Ids,
    ) -> str:
        """Create something that is complete once it is created."""
        return self._add(Action.CREATE, kind, subject, because, needs)

    def new_pod(self, pod: PodSpec, because: str, needs: Ids) -> None:
        """Create a pod with all its containers, then start it."""
        created = self._add(Action.CREATE, Kind.POD, pod, because, needs)
        members = tuple(
            self._add(
                Action.CREATE, Kind.CONTAINER, container, "its pod is new", (created,), pod.name
            )
            for container in pod.containers
        )
        self._change(Action.START, Kind.POD, pod.name, pod.name, "it is new", (created, *members))

    def new_container(
        self, pod: str, container: ContainerSpec, because: str, needs: Ids, gone: Ids
    ) -> None:
        """Create a container in a running pod, and start it when what has to go is gone."""
        created = self._add(Action.CREATE, Kind.CONTAINER, container, because, needs, pod)
        name = container.name
        needs = tuple(dict.fromkeys((created, *gone)))
        self._change(Action.START, Kind.CONTAINER, name, name, "it is new", needs)

    def start(self, kind: Kind, seen: SeenPod | SeenContainer, because: str, needs: Ids) -> str:
        """Start something that exists."""
        return self._change(Action.START, kind, seen.name, seen.id, because, needs)

    def resume(self, seen: SeenContainer, because: str, needs: Ids) -> str:
        """Let a paused container go on."""
        return self._change(Action.RESUME, Kind.CONTAINER, seen.name, seen.id, because, needs)

    def remove(self, kind: Kind, name: str, because: str, needs: Ids, *, target: str = "") -> str:
        """Remove something by its id, or by its name where names are ids."""
        return self._change(Action.REMOVE, kind, name, target or name, because, needs)

    def _add(
        self,
        action: Action,
        kind: Kind,
        subject: Subject,
        because: str,
        needs: Ids,
        pod: str = "",
    ) -> str:
        step = Step(
            lab=self._lab,
            action=action,
            kind=kind,
            name=subject.name,
            because=because,
            needs=needs,
            subject=subject,
            pod=pod,
            late=(pod or subject.name) in self._late,
        )
        self._steps.append(step)
        return step.id

    def _change(
        self, action: Action, kind: Kind, name: str, target: str, because: str, needs: Ids
    ) -> str:
        step = Step(
            lab=self._lab,
            action=action,
            kind=kind,
            name=name,
            because=because,
            needs=needs,
            target=target,
            late=action is Action.START and name in self._late,
        )
        self._steps.append(step)
        return step.id
