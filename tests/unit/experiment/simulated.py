"""Runs of labs that are as described, counted by the simulation instead of by podman."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lab.measure.intervals import wilson
from lab.measure.records import Host, Image, Record
from lab.measure.theory import simulate
from lab.measure.theory.simulate import Policy, Timing
from lab.measure.traffic import latency, outcome
from lab.measure.traffic.load import Load, Order
from lab.metrics.ledger import Client, Ledger, reconcile
from lab.metrics.quantities import Quantities
from lab.models.retries import UNLIMITED
from lab.spec.claims import Listens
from lab.topology import scenario
from lab.verdicts.assess import assess, delta_of
from tests.unit.metrics.snapshots import snapshot

if TYPE_CHECKING:
    from lab.metrics.scrape import Snapshot
    from lab.spec.claims import ClaimResult

PORTS = frozenset({80, 8081, 9902})
HOST = Host(
    machine="x86_64",
    kernel="6.1",
    processors=2,
    memory=2**32,
    python="3.11.2",
    lab="0.1.0",
    podman="4.3.1",
)
QUICK = Timing(attempt=0.001, overhead=0.003)


class Judged(NamedTuple):
    """A record with the verdicts on it."""

    record: Record
    results: tuple[ClaimResult, ...]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is sent, on what; ``actual_error_rate`` is what B does, else as described (percent).

    ``timings`` are those of the phases of a run, each with as many requests as the others.
    """

    scenario: str = "sidecar"
    requests: int = 1000
    clients: int = 1
    error_rate: int = 20
    actual_error_rate: int | None = None
    retries: int = 2
    max_retries: int = 3
    timings: tuple[Timing, ...] = (QUICK,)
    latencies: bool = True
    seed: int = 0

    def record(self, run_id: str = "20260102-030405-sidecar-abcd", kind: str = "load") -> Record:
        """Simulate it, count as every party would, and keep it as a record, not yet judged."""
        given: dict[str, int | str] = {"error-rate": self.error_rate}
        if self.scenario != "direct":
            given["retries"] = self.retries
        if self.scenario == "sidecar":
            given["max-retries"] = self.max_retries
        spec = scenario.load(self.scenario, given=given)
        load, counts = self._simulate()
        before = snapshot(of=self.scenario)
        record = Record(
            id=run_id,
            began=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            kind=kind,
            spec=spec,
            containers={"service-a": "1", "service-b": "2"},
            images=(Image(reference="localhost/lab/service-b:1", id="b1", digest="sha256:b1"),),
            host=HOST,
            load=load,
            before=before,
            after=before,
            ledger=Ledger((), ()),
            skipped=0,
            listening={c.pod: c.listens for c in spec.claims if isinstance(c, Listens)},
        )
        return with_snapshots(record, before, snapshot(counts, of=self.scenario))

    def judged(self) -> Judged:
        """The record with its verdicts."""
        return judged(self.record())

    def _simulate(self) -> tuple[Load, dict[str, float]]:
        percent = self.error_rate if self.actual_error_rate is None else self.actual_error_rate
        policy = Policy(
            retries=self.retries if self.scenario != "direct" else 0,
            max_retries=self.max_retries if self.scenario == "sidecar" else UNLIMITED,
        )
        counts = dict.fromkeys(("successes", "retries", "refused", "exceeded"), 0)
        recorder = latency.Recorder()
        last_sent = milliseconds = 0.0
        for phase, timing in enumerate(self.timings):
            sent = simulate.Load(self.requests // len(self.timings), self.clients, percent / 100)
            found = simulate.simulate(sent, policy, timing, self.seed * 100 + phase)
            counts["successes"] += found.successes
            counts["retries"] += found.retries
            counts["refused"] += found.retry_overflow
            counts["exceeded"] += found.retry_limit_exceeded
            milliseconds += _upstream_milliseconds(sent, policy, timing, found)
            if not math.isnan(found.rate):
                last_sent += (sent.requests - sent.clients) / found.rate
                for _ in range(sent.requests if self.latencies else 0):
                    recorder.add(self.clients / found.rate)
        total = self.requests // len(self.timings) * len(self.timings)
        load = made_load(
            Order(url="http://127.0.0.1/", requests=total, concurrency=self.clients),
            counts["successes"],
            last_sent=last_sent,
            histogram=recorder.histogram(),
        )
        return load, _counted(self.scenario, total, counts, milliseconds)


def client(load: Load) -> Client:
    """What the client of a load counted."""
    return Client(sent=load.sent, succeeded=load.succeeded, failed=load.errors)


def judged(record: Record) -> Judged:
    """A record with the verdicts on it."""
    return Judged(record, assess(record))


def judgement(found: Judged, name: str) -> ClaimResult:
    """What became of one claim."""
    (only,) = (each for each in found.results if each.name == name)
    return only


def with_listening(record: Record, ports: frozenset[int] | None) -> Record:
    """The same run in a lab in whose pods these ports are open; None where nobody knows."""
    pods = (claim.pod for claim in record.spec.claims if isinstance(claim, Listens))
    found = None if ports is None else tuple(sorted(ports))
    return msgspec.structs.replace(record, listening=dict.fromkeys(pods, found))


def with_snapshots(record: Record, before: Snapshot, after: Snapshot) -> Record:
    """The same load, had the counters said this."""
    quantities = Quantities(record.spec)
    record = msgspec.structs.replace(record, before=before, after=after)
    ledger = reconcile(client(record.load), delta_of(record, quantities), quantities)
    return msgspec.structs.replace(record, ledger=ledger)


def made_load(order: Order, succeeded: int, *, last_sent: float = 1.0, histogram: str = "") -> Load:
    """A load in which the first requests succeeded and the others got a 500."""
    sent = order.requests or 0
    histogram = histogram or latency.Recorder().histogram()
    failed = sent - succeeded
    return Load(
        order=order,
        sent=sent,
        succeeded=succeeded,
        failed=failed,
        success_rate=succeeded / sent if sent else None,
        success_interval=wilson(succeeded, sent),
        seconds=last_sent,
        last_sent=last_sent,
        throughput=sent / last_sent if last_sent else 0.0,
        partial=False,
        answers=(),
        errors={"status 500": failed} if failed else {},
        latency=latency.summary(histogram),
        pace=None,
        histogram=histogram,
        outcomes=outcome.pack(bytes([1] * succeeded + [0] * failed)),
    )


def _upstream_milliseconds(
    sent: simulate.Load, policy: Policy, timing: Timing, found: simulate.Outcome
) -> float:
    """What Envoy's histogram adds up to: all attempts and back-offs, each rounded down."""
    weights = [sent.error_rate**k for k in range(policy.retries)]
    waits = sum(w * policy.window(k + 1) / 2 for k, w in enumerate(weights))
    backoff = waits / sum(weights) if weights else 0.0
    seconds = found.attempts * timing.attempt + found.retries * (backoff + timing.lateness)
    return max(0.0, 1000 * seconds - sent.requests / 2)


def _counted(of: str, sent: int, counts: dict[str, int], milliseconds: float) -> dict[str, float]:
    """What everybody on the path counted, by quantity."""
    good, retried = counts["successes"], counts["retries"]
    bad = sent - good
    found: dict[str, float] = {
        "service-a.succeeded": good,
        "service-a.failed": bad,
        "service-b.succeeded": good,
        "service-b.failed": bad + retried,
    }
    if of == "direct":
        return found
    proxy = "service-a-haproxy" if of == "haproxy" else "service-a-envoy"
    for hop, more in ((f"{proxy}.ingress", 0), (f"{proxy}.egress", retried)):
        found |= {f"{hop}.received": sent, f"{hop}.attempts": sent + more, f"{hop}.failed": bad}
        found[f"{hop}.succeeded" if of == "haproxy" else f"{hop}.final"] = (
            good if of == "haproxy" else sent
        )
    if of == "haproxy":
        return found
    told = {
        "retries": retried,
        "retried_answers": retried,
        "retry_overflow": counts["refused"],
        "retry_limit_exceeded": counts["exceeded"],
        "upstream_milliseconds": milliseconds,
        "upstream_timed": sent,
    }
    return found | {f"{proxy}.egress.{name}": count for name, count in told.items()}
