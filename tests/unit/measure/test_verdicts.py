"""Verdicts: what was counted against what was claimed; what was not counted judges nothing."""

from __future__ import annotations

import msgspec
import pytest

from lab.measure.counters.ledger import Ledger
from lab.measure.counters.samples import SERVICE_B, Scrape
from lab.measure.counters.spread import Spread
from lab.measure.intervals import Interval
from lab.measure.theory.forecast import Forecasts
from lab.measure.theory.predict import Forecast
from lab.measure.verdicts import (
    FALSE_ALARMS,
    RECONCILED,
    Judgement,
    Verdict,
    confidence,
    judge,
    overall,
)
from lab.topology.spec import ClaimSpec
from tests.unit.experiment.simulated import PORTS, Run, judged, judgement, with_snapshots
from tests.unit.measure.snapshots import snapshot

SUM = ClaimSpec(name="c", says="s", observed="b_succeeded + b_failed - retries", equals="attempts")
PREDICTED = ClaimSpec(name="c", says="s", observed="client_succeeded", predicted="successes")
LISTENS = ClaimSpec(name="c", says="s", pod="p", listens=(80, 8081))
SPREAD = ClaimSpec(name="c", says="s", spread="b_succeeded + b_failed")
EMPTY = Run(requests=0, error_rate=0).record().ledger
NO_FORECASTS = Forecasts(requests=0, missing="nothing is predicted here")


def ledger_with(counts: dict[str, int | None]) -> Ledger:
    rows = tuple(
        msgspec.structs.replace(
            row,
            count=counts.get(row.name, row.count),
            gap="its target is down" if row.name in counts and counts[row.name] is None else "",
        )
        for row in EMPTY.rows
    )
    return Ledger(rows, EMPTY.checks, EMPTY.notes)


def one(
    claim: ClaimSpec,
    forecasts: Forecasts = NO_FORECASTS,
    *,
    open_ports: frozenset[int] | None = None,
    **counts: int | None,
) -> Judgement:
    """The judgement on one claim, had these counts been measured."""
    return judge([claim], ledger_with(counts), forecasts, {"p": open_ports})[0]


def test_a_sum_that_is_equal_is_confirmed_with_its_numbers() -> None:
    found = one(SUM, b_succeeded=8, b_failed=4, retries=2, attempts=10)
    assert found.verdict is Verdict.CONFIRMED
    assert (found.observed, found.predicted, found.interval) == ("10", "10", (10, 10))
    assert found.test == "b_succeeded + b_failed - retries = attempts"


def test_a_sum_that_is_off_by_one_is_refuted() -> None:
    assert one(SUM, b_succeeded=8, b_failed=4, retries=2, attempts=11).verdict is Verdict.REFUTED


@pytest.mark.parametrize("missing", ["b_failed", "attempts"])
def test_a_sum_with_a_count_that_is_missing_is_not_measured(missing: str) -> None:
    counts: dict[str, int | None] = {missing: None}
    found = judge([SUM], ledger_with(counts), NO_FORECASTS, {})[0]
    assert found.verdict is Verdict.NOT_MEASURED
    assert found.why == (f"{missing} is not known: its target is down",)


def test_a_count_that_a_scenario_has_not_is_not_measured() -> None:
    direct = Run(scenario="direct", requests=0).record().ledger
    found = judge([SUM], direct, NO_FORECASTS, {})[0]
    assert found.verdict is Verdict.NOT_MEASURED
    assert "retries is not known: nothing here counts it" in found.why


def spread_over(*counts: int) -> Judgement:
    """The judgement on the spread over copies of service B that counted so much."""
    found = Spread({f"{number}.b": count for number, count in enumerate(counts, 1)}, workers=2)
    return judge([SPREAD], EMPTY, NO_FORECASTS, {}, {SPREAD.spread: found})[0]


def test_an_even_spread_is_confirmed_with_its_numbers() -> None:
    found = spread_over(416, 417, 418)
    assert found.verdict is Verdict.CONFIRMED
    assert (found.predicted, found.observed) == ("417.0 each", "416 to 418")
    assert found.interval == (416, 418)


def test_a_copy_with_more_than_its_share_refutes_the_spread_and_is_named() -> None:
    found = spread_over(416, 416, 419)
    assert found.verdict is Verdict.REFUTED
    assert found.why == ("3.b counted 419",)


def test_a_spread_of_which_nothing_is_known_is_not_measured() -> None:
    found = judge([SPREAD], EMPTY, NO_FORECASTS, {})[0]
    assert found.verdict is Verdict.NOT_MEASURED
    assert "workers" in found.why[0]


