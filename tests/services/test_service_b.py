"""Service B fails the share of requests that it is told to fail."""

import re
import time
from http.client import HTTPConnection
from math import sqrt

import pytest

from tests.services.conftest import Start
from tests.services.processes import PATIENCE, Service


def answers(service: Service, count: int) -> list[tuple[int, str]]:
    connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    results = []
    for _ in range(count):
        connection.request("GET", "/")
        response = connection.getresponse()
        results.append((response.status, response.read().decode()))
    connection.close()
    return results


def failures(service: Service, count: int) -> set[int]:
    return {i for i, (status, _) in enumerate(answers(service, count)) if status == 500}


def test_a_success_reads_as_in_the_article(start: Start) -> None:
    response = start("service_b", ERROR_RATE=0).get()
    assert response.status_code == 200
    assert re.fullmatch(r"Service B: Yay! nounce \d+\n", response.text)


def test_a_failure_reads_as_in_the_article(start: Start) -> None:
    response = start("service_b", ERROR_RATE=100).get()
    assert response.status_code == 500
    assert re.fullmatch(r"Service B: Ooops... nounce \d+\n", response.text)


def test_nounces_are_unsigned_32_bit_numbers_that_differ(start: Start) -> None:
    service = start("service_b", ERROR_SEED=7)
    nounces = {int(body.split()[-1]) for _, body in answers(service, 100)}
    assert len(nounces) == 100
    assert all(0 <= nounce < 2**32 for nounce in nounces)


def test_one_seed_gives_the_same_answers_in_every_run(start: Start) -> None:
    first, second = (start("service_b", ERROR_SEED=42) for _ in range(2))
    assert answers(first, 200) == answers(second, 200)


def test_another_seed_fails_other_requests(start: Start) -> None:
    first, second = (start("service_b", ERROR_SEED=seed) for seed in (1, 2))
    assert failures(first, 200) != failures(second, 200)


def test_copies_with_one_seed_fail_different_requests_but_the_same_in_every_run(
    start: Start,
) -> None:
    first, second, again = (start("service_b", ERROR_SEED=42, REPLICA=n) for n in (1, 2, 1))
    of_first = answers(first, 200)
    assert of_first != answers(second, 200)
    assert of_first == answers(again, 200)


def test_without_a_seed_every_run_is_different(start: Start) -> None:
    first, second = (start("service_b") for _ in range(2))
    assert answers(first, 20) != answers(second, 20)


@pytest.mark.parametrize("percent", [1, 20, 80])
def test_the_error_rate_is_the_share_that_fails(start: Start, percent: int) -> None:
    service = start("service_b", ERROR_RATE=percent, ERROR_SEED=3)
    count, rate = 1000, percent / 100
    four_sigma = 4 * sqrt(count * rate * (1 - rate))
    assert abs(len(failures(service, count)) - count * rate) <= four_sigma


def test_30_percent_fail_by_default(start: Start) -> None:
    by_default = start("service_b", ERROR_SEED=5)
    told = start("service_b", ERROR_SEED=5, ERROR_RATE=30)
    assert failures(by_default, 100) == failures(told, 100)


def test_what_fails_at_a_low_rate_also_fails_at_a_higher_one(start: Start) -> None:
    low, high = (start("service_b", ERROR_SEED=9, ERROR_RATE=rate) for rate in (20, 50))
    assert failures(low, 200) < failures(high, 200)


def test_both_counters_are_there_before_the_first_request(start: Start) -> None:
    assert start("service_b").counted() == (0, 0)


def test_every_answer_is_counted_by_its_status(start: Start) -> None:
    service = start("service_b", ERROR_SEED=11)
    failed = len(failures(service, 50))
    assert 0 < failed < 50
    assert service.counted() == (50 - failed, failed)


def test_the_metrics_page_is_the_articles_and_the_start_of_the_process(start: Start) -> None:
    before = time.time()
    page = start("service_b").metrics().splitlines()
    name, started = page.pop().split()
    assert name == "process_start_time_seconds"
    assert before < float(started) < time.time()
    assert page == [
        "# HELP service_b_requests_total The total number of requests received by Service B.",
        "# TYPE service_b_requests_total counter",
        'service_b_requests_total{status="2xx"} 0.0',
        'service_b_requests_total{status="5xx"} 0.0',
        "# HELP process_start_time_seconds When the process started, in seconds since 1970.",
        "# TYPE process_start_time_seconds gauge",
    ]


def test_asking_for_health_draws_no_lot(start: Start) -> None:
    asked, left_alone = (start("service_b", ERROR_SEED=13) for _ in range(2))
    assert asked.get("/healthz").text == "ok\n"
    assert answers(asked, 20) == answers(left_alone, 20)
