"""Whose something in podman is: the label :data:`OWNER` names the very thing it is on.

A label alone says little. A container inherits the labels of its image, `podman commit` puts
those of a container into an image, and `podman generate kube` copies those of a pod. So what lab
creates also carries what it is: a pod, network, volume or secret its own name, a container the
id of its pod and its own name. An image that was made before the pod cannot know that id, and a
copy under another name or in another place is nobody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.converge.observed import DIGEST, LAB

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

OWNER = "lab.owner"
"""Label on every resource: the resource itself, as :func:`member` and its own name tell it."""
INFRA = "-infra"
"""What the names of infra containers end in, after the name of their pod."""


def labels(lab: str, identity: str, digest: str = "") -> dict[str, str]:
    """The labels by which a resource is known as the lab's, and as up to date."""
    found = {LAB: lab, OWNER: identity}
    return found | {DIGEST: digest} if digest else found


def member(pod_id: str, name: str) -> str:
    """What a container is known by: the id of its pod and its own name."""
    return f"{pod_id}/{name}"


def owns(lab: str, found: Mapping[str, str], identity: str) -> bool:
    """Whether the labels of something say that it is the lab's."""
    return found.get(LAB) == lab and found.get(OWNER) == identity


def owns_container(
    lab: str, item: Mapping[str, object], found: Mapping[str, str], others: AbstractSet[str]
) -> bool:
    """Whether a container of podman's list, with the labels ``found``, is the lab's.

    ``others`` are the ids of the pods that are not. A pod that is in no list any more was left
    half removed, and what it left is told by the labels alone.
    """
    pod = str(item.get("Pod") or "")
    names = item.get("Names")
    name = str(names[0]) if isinstance(names, list) and names else ""
    if not pod or pod in others:
        return False
    if item.get("IsInfra"):
        # It has the labels of its pod.
        return owns(lab, found, name.removesuffix(INFRA)) and name.endswith(INFRA)
    return owns(lab, found, member(pod, name))
