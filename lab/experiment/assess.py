"""Assessing a run: what theory predicts of it, what its scenario claims, and the verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters.samples import Growth
from lab.measure.counters.spread import spread
from lab.measure.theory.forecast import forecast
from lab.measure.traffic.outcome import ErrorKind
from lab.measure.verdicts import confidence, judge, unjudged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.converge.observed import Observed
    from lab.lifecycle import Lab
    from lab.measure.records import Record
    from lab.measure.verdicts import Judgement


def assess(lab: Lab, record: Record, observed: Observed) -> Record:
    """Judge a record by its own scenario's claims.

    What listens in the lab's pods is looked at now, as they are ``observed``.
    """
    pods = {claim.pod for claim in record.spec.claims if claim.pod}
    listeners = {pod: _listeners(lab, observed, pod) for pod in pods}
    return msgspec.structs.replace(record, judgements=verdicts(record, listeners))


def verdicts(
    record: Record, listeners: Mapping[str, frozenset[int] | None]
) -> tuple[Judgement, ...]:
    """The verdicts on a record; ``listeners`` as in :func:`lab.measure.verdicts.judge`."""
    claims = record.spec.claims
    if not record.load.sent:
        return unjudged(claims, record.ledger, "no request was sent")
    if unsent := record.load.unsent:
        # They may be what a claim is about, or have been sent after all.
        why = f"{unsent} requests could not be sent by this machine"
        return unjudged(claims, record.ledger, why)
    given_up = record.load.errors.get(ErrorKind.UNANSWERED, 0)
    if given_up:
        # Nobody knows what became of them, so that no count can be held against another.
        why = f"{given_up} requests were given up unanswered when the load was interrupted"
        return unjudged(claims, record.ledger, why)
    growth = Growth(record.before, record.after)
    forecasts = forecast(record.load, growth, record.spec.parameters, confidence(claims))
    wanted = {claim.spread for claim in claims if claim.spread}
    spreads = {each: found for each in wanted if (found := spread(each, growth))}
    return judge(claims, record.ledger, forecasts, listeners, spreads)


def _listeners(lab: Lab, observed: Observed, pod_name: str) -> frozenset[int] | None:
    pod = observed.pod(pod_name)
    running = [c.pid for c in observed.members(pod) if c.pid] if pod else []
    return lab.engine.listeners(running[0]) if running else None
