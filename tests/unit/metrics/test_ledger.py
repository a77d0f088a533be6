"""The ledger: what agrees, what does not, what is not known, and how leaks are named."""

import msgspec
import pytest

from lab.kinds.base import Meter
from lab.metrics.ledger import Client, Ledger, Outcome, reconcile
from lab.metrics.scrape import Scrape, Snapshot
from lab.spec.expressions import sum_of
from tests.unit.metrics.snapshots import START_TIME, delta, quantities, snapshot

A, B, ENVOY = "service-a", "service-b", "service-a-envoy"
IN, OUT = f"{ENVOY}.ingress", f"{ENVOY}.egress"

CLIENT = Client(sent=100, succeeded=94, failed={"HTTP 500": 6})
"""What the counts below tell: of 100 requests 20 failed at first. 2 of these were not retried,
as their retries were suppressed; 18 were, of which 4 failed again, and once more.
"""

SIDECAR: dict[str, float] = {
    f"{A}.succeeded": 94,
    f"{A}.failed": 6,
    f"{IN}.received": 100,
    f"{IN}.attempts": 100,
    f"{IN}.final": 100,
    f"{IN}.failed": 6,
    f"{OUT}.received": 100,
    f"{OUT}.final": 100,
    f"{OUT}.failed": 6,
    f"{OUT}.attempts": 122,
    f"{OUT}.retries": 22,
    f"{OUT}.retried_answers": 22,
    f"{OUT}.retry_successes": 14,
    f"{OUT}.retry_overflow": 2,
    f"{OUT}.retry_limit_exceeded": 4,
    f"{B}.succeeded": 94,
    f"{B}.failed": 28,
}
DIRECT: dict[str, float] = {
    f"{A}.succeeded": 94,
    f"{A}.failed": 6,
    f"{B}.succeeded": 94,
    f"{B}.failed": 6,
}


def ledger(
    after: Snapshot,
    *,
    before: Snapshot | None = None,
    client: Client = CLIENT,
    of: str = "sidecar",
) -> Ledger:
    return reconcile(client, delta(before or snapshot(of=of), after, of), quantities(of))


def failing(found: Ledger) -> set[str]:
    return {check.name for check in found.checks if check.outcome is Outcome.FAILS}


def not_measured(found: Ledger) -> set[str]:
    return {check.name for check in found.checks if check.outcome is Outcome.NOT_MEASURED}


def test_every_law_holds_when_all_counts_agree() -> None:
    found = ledger(snapshot(SIDECAR))
    assert {check.outcome for check in found.checks} == {Outcome.HOLDS}
    assert found.outcome is Outcome.HOLDS


def test_only_what_was_counted_in_between_matters() -> None:
    before = dict.fromkeys(SIDECAR, 1000.0)
    after = {name: 1000 + count for name, count in SIDECAR.items()}
    found = ledger(snapshot(after), before=snapshot(before))
    assert found.outcome is Outcome.HOLDS
    assert found.count(f"{OUT}.attempts") == 122


@pytest.mark.parametrize("name", sorted(set(SIDECAR) - {f"{OUT}.retry_successes"}))
def test_a_single_request_too_many_in_any_counter_breaks_a_law(name: str) -> None:
    found = ledger(snapshot(SIDECAR | {name: SIDECAR[name] + 1}))
    touched = {
        check.name
        for check in found.checks
        if name in (*sum_of(check.left).names(), *sum_of(check.right).names())
    }
    assert touched
    assert failing(found)
    assert failing(found) <= touched
    assert found.outcome is Outcome.FAILS


def test_without_a_sidecar_services_a_and_b_agree_directly() -> None:
    found = ledger(snapshot(DIRECT, of="direct"), of="direct")
    assert found.outcome is Outcome.HOLDS
    assert found.notes == ()


def test_without_a_sidecar_a_failure_of_b_that_a_did_not_pass_on_is_found() -> None:
    counts = DIRECT | {f"{B}.succeeded": 93, f"{B}.failed": 7}
    found = ledger(snapshot(counts, of="direct"), of="direct")
    assert failing(found) == {f"{A}→{B} succeeded", f"{A}→{B} failed"}


