"""Records of simulated runs, in a place of the test's own."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from lab.measure import records
from lab.measure.records import Record
from lab.measure.traffic.tally import Answers
from lab.metrics.graphs import Line, Timeline
from lab.metrics.prometheus import Point
from tests.unit.experiment.simulated import Run

Keep = Callable[..., Record]

SWEPT = tuple((clients, limit) for limit in (3, 1024) for clients in (1, 4, 16))


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Keep a simulated run as a record, with changes, and files beside it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return kept


@pytest.fixture
def swept(keep: Keep) -> list[Record]:
    """The runs of a sweep over six points."""
    del keep  # has made the place for them
    return kept_sweep()


def kept(
    run: Run,
    run_id: str,
    *,
    kind: str = "load",
    lab: str = "lab",
    files: Mapping[str, str] | None = None,
    **changes: object,
) -> Record:
    """Keep a simulated run where XDG_STATE_HOME is."""
    record = msgspec.structs.replace(_simulated(run), id=run_id, kind=kind)
    load = msgspec.structs.replace(record.load, answers=(answers(record),))
    record = msgspec.structs.replace(record, load=load)
    spec = msgspec.structs.replace(record.spec, name=lab)
    record = msgspec.structs.replace(record, **{"spec": spec, **changes})
    records.save(record, files or {})
    return record


def kept_sweep() -> list[Record]:
    """Keep the runs of a sweep over six points where XDG_STATE_HOME is."""
    return [
        kept(
            Run(requests=500, clients=clients, max_retries=limit, seed=number),
            f"20260102-0400{number:02}-sidecar-aaaa",
            kind="sweep",
            experiment=f"sweep-1/error-rate=20,max-retries={limit},concurrency={clients}",
        )
        for number, (clients, limit) in enumerate(SWEPT)
    ]


@functools.cache
def _simulated(run: Run) -> Record:
    return run.record()


def answers(record: Record) -> Answers:
    example = "Service A: upstream responded with: Service B: Yay! nounce 1"
    return Answers(count=record.load.succeeded, answer=example[:24], example=example)


def timeline() -> Timeline:
    """Ten scrapes a second apart; the run begins at the third, with counters that stand at 100."""

    def line(service: str, counter: str, step: float, label: str) -> Line:
        points = tuple(Point(1000.0 + i, 100 + step * max(0, i - 2)) for i in range(10))
        return Line(service, counter, label, points)

    retried = tuple(Point(1000.0 + i, 20.0 * (i - 4)) for i in range(5, 10))
    return Timeline(
        1002.0,
        (
            line("service-a", "service_a_requests_total", 80, "2xx"),
            line("service-a", "service_a_requests_total", 20, "5xx"),
            line("service-b", "service_b_requests_total", 80, "2xx"),
            Line("service-a-envoy", "envoy_cluster_retry_upstream_rq", "500", retried),
            line("service-a-envoy", "envoy_cluster_upstream_rq_retry_overflow", 0, ""),
        ),
    )
