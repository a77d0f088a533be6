"""Why something that exists under the right name cannot stay as it is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.converge.observed import PAUSED, RUNNING, STARTABLE

if TYPE_CHECKING:
    from lab.converge.observed import SeenContainer, SeenPod
    from lab.topology.spec import ContainerSpec, PodSpec


def of_pod(wanted: PodSpec, pod: SeenPod, members: tuple[SeenContainer, ...]) -> str:
    """Why a pod has to be made again, or "" when it can stay.

    A pod whose infra container was never fully started cannot be trusted to start again
    (podman answers "container with given ID already exists"), and members that outlived their
    infra container sit in a network namespace that nothing else can join.
    """
    if pod.digest != wanted.shell_digest:
        return "its addresses, names or ports changed"
    infra = infra_of(members)
    if infra is None:
        return "its infra container is gone"
    if infra.state == RUNNING:
        return ""
    if infra.state not in STARTABLE:
        return f"its infra container is {infra.state}"
    if any(member.state in {RUNNING, PAUSED} for member in members):
        return "its infra container died before the others"
    return ""


def of_container(wanted: ContainerSpec, seen: SeenContainer, image_id: str) -> str:
    """Why a container has to be made again, or "" when it can stay.

    ``image_id`` is what its image's reference stands for now, "" when nothing.
    """
    if seen.digest != wanted.digest:
        return "its image or settings changed"
    if image_id and seen.image_id != image_id:
        return "its image was tagged anew"
    if seen.state not in {RUNNING, PAUSED, *STARTABLE}:
        return f"it is {seen.state}"
    return ""


def ended(wanted: ContainerSpec, seen: SeenContainer) -> bool:
    """Whether a container has exited that should run, or that should have exited with code 0."""
    return seen.state in STARTABLE and not completed(wanted, seen)


def completed(wanted: ContainerSpec, seen: SeenContainer) -> bool:
    """Whether a container whose work has an end has done it."""
    return wanted.completes and seen.state in STARTABLE and seen.exit_code == 0


def infra_of(members: tuple[SeenContainer, ...]) -> SeenContainer | None:
    """The container that holds a pod's namespaces."""
    return next((member for member in members if member.infra), None)
