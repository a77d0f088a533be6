"""Graphs: what is asked of Prometheus for them, and how counters grew over a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.metrics.graphs import Line, Steps, Timeline, graphs, rates, selector, timeline
from lab.metrics.prometheus import Point, Prometheus, Series
from tests.unit.metrics.snapshots import quantities

if TYPE_CHECKING:
    from lab.kinds.base import Graph

A = "service_a_requests_total"
RETRIED = "envoy_cluster_retry_upstream_rq"
BEGAN = 1000.0


class Scripted(Prometheus):
    """Answers questions about service A and Envoy's retries, and knows nothing of others."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.steps: set[float] = set()
        self.asked: list[str] = []

    def now(self) -> float:
        return BEGAN

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> tuple[Series, ...]:
        self.steps.add(step)
        return self._answer(expression, (Point(start, float("nan")), Point(end, 2.0)))

    def query(self, expression: str, time: float | None = None) -> tuple[Series, ...]:
        del time
        self.asked.append(expression)
        return self._answer(expression, (Point(999.0, 1.0), Point(1000.0, float("inf"))))

    def _answer(self, expression: str, points: tuple[Point, ...]) -> tuple[Series, ...]:
        if A in expression:
            statuses = ("5xx", "2xx")
            return tuple(Series("", {"status": status}, points) for status in statuses)
        if RETRIED in expression:
            return (Series("", {"envoy_response_code": "500"}, points),)
        return ()


def test_there_is_a_graph_of_each_counter_that_somebody_counts() -> None:
    found = rates(Scripted(), quantities(), 60)
    assert [(each.service, each.counter) for each in found.graphs] == [
        ("service-a", A),
        ("service-a-envoy", RETRIED),
    ]
    assert list(found.graphs[0].lines) == ["2xx", "5xx"]
    assert (found.begin, found.end) == (940.0, 1000.0)


def test_a_rate_that_is_not_a_number_is_left_out() -> None:
    (line,) = rates(Scripted(), quantities(), 60).graphs[1].lines.values()
    assert line == (Point(1000.0, 2.0),)


def test_a_long_time_is_asked_for_in_no_more_points_than_can_be_seen() -> None:
    source = Scripted()
    rates(source, quantities(), 3600)
    assert source.steps == {12.0}


def test_a_time_line_has_the_scrapes_since_shortly_before_the_run_that_are_numbers() -> None:
    source = Scripted()
    found = timeline(source, quantities(), BEGAN - 10)
    assert all(each.endswith("[12s]") for each in source.asked)
    assert [line.label for line in found.lines] == ["2xx", "5xx", "500"]
    assert {line.points for line in found.lines} == {(Point(999.0, 1.0),)}


def test_graphs_are_in_the_order_of_the_path_and_each_is_there_once() -> None:
    cluster = 'job="service-a-envoy",envoy_cluster_name="remote_service_b"'
    assert [selector(service, graph) for service, graph in graphs(quantities())] == [
        'service_a_requests_total{job="service-a"}',
        f"envoy_cluster_retry_upstream_rq{{{cluster}}}",
        f"envoy_cluster_upstream_rq_retry_overflow{{{cluster}}}",
        'service_b_requests_total{job="service-b"}',
    ]


def test_each_counter_has_the_label_that_its_kind_says() -> None:
    found: dict[str, Graph] = {graph.meter.metric: graph for _, graph in graphs(quantities())}
    assert found[A].label == "status"
    assert found["envoy_cluster_upstream_rq_retry_overflow"].label == ""


def line(*points: tuple[float, float], label: str = "2xx") -> Line:
    """A series that had these values so many seconds after the run began."""
    return Line("service-a", A, label, tuple(Point(BEGAN + time, value) for time, value in points))


def growth(*lines: Line) -> dict[str, Steps]:
    return Timeline(BEGAN, lines).growth()["service-a", A]


def test_a_counter_counts_from_where_it_stood_when_the_run_began() -> None:
    assert growth(line((-1, 60), (0, 70), (1, 80), (2, 95))) == {
        "2xx": [(-1, -10), (0, 0), (1, 10), (2, 25)]
    }


def test_a_counter_that_appears_in_mid_run_counts_from_nothing() -> None:
    assert growth(line((3, 20), (4, 40))) == {"2xx": [(3, 20), (4, 40)]}


def test_lines_of_different_labels_stay_apart() -> None:
    found = growth(line((1, 2)), line((1, 3), label="5xx"))
    assert found == {"2xx": [(1, 2)], "5xx": [(1, 3)]}


def test_replicas_add_up_although_they_are_scraped_at_other_times() -> None:
    first = line((-1, 100), (1, 110), (2, 130))
    second = line((-0.5, 50), (1.5, 55), (2, 60))
    late = line((1.5, 7))
    assert growth(first, second, late) == {"2xx": [(-1, 0), (-0.5, 0), (1, 10), (1.5, 22), (2, 47)]}


def test_adding_replicas_up_takes_no_more_than_their_scrapes() -> None:
    # A day of two hundred replicas; with every pair of scrapes this would take hours.
    each = [line(*((time + n / 1000, time) for time in range(500))) for n in range(200)]
    found = growth(*each)["2xx"]
    assert len(found) == 200 * 500
    assert found[-1][1] == sum(part.points[-1].value for part in each)
