"""Snapshots: only scrapes that began after the call, each whole, and a deadline."""

import msgspec

from lab.metrics.prometheus import Point, Prometheus, Series, Target
from lab.metrics.quantities import Quantities
from lab.metrics.scrape import Snapshot
from lab.metrics.snapshot import DEADLINE, STARTING, snapshot
from lab.topology import scenario
from lab.topology.spec import MeterSpec
from tests.unit.metrics.snapshots import quantities

SERVICE_A, SERVICE_B = "service-a", "service-b"
NOW = 1000.0


class Scripted(Prometheus):
    """A Prometheus that scrapes service A and copies of B at given times; each counts one more.

    It knows its targets from the time ``discovered`` on, and was started long ago unless told.
    """

    def __init__(
        self,
        a: dict[float, bool],
        *copies_of_b: dict[float, bool],
        reset: bool = False,
        discovered: float = NOW,
        start: float = 0.0,
    ) -> None:
        super().__init__("http://unused.invalid")
        self.time = NOW
        self.scrapes = {(SERVICE_A, "a:8081"): a}
        for number, b in enumerate(copies_of_b, start=1):
            self.scrapes[SERVICE_B, f"{number}.b:8081"] = b
        self.reset = reset
        self.discovered = discovered
        self.start = start
        self.asked: list[tuple[str, float | None]] = []

    def now(self) -> float:
        return NOW

    def started(self) -> float:
        return self.start

    def query(self, expression: str, time: float | None = None) -> tuple[Series, ...]:
        self.asked.append((expression, time))
        if time is not None:
            return (Series("", {}, (Point(time, 1.0),)),) if self.reset else ()
        return tuple(
            series
            for (job, instance), scrapes in self.scrapes.items()
            for series in self._scraped(job, instance, scrapes)
        )

    def _scraped(self, job: str, instance: str, scrapes: dict[float, bool]) -> tuple[Series, ...]:
        past = {when: up for when, up in scrapes.items() if when <= self.time}
        labels = {"job": job, "instance": instance}
        name = job.replace("-", "_") + "_requests_total"
        return (
            Series("up", labels, tuple(Point(when, float(up)) for when, up in past.items())),
            Series(
                name,
                labels | {"status": "2xx"},
                tuple(Point(when, when) for when, up in past.items() if up),
            ),
        )

    def targets(self) -> tuple[Target, ...]:
        if self.time < self.discovered:
            return ()
        return tuple(
            Target(job, instance, "", "up", "" if job == SERVICE_A else "refused")
            for job, instance in self.scrapes
        )

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def clock(self) -> float:
        return self.time


def take(
    prometheus: Scripted, *, since: Snapshot | None = None, of: Quantities | None = None
) -> Snapshot:
    return snapshot(
        prometheus,
        of or quantities("direct"),
        since=since,
        clock=prometheus.clock,
        sleep=prometheus.sleep,
    )


def value(found: Snapshot, job: str) -> float:
    (only,) = found.scrape(job).samples
    return only.value


def times(count: int, start: float) -> dict[float, bool]:
    return {start + number: True for number in range(count)}


def test_scrapes_from_before_the_call_are_not_taken() -> None:
    found = take(Scripted(times(9, NOW - 3.9), times(9, NOW - 3.3)))
    assert found.scrape(SERVICE_A).time == NOW + 0.1
    assert found.scrape(SERVICE_B).time == NOW + 0.7
    assert value(found, SERVICE_B) == NOW + 0.7


def test_a_scrape_that_may_have_begun_just_before_the_call_is_not_taken() -> None:
    found = take(Scripted({NOW + 0.001: True, NOW + 1: True}, times(2, NOW + 1)))
    assert found.scrape(SERVICE_A).time == NOW + 1


def test_the_labels_of_the_target_are_left_out() -> None:
    found = take(Scripted(times(1, NOW + 0.1), times(1, NOW + 0.1)))
    (sample,) = found.scrape(SERVICE_A).samples
    assert sample.belongs_to(quantities("direct").sources[f"{SERVICE_A}.succeeded"].meter)
    assert sample.labels == {"status": "2xx"}


def test_a_scrape_that_failed_is_waited_over() -> None:
    scrapes = {NOW + 0.5: False, NOW + 1.5: True}
    found = take(Scripted(times(9, NOW + 0.1), scrapes))
    assert found.scrape(SERVICE_B).time == NOW + 1.5


def test_a_target_that_stays_down_is_reported_after_the_deadline() -> None:
    prometheus = Scripted(times(9, NOW + 0.1), dict.fromkeys(times(9, NOW + 0.5), False))
    found = take(prometheus)
    assert found.scrape(SERVICE_B).problem == "refused"
    assert found.scrape(SERVICE_B).samples == ()
    assert found.scrape(SERVICE_A).problem == ""
    assert NOW + DEADLINE <= prometheus.time < NOW + DEADLINE + 0.1


def test_a_job_without_targets_is_reported() -> None:
    found = take(Scripted(times(9, NOW + 0.1)))
    assert found.scrape(SERVICE_B).problem == "Prometheus has no such target"


