"""Which images a spec finds in podman's storage, asking for no more than its diff looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.converge.observed import Observed
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


def _ids(references: Iterable[str], image_id: Callable[[str], str]) -> dict[str, str]:
    """The ids of those images that there are."""
    found = ((reference, image_id(reference)) for reference in sorted(references))
    return {reference: each for reference, each in found if each}
