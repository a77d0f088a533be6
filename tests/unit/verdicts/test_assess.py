"""Verdicts on runs: what a record holds against what its scenario claims, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.kinds.base import METRIC, Meter
from lab.measure import records
from lab.metrics.quantities import Quantities
from lab.metrics.scrape import Sample, Scrape, Snapshot
from lab.spec.claims import Claim, Evenly, Evidence, Holds, Predicted, Spread, Verdict, overall
from lab.topology.spec import ModelSpec
from lab.verdicts.assess import (
    FALSE_ALARMS,
    RECONCILED,
    assess,
    confidence,
    delta_of,
    evidence,
    predict,
    results,
)
from tests.unit.experiment.simulated import (
    PORTS,
    Run,
    judged,
    judgement,
    with_listening,
    with_snapshots,
)
from tests.unit.metrics.snapshots import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from lab.measure.records import Record
    from lab.spec.claims import ClaimResult

B, PROXY = "service-b", "service-a-envoy"
WORKERS = Meter(metric="envoy_server_concurrency", gauge=True)


def claiming(record: Record, *claims: Claim) -> Record:
    """The same run, had its scenario claimed this."""
    return msgspec.structs.replace(record, spec=msgspec.structs.replace(record.spec, claims=claims))


def one(record: Record, holds: str) -> ClaimResult:
    """What became of a single comparison."""
    found = claiming(record, Holds(name="c", says="s", holds=holds))
    return judgement(judged(found), "c")


def test_the_same_record_is_judged_alike_every_time() -> None:
    record = Run(clients=16).record()
    again = msgspec.json.decode(msgspec.json.encode(record), type=type(record))
    assert assess(record) == assess(record) == assess(again)


def test_every_claim_is_judged_and_the_ledger_as_a_whole_comes_last() -> None:
    record = Run(requests=50).record()
    names = [result.name for result in assess(record)]
    assert names == [*(claim.name for claim in record.spec.claims), RECONCILED]


def test_a_target_without_a_scrape_leaves_only_what_it_says_unjudged() -> None:
    record = Run(requests=200).record()
    gone = Scrape(service=B, problem="connection refused")
    kept = tuple(scrape for scrape in record.after.scrapes if scrape.service != B)
    found = judged(with_snapshots(record, record.before, Snapshot(999.0, (*kept, gone))))
    assert judgement(found, "b-counts").verdict is Verdict.NOT_MEASURED
    assert judgement(found, "success").verdict is Verdict.CONFIRMED
    assert overall(found.results) is Verdict.NOT_MEASURED
    ledger = judgement(found, RECONCILED)
    assert "service-b was not scraped after the load: connection refused" in ledger.why


def test_nothing_is_judged_from_no_data_at_all() -> None:
    record = Run(requests=200).record()
    gone = tuple(Scrape(service=s.service, problem="no answer") for s in record.before.scrapes)
    empty = Snapshot(0.0, gone)
    found = judged(with_listening(with_snapshots(record, empty, empty), None))
    confirmed = {each.name for each in found.results if each.verdict is Verdict.CONFIRMED}
    assert confirmed == {"success"}  # which only the client counts


def test_a_load_with_requests_given_up_is_not_judged() -> None:
    record = Run(requests=200).record()
    load = msgspec.structs.replace(record.load, errors={"unanswered": 3}, partial=True)
    found = judged(msgspec.structs.replace(record, load=load))
    assert {each.verdict for each in found.results} == {Verdict.NOT_MEASURED}
    assert "3 requests were given up unanswered" in found.results[0].why[0]
    assert judgement(found, RECONCILED).observed == ()


def test_a_way_around_the_sidecar_is_refuted_and_one_port_fewer_is_not() -> None:
    record = Run(requests=50).record()
    found = judged(with_listening(record, PORTS | {8000}))
    assert judgement(found, "no-way-around").verdict is Verdict.REFUTED
    assert judgement(found, "no-way-around").why == ("port 8000 of service-a-pod is open as well",)
    fewer = judged(with_listening(record, PORTS - {9902}))
    assert judgement(fewer, "no-way-around").verdict is Verdict.CONFIRMED


def test_a_law_that_does_not_hold_refutes_the_ledger_and_is_told() -> None:
    record = Run(scenario="direct", requests=10, error_rate=0).record()
    after = snapshot({"service-a.succeeded": 11, "service-b.succeeded": 10}, of="direct")
    ledger = judgement(judged(with_snapshots(record, record.before, after)), RECONCILED)
    assert ledger.verdict is Verdict.REFUTED
    assert ledger.observed < ledger.predicted == (ledger.high,)
    assert any("service-a received what client sent" in line for line in ledger.why)


def test_a_lab_without_a_path_gets_no_verdict_on_its_ledger() -> None:
    record = Run(requests=50).record()
    bare = msgspec.structs.replace(
        record, spec=msgspec.structs.replace(record.spec, path=(), claims=())
    )
    bare = with_snapshots(bare, record.before, record.after)
    assert assess(bare) == ()


def test_predictions_share_the_chance_of_a_false_alarm() -> None:
    record = Run(requests=5).record()
    predicted = Predicted(name="p", says="s", predicted="client.succeeded")
    other = Holds(name="h", says="s", holds="1 = 1")
    assert confidence(claiming(record, predicted, other)) == 1 - FALSE_ALARMS
    assert confidence(claiming(record, predicted, predicted)) == 1 - FALSE_ALARMS / 2
    assert confidence(claiming(record)) == 1 - FALSE_ALARMS


def without_model(record: Record, model: ModelSpec | None = None) -> Record:
    return msgspec.structs.replace(record, spec=msgspec.structs.replace(record.spec, model=model))


def test_without_a_model_what_was_predicted_is_not_measured() -> None:
    success = judgement(judged(without_model(Run(requests=50).record())), "success")
    assert success.verdict is Verdict.NOT_MEASURED
    assert success.why == ("the scenario has no model",)


def test_a_model_of_another_lab_predicts_nothing_and_the_rest_is_judged() -> None:
    found = judged(without_model(Run(requests=50).record(), ModelSpec(kind="os")))
    assert judgement(found, "success").why == ("there is no model os",)
    assert judgement(found, "b-counts").verdict is Verdict.CONFIRMED


def test_a_container_of_a_kind_of_another_lab_counts_nothing() -> None:
    record = Run(requests=50).record()
    spec = msgspec.structs.replace(record.spec, kinds=record.spec.kinds | {B: "os"})
    found = judged(with_snapshots(msgspec.structs.replace(record, spec=spec), record.before,
                                  record.after))  # fmt: skip
    assert judgement(found, "b-counts").why == (
        "service-b.received is not known: nothing here counts it",
    )


def test_the_model_hears_of_the_hop_that_retries_and_its_times() -> None:
    record = Run(clients=16).record()
    found = predict(record, Quantities(record.spec))
    assert set(found.counts) == {"client.succeeded", f"{PROXY}.egress.retries"}
    blunt = with_snapshots(record, record.before, snapshot())
    widths = [
        each.counts["client.succeeded"].high - each.counts["client.succeeded"].low
        for each in (found, predict(blunt, Quantities(blunt.spec)))
    ]
    assert widths[0] <= widths[1]


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ("client.p99 < 1s", Verdict.CONFIRMED),
        ("client.p99.9 >= client.p50", Verdict.CONFIRMED),
        ("client.max < 1us", Verdict.REFUTED),
        ("client.mean > 0", Verdict.CONFIRMED),
        ("client.p0 <= client.mean", Verdict.CONFIRMED),
    ],
)
def test_latencies_of_the_client_are_in_seconds(holds: str, verdict: Verdict) -> None:
    assert one(Run(requests=200).record(), holds).verdict is verdict


def test_without_latencies_a_percentile_is_not_measured() -> None:
    record = Run(requests=50).record()
    bare = msgspec.structs.replace(record, load=msgspec.structs.replace(record.load, latency=None))
    assert one(bare, "client.p99 < 1s").verdict is Verdict.NOT_MEASURED


def copies(*counts: tuple[int, int], workers: int | None = 2) -> Snapshot:
    """A snapshot in which each copy of service B has these successes and failures."""
    statuses = ("2xx", "5xx")
    of_b = tuple(
        Scrape(
            service=B,
            instance=f"{number}.b",
            time=1000.0,
            samples=tuple(
                Sample("service_b_requests_total", {"status": status}, value)
                for status, value in zip(statuses, answers, strict=True)
            ),
        )
        for number, answers in enumerate(counts, start=1)
    )
    extra = ((PROXY, WORKERS, workers),) if workers else ()
    rest = snapshot(extra=extra)
    return Snapshot(rest.asked, tuple(s for s in rest.scrapes if s.service != B) + of_b)


def spread(text: str, before: Snapshot, after: Snapshot) -> Spread:
    record = claiming(Run(requests=5).record(), Evenly(name="e", says="s", spread=text))
    record = with_snapshots(record, before, after)
    found: Evidence = evidence(record, Quantities(record.spec))
    return found.spreads[text]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (f"{B}.received", {"1.b": 11, "2.b": 13}),
        (f"{B}.failed", {"1.b": 1, "2.b": 3}),
        (f"{B}.succeeded + {B}.failed", {"1.b": 11, "2.b": 13}),
    ],
)
def test_what_each_copy_counted_of_a_sum_is_told_apart(
    text: str, counts: dict[str, int | None]
) -> None:
    before, after = copies((5, 1), (7, 0)), copies((15, 2), (17, 3))
    assert spread(text, before, after) == Spread(counts=counts, workers=2)


def test_a_service_without_copies_has_one() -> None:
    extra = ((PROXY, WORKERS, 2.0),)
    found = spread(f"{B}.failed", snapshot(extra=extra), snapshot({f"{B}.failed": 3}, extra=extra))
    assert found == Spread(counts={"": 3}, workers=2)


def test_a_copy_that_was_restarted_counted_nobody_knows_what() -> None:
    found = spread(f"{B}.received", copies((9, 9), (9, 9)), copies((10, 10), (1, 1)))
    assert found.counts == {"1.b": 2, "2.b": None}


def test_without_workers_in_front_nobody_knows_how_it_was_shared_out() -> None:
    before, after = copies((0, 0), workers=None), copies((1, 1), workers=None)
    assert spread(f"{B}.received", before, after).workers is None


@pytest.mark.parametrize(
    "text", ["client.sent", f"{B}.received + service-a.received", "gone.x", "3"]
)
def test_a_spread_of_what_no_single_service_counts_is_not_measured(text: str) -> None:
    found = spread(text, copies((0, 0)), copies((1, 1)))
    assert found == Spread(counts={}, workers=None)


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 500)), min_size=1, max_size=4),
)
def test_whatever_each_worker_sends_and_wherever_it_begins_the_spread_is_not_refuted(
    number: int, workers: list[tuple[int, int]]
) -> None:
    counts: dict[str, int | None] = {f"{copy}.b": 0 for copy in range(number)}
    for begin, requests in workers:
        for request in range(requests):
            name = f"{(begin + request) % number}.b"
            counts[name] = (counts[name] or 0) + 1
    claim = Evenly(name="e", says="s", spread="b.received")
    found = Spread(counts=counts, workers=len(workers))
    result = claim.judge(Evidence(counts={}, spreads={"b.received": found}))
    assert result.verdict is (Verdict.CONFIRMED if any(counts.values()) else Verdict.NOT_MEASURED)


def test_results_are_those_beside_the_record_else_made_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    record = Run(requests=50).record()
    assert results(record) == assess(record)
    records.save(record, {})
    assert results(record) == assess(record)
    records.save_verdicts(record.id, assess(record)[:1])
    assert results(record) == assess(record)[:1]


def test_a_run_is_the_growth_of_what_the_lab_counts() -> None:
    record = Run(requests=50).record()
    meter = Meter(metric="service_b_requests_total", beside=METRIC)
    assert delta_of(record, Quantities(record.spec)).of(B, meter) == record.ledger.count(
        f"{B}.received"
    )
