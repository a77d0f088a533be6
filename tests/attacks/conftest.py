"""The attacks use the labs of the tests on real podman; each says in words what it tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real.conftest import (
    account,
    foreign,
    images,
    installed,
    labs,
    podman,
    shared_lab,
    unprivileged,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "account",
    "foreign",
    "images",
    "installed",
    "labs",
    "podman",
    "shared_lab",
    "unprivileged",
]

ATTACK = "attack"
"""The property of a report that holds what its test attacks."""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Insist that every attack on podman says in words what it tries."""
    for item in items:
        if "tests/attacks/" in item.nodeid:
            assert item.get_closest_marker("attack"), f"{item.nodeid} lacks @pytest.mark.attack"


@pytest.fixture(autouse=True)
def _named(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("attack")
    request.node.user_properties.append((ATTACK, marker.args[0]))