def test_a_check_shows_its_numbers() -> None:
    (check,) = (c for c in ledger(snapshot(SIDECAR)).checks if c.name == f"{OUT} attempts")
    assert str(check) == (
        f"each request at {OUT} was one attempt, and one more for every retry: "
        f"{OUT}.attempts + {OUT}.unsent (122) = {OUT}.final + {OUT}.retries (122): holds"
    )


def test_suppressed_retries_are_named_with_the_limit() -> None:
    assert (
        f"{OUT}: 2 retries were suppressed by the circuit breaker (upstream_rq_retry_overflow) "
        "(its limit is 3)"
    ) in ledger(snapshot(SIDECAR)).notes


def test_requests_without_a_retry_left_are_named() -> None:
    assert (
        f"{OUT}: 4 requests failed with no retry left (upstream_rq_retry_limit_exceeded)"
    ) in ledger(snapshot(SIDECAR)).notes


@pytest.mark.parametrize("name", ["timeouts", "pending_overflow", "connect_failures", "broken_off"])
@pytest.mark.parametrize("hop", [IN, OUT])
def test_other_leaks_of_a_hop_are_named(hop: str, name: str) -> None:
    notes = ledger(snapshot(SIDECAR | {f"{hop}.{name}": 1})).notes
    metric = quantities().sources[f"{hop}.{name}"].meter.metric.removeprefix("envoy_cluster_")
    assert [note for note in notes if note.startswith(f"{hop}: 1 ") and metric in note]


def test_a_load_without_leaks_has_nothing_remarkable() -> None:
    through = (f"{A}.succeeded", f"{B}.succeeded", *(f"{hop}.{name}" for hop in (IN, OUT)
               for name in ("received", "attempts", "final")))  # fmt: skip
    found = ledger(
        snapshot(dict.fromkeys(through, 5.0)), client=Client(sent=5, succeeded=5, failed={})
    )
    assert found.outcome is Outcome.HOLDS
    assert found.notes == ()


def test_no_load_at_all_is_balanced() -> None:
    found = ledger(snapshot(), client=Client(sent=0, succeeded=0, failed={}))
    assert found.outcome is Outcome.HOLDS


def test_a_target_that_is_down_is_not_measured_and_never_zero() -> None:
    down = Scrape(service=B, problem="connection refused")
    found = ledger(snapshot(SIDECAR, scrapes=(down,)))
    assert found.count(f"{B}.failed") is None
    assert found.count(f"{B}.received") is None
    assert not_measured(found) == {f"{OUT}→{B} {what}" for what in _ALIKE}
    (check,) = (c for c in found.checks if c.name == f"{OUT}→{B} received")
    assert check.gap == "service-b was not scraped after the load: connection refused"
    assert found.outcome is Outcome.NOT_MEASURED
    assert "service-b was not scraped after the load: connection refused" in found.notes


_ALIKE = ("received", "succeeded", "failed")


def test_a_target_that_was_down_before_the_load_is_not_measured_either() -> None:
    down = Scrape(service=A, problem="no route to host")
    found = ledger(snapshot(SIDECAR), before=snapshot(scrapes=(down,)))
    assert {f"{IN}→{A} {what}" for what in _ALIKE} <= not_measured(found)
    assert "service-a was not scraped before the load: no route to host" in found.notes


def test_a_counter_that_its_target_does_not_have_is_not_measured() -> None:
    bare = Scrape(service=B, time=1000.0)
    found = ledger(snapshot(SIDECAR, scrapes=(bare,)))
    assert found.gaps[f"{B}.failed"] == "service-b has no service_b_requests_total"


def test_a_series_that_a_service_makes_when_it_first_counts_was_0_before() -> None:
    fresh = Scrape(service=B, time=990.0)
    found = ledger(snapshot(DIRECT, of="direct"), before=snapshot(of="direct", scrapes=(fresh,)),
                   of="direct")  # fmt: skip
    assert found.outcome is Outcome.HOLDS
    assert found.count(f"{B}.failed") == 6


def test_a_status_that_a_service_never_answered_with_is_0() -> None:
    meter = quantities("direct").sources[f"{B}.succeeded"].meter
    only = snapshot(of="direct", scrapes=()).scrape(B)
    samples = tuple(s for s in only.samples if s.belongs_to(meter))
    lacking = msgspec.structs.replace(only, samples=samples)
    found = ledger(snapshot(of="direct", scrapes=(lacking,)), of="direct",
                   client=Client(sent=0, succeeded=0, failed={}))  # fmt: skip
    assert found.count(f"{B}.failed") == 0


