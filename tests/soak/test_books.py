"""The books find whatever does not add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.measure.traffic.outcome import pack
from lab.metrics.ledger import Client, reconcile
from lab.metrics.scrape import Scrape
from tests.real.traffic import seeded
from tests.soak.books import ERROR_RATE, STEADY, Books, Segment
from tests.unit.experiment.simulated import Run
from tests.unit.metrics.snapshots import delta, quantities, snapshot

if TYPE_CHECKING:
    from lab.measure.records import Record

SEED = 7
SENT = 1000
STATUSES = [status for status, _ in seeded(SEED, ERROR_RATE, 2 * SENT)]
FAILED = STATUSES[:SENT].count(500)
GOOD = SENT - FAILED
SWITCH = "to direct"
GONE = Scrape(service="service-a", problem="connection refused")


@pytest.fixture
def books() -> Books:
    return Books(SEED)


def record(
    *,
    failed: int = FAILED,
    lost: dict[str, int] | None = None,
    a_gone: bool = False,
    skipped: int = 0,
    **changes: object,
) -> Record:
    """A run without sidecar in which service B answered all of what the seed says.

    The client saw ``failed`` failures of it, and lost some successes.
    """
    errors = {"status 500": failed} | (lost or {})
    succeeded = SENT - sum(errors.values())
    counts = {
        f"{service}.{name}": float(count)
        for service in ("service-a", "service-b")
        for name, count in (("succeeded", GOOD), ("failed", FAILED))
    }
    after = snapshot(counts, of="direct", scrapes=(GONE,) if a_gone else ())
    grown = delta(snapshot(of="direct"), after, "direct")
    client = Client(sent=SENT, succeeded=succeeded, failed=errors)
    made = Run(scenario="direct", requests=1).record()
    load = msgspec.structs.replace(
        made.load,
        sent=SENT,
        succeeded=succeeded,
        failed=SENT - succeeded,
        errors=errors,
        outcomes=pack(bytes(SENT)),
    )
    return msgspec.structs.replace(
        made,
        containers={"x-service-a": "1", "x-service-b": "2", "x-envoy-prom": "3"},
        load=load,
        ledger=reconcile(client, grown, quantities("direct")),
        skipped=skipped,
        **changes,
    )


def test_a_steady_segment_in_which_all_agree_is_reconciled(books: Books) -> None:
    row = books.enter(Segment(STEADY, record()))
    assert (row.sent, row.answered, row.succeeded) == (SENT, SENT, GOOD)
    assert row.lost.total() == 0
    assert row.problems == ()


def test_over_a_switch_requests_may_be_lost_and_are_counted_by_kind(books: Books) -> None:
    row = books.enter(Segment(SWITCH, record(lost={"refused": 3, "reset": 2}, a_gone=True), 1.5))
    assert (row.sent, row.answered, row.succeeded) == (SENT, SENT - 5, GOOD - 5)
    assert row.lost == {"refused": 3, "reset": 2}
    assert row.problems == ()


def test_in_a_steady_segment_no_request_may_be_lost(books: Books) -> None:
    problems = books.enter(Segment(STEADY, record(lost={"reset": 2}))).problems
    assert "2 lost: reset" in problems
    assert any("client got as many successes as service-a gave" in p for p in problems)


def test_in_a_steady_segment_everything_has_to_be_measured(books: Books) -> None:
    problems = books.enter(Segment(STEADY, record(a_gone=True))).problems
    assert len(problems) == 6  # all laws without a sidecar
    assert all("not measured" in problem for problem in problems)


def test_an_equation_that_fails_over_a_switch_is_a_problem(books: Books) -> None:
    problems = books.enter(Segment(SWITCH, record(lost={"refused": 3}))).problems
    assert [problem.partition(":")[0] for problem in problems] == [
        "client got as many successes as service-a gave",
        "client got as many failures as service-a gave",
    ]


def test_a_success_that_service_b_did_not_give_is_a_problem(books: Books) -> None:
    problems = books.enter(Segment(SWITCH, record(failed=FAILED - 1, a_gone=True))).problems
    assert problems == (
        f"service B succeeded {GOOD} times, the client {GOOD + 1} times, and lost 0",
    )


def test_successes_of_service_b_that_nobody_lost_are_a_problem(books: Books) -> None:
    problems = books.enter(Segment(SWITCH, record(failed=FAILED + 1, a_gone=True))).problems
    assert problems == (
        f"service B succeeded {GOOD} times, the client {GOOD - 1} times, and lost 0",
    )


def test_more_attempts_than_retries_allow_are_a_problem(books: Books) -> None:
    made = record(a_gone=True)
    load = msgspec.structs.replace(
        made.load,
        sent=300,
        succeeded=0,
        failed=300,
        errors={"refused": 300},
        outcomes=pack(bytes(300)),
    )
    problems = books.enter(Segment(SWITCH, msgspec.structs.replace(made, load=load))).problems
    assert f"service B answered {SENT} times to 300 requests, 0 of which were answered" in problems


def test_failures_that_the_seed_does_not_say_are_a_problem() -> None:
    (problem,) = Books(SEED + 1).enter(Segment(STEADY, record())).problems
    assert problem.startswith(f"service B failed {FAILED} times, and by its seed ")


def test_segments_draw_on_from_one_another(books: Books) -> None:
    books.enter(Segment(STEADY, record()))
    row = books.enter(Segment(STEADY, record(skipped=SENT)))
    assert row.problems == (
        f"service B failed {FAILED} times, and by its seed {STATUSES[SENT:].count(500)} times",
    )


def test_answers_between_two_segments_are_a_problem(books: Books) -> None:
    (problem,) = books.enter(Segment(STEADY, record(skipped=5))).problems
    assert problem == "service B had given 0 answers and begins at 5"


def test_a_service_b_that_was_replaced_is_a_problem(books: Books) -> None:
    books.enter(Segment(STEADY, record()))
    changed = record(skipped=SENT)
    containers = changed.containers | {"x-service-b": "4"}
    changed = msgspec.structs.replace(changed, containers=containers)
    problem = books.enter(Segment(STEADY, changed)).problems[0]
    assert problem.startswith("replaced: ")
