"""Judging the claims of a scenario by what one run counted. Pure."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters.ledger import Outcome
from lab.measure.counters.spread import Spread, round_robin
from lab.measure.numbers import Number
from lab.topology.claims import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.measure.counters.ledger import Ledger, Row
    from lab.measure.theory.forecast import Forecasts
    from lab.topology.spec import ClaimSpec

FALSE_ALARMS = 0.001
"""The chance that a run of a lab that is as described fails to be confirmed: 1 in 1000."""

NO_SPREADS: Mapping[str, Spread] = MappingProxyType({})

RECONCILED = "ledger"
"""The name of the judgement on the ledger as a whole, which every run gets."""


class Verdict(StrEnum):
    """What came of a claim. Not measured is not confirmed."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    NOT_MEASURED = "not measured"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A claim and what came of it.

    ``test`` is what was tested, such as ``attempts = final + retries``; ``predicted`` and
    ``observed`` are shown as they are, ``interval`` holds the counts that would confirm the
    claim (both ends included), and ``why`` has sentences that explain.
    """

    name: str
    says: str
    test: str
    verdict: Verdict
    predicted: str = ""
    observed: str = ""
    interval: tuple[Number, Number] | None = None
    why: tuple[str, ...] = ()


def judge(
    claims: Sequence[ClaimSpec],
    ledger: Ledger,
    forecasts: Forecasts,
    listeners: Mapping[str, frozenset[int] | None],
    spreads: Mapping[str, Spread] = NO_SPREADS,
) -> tuple[Judgement, ...]:
    """Judge every claim, and the ledger as a whole.

    ``forecasts`` has theory's predictions (:func:`lab.measure.theory.forecast.forecast`);
    ``listeners`` maps pods to the ports that are open beyond loopback in them, None where that
    could not be found out; ``spreads`` has what each copy of a service counted of the quantities
    that claims call by that name.
    """
    rows = {row.name: row for row in ledger.rows}
    judged = [_claim(claim, rows, forecasts, listeners, spreads) for claim in claims]
    return (*judged, _ledger(ledger))


def unjudged(claims: Sequence[ClaimSpec], ledger: Ledger, why: str) -> tuple[Judgement, ...]:
    """Judge nothing, because of what ``why`` says: every claim and the ledger not measured."""
    none = [_judgement(claim, Verdict.NOT_MEASURED, why=(why,)) for claim in claims]
    balance = msgspec.structs.replace(
        _ledger(ledger), verdict=Verdict.NOT_MEASURED, observed="", why=(why, *ledger.notes)
    )
    return (*none, balance)


def confidence(claims: Sequence[ClaimSpec]) -> float:
    """The confidence of each prediction, so that all together keep :data:`FALSE_ALARMS`.

    Bonferroni's bound: the chances that single claims fail add up at most.
    """
    return 1 - FALSE_ALARMS / max(1, sum(bool(claim.predicted) for claim in claims))


def overall(judgements: Sequence[Judgement]) -> Verdict:
    """The :func:`worst` of all verdicts."""
    return worst(judgement.verdict for judgement in judgements)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Refuted when one is, else not measured when one is or there are none, else confirmed."""
    found = set(verdicts) or {Verdict.NOT_MEASURED}
    return next(each for each in (Verdict.REFUTED, Verdict.NOT_MEASURED, *found) if each in found)


def _claim(
    claim: ClaimSpec,
    rows: Mapping[str, Row],
    forecasts: Forecasts,
    listeners: Mapping[str, frozenset[int] | None],
    spreads: Mapping[str, Spread],
) -> Judgement:
    if claim.listens:
        return _listens(claim, listeners.get(claim.pod))
    if claim.spread:
        return _spread(claim, spreads.get(claim.spread))
    if missing := _missing(claim, rows):
        return _judgement(claim, Verdict.NOT_MEASURED, why=missing)
    observed = _sum(claim.observed, rows)
    if claim.predicted:
        return _predicted(claim, observed, forecasts)
    expected = _sum(claim.equals, rows)
    verdict = Verdict.CONFIRMED if observed == expected else Verdict.REFUTED
    return Judgement(
        name=claim.name,
        says=claim.says,
        test=_test(claim),
        verdict=verdict,
        predicted=str(expected),
        observed=str(observed),
        interval=(expected, expected),
    )


