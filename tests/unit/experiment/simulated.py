"""Runs of labs that are as described, counted by the simulation instead of by podman."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from lab.experiment.assess import verdicts
from lab.measure.counters.ledger import Client, reconcile
from lab.measure.counters.samples import UPSTREAM_MILLISECONDS, UPSTREAM_TIMED
from lab.measure.intervals import wilson
from lab.measure.records import Host, Image, Record
from lab.measure.theory import simulate
from lab.measure.theory.simulate import Policy, Timing
from lab.measure.traffic import latency, outcome
from lab.measure.traffic.load import Load, Order
from lab.topology import scenario
from tests.unit.measure.snapshots import snapshot

if TYPE_CHECKING:
    from lab.measure.counters.samples import Snapshot
    from lab.measure.verdicts import Judgement

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
        if self.scenario == "sidecar":
            given |= {"retries": self.retries, "max-retries": self.max_retries}
        spec = scenario.load(self.scenario, given=given)
        load, counts, milliseconds = self._simulate()
        after = snapshot(
            counts,
            sidecar=self.scenario == "sidecar",
            extra=((UPSTREAM_MILLISECONDS, milliseconds), (UPSTREAM_TIMED, load.sent)),
        )
        before = snapshot(sidecar=self.scenario == "sidecar")
        return Record(
            id=run_id,
            began=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            kind=kind,
            spec=spec,
            containers={"service-a": "1", "service-b": "2"},
            images=(Image(reference="localhost/lab/service-b:1", id="b1", digest="sha256:b1"),),
            host=HOST,
            load=load,
            before=before,
            after=after,
            ledger=reconcile(client(load), before, after),
            skipped=0,
        )

    def judged(self) -> Record:
        """The record with its verdicts."""
        return judged(self.record())

    def _simulate(self) -> tuple[Load, dict[str, int], float]:
        percent = self.error_rate if self.actual_error_rate is None else self.actual_error_rate
        retries = self.retries if self.scenario == "sidecar" else 0
        policy = Policy(retries=retries, max_retries=self.max_retries)
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
        return load, _everybody(total, counts, sidecar=self.scenario == "sidecar"), milliseconds


def client(load: Load) -> Client:
    """What the client of a load counted."""
    return Client(sent=load.sent, succeeded=load.succeeded, failed=load.errors)


def judged(record: Record, *, listening: frozenset[int] | None = PORTS) -> Record:
    """A record with the verdicts on it, in a lab in which these ports are open."""
    pods = {claim.pod: listening for claim in record.spec.claims if claim.pod}
    return msgspec.structs.replace(record, judgements=verdicts(record, pods))


def judgement(record: Record, name: str) -> Judgement:
    """The judgement on one claim."""
    (found,) = (each for each in record.judgements if each.name == name)
    return found


def with_snapshots(record: Record, before: Snapshot, after: Snapshot) -> Record:
    """The same load, had the counters said this."""
    ledger = reconcile(client(record.load), before, after)
    return msgspec.structs.replace(record, before=before, after=after, ledger=ledger)


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


def _everybody(sent: int, counts: dict[str, int], *, sidecar: bool) -> dict[str, int]:
    good, retried = counts["successes"], counts["retries"]
    bad = sent - good
    everyone = {
        "a_succeeded": good,
        "a_failed": bad,
        "b_succeeded": good,
        "b_failed": bad + retried,
    }
    if not sidecar:
        return everyone
    through = ("ingress_received", "ingress_forwarded", "egress_received", "final")
    return (
        everyone
        | dict.fromkeys(through, sent)
        | {
            "attempts": sent + retried,
            "final_failed": bad,
            "retries": retried,
            "retried_answers": retried,
            "retry_overflow": counts["refused"],
            "retry_limit_exceeded": counts["exceeded"],
        }
    )
