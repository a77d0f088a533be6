"""Round robin: what several workers going round the same copies can add up to, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.measure.counters.samples import SERVICE_A, SERVICE_B, WORKERS, Growth, Scrape, Snapshot
from lab.measure.counters.spread import Spread, round_robin, spread
from tests.unit.measure.snapshots import METRICS, sample, snapshot

QUANTITY = "b_succeeded + b_failed"


def copies(*counts: tuple[int, int], workers: int | None = 2) -> Snapshot:
    """A snapshot in which each copy of service B has these successes and failures."""
    scrapes = tuple(
        Scrape(
            job=SERVICE_B,
            instance=f"{number}.b",
            time=1000.0,
            samples=(
                sample(METRICS["b_succeeded"], succeeded),
                sample(METRICS["b_failed"], failed),
            ),
        )
        for number, (succeeded, failed) in enumerate(counts, start=1)
    )
    rest = snapshot(extra=((WORKERS, workers),) if workers else ())
    others = tuple(scrape for scrape in rest.scrapes if scrape.job != SERVICE_B)
    return Snapshot(rest.asked, others + scrapes)


def test_what_each_copy_counted_in_between_is_told_apart() -> None:
    growth = Growth(copies((5, 1), (7, 0)), copies((15, 2), (17, 3)))
    assert spread(QUANTITY, growth) == Spread({"1.b": 11, "2.b": 13}, 2)


def test_the_copies_add_up_to_what_the_ledger_lists() -> None:
    growth = Growth(copies((5, 1), (7, 0)), copies((15, 2), (17, 3)))
    assert growth.of(METRICS["b_succeeded"]) == 20
    assert growth.of(METRICS["b_failed"]) == 4


def test_a_service_without_copies_has_one() -> None:
    before, after = (
        snapshot(extra=((WORKERS, 2),)),
        snapshot({"a_failed": 3}, extra=((WORKERS, 2),)),
    )
    assert spread("a_failed", Growth(before, after)) == Spread({"": 3}, 2)


def test_there_is_no_spread_where_a_copy_was_not_measured() -> None:
    before, after = copies((0, 0), (0, 0)), copies((1, 1))
    growth = Growth(before, after)
    assert spread(QUANTITY, growth) is None
    assert growth.of(METRICS["b_failed"]) is None
    assert growth.gap(METRICS["b_failed"]) == (
        "service-b (2.b) was not scraped after the load: it was not queried"
    )


def test_there_is_no_spread_where_a_copy_was_restarted() -> None:
    growth = Growth(copies((9, 9), (9, 9)), copies((10, 10), (1, 1)))
    assert spread(QUANTITY, growth) is None
    assert growth.gap(METRICS["b_failed"]) == "service-b (2.b) was restarted"
    assert [growth.restarted(SERVICE_B, name) for name in ("1.b", "2.b")] == [False, True]
    assert not growth.restarted(SERVICE_A)


def test_there_is_no_spread_without_a_sidecar() -> None:
    growth = Growth(copies((0, 0), workers=None), copies((1, 1), workers=None))
    assert spread(QUANTITY, growth) is None


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 500)), min_size=1, max_size=4),
)
def test_whatever_each_worker_sends_and_wherever_it_begins_every_copy_is_inside(
    number: int, workers: list[tuple[int, int]]
) -> None:
    counts = {f"{copy}.b": 0 for copy in range(number)}
    for begin, requests in workers:
        for request in range(requests):
            counts[f"{(begin + request) % number}.b"] += 1
    allowed = round_robin(counts, len(workers))
    assert all(count in allowed for count in counts.values())


@pytest.mark.parametrize("counts", [(418, 416, 416), (415, 415, 420), (0, 625, 625)])
def test_one_worker_cannot_treat_copies_so_differently(counts: tuple[int, ...]) -> None:
    named = {str(copy): count for copy, count in enumerate(counts)}
    allowed = round_robin(named, 1)
    assert any(count not in allowed for count in counts)


def test_copies_asked_at_random_would_be_found_out() -> None:
    assert 390 not in round_robin({"1": 390, "2": 440, "3": 420}, 2)


@pytest.mark.parametrize(("counts", "workers"), [({}, 1), ({"1": 1}, 0)])
def test_without_copies_or_workers_nothing_is_shared_out(
    counts: dict[str, int], workers: int
) -> None:
    with pytest.raises(ValueError, match="nobody"):
        round_robin(counts, workers)