def _predicted(claim: ClaimSpec, observed: int, forecasts: Forecasts) -> Judgement:
    forecast = forecasts.counts.get(claim.predicted)
    if forecast is None:
        return _judgement(claim, Verdict.NOT_MEASURED, why=(forecasts.missing,))
    low, high = forecast.interval.low, forecast.interval.high
    share = f" ({forecast.mean / forecasts.requests:.1%})" if forecasts.requests else ""
    return Judgement(
        name=claim.name,
        says=claim.says,
        test=_test(claim),
        verdict=Verdict.CONFIRMED if low <= observed <= high else Verdict.REFUTED,
        predicted=f"{forecast.mean:.1f}{share}",
        observed=f"{observed}" + (f" ({observed / forecasts.requests:.1%})" if share else ""),
        interval=(low, high),
        why=forecasts.why if claim.predicted == "successes" else (),
    )


def _listens(claim: ClaimSpec, found: frozenset[int] | None) -> Judgement:
    if found is None:
        return _judgement(claim, Verdict.NOT_MEASURED, why=("its sockets could not be listed",))
    extra = sorted(found - set(claim.listens))
    return Judgement(
        name=claim.name,
        says=claim.says,
        test=_test(claim),
        verdict=Verdict.REFUTED if extra else Verdict.CONFIRMED,
        predicted=", ".join(map(str, claim.listens)),
        observed=", ".join(map(str, sorted(found))),
        why=tuple(f"port {port} of {claim.pod} is open as well" for port in extra),
    )


def _spread(claim: ClaimSpec, found: Spread | None) -> Judgement:
    if found is not None and not any(found.counts.values()):
        return _judgement(claim, Verdict.NOT_MEASURED, why=("there was nothing to share out",))
    if found is None:
        why = "it is not known how many workers of Envoy's went round the copies"
        return _judgement(claim, Verdict.NOT_MEASURED, why=(why,))
    counts = found.counts
    expected = round_robin(counts, found.workers)
    outside = {name: count for name, count in counts.items() if count not in expected}
    least, most = min(counts.values()), max(counts.values())
    return Judgement(
        name=claim.name,
        says=claim.says,
        test=_test(claim),
        verdict=Verdict.REFUTED if outside else Verdict.CONFIRMED,
        predicted=f"{sum(counts.values()) / len(counts):.1f} each",
        observed=str(least) if least == most else f"{least} to {most}",
        interval=(expected.low, expected.high),
        why=tuple(f"{name} counted {count}" for name, count in outside.items()),
    )


def _ledger(ledger: Ledger) -> Judgement:
    holding = sum(check.outcome is Outcome.HOLDS for check in ledger.checks)
    verdict = {
        Outcome.HOLDS: Verdict.CONFIRMED,
        Outcome.FAILS: Verdict.REFUTED,
        Outcome.NOT_MEASURED: Verdict.NOT_MEASURED,
    }[ledger.outcome]
    broken = tuple(str(check) for check in ledger.checks if check.outcome is not Outcome.HOLDS)
    return Judgement(
        name=RECONCILED,
        says="What client, services and sidecar counted agrees",
        test="; ".join(check.name for check in ledger.checks),
        verdict=verdict,
        predicted=f"{len(ledger.checks)} equations",
        observed=f"{holding} hold",
        why=(*broken, *ledger.notes),
    )


def _judgement(claim: ClaimSpec, verdict: Verdict, why: tuple[str, ...]) -> Judgement:
    return Judgement(name=claim.name, says=claim.says, test=_test(claim), verdict=verdict, why=why)


def _test(claim: ClaimSpec) -> str:
    if claim.listens:
        return f"{claim.pod} listens on at most {', '.join(map(str, claim.listens))}"
    if claim.spread:
        return f"each copy's share of {claim.spread} is what round robin gives it"
    if claim.predicted:
        return f"{claim.observed} is where theory puts {claim.predicted}"
    return f"{claim.observed} = {claim.equals}"


def _missing(claim: ClaimSpec, rows: Mapping[str, Row]) -> tuple[str, ...]:
    """Which quantities of a claim have no value, and why."""
    names = dict.fromkeys(
        name for text in (claim.observed, claim.equals, claim.spread) for _, name in terms(text)
    )
    return tuple(
        f"{name} is not known: {rows[name].gap if name in rows else 'nothing here counts it'}"
        for name in names
        if name not in rows or rows[name].count is None
    )


def _sum(text: str, rows: Mapping[str, Row]) -> int:
    """The value of a sum of quantities, all of which are known."""
    return sum(sign * (rows[name].count or 0) for sign, name in terms(text))
