"""Service A calls its upstream once per request and tells what came of it."""

import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from tests.services.conftest import Start, Upstream
from tests.services.processes import PATIENCE, Service
from tests.services.raw_upstream import Exchange, Script, http


def answering(*answers: bytes) -> Script:
    """Give one answer after the other over each connection, then wait for its end."""

    def script(exchange: Exchange) -> None:
        for answer in answers:
            if not exchange.receive():
                return
            exchange.send(answer)
        exchange.receive()

    return script


def close_before_answer(exchange: Exchange) -> None:
    exchange.receive()


def reset_before_answer(exchange: Exchange) -> None:
    exchange.receive()
    exchange.reset()


def close_within_answer(exchange: Exchange) -> None:
    exchange.receive()
    exchange.send(http(b"the whole answer")[:-5])


def answer_in_another_language(exchange: Exchange) -> None:
    exchange.receive()
    exchange.send(b"220 mail.example ESMTP\r\n")


def wait_for_the_client_to_give_up(exchange: Exchange) -> None:
    exchange.receive()
    exchange.receive()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Reserve a port on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_success_reads_as_in_the_article(start: Start, upstream: Upstream) -> None:
    other = upstream(answering(http(b"Service B: Yay! nounce 1\n")))
    response = start("service_a", UPSTREAM_SERVICE=other.url).get()
    assert response.status_code == 200
    assert response.text == "Service A: upstream responded with: Service B: Yay! nounce 1\n"


def test_a_failure_reads_as_in_the_article(start: Start, upstream: Upstream) -> None:
    ooops = http(b"Service B: Ooops... nounce 1\n", "500 Internal Server Error")
    response = start("service_a", UPSTREAM_SERVICE=upstream(answering(ooops)).url).get()
    assert response.status_code == 500
    assert response.text == (
        "Service A: upstream failed with: HTTP 500 - Service B: Ooops... nounce 1\n"
    )


def test_both_services_count_each_request_once(start: Start) -> None:
    b = start("service_b", ERROR_SEED=1, ERROR_RATE=20)
    a = start("service_a", UPSTREAM_SERVICE=b.url)
    statuses = [a.get().status_code for _ in range(100)]
    counts = (statuses.count(200), statuses.count(500))
    assert min(counts) > 0
    assert a.counted() == b.counted() == counts


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (close_before_answer, "connection closed before the answer"),
        (reset_before_answer, "connection reset by peer"),
        (close_within_answer, "connection closed in the middle of the answer"),
        (answer_in_another_language, "the answer is not HTTP"),
        (wait_for_the_client_to_give_up, "timed out after 0.25 s"),
    ],
)
def test_an_upstream_without_an_answer_gets_one_request_and_a_named_cause(
    start: Start, upstream: Upstream, script: Script, cause: str
) -> None:
    other = upstream(script)
    service = start("service_a", UPSTREAM_SERVICE=other.url, UPSTREAM_TIMEOUT="0.25")
    response = service.get()
    assert response.status_code == 500
    assert response.text == f"Service A: upstream failed with: {cause}\n"
    assert len(other.requests) == 1
    assert service.counted() == (0, 1)
    assert service.log_line("upstream failed")["cause"] == cause


def test_a_refused_connection_is_named(start: Start, closed_port: int) -> None:
    response = start("service_a", UPSTREAM_SERVICE=f"http://127.0.0.1:{closed_port}").get()
    assert response.status_code == 500
    assert response.text == (
        "Service A: upstream failed with: "
        f"cannot connect to 127.0.0.1:{closed_port}: connection refused\n"
    )


def test_a_host_name_that_does_not_exist_is_named(start: Start) -> None:
    response = start("service_a", UPSTREAM_SERVICE="http://b.invalid").get()
    assert response.status_code == 500
    assert response.text == (
        "Service A: upstream failed with: cannot resolve the host name b.invalid\n"
    )


def test_requests_share_a_connection(start: Start, upstream: Upstream) -> None:
    other = upstream(answering(http(b"one"), http(b"two")))
    service = start("service_a", UPSTREAM_SERVICE=other.url)
    assert [service.get().text.split()[-1] for _ in range(2)] == ["one", "two"]


def test_a_broken_shared_connection_does_not_repeat_the_request(
    start: Start, upstream: Upstream
) -> None:
    def answer_the_first(exchange: Exchange) -> None:
        exchange.receive()
        exchange.send(http(b"fine"))
        exchange.receive()

    other = upstream(answer_the_first)
    service = start("service_a", UPSTREAM_SERVICE=other.url)
    assert [service.get().status_code for _ in range(2)] == [200, 500]
    assert len(other.requests) == 2


def test_connections_closed_while_idle_fail_no_request(start: Start, upstream: Upstream) -> None:
    closed = threading.Semaphore(0)

    def answer_and_close_without_notice(exchange: Exchange) -> None:
        if exchange.receive():
            exchange.send(http(b"fine"))
            exchange.close()
            closed.release()

    other = upstream(answer_and_close_without_notice)
    service = start("service_a", UPSTREAM_SERVICE=other.url)
    for _ in range(100):
        assert service.get().status_code == 200
        assert closed.acquire(timeout=PATIENCE)
    assert len(other.requests) == 100


