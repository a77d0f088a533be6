"""The ledger: what agrees, what does not, what is not known, and how leaks are named."""

import msgspec
import pytest

from lab.measure.counters.ledger import Client, Ledger, Outcome, reconcile
from lab.measure.counters.samples import (
    ENVOY,
    SERVICE_A,
    SERVICE_B,
    START_TIME,
    UNDER_WAY,
    Metric,
    Scrape,
    Snapshot,
)
from tests.unit.measure.snapshots import snapshot

CLIENT = Client(sent=100, succeeded=94, failed={"HTTP 500": 6})
"""What the counts below tell: of 100 requests 20 failed at first. 2 of these were not retried,
as their retries were suppressed; 18 were, of which 4 failed again, and once more.
"""

SIDECAR = {
    "a_succeeded": 94,
    "a_failed": 6,
    "ingress_received": 100,
    "ingress_forwarded": 100,
    "egress_received": 100,
    "final": 100,
    "final_failed": 6,
    "attempts": 122,
    "retries": 22,
    "retried_answers": 22,
    "retry_successes": 14,
    "retry_overflow": 2,
    "retry_limit_exceeded": 4,
    "b_succeeded": 94,
    "b_failed": 28,
}
DIRECT = {"a_succeeded": 94, "a_failed": 6, "b_succeeded": 94, "b_failed": 6}


def ledger(after: Snapshot, *, before: Snapshot | None = None, client: Client = CLIENT) -> Ledger:
    sidecar = any(scrape.job == ENVOY for scrape in after.scrapes)
    return reconcile(client, before or snapshot(sidecar=sidecar), after)


def failing(found: Ledger) -> set[str]:
    return {check.name for check in found.checks if check.outcome is Outcome.FAILS}


def not_measured(found: Ledger) -> set[str]:
    return {check.name for check in found.checks if check.outcome is Outcome.NOT_MEASURED}


def test_every_equation_holds_when_all_counts_agree() -> None:
    found = ledger(snapshot(SIDECAR))
    assert {check.outcome for check in found.checks} == {Outcome.HOLDS}
    assert found.outcome is Outcome.HOLDS


def test_only_what_was_counted_in_between_matters() -> None:
    before = dict.fromkeys(SIDECAR, 1000)
    after = {name: 1000 + count for name, count in SIDECAR.items()}
    found = ledger(snapshot(after), before=snapshot(before))
    assert found.outcome is Outcome.HOLDS
    assert found.count("attempts") == 122


@pytest.mark.parametrize("name", sorted(set(SIDECAR) - {"retry_successes"}))
def test_a_single_request_too_many_in_any_counter_breaks_an_equation(name: str) -> None:
    found = ledger(snapshot(SIDECAR | {name: SIDECAR[name] + 1}))
    broken = [check for check in found.checks if name in (*check.left.rows, *check.right.rows)]
    assert broken
    assert failing(found) == {check.name for check in broken}
    assert found.outcome is Outcome.FAILS


def test_without_a_sidecar_services_a_and_b_agree_directly() -> None:
    found = ledger(snapshot(DIRECT, sidecar=False))
    assert found.outcome is Outcome.HOLDS
    assert {check.name for check in found.checks} == {
        "client=a",
        "client-success=a-success",
        "a=b",
        "a-failures=b-failures",
    }
    assert found.notes == ()


def test_without_a_sidecar_a_failure_of_b_that_a_did_not_pass_on_is_found() -> None:
    found = ledger(snapshot(DIRECT | {"b_succeeded": 93, "b_failed": 7}, sidecar=False))
    assert failing(found) == {"a-failures=b-failures"}


def test_a_check_shows_its_numbers() -> None:
    check = ledger(snapshot(SIDECAR)).check("attempts=final+retries")
    assert str(check) == (
        "each request was one attempt, and one more for every retry: "
        "attempts + unsent (122) = final + retries (122): holds"
    )


def test_suppressed_retries_are_named_with_the_limit() -> None:
    assert (
        "2 retries were suppressed by the circuit breaker, whose limit is 3 "
        "(upstream_rq_retry_overflow)"
    ) in ledger(snapshot(SIDECAR)).notes


