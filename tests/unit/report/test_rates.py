"""What is asked of Prometheus for the graphs, and what becomes of its answers."""

from lab.measure.counters.prometheus import Point, Prometheus, Series
from lab.measure.counters.timeline import RETRIED
from lab.report.rates import rates
from lab.topology.graphs import A, B


class Scripted(Prometheus):
    """Answers questions about service A and Envoy's retries, and knows nothing of others."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.steps: set[float] = set()

    def now(self) -> float:
        return 1000.0

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> tuple[Series, ...]:
        self.steps.add(step)
        points = (Point(start, float("nan")), Point(end, 2.0))
        if A in expression:
            statuses = ("5xx", "2xx")
            return tuple(Series("", {"status": status}, points) for status in statuses)
        if RETRIED in expression:
            return (Series("", {"envoy_response_code": "500"}, points),)
        return ()


def test_there_is_a_graph_of_each_counter_that_somebody_counts() -> None:
    found = rates(Scripted(), 60)
    assert [graph.counter for graph in found.graphs] == [A, RETRIED]
    assert list(found.graphs[0].lines) == ["2xx", "5xx"]
    assert (found.begin, found.end) == (940.0, 1000.0)
    assert B not in {graph.counter for graph in found.graphs}


def test_a_rate_that_is_not_a_number_is_left_out() -> None:
    (line,) = rates(Scripted(), 60).graphs[1].lines.values()
    assert line == (Point(1000.0, 2.0),)


def test_a_long_time_is_asked_for_in_no_more_points_than_can_be_seen() -> None:
    source = Scripted()
    rates(source, 3600)
    assert source.steps == {12.0}