def test_a_target_that_is_no_longer_scraped_is_reported() -> None:
    found = take(Scripted(times(1, NOW - 1), times(9, NOW)))
    assert found.scrape(SERVICE_A).problem == "its last scrape is too old"


def two_snapshots(*, reset: bool) -> tuple[Scripted, Snapshot]:
    first = take(Scripted(times(1, NOW + 0.1), times(1, NOW + 0.5)))
    later = Scripted(times(1, NOW + 9.1), times(1, NOW + 9.5), reset=reset)
    later.time = NOW + 9
    return later, take(later, since=first)


def test_a_restart_between_two_snapshots_is_marked() -> None:
    _, found = two_snapshots(reset=True)
    assert [scrape.restarted for scrape in found.scrapes] == [True, True]


def test_restarts_are_looked_for_from_scrape_to_scrape() -> None:
    prometheus, found = two_snapshots(reset=False)
    assert [scrape.restarted for scrape in found.scrapes] == [False, False]
    looked = [(query, time) for query, time in prometheus.asked if time is not None]
    assert [time for _, time in looked] == [NOW + 9.1, NOW + 9.5]
    assert all("[9001ms]" in query for query, _ in looked)


def test_every_copy_of_a_service_is_a_target_of_its_own() -> None:
    copies = [times(1, NOW + start) for start in (0.1, 0.9, 0.5)]
    found = take(Scripted(times(1, NOW + 0.1), *copies))
    assert [(scrape.instance, scrape.time) for scrape in found.of(SERVICE_B)] == [
        ("1.b:8081", NOW + 0.1),
        ("2.b:8081", NOW + 0.9),
        ("3.b:8081", NOW + 0.5),
    ]
    assert [scrape.instance for scrape in found.of(SERVICE_A)] == [""]


def test_a_copy_that_is_missing_is_reported_by_its_name() -> None:
    found = take(Scripted(times(9, NOW + 0.1), times(9, NOW + 0.1), times(1, NOW - 1)))
    present, missing = found.of(SERVICE_B)
    assert present.problem == ""
    assert (missing.name, missing.problem) == ("service-b (2.b:8081)", "refused")


def test_a_prometheus_that_finds_its_targets_late_is_asked_again() -> None:
    found = take(Scripted(times(9, NOW + 0.1), times(9, NOW + 2.1), discovered=NOW + 2))
    assert [scrape.problem for scrape in found.scrapes] == ["", ""]


def test_a_prometheus_that_has_just_started_has_longer_until_its_first_scrapes() -> None:
    late = times(9, NOW + STARTING - 1.5)
    found = take(Scripted(late, late, discovered=NOW + 5, start=NOW - 2))
    assert [scrape.problem for scrape in found.scrapes] == ["", ""]


def test_that_it_has_just_started_is_not_waited_for_for_ever() -> None:
    prometheus = Scripted({}, {}, discovered=NOW + 5, start=NOW - 2)
    found = take(prometheus)
    assert [scrape.samples for scrape in found.scrapes] == [(), ()]
    assert NOW - 2 + STARTING + DEADLINE <= prometheus.time < NOW - 2 + STARTING + DEADLINE + 0.1


def signs(of: Quantities, *, before: dict[float, bool], after: dict[float, bool]) -> list[str]:
    """What Prometheus is asked about restarts, by the services in their order."""
    first = take(Scripted(before, before), of=of)
    later = Scripted(after, after)
    take(later, since=first, of=of)
    return [query for query, time in later.asked if time is not None]


def test_a_restart_shows_in_another_start_time_or_in_a_counter_that_falls() -> None:
    asked = signs(quantities("direct"), before=times(1, NOW + 0.1), after=times(1, NOW + 0.2))
    selector = '{job="service-a"}[101ms]'
    assert asked[0] == (
        f"max(changes(process_start_time_seconds{selector})) > 0 or "
        f"max(resets(service_a_requests_total{selector})) > 0"
    )


def test_a_service_of_no_kind_shows_a_restart_in_its_own_meters() -> None:
    spec = scenario.load("direct", given={})
    own = MeterSpec(container=SERVICE_A, port=1, metric="service_a_requests_total")
    spec = msgspec.structs.replace(spec, kinds={}, path=(), meters={"own": own}, claims=())
    of = Quantities(spec)
    asked = signs(of, before=times(1, NOW + 0.1), after=times(1, NOW + 0.2))
    assert asked == [
        'max(resets(service_a_requests_total{job="service-a"}[101ms])) > 0',
    ]


def test_a_target_that_was_waited_for_is_given_up_in_a_hurry() -> None:
    prometheus = Scripted(times(9, NOW + 0.1), {})
    found = snapshot(
        prometheus,
        quantities("direct"),
        hurried=lambda: prometheus.time > NOW + 1,
        clock=prometheus.clock,
        sleep=prometheus.sleep,
    )
    assert found.scrape(SERVICE_B).problem == "refused"
    assert prometheus.time < NOW + 1.1
