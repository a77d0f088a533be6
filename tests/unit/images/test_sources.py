from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.errors import UsageError
from lab.images.recipes import PACKAGES, REGISTRY, resolve
from lab.images.sources import AUTO, choose
from tests.unit.images.specs import built, lab_of

if TYPE_CHECKING:
    from pathlib import Path

    from lab.topology.spec import LabSpec


@pytest.fixture
def wanted(context: Path) -> LabSpec:
    return lab_of(built("app", str(context)))


def stored(wanted: LabSpec, source: str) -> set[str]:
    """What storage holds when a lab's own images are there, but not their bases."""
    return {image.reference for image in resolve(wanted, source).images if image.build}


def nothing(_reference: str) -> bool:
    """A storage without images."""
    return False


def must_not_ask(_reference: str) -> str:
    pytest.fail("the registry was asked")


def test_an_explicit_source_is_taken_without_asking(wanted: LabSpec) -> None:
    choice = choose(REGISTRY, wanted, nothing, None, must_not_ask)
    assert str(choice) == "images come from registry: you asked for it"


def test_an_unknown_source_is_refused_with_the_known_ones(wanted: LabSpec) -> None:
    with pytest.raises(UsageError, match="unknown source 'hub'") as caught:
        choose("hub", wanted, nothing, None, must_not_ask)
    assert caught.value.hint == "it is one of auto, registry, packages"


@pytest.mark.parametrize("source", [PACKAGES, REGISTRY])
def test_auto_takes_the_source_whose_images_are_there(wanted: LabSpec, source: str) -> None:
    choice = choose(AUTO, wanted, stored(wanted, source).__contains__, None, must_not_ask)
    assert (choice.source, choice.reason) == (source, "all images exist")


@pytest.mark.parametrize("source", [PACKAGES, REGISTRY])
def test_auto_stays_with_the_running_labs_source_when_both_are_there(
    wanted: LabSpec, source: str
) -> None:
    present = stored(wanted, PACKAGES) | stored(wanted, REGISTRY)
    choice = choose(AUTO, wanted, present.__contains__, resolve(wanted, source), must_not_ask)
    assert choice.source == source


def test_auto_takes_the_registry_when_it_answers(wanted: LabSpec) -> None:
    choice = choose(AUTO, wanted, nothing, None, lambda _: "")
    assert str(choice) == "images come from registry: the registry answers"


def test_auto_falls_back_to_packages_and_says_what_is_wrong(wanted: LabSpec) -> None:
    choice = choose(AUTO, wanted, nothing, None, lambda _: "no such host")
    expected = "images come from packages: the registry cannot be used (no such host)"
    assert str(choice) == expected


def test_auto_asks_for_a_base_that_will_be_pulled(wanted: LabSpec) -> None:
    asked: list[str] = []

    def probe(reference: str) -> str:
        asked.append(reference)
        return ""

    choose(AUTO, wanted, nothing, None, probe)
    assert asked == [resolve(wanted, REGISTRY).images[0].reference]