def forecasts(low: float, high: float) -> Forecasts:
    forecast = Forecast(100.0, Interval(low, high))
    return Forecasts(requests=125, counts={"successes": forecast}, why=("as theory has it",))


@pytest.mark.parametrize(
    ("count", "verdict"),
    [
        (89, Verdict.REFUTED),
        (90, Verdict.CONFIRMED),
        (110, Verdict.CONFIRMED),
        (111, Verdict.REFUTED),
    ],
)
def test_a_prediction_is_confirmed_within_its_interval_ends_included(
    count: int, verdict: Verdict
) -> None:
    found = one(PREDICTED, forecasts(90, 110), client_succeeded=count)
    assert found.verdict is verdict
    assert found.predicted == "100.0 (80.0%)"
    assert found.interval == (90, 110)
    assert found.why == ("as theory has it",)


def test_what_theory_does_not_predict_is_not_measured_and_says_why() -> None:
    found = one(PREDICTED)
    assert (found.verdict, found.why) == (Verdict.NOT_MEASURED, ("nothing is predicted here",))


def test_a_prediction_of_what_was_not_counted_is_not_measured() -> None:
    found = one(PREDICTED, forecasts(0, 1000), client_succeeded=None)
    assert found.verdict is Verdict.NOT_MEASURED


def test_open_ports_beyond_those_claimed_are_named() -> None:
    found = one(LISTENS, open_ports=frozenset({80, 8081, 8000}))
    assert found.verdict is Verdict.REFUTED
    assert found.why == ("port 8000 of p is open as well",)


def test_fewer_open_ports_than_claimed_are_no_way_around() -> None:
    assert one(LISTENS, open_ports=frozenset({80})).verdict is Verdict.CONFIRMED


def test_sockets_that_could_not_be_listed_are_not_measured() -> None:
    assert one(LISTENS, open_ports=None).verdict is Verdict.NOT_MEASURED


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([Verdict.CONFIRMED], Verdict.CONFIRMED),
        ([Verdict.CONFIRMED, Verdict.NOT_MEASURED], Verdict.NOT_MEASURED),
        ([Verdict.NOT_MEASURED, Verdict.REFUTED, Verdict.CONFIRMED], Verdict.REFUTED),
    ],
)
def test_the_worst_verdict_is_that_of_all(verdicts: list[Verdict], expected: Verdict) -> None:
    found = [Judgement(name="c", says="s", test="t", verdict=each) for each in verdicts]
    assert overall(found) is expected


def test_predictions_share_the_chance_of_a_false_alarm() -> None:
    assert confidence([PREDICTED, SUM]) == 1 - FALSE_ALARMS
    assert confidence([PREDICTED, PREDICTED]) == 1 - FALSE_ALARMS / 2
    assert confidence([]) == 1 - FALSE_ALARMS


def test_a_target_without_a_scrape_leaves_only_what_it_says_unjudged() -> None:
    record = Run(requests=200).record()
    gone = Scrape(job=SERVICE_B, problem="connection refused")
    after = snapshot(
        {row.name: row.count or 0 for row in record.ledger.rows if not row.name.startswith("cl")},
        scrapes=(gone,),
    )
    found = judged(with_snapshots(record, record.before, after))
    assert judgement(found, "b-counts").verdict is Verdict.NOT_MEASURED
    assert judgement(found, "success").verdict is Verdict.CONFIRMED
    assert overall(found.judgements) is Verdict.NOT_MEASURED
    ledger = judgement(found, RECONCILED)
    assert "service-b was not scraped after the load: connection refused" in ledger.why


def test_nothing_is_judged_from_no_data_at_all() -> None:
    record = Run(requests=200).record()
    empty = snapshot(
        scrapes=tuple(Scrape(job=s.job, problem="no answer") for s in record.before.scrapes)
    )
    found = judged(with_snapshots(record, empty, empty), listening=None)
    confirmed = {each.name for each in found.judgements if each.verdict is Verdict.CONFIRMED}
    assert confirmed == {"success"}  # which only the client counts


def test_a_load_with_requests_given_up_is_not_judged() -> None:
    record = Run(requests=200).record()
    load = msgspec.structs.replace(record.load, errors={"unanswered": 3}, partial=True)
    found = judged(msgspec.structs.replace(record, load=load))
    assert {each.verdict for each in found.judgements} == {Verdict.NOT_MEASURED}
    assert "3 requests were given up unanswered" in found.judgements[0].why[0]


def test_a_way_around_the_sidecar_is_refuted() -> None:
    found = judged(Run(requests=50).record(), listening=PORTS | {8000})
    assert judgement(found, "no-way-around").verdict is Verdict.REFUTED
