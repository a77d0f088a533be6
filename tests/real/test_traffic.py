"""What traffic shows: the failures of service B directly, and through the sidecar."""

import time

import pytest

from tests.real import prometheus
from tests.real.conftest import Labs
from tests.real.labs import Lab
from tests.real.steps import step
from tests.real.traffic import Answers, seeded, send

pytestmark = pytest.mark.real

SEED = 7
COUNT = 500
RETRIES = 2


def test_direct_passes_on_exactly_the_seeded_failures_of_service_b(labs: Labs) -> None:
    lab = labs("seeded")
    lab.up("direct", "--seed", str(SEED))
    answers = send(lab.url, COUNT)
    for (status, nounce), got, body in zip(
        seeded(SEED, 20, COUNT), answers.statuses, answers.bodies, strict=True
    ):
        assert got == status
        if status == 200:
            expected = f"Service A: upstream responded with: Service B: Yay! nounce {nounce}"
        else:
            expected = (
                f"Service A: upstream failed with: HTTP 500 - Service B: Ooops... nounce {nounce}"
            )
        assert body.strip() == expected
    with step("Prometheus has counted the same at both services"):
        for job in ("service-a", "service-b"):
            prometheus.scraped_after(lab, job, answers.ended)
            name = f"{job.replace('-', '_')}_requests_total"
            assert prometheus.total(lab, f'{name}{{status="2xx"}}') == answers.succeeded
            assert prometheus.total(lab, f'{name}{{status="5xx"}}') == COUNT - answers.succeeded


def through_the_sidecar(lab: Lab) -> tuple[Answers, float, float]:
    """Send requests; what service B's requests and Envoy's retries grew by meanwhile."""
    quantities = ("service_b_requests_total", "envoy_cluster_upstream_rq_retry")
    before = [prometheus.total(lab, quantity) for quantity in quantities]
    answers = send(lab.url, COUNT)
    for job in ("service-b", "service-a-envoy"):
        prometheus.scraped_after(lab, job, answers.ended)
    served, retried = (
        prometheus.total(lab, quantity) - earlier
        for quantity, earlier in zip(quantities, before, strict=True)
    )
    return answers, served, retried


def test_the_sidecar_hides_failures_and_service_b_pays_for_each_retry(labs: Labs) -> None:
    lab = labs("retries")
    lab.up("sidecar", "--seed", str(SEED), "--retries", str(RETRIES))
    answers, served, retried = through_the_sidecar(lab)
    with step("of every request, the first good attempt of three counts"):
        lots = iter(seeded(SEED, 20, COUNT * (RETRIES + 1)))
        expected = []
        attempts = 0
        for _ in range(COUNT):
            for _attempt in range(RETRIES + 1):
                status, _nounce = next(lots)
                attempts += 1
                if status == 200:
                    break
            expected.append(status)
        assert answers.statuses == tuple(expected)
        assert answers.succeeded >= 0.98 * COUNT
    with step("service B served each request and each retry, exactly"):
        assert retried > 0
        assert served == COUNT + retried == attempts
    with step("without retries the same sidecar hides nothing"):
        lab.up("sidecar", "--seed", str(SEED), "--retries", "0", "--error-rate", "100")
        assert set(send(lab.url, 20).statuses) == {500}


def test_lab_load_counts_the_answers_by_their_first_24_characters(labs: Labs) -> None:
    lab = labs("load")
    lab.up("direct", "--seed", str(SEED))
    statuses = [status for status, _ in seeded(SEED, 20, 200)]
    with step("one at a time, as JSON"):
        found = lab("load", "-n", "100", "-o", "json").json
        good = statuses[:100].count(200)
        assert (found["sent"], found["succeeded"]) == (100, good)
    with step("the next hundred as the article's table"):
        printed = lab("load", "-n", "100").out
        good = statuses[100:].count(200)
        rows = {line.split()[0]: line for line in printed.splitlines() if line.strip()}
        assert "Service A: upstream resp" in rows[str(good)]
        assert "Service A: upstream fail" in rows[str(100 - good)]
        assert f"{good}.0%" in printed


def test_lab_load_sends_every_request_once_at_any_concurrency(labs: Labs) -> None:
    lab = labs("parallel")
    lab.up("direct")
    found = lab("load", "-n", "400", "-c", "16", "-o", "json").json
    assert found["sent"] == 400
    prometheus.scraped_after(lab, "service-b", time.time())
    assert prometheus.total(lab, "service_b_requests_total") == 400


def test_service_a_is_where_load_goes_and_curl_is_suggested(labs: Labs) -> None:
    lab = labs("entry")
    assert f"curl {lab.url}" in lab.up("direct").out
