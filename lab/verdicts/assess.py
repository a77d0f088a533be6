"""Judging a run by what its record holds. Pure: the same record gives the same verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import models
from lab.measure import records
from lab.measure.theory.simulate import steady_rate
from lab.measure.traffic import latency
from lab.measure.traffic.outcome import ErrorKind
from lab.metrics.ledger import Outcome
from lab.metrics.quantities import Quantities, percentile
from lab.metrics.scrape import Delta
from lab.models.base import Predicted, Run
from lab.spec import claims
from lab.spec.claims import ClaimResult, Evidence, Spread, Verdict
from lab.spec.claims import Predicted as PredictedClaim
from lab.spec.expressions import sum_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.measure.records import Record
    from lab.metrics.ledger import Ledger
    from lab.spec.expressions import Number

FALSE_ALARMS = 0.001
"""The chance that a run of a lab that is as described fails to be confirmed: 1 in 1000."""
RECONCILED = "ledger"
"""The name of the result on the ledger as a whole, which every run with laws gets."""

CLIENT_TIMES = ("client.mean", "client.max")


def assess(record: Record) -> tuple[ClaimResult, ...]:
    """Judge every claim of a record's scenario, and its ledger as a whole."""
    spec = record.spec
    if why := _unjudgeable(record):
        return (*claims.unjudged(spec.claims, why), *_ledger(record.ledger, why))
    quantities = Quantities(spec)
    judged = claims.judge(spec.claims, evidence(record, quantities))
    return (*judged, *_ledger(record.ledger))


def _unjudgeable(record: Record) -> str:
    """Why nothing can be told from a run; "" when it can."""
    load = record.load
    if not load.sent:
        return "no request was sent"
    if load.unsent:
        # They may be what a claim is about, or have been sent after all.
        return f"{load.unsent} requests could not be sent by this machine"
    if given_up := load.errors.get(ErrorKind.UNANSWERED, 0):
        # Nobody knows what became of them, so that no count can be held against another.
        return f"{given_up} requests were given up unanswered when the load was interrupted"
    return ""


def results(record: Record) -> tuple[ClaimResult, ...]:
    """The verdicts on a recorded run: those beside it, else made now."""
    return records.verdicts(record.id) or assess(record)


def confidence(record: Record) -> float:
    """The confidence of each prediction, so that all together keep :data:`FALSE_ALARMS`.

    Bonferroni's bound: the chances that single claims fail add up at most.
    """
    predicted = sum(isinstance(claim, PredictedClaim) for claim in record.spec.claims)
    return 1 - FALSE_ALARMS / max(1, predicted)


def evidence(record: Record, quantities: Quantities) -> Evidence:
    """Everything that claims can be judged by."""
    delta = delta_of(record, quantities)
    predicted = predict(record, quantities)
    named = {name for claim in record.spec.claims for name in claim.quantities()}
    return Evidence(
        counts=record.ledger.counts | dict(_latencies(record, named)),
        gaps=record.ledger.gaps,
        predictions=predicted.counts,
        unpredicted=predicted.missing,
        why=predicted.why,
        listening=record.listening,
        spreads={
            claim.spread: _spread(claim.spread, delta, quantities)
            for claim in record.spec.claims
            if isinstance(claim, claims.Evenly)
        },
    )


def delta_of(record: Record, quantities: Quantities) -> Delta:
    """By how much counters grew during a run."""
    return Delta(record.before, record.after, quantities.growing, quantities.start_times)


def predict(record: Record, quantities: Quantities) -> Predicted:
    """What the scenario's model says of a run."""
    model = record.spec.model
    if model is None:
        return Predicted(missing="the scenario has no model")
    load, counts = record.load, record.ledger.counts
    proxy = next(iter(quantities.retrying), "")
    time, timed = (counts.get(f"{proxy}.upstream_{what}") for what in ("milliseconds", "timed"))
    retries = counts.get(f"{proxy}.retries")
    run = Run(
        sent=load.sent,
        concurrency=load.order.concurrency,
        open_loop=load.order.rate is not None,
        proxy=proxy,
        rate=steady_rate(load.sent, load.order.concurrency, load.last_sent),
        latencies=latency.counts(load.histogram) if load.latency else {},
        retries=None if retries is None else round(retries),
        upstream_time=time / timed / 1000 if time is not None and timed else None,
    )
    return models.predict(model, run, confidence(record))


def _latencies(record: Record, named: set[str]) -> Iterator[tuple[str, Number | None]]:
    """The client's latencies that are asked for, in seconds."""
    found = record.load.latency
    for name in sorted(named):
        wanted = percentile(name)
        if wanted is not None:
            yield name, latency.percentile(record.load.histogram, wanted) if found else None
        elif name in CLIENT_TIMES:
            yield name, getattr(found, name.partition(".")[2]) if found else None


def _spread(text: str, delta: Delta, quantities: Quantities) -> Spread:
    """What each replica counted of a sum, and how many workers shared the requests out."""
    sum_ = sum_of(text)
    meters = quantities.meters(sum_)
    services = {source.service for source in meters.values()}
    if len(services) != 1:  # a scenario would not have been taken with such a claim
        return Spread(counts={}, workers=None)
    (service,) = services
    parts: dict[str, dict[str, Number | None]] = {}
    for name, source in meters.items():
        for instance, count in delta.by_instance(service, source.meter).items():
            parts.setdefault(instance, {})[name] = count
    counts: dict[str, int | None] = {}
    for instance, found in parts.items():
        known = {
            name: derived.value(found)
            for name, derived in quantities.derived.items()
            if set(derived.names()) <= found.keys()
        }
        value = sum_.value(found | known)
        counts[instance] = None if value is None else round(value)
    gauge = quantities.workers(service)
    workers = delta.after.total(gauge.service, gauge.meter) if gauge else None
    return Spread(counts=counts, workers=None if workers is None else round(workers))


def _ledger(ledger: Ledger, why: str = "") -> Iterator[ClaimResult]:
    """The ledger as one more result, where the path has laws."""
    if not ledger.checks:
        return
    verdict = {
        Outcome.HOLDS: Verdict.CONFIRMED,
        Outcome.FAILS: Verdict.REFUTED,
        Outcome.NOT_MEASURED: Verdict.NOT_MEASURED,
    }[ledger.outcome]
    holding = sum(check.outcome is Outcome.HOLDS for check in ledger.checks)
    broken = tuple(str(check) for check in ledger.checks if check.outcome is not Outcome.HOLDS)
    yield ClaimResult(
        name=RECONCILED,
        says="What all hops counted agrees",
        test="; ".join(check.name for check in ledger.checks),
        verdict=Verdict.NOT_MEASURED if why else verdict,
        predicted=(len(ledger.checks),),
        observed=() if why else (holding,),
        low=len(ledger.checks),
        high=len(ledger.checks),
        why=((why,) if why else broken) + ledger.notes,
    )
