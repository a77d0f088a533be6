"""The ledger of real loads: what client, sidecar, services and Prometheus say agrees."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from lab.metrics.ledger import Client, Ledger, Outcome
from lab.metrics.ledger import reconcile as reconciled
from lab.metrics.prometheus import Prometheus
from lab.metrics.scrape import Snapshot
from lab.metrics.snapshot import snapshot
from tests.real.accounts import Account
from tests.real.conftest import new_lab
from tests.real.labs import Lab
from tests.unit.metrics.snapshots import delta, quantities

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def lab(account: Account, images: dict[str, str]) -> Iterator[Lab]:
    """One lab for all tests: each brings up the scenario that it needs."""
    del images
    lab = new_lab(account, "ledger")
    try:
        yield lab
    finally:
        lab.remove()


EGRESS = "service-a-envoy.egress"
SERVICE_B = "service-b"


def take(lab: Lab, of: str = "sidecar", *, since: Snapshot | None = None) -> Snapshot:
    url = f"http://127.0.0.1:{lab.prometheus_port}"
    return snapshot(Prometheus(url), quantities(of), since=since)


def reconcile(client: Client, before: Snapshot, after: Snapshot, of: str = "sidecar") -> Ledger:
    return reconciled(client, delta(before, after, of), quantities(of))


def outcome(ledger: Ledger, name: str) -> Outcome:
    """What came of one law."""
    (check,) = (check for check in ledger.checks if check.name == name)
    return check.outcome


def send(lab: Lab, requests: int, path: str = "/") -> Client:
    """Send requests one after the other on one connection, and count the answers."""
    connection = HTTPConnection("127.0.0.1", lab.port, timeout=30)
    statuses = []
    for _ in range(requests):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return client(requests, statuses.count(200))


def send_at_once(lab: Lab, requests: int, senders: int) -> Client:
    """Let several clients share the requests."""
    with ThreadPoolExecutor(senders) as pool:
        sent = list(pool.map(send, [lab] * senders, [requests // senders] * senders))
    return client(sum(each.sent for each in sent), sum(each.succeeded for each in sent))


def client(sent: int, succeeded: int) -> Client:
    return Client(sent=sent, succeeded=succeeded, failed={"HTTP 500": sent - succeeded})


def assert_balanced(ledger: Ledger) -> None:
    assert [str(check) for check in ledger.checks if check.outcome is not Outcome.HOLDS] == []


def test_every_law_holds_exactly_with_a_sidecar(lab: Lab) -> None:
    lab.up("sidecar")
    before = take(lab)
    sent = send(lab, 300)
    ledger = reconcile(sent, before, take(lab, since=before))
    assert_balanced(ledger)
    assert ledger.count("service-a-envoy.ingress.received") == 300
    assert (
        ledger.count(f"{EGRESS}.attempts") == 300 + (ledger.count(f"{EGRESS}.retries") or 0) > 300
    )
    assert ledger.count(f"{EGRESS}.retry_overflow") == 0


def test_retries_that_the_circuit_breaker_suppresses_are_named(lab: Lab) -> None:
    lab.up("sidecar", "--max-retries", "1")
    before = take(lab)
    sent = send_at_once(lab, 400, senders=8)
    ledger = reconcile(sent, before, take(lab, since=before))
    assert_balanced(ledger)
    suppressed = ledger.count(f"{EGRESS}.retry_overflow") or 0
    assert suppressed > 1
    assert (
        f"{EGRESS}: {suppressed} retries were suppressed by the circuit breaker "
        "(upstream_rq_retry_overflow) (its limit is 1)"
    ) in ledger.notes


def test_with_no_retry_allowed_each_failure_of_b_is_a_suppressed_retry(lab: Lab) -> None:
    lab.up("sidecar", "--max-retries", "0")
    before = take(lab)
    sent = send(lab, 100)
    ledger = reconcile(sent, before, take(lab, since=before))
    assert_balanced(ledger)
    assert (
        ledger.count(f"{EGRESS}.retry_overflow")
        == ledger.count("service-b.failed")
        == sent.failed["HTTP 500"]
    )


def test_without_retries_each_failure_of_b_has_no_retry_left(lab: Lab) -> None:
    lab.up("sidecar", "--retries", "0")
    before = take(lab)
    sent = send(lab, 100)
    ledger = reconcile(sent, before, take(lab, since=before))
    assert_balanced(ledger)
    assert ledger.count(f"{EGRESS}.retry_limit_exceeded") == ledger.count("service-b.failed")


def test_readiness_probes_pass_the_sidecar_and_move_no_counter_of_a_and_b(lab: Lab) -> None:
    lab.up("sidecar")
    before = take(lab)
    send(lab, 5, "/readyz")
    ledger = reconcile(client(0, 0), before, take(lab, since=before))
    assert outcome(ledger, "service-a-envoy.ingress→service-a received") is Outcome.FAILS
    assert ledger.count("service-a.received") == ledger.count("service-b.received") == 0
    assert ledger.count(f"{EGRESS}.attempts") == 5
    assert (
        "service-a-envoy.ingress received 5 requests more than client sent: there was other traffic"
    ) in ledger.notes


def test_being_scraped_moves_no_counter(lab: Lab) -> None:
    lab.up("sidecar")
    before = take(lab)
    ledger = reconcile(client(0, 0), before, take(lab, since=before))
    # Envoy merges its histograms every 5 s: they still get the requests of before.
    late = {
        name
        for name, source in quantities().sources.items()
        if source.meter.gauge or ".upstream_tim" in name
    }
    rows = {row.name: row.count for row in ledger.rows if row.name not in late}
    assert rows
    assert set(rows.values()) == {0}, rows
    assert ledger.notes == ()


def test_a_restart_is_said_even_when_the_counters_have_caught_up(lab: Lab) -> None:
    lab.up("sidecar")
    lab.podman("restart", lab.container("service-b"))
    lab.up("sidecar")
    before = take(lab)
    send(lab, 60)
    take(lab)  # Prometheus has seen them
    lab.podman("restart", lab.container("service-b"))
    lab.up("sidecar")
    take(lab)  # Prometheus has seen the new process
    send(lab, 120)
    after = take(lab, since=before)
    ledger = reconcile(client(180, 180), before, after)
    assert after.scrape(SERVICE_B).restarted
    assert outcome(ledger, f"{EGRESS}→service-b received") is Outcome.NOT_MEASURED
    assert ledger.count("service-a.received") == 180  # the probes of `lab up` are not among them
    assert ledger.notes[0] == (
        "service-b was restarted in between: its counters began again at 0, "
        "so what it counted is not known"
    )


def test_a_service_that_is_gone_is_not_measured(lab: Lab) -> None:
    lab.up("sidecar")
    before = take(lab)
    sent = send(lab, 20)
    lab.podman("kill", lab.container("service-b"))
    ledger = reconcile(sent, before, take(lab, since=before))
    assert ledger.count("service-b.succeeded") is None
    assert outcome(ledger, "client→service-a-envoy.ingress received") is Outcome.HOLDS
    assert ledger.outcome is Outcome.NOT_MEASURED
    assert any(
        note.startswith("service-b was not scraped after the load: ") for note in ledger.notes
    )


def test_attempts_that_never_reached_b_are_counted_and_named(lab: Lab) -> None:
    lab.up("sidecar")
    lab.podman("kill", lab.container("service-b"))
    before = take(lab)
    sent = send(lab, 5)
    ledger = reconcile(sent, before, take(lab, since=before))
    refused = ledger.count(f"{EGRESS}.connect_failures") or 0
    assert sent.failed["HTTP 500"] == 5
    assert refused >= 5
    assert ledger.count(f"{EGRESS}.attempts") == 0
    assert outcome(ledger, f"{EGRESS} attempts") is Outcome.HOLDS
    assert (
        f"{EGRESS}: {refused} connections could not be made (upstream_cx_connect_fail)"
    ) in ledger.notes


def test_every_law_holds_exactly_without_a_sidecar(lab: Lab) -> None:
    lab.up("direct")
    before = take(lab, "direct")
    sent = send_at_once(lab, 200, senders=4)
    ledger = reconcile(sent, before, take(lab, "direct", since=before), "direct")
    assert_balanced(ledger)
    assert ledger.count("service-b.failed") == sent.failed["HTTP 500"] > 0
    assert ledger.notes == ()
