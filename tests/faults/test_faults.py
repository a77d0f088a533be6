"""A short run of the fault harness; `make faults` is the long one."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.faults import faults
from tests.faults.arena import Arena, arena

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.real

SEED = 1
"""Moments differ from run to run all the same, as commands never take equally long."""


@pytest.fixture(scope="module")
def place() -> Iterator[Arena]:
    with arena() as made:
        yield made


@pytest.mark.parametrize(
    ("kind", "times", "tries"),
    [
        (faults.kills, 6, 6),
        (faults.interruptions, 6, 6),
        (faults.service_kills, 3, 3),
        (faults.crowds, 1, faults.CROWD),
    ],
)
def test_nothing_is_lost_or_left_behind(
    place: Arena,
    kind: Callable[[int, faults.Sufferer], faults.Tally],
    times: int,
    tries: int,
) -> None:
    sufferer = faults.Sufferer(place, Random(SEED))  # noqa: S311 - moments, no secrets
    place.run(*place.words("nothing"))
    tally = kind(times, sufferer)
    assert tally.problems == []
    assert (tally.tried, tally.survived, tally.lost, tally.left) == (tries, tries, 0, 0)