def test_a_restarted_upstream_fails_no_request(start: Start) -> None:
    b = start("service_b", ERROR_RATE=0)
    a = start("service_a", UPSTREAM_SERVICE=b.url)
    in_parallel(a, 16)
    b.stop()
    start("service_b", ERROR_RATE=0, SERVICE_PORT=b.port)
    in_parallel(a, 16)
    assert a.counted() == (32, 0)


def in_parallel(service: Service, count: int) -> None:
    threads = [threading.Thread(target=service.get) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_more_than_a_hundred_requests_run_at_once(start: Start, upstream: Upstream) -> None:
    all_there = threading.Barrier(120)

    def answer_when_all_are_there(exchange: Exchange) -> None:
        if exchange.receive():
            all_there.wait(PATIENCE)
            exchange.send(http(b"fine"))
            exchange.receive()

    other = upstream(answer_when_all_are_there)
    service = start("service_a", UPSTREAM_SERVICE=other.url, UPSTREAM_TIMEOUT=15)
    in_parallel(service, 120)
    assert service.counted() == (120, 0)


def test_the_upstream_sees_the_host_of_its_url(start: Start, upstream: Upstream) -> None:
    other = upstream(answering(http(b"fine")))
    start("service_a", UPSTREAM_SERVICE=f"http://localhost:{other.port}").get()
    assert f"Host: localhost:{other.port}\r\n" in other.requests[0]


def test_a_redirect_is_a_failure_and_not_followed(start: Start, upstream: Upstream) -> None:
    moved = http(b"moved", "302 Found", "Location: /elsewhere")
    other = upstream(answering(moved))
    response = start("service_a", UPSTREAM_SERVICE=other.url).get()
    assert response.text == "Service A: upstream failed with: HTTP 302 - moved\n"
    assert len(other.requests) == 1


def test_a_cookie_of_the_upstream_is_not_sent_back(start: Start, upstream: Upstream) -> None:
    with_cookie = http(b"fine", "200 OK", "Set-Cookie: a=b")
    other = upstream(answering(with_cookie, with_cookie))
    service = start("service_a", UPSTREAM_SERVICE=f"http://localhost:{other.port}")
    assert [service.get().status_code for _ in range(2)] == [200, 200]
    assert "Cookie" not in "".join(other.requests)


def test_a_client_that_leaves_is_still_counted(start: Start, upstream: Upstream) -> None:
    received, released = threading.Event(), threading.Event()

    def answer_late(exchange: Exchange) -> None:
        if exchange.receive():
            received.set()
            released.wait(PATIENCE)
            exchange.send(http(b"late", "500 Internal Server Error"))

    service = start("service_a", UPSTREAM_SERVICE=upstream(answer_late).url)
    with requests.Session() as client, pytest.raises(requests.ReadTimeout):
        client.get(service.url, timeout=(PATIENCE, 0.1))
    assert received.wait(PATIENCE)
    released.set()
    service.log_line("upstream failed")
    assert service.counted() == (0, 1)


def test_ready_goes_through_to_the_upstream_and_counts_nowhere(start: Start) -> None:
    b = start("service_b", ERROR_RATE=100)
    a = start("service_a", UPSTREAM_SERVICE=b.url)
    response = a.get("/readyz")
    assert (response.status_code, response.text) == (200, "ok\n")
    assert a.counted() == b.counted() == (0, 0)


def test_not_ready_names_the_cause(start: Start, closed_port: int) -> None:
    service = start("service_a", UPSTREAM_SERVICE=f"http://127.0.0.1:{closed_port}")
    response = service.get("/readyz")
    assert response.status_code == 503
    assert response.text == (
        f"upstream: cannot connect to 127.0.0.1:{closed_port}: connection refused\n"
    )
    assert service.counted() == (0, 0)


def test_not_ready_when_the_upstream_has_no_health_path(start: Start, upstream: Upstream) -> None:
    other = upstream(answering(http(b"", "404 Not Found")))
    response = start("service_a", UPSTREAM_SERVICE=f"{other.url}/api").get("/readyz")
    assert (response.status_code, response.text) == (503, "upstream: HTTP 404\n")
    assert other.requests[0].startswith("GET /healthz ")


def test_it_is_healthy_without_its_upstream(start: Start) -> None:
    response = start("service_a", UPSTREAM_SERVICE="http://b.invalid").get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


def test_successes_leave_no_line_in_the_log(start: Start, upstream: Upstream) -> None:
    other = upstream(answering(http(b"fine")))
    service = start("service_a", UPSTREAM_SERVICE=other.url)
    service.get()
    service.stop()
    assert [line["event"] for line in service.lines.queue] == ["stopping", "stopped"]
