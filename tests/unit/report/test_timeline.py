"""The time line of a run: how its counters grew."""

from lab.measure.counters.timeline import RETRIED
from lab.topology.graphs import A
from tests.unit.report.conftest import timeline


def test_a_counter_counts_from_where_it_stood_when_the_run_began() -> None:
    growth = timeline().growth(A)
    assert growth["2xx"][:4] == [(-2.0, 0.0), (-1.0, 0.0), (0.0, 0.0), (1.0, 80.0)]
    assert growth["5xx"][-1] == (7.0, 140.0)


def test_a_counter_that_appears_in_mid_run_counts_from_nothing() -> None:
    assert timeline().growth(RETRIED) == {
        "500": [(3.0, 20.0), (4.0, 40.0), (5.0, 60.0), (6.0, 80.0), (7.0, 100.0)]
    }
