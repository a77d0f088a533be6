from __future__ import annotations

from lab.converge.images import looked_up
from lab.converge.observed import Observed
from tests.unit.converge.labs import spec

SIDECAR = spec("sidecar")
USED = {container.image for _, container in SIDECAR.containers()}
BASES = {image.reference for image in SIDECAR.images} - USED


def ask(present: set[str]) -> tuple[dict[str, str], list[str]]:
    """The images found where only these are, and the references that were asked for."""
    asked: list[str] = []

    def image_id(reference: str) -> str:
        asked.append(reference)
        return f"id of {reference}" if reference in present else ""

    return looked_up(Observed(lab="lab"), SIDECAR, image_id).images, asked


def test_bases_are_not_asked_for_when_nothing_has_to_be_built() -> None:
    found, asked = ask(USED | BASES)
    assert found == {reference: f"id of {reference}" for reference in USED}
    assert set(asked) == USED


def test_where_an_image_is_missing_its_base_matters_too() -> None:
    missing = min(USED)
    found, asked = ask(USED - {missing} | BASES)
    assert found.keys() == USED - {missing} | BASES
    assert sorted(asked) == sorted(USED | BASES)
