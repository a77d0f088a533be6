"""Which images a spec finds in podman's storage, and which no lab has a use for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.converge.plan import Action, Kept, Kind, Plan, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.converge.observed import Observed, SeenImage
    from lab.topology.spec import LabSpec


def looked_up(observed: Observed, spec: LabSpec, image_id: Callable[[str], str]) -> Observed:
    """What was observed, with the ids that the references of a spec's images stand for.

    ``image_id`` asks podman for one, and answers "" when there is none. The images that
    containers do not run, bases, only matter when something has to be built on them.
    """
    used = {container.image for _, container in spec.containers()}
    found = _ids(used, image_id)
    if len(found) < len(used):
        found |= _ids({image.reference for image in spec.images} - used, image_id)
    return msgspec.structs.replace(observed, images=found)


def unused(observed: Observed, built: Iterable[SeenImage]) -> Plan:
    """The plan that removes every image that lab ``built`` and neither lab nor container uses.

    A lab uses what its containers run and the bases that those images stand on, also while it
    is degraded; other people's containers keep their images too.
    """
    labs = {image.reference: spec.name for spec in observed.every_lab() for image in spec.images}
    containers = {c.image_id: c.name for c in observed.containers if c.image_id}
    steps, kept = [], []
    for image in sorted(built, key=lambda image: image.reference):
        if image.reference in labs:
            why = f"lab {labs[image.reference]} uses it"
        elif image.id in containers:
            why = f"container {containers[image.id]} uses it"
        else:
            why = f"no lab uses it ({image.size / 1e6:.0f} MB)"
            steps.append(
                Step(
                    lab=observed.lab,
                    action=Action.REMOVE,
                    kind=Kind.IMAGE,
                    name=image.reference,
                    because=why,
                    target=image.reference,
                )
            )
            continue
        kept.append(Kept(kind=Kind.IMAGE, name=image.reference, because=why))
    return Plan(lab=observed.lab, steps=tuple(steps), kept=tuple(kept))


def _ids(references: Iterable[str], image_id: Callable[[str], str]) -> dict[str, str]:
    """The ids of those images that there are."""
    found = ((reference, image_id(reference)) for reference in sorted(references))
    return {reference: each for reference, each in found if each}
