"""A short soak; `make soak` is the long one, which also judges memory and handles."""

from __future__ import annotations

import pytest

from tests.faults.arena import arena
from tests.soak import watch
from tests.soak.books import STEADY, Books
from tests.soak.soak import SHORTEST, Soak

pytestmark = pytest.mark.real

SEED = 1
RATE = 100


def test_all_counts_agree_over_a_switch_to_direct_and_back_under_load() -> None:
    books = Books(SEED)
    with arena() as made:
        for segment in Soak(made, RATE, SEED).rounds(1, every=SHORTEST):
            books.enter(segment)
        roles = sorted(process.role for process in watch.found(made))
        state = made.status()
        down = made.run(*made.words("nothing"), "--volumes")
        left = made.left()
    assert [row.name for row in books.rows] == ["to direct", "to sidecar", STEADY]
    assert [problem for row in books.rows for problem in row.problems] == []
    assert all(row.sent == row.answered + row.lost.total() > RATE for row in books.rows)
    assert roles == sorted(watch.ROLES)
    assert state["in_sync"]
    assert (down.status, left) == (0, [])
