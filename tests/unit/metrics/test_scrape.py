"""How counters grew at each replica of a service, and when that is not known."""

from __future__ import annotations

from lab.kinds.base import METRIC, Meter
from lab.metrics.scrape import Delta, Sample, Scrape, Snapshot

GOOD = Meter(metric="b_total", labels={"status": "2xx"}, beside=METRIC)
BAD = Meter(metric="b_total", labels={"status": "5xx"}, beside=METRIC)
OWN = Meter(metric="b_total", labels={"status": "2xx"})
"""As a scenario's own meter: nothing says that it is 0 when it is absent."""


def replica(number: int, *, time: float | None = 1000.0, **counts: float) -> Scrape:
    """What one replica said: ``good`` and ``bad`` answers, those that are given."""
    labels = {"good": "2xx", "bad": "5xx"}
    return Scrape(
        service="b",
        instance=f"{number}.b",
        time=time,
        samples=tuple(
            Sample("b_total", {"status": labels[name]}, value) for name, value in counts.items()
        ),
    )


def delta(before: tuple[Scrape, ...], after: tuple[Scrape, ...]) -> Delta:
    return Delta(Snapshot(1.0, before), Snapshot(2.0, after), frozenset({"b_total"}))


def test_what_each_replica_counted_in_between_is_told_apart_and_adds_up() -> None:
    found = delta(
        (replica(1, good=5, bad=1), replica(2, good=7, bad=0)),
        (replica(1, good=15, bad=2), replica(2, good=17, bad=3)),
    )
    assert found.by_instance("b", GOOD) == {"1.b": 10, "2.b": 10}
    assert found.by_instance("b", BAD) == {"1.b": 1, "2.b": 3}
    assert (found.of("b", GOOD), found.of("b", BAD)) == (20, 4)
    assert found.begin("b", GOOD) == 12


def test_nothing_is_known_of_all_where_one_replica_was_not_measured() -> None:
    found = delta((replica(1, good=0), replica(2, good=0)), (replica(1, good=1),))
    assert found.by_instance("b", GOOD) == {"1.b": 1, "2.b": None}
    assert found.of("b", GOOD) is None
    assert found.gap("b", GOOD) == ("b (2.b) was not scraped after the load: it was not asked for")


def test_a_replica_that_was_restarted_is_named_and_the_others_are_not() -> None:
    found = delta(
        (replica(1, good=9, bad=9), replica(2, good=9, bad=9)),
        (replica(1, good=10, bad=10), replica(2, good=1, bad=1)),
    )
    assert found.of("b", BAD) is None
    assert found.gap("b", BAD) == "b (2.b) was restarted"
    assert [found.restarted("b", name) for name in ("1.b", "2.b")] == [False, True]


def test_a_series_that_a_replica_makes_when_it_first_counts_was_0_before() -> None:
    found = delta((replica(1), replica(2, good=4)), (replica(1, good=3), replica(2, good=6)))
    assert found.by_instance("b", OWN) == {"1.b": 3, "2.b": 2}
    assert found.begin("b", OWN) == 4


def test_a_series_that_only_another_replica_has_made_is_0() -> None:
    found = delta((replica(1), replica(2)), (replica(1, good=3), replica(2)))
    assert found.by_instance("b", OWN) == {"1.b": 3, "2.b": 0}


def test_a_series_that_no_replica_has_ever_made_is_not_measured() -> None:
    found = delta((replica(1), replica(2)), (replica(1), replica(2)))
    assert found.of("b", OWN) is None
    assert found.gap("b", OWN) == "b (1.b) has no b_total"


def test_absent_before_a_restart_is_not_0() -> None:
    before, after = replica(1, bad=5), replica(1, good=3, bad=0)
    found = delta((before,), (after,))
    assert found.of("b", OWN) is None


def test_a_replica_that_was_down_before_is_not_taken_for_0() -> None:
    down = Scrape(service="b", instance="1.b", problem="refused")
    found = delta((down, replica(2)), (replica(1, good=3), replica(2)))
    assert found.by_instance("b", OWN) == {"1.b": None, "2.b": 0}
    assert found.gap("b", OWN) == "b (1.b) was not scraped before the load: refused"


def test_a_metric_that_is_no_number_is_not_measured_and_says_why() -> None:
    lying = Scrape(service="b", instance="1.b", time=1000.0, unusable={"b_total": "is nan"})
    found = delta((replica(1, good=1),), (lying,))
    assert found.of("b", GOOD) is None
    assert lying.total(GOOD) is None
    assert found.gap("b", GOOD).startswith("b (1.b)")


def test_a_meter_adds_up_all_series_that_have_its_labels() -> None:
    samples = tuple(
        Sample("b_total", {"status": status, "path": path}, 1.5)
        for status in ("2xx", "5xx")
        for path in ("/", "/x")
    )
    scrape = Scrape(service="b", time=1000.0, samples=samples)
    assert scrape.total(GOOD) == 3
    assert isinstance(scrape.total(GOOD), int)
    assert scrape.total(Meter(metric="b_total", labels={"path": "/"})) == 3


def test_a_service_that_was_not_asked_for_has_a_problem() -> None:
    empty = Snapshot(1.0, ())
    assert [scrape.problem for scrape in empty.of("x")] == ["it was not asked for"]
    assert empty.total("x", GOOD) is None