def test_requests_without_a_retry_left_are_named() -> None:
    assert ("4 requests failed with no retry left (upstream_rq_retry_limit_exceeded)") in ledger(
        snapshot(SIDECAR)
    ).notes


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("timeouts", "1 request took longer than the sidecar waits (upstream_rq_timeout)"),
        (
            "pending_overflow",
            (
                "1 request found the sidecar's queue for connections full "
                "(upstream_rq_pending_overflow)"
            ),
        ),
        (
            "connect_failures",
            "1 connection from the sidecar to service B failed (upstream_cx_connect_fail)",
        ),
        (
            "ingress_connect_failures",
            "1 connection from the sidecar to service A failed (upstream_cx_connect_fail)",
        ),
        (
            "broken_off",
            (
                "1 connection ended at service B before its answer "
                "(upstream_cx_destroy_remote_with_active_rq)"
            ),
        ),
    ],
)
def test_other_leaks_of_the_sidecar_are_named(name: str, note: str) -> None:
    assert note in ledger(snapshot(SIDECAR | {name: 1})).notes


def test_a_load_without_leaks_has_nothing_remarkable() -> None:
    counts = dict.fromkeys(SIDECAR, 0) | dict.fromkeys(
        ("a_succeeded", "ingress_received", "ingress_forwarded", "egress_received"), 5
    )
    counts |= dict.fromkeys(("final", "attempts", "b_succeeded"), 5)
    found = ledger(snapshot(counts), client=Client(sent=5, succeeded=5, failed={}))
    assert found.outcome is Outcome.HOLDS
    assert found.notes == ()


def test_no_load_at_all_is_balanced() -> None:
    found = ledger(snapshot(), client=Client(sent=0, succeeded=0, failed={}))
    assert found.outcome is Outcome.HOLDS


def test_a_target_that_is_down_is_not_measured_and_never_zero() -> None:
    down = Scrape(job=SERVICE_B, problem="connection refused")
    found = ledger(snapshot(SIDECAR, scrapes=(down,)))
    assert found.count("b_failed") is None
    assert not_measured(found) == {
        "attempts=b",
        "b-failures=retried+final-failures",
        "b-successes=a-successes",
    }
    assert found.check("attempts=b").gap == (
        "service-b was not scraped after the load: connection refused"
    )
    assert found.outcome is Outcome.NOT_MEASURED
    assert "service-b was not scraped after the load: connection refused" in found.notes


def test_a_target_that_was_down_before_the_load_is_not_measured_either() -> None:
    down = Scrape(job=SERVICE_A, problem="no route to host")
    found = ledger(snapshot(SIDECAR), before=snapshot(scrapes=(down,)))
    assert found.check("client=a").outcome is Outcome.NOT_MEASURED
    assert "service-a was not scraped before the load: no route to host" in found.notes


def test_a_counter_that_its_target_does_not_have_is_not_measured() -> None:
    bare = Scrape(job=SERVICE_B, time=1000.0)
    found = ledger(snapshot(SIDECAR, scrapes=(bare,)))
    assert found.check("attempts=b").gap == "service-b has no service_b_requests_total"


def test_clusters_of_another_envoy_are_not_taken_for_zero() -> None:
    bare = Scrape(job=ENVOY, time=1000.0)
    found = ledger(snapshot(SIDECAR, scrapes=(bare,)))
    assert found.count("final_failed") is None


def test_a_counter_that_went_down_is_a_restart_and_not_summed_over() -> None:
    found = ledger(snapshot(SIDECAR), before=snapshot({"b_succeeded": 5000}))
    assert found.count("b_succeeded") is None
    assert found.count("b_failed") is None
    assert found.check("attempts=b").gap == "service-b was restarted"
    assert (
        "service-b was restarted in between: its counters began again at 0, "
        "so what it counted is not known"
    ) in found.notes


def test_a_counter_made_on_demand_that_is_gone_is_a_restart() -> None:
    before = snapshot({"final_failed": 3})
    after = snapshot({"attempts": 1})
    assert ledger(after, before=before).count("attempts") is None


def test_another_start_time_is_a_restart_although_no_counter_went_down() -> None:
    def at(start: float) -> tuple[tuple[Metric, float], ...]:
        return ((Metric(SERVICE_B, START_TIME, {}), start),)

    found = ledger(snapshot(SIDECAR, extra=at(101.0)), before=snapshot(extra=at(100.0)))
    assert found.check("attempts=b").gap == "service-b was restarted"
    assert ledger(snapshot(SIDECAR, extra=at(1.0)), before=snapshot(extra=at(1.0))).notes == (
        ledger(snapshot(SIDECAR)).notes
    )