def test_clusters_of_another_envoy_are_not_taken_for_zero() -> None:
    bare = Scrape(service=ENVOY, time=1000.0)
    assert ledger(snapshot(SIDECAR, scrapes=(bare,))).count(f"{OUT}.failed") is None


def test_a_counter_that_went_down_is_a_restart_and_not_summed_over() -> None:
    found = ledger(snapshot(SIDECAR), before=snapshot({f"{B}.succeeded": 5000}))
    assert found.count(f"{B}.succeeded") is None
    assert found.count(f"{B}.failed") is None
    assert found.gaps[f"{B}.received"] == "service-b was restarted"
    assert (
        "service-b was restarted in between: its counters began again at 0, "
        "so what it counted is not known"
    ) in found.notes


def test_a_gauge_that_falls_is_no_restart() -> None:
    before = snapshot(SIDECAR | {f"{OUT}.active": 2})
    assert ledger(snapshot(SIDECAR), before=before).count(f"{OUT}.attempts") == 0


def test_a_counter_made_on_demand_that_is_gone_is_a_restart() -> None:
    before = snapshot({f"{OUT}.failed": 3})
    after = snapshot({f"{OUT}.attempts": 1})
    assert ledger(after, before=before).count(f"{OUT}.attempts") is None


def test_another_start_time_is_a_restart_although_no_counter_went_down() -> None:
    def at(start: float) -> tuple[tuple[str, Meter, float], ...]:
        return ((B, START_TIME, start),)

    found = ledger(snapshot(SIDECAR, extra=at(101.0)), before=snapshot(extra=at(100.0)))
    assert found.gaps[f"{B}.failed"] == "service-b was restarted"
    assert ledger(snapshot(SIDECAR, extra=at(1.0)), before=snapshot(extra=at(1.0))).notes == (
        ledger(snapshot(SIDECAR)).notes
    )


def test_a_restart_that_prometheus_saw_counts_although_the_counters_caught_up() -> None:
    plain = snapshot(SIDECAR).scrape(A)
    restarted = msgspec.structs.replace(plain, restarted=True)
    found = ledger(snapshot(SIDECAR, scrapes=(restarted,)))
    assert found.gaps[f"{A}.failed"] == "service-a was restarted"


def test_traffic_of_others_is_named() -> None:
    counts = {f"{A}.succeeded": 97.0, f"{A}.failed": 6, f"{B}.succeeded": 99, f"{B}.failed": 6}
    found = ledger(snapshot(counts, of="direct"), of="direct")
    assert failing(found) >= {f"client→{A} received", f"{A}→{B} received"}
    assert found.notes == (
        "service-a received 3 requests more than client sent: there was other traffic",
        "service-b received 2 requests more than service-a sent: there was other traffic",
    )


def test_failures_that_only_the_client_saw_are_named_with_their_kinds() -> None:
    client = Client(sent=100, succeeded=92, failed={"HTTP 500": 6, "timeout": 2})
    found = ledger(snapshot(SIDECAR), client=client)
    assert failing(found) == {f"client→{IN} succeeded", f"client→{IN} failed"}
    assert found.notes[-1] == (
        f"the client saw 2 failures that {IN} did not count; "
        "all of its failures: HTTP 500 6, timeout 2"
    )


def test_requests_still_under_way_are_named() -> None:
    busy = snapshot(SIDECAR | {f"{OUT}.active": 2})
    note = f"the lab was not idle after the load: 2 requests in flight at {OUT}"
    assert note in ledger(busy).notes


def test_a_law_that_fails_outweighs_one_that_was_not_measured() -> None:
    down = Scrape(service=B, problem="down")
    found = ledger(snapshot(SIDECAR | {f"{A}.failed": 7}, scrapes=(down,)))
    assert found.outcome is Outcome.FAILS


def test_a_lab_without_a_path_has_nothing_that_could_hold() -> None:
    assert Ledger((), ()).outcome is Outcome.NOT_MEASURED


def test_ledgers_and_snapshots_survive_json() -> None:
    after = snapshot(SIDECAR, scrapes=(Scrape(service=B, problem="down"),))
    found = ledger(after)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Ledger) == found
    assert msgspec.json.decode(msgspec.json.encode(after), type=Snapshot) == after
