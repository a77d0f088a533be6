"""Which source the images come from, and why: decided once per command, said in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.errors import UsageError
from lab.images.recipes import PACKAGES, REGISTRY, SOURCES, base_image, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.topology.spec import LabSpec

AUTO = "auto"
WANTED = (AUTO, *SOURCES)
"""What ``--source`` takes."""


class Choice(msgspec.Struct, frozen=True):
    """A source, and the reason for it as a clause ("you asked for it")."""

    source: str
    reason: str

    def __str__(self) -> str:
        """The one line for the user."""
        return f"images come from {self.source}: {self.reason}"


def choose(
    wanted: str,
    spec: LabSpec,
    present: Callable[[str], object],
    recorded: LabSpec | None,
    probe: Callable[[str], str],
) -> Choice:
    """Decide where a scenario's images come from.

    ``auto`` prefers what costs nothing: the source of the running lab, then any source, if all
    the images are in storage already. Only otherwise it asks whether a registry answers.

    Args:
        wanted: ``auto``, ``registry`` or ``packages``.
        spec: the scenario before :func:`lab.images.recipes.resolve`.
        present: tells whether a reference is in podman's storage.
        recorded: what the running lab was made from.
        probe: asks podman for an image in its registry; answers why it cannot be had from
            there, or nothing when it can.

    Raises:
        UsageError: an unknown source was wanted, or the images cannot be resolved.
    """
    if wanted in SOURCES:
        return Choice(wanted, "you asked for it")
    if wanted != AUTO:
        raise UsageError(f"unknown source {wanted!r}", hint=f"it is one of {', '.join(WANTED)}")
    before = _recorded_source(recorded)
    for source in sorted(SOURCES, key=lambda known: known != before):
        if all(map(present, _built_references(resolve(spec, source)))):
            return Choice(source, "all images exist")
    trouble = probe(base_image("python", REGISTRY).reference)
    if trouble:
        return Choice(PACKAGES, f"the registry cannot be used ({trouble})")
    return Choice(REGISTRY, "the registry answers")


def _recorded_source(recorded: LabSpec | None) -> str:
    images = recorded.images if recorded else ()
    return next((image.source for image in images if image.source), "")


def _built_references(spec: LabSpec) -> list[str]:
    return [image.reference for image in spec.images if image.build is not None]