def test_a_restart_that_prometheus_saw_counts_although_the_counters_caught_up() -> None:
    plain = snapshot(SIDECAR).scrape(SERVICE_A)
    restarted = msgspec.structs.replace(plain, restarted=True)
    found = ledger(snapshot(SIDECAR, scrapes=(restarted,)))
    assert found.check("client=a").gap == "service-a was restarted"


def test_traffic_of_others_is_named() -> None:
    counts = {"a_succeeded": 97, "a_failed": 6, "b_succeeded": 99, "b_failed": 6}
    found = ledger(snapshot(counts, sidecar=False))
    assert failing(found) >= {"client=a", "a=b"}
    assert found.notes == (
        "service A received 3 requests more than the client sent: there was other traffic",
        "service B received 2 requests more than service A sent: there was other traffic",
    )


def test_traffic_of_others_through_the_sidecar_is_named() -> None:
    found = ledger(snapshot(SIDECAR | {"ingress_received": 101, "b_succeeded": 95}))
    assert found.notes[-2:] == (
        "service A received 1 request more than the client sent: there was other traffic",
        "service B received 1 request more than service A sent: there was other traffic",
    )


def test_failures_that_only_the_client_saw_are_named_with_their_kinds() -> None:
    client = Client(sent=100, succeeded=92, failed={"HTTP 500": 6, "timeout": 2})
    found = ledger(snapshot(SIDECAR), client=client)
    assert failing(found) == {"client-success=a-success"}
    assert found.notes[-1] == (
        "the client saw 2 failures that service A did not count; "
        "all of its failures: HTTP 500 6, timeout 2"
    )


def test_requests_still_under_way_are_named() -> None:
    busy = snapshot(SIDECAR, extra=((UNDER_WAY[0], 2), (UNDER_WAY[1], 2)))
    assert ("the lab was not idle after the load: 2 requests in flight in the sidecar") in ledger(
        busy
    ).notes


def test_an_equation_that_fails_outweighs_one_that_was_not_measured() -> None:
    down = Scrape(job=SERVICE_B, problem="down")
    found = ledger(snapshot(SIDECAR | {"a_failed": 7}, scrapes=(down,)))
    assert found.outcome is Outcome.FAILS


def test_an_unknown_check_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        ledger(snapshot(SIDECAR)).check("no such check")


def test_ledgers_and_snapshots_survive_json() -> None:
    after = snapshot(SIDECAR, scrapes=(Scrape(job=SERVICE_B, problem="down"),))
    found = ledger(after)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Ledger) == found
    assert msgspec.json.decode(msgspec.json.encode(after), type=Snapshot) == after


LATE = Scrape(job=SERVICE_B, time=1000.0)
"""Of a process that shows no series before it has counted something."""


def test_a_counter_that_appears_was_0_when_its_target_was_scraped_without_it() -> None:
    before = snapshot(sidecar=False, scrapes=(LATE,))
    only_good = snapshot({"a_succeeded": 94, "a_failed": 6, "b_succeeded": 94}, sidecar=False)
    seen = only_good.scrape(SERVICE_B)
    seen = msgspec.structs.replace(seen, samples=seen.samples[:1])
    found = ledger(
        snapshot({"a_succeeded": 94, "a_failed": 6}, sidecar=False, scrapes=(seen,)), before=before
    )
    assert (found.count("b_succeeded"), found.count("b_failed")) == (94, 0)
    assert ledger(snapshot(DIRECT, sidecar=False), before=before).outcome is Outcome.HOLDS


def test_a_counter_that_never_appears_is_not_measured() -> None:
    never = snapshot(DIRECT, sidecar=False, scrapes=(LATE,))
    assert ledger(never, before=never).count("b_succeeded") is None


def test_a_counter_that_appears_at_another_process_is_not_measured() -> None:
    before = snapshot(sidecar=False, scrapes=(LATE,))
    seen = msgspec.structs.replace(
        snapshot(DIRECT, sidecar=False).scrape(SERVICE_B), restarted=True
    )
    after = snapshot(DIRECT, sidecar=False, scrapes=(seen,))
    assert ledger(after, before=before).count("b_succeeded") is None


def test_a_counter_that_appears_at_a_target_that_was_not_scraped_is_not_measured() -> None:
    down = Scrape(job=SERVICE_B, problem="connection refused")
    before = snapshot(sidecar=False, scrapes=(down,))
    found = ledger(snapshot(DIRECT, sidecar=False), before=before)
    assert found.count("b_succeeded") is None
    assert "connection refused" in found.check("a=b").gap
