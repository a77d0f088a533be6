"""Pouring traffic on a real server that misbehaves in known ways."""

import random
import socket
import threading

import pytest

from lab.measure.traffic.latency import summary
from lab.measure.traffic.load import Load, Order
from lab.measure.traffic.outcome import CLASS_LENGTH, unpack
from lab.measure.traffic.pacer import Arrivals
from lab.measure.traffic.pour import pour
from lab.measure.traffic.tally import MOST_CLASSES, THE_REST, Answers
from tests.unit.measure.scripted_server import FOREVER, Reply, Server, http

YAY = Reply(http("Service A: upstream responded with: Yay! nounce 1\n"))
OOPS = Reply(http("Service A: upstream failed with: Ooops... nounce 2\n", 500))
CHUNKED = Reply(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nchu\r\n4\r\nnked\r\n0\r\n\r\n"
)


def load(server: Server, requests: int | None = 10, **order: object) -> Load:
    """Pour on the server; whatever happens, every request that was sent has one outcome."""
    result = pour(
        Order(url=server.url, requests=requests, **order),  # type: ignore[arg-type]
        lambda _finished, _succeeded: None,
    )
    assert result.succeeded + result.failed == result.sent
    assert sum(result.errors.values()) == result.failed
    assert sum(row.count for row in result.answers) == result.sent
    assert sum(unpack(result.outcomes, result.sent)) == result.succeeded
    return result


def test_every_outcome_is_counted_and_kept_in_the_order_of_sending() -> None:
    lots = random.Random(7)  # noqa: S311 - reproducible, not secret
    good = [lots.random() >= 0.2 for _ in range(500)]
    with Server(lambda n: YAY if good[n] else OOPS) as server:
        result = load(server, 500)
    assert (result.sent, result.succeeded) == (500, sum(good))
    assert list(unpack(result.outcomes, 500)) == good
    assert result.success_rate == sum(good) / 500
    assert result.success_rate in result.success_interval
    assert result.errors == {"status 500": 500 - sum(good)}
    assert server.received == 500
    assert server.connected == 1
    assert not result.partial


def test_answers_are_told_apart_by_their_first_24_characters() -> None:
    with Server(lambda n: OOPS if n % 5 == 0 else YAY) as server:
        result = load(server, 10)
    assert result.answers == (
        Answers(2, "Service A: upstream fail", OOPS.data.split(b"\r\n\r\n")[1].decode().strip()),
        Answers(8, "Service A: upstream resp", YAY.data.split(b"\r\n\r\n")[1].decode().strip()),
    )


def test_endlessly_different_answers_are_not_all_listed() -> None:
    with Server(lambda n: Reply(http(f"{n:05} is new"))) as server:
        result = load(server, MOST_CLASSES + 50, concurrency=4)
    assert len(result.answers) == MOST_CLASSES + 1
    assert [row.count for row in result.answers if row.answer == THE_REST] == [50]


def test_concurrent_requests_are_each_sent_once() -> None:
    with Server(lambda _: YAY) as server:
        result = load(server, 1000, concurrency=16)
    assert result.succeeded == server.received == 1000
    assert server.connected == 16


def test_no_more_connections_are_made_than_there_are_requests() -> None:
    with Server(lambda _: YAY) as server:
        assert load(server, 3, concurrency=16).succeeded == 3
    assert server.connected <= 3


def test_no_requests_are_no_measurement() -> None:
    with Server(lambda _: YAY) as server:
        result = load(server, 0)
    assert result.sent == server.received == 0
    assert result.success_rate is None
    assert result.latency is None
    assert (result.success_interval.low, result.success_interval.high) == (0, 1)


def test_a_duration_ends_the_load_after_the_answers_to_what_was_sent() -> None:
    with Server(lambda _: YAY) as server:
        result = load(server, None, duration=0.2, concurrency=2)
    assert result.succeeded == server.received > 0
    assert result.seconds >= 0.2
    assert not result.partial


def test_the_request_names_the_host_and_carries_the_whole_path() -> None:
    with Server(lambda _: YAY) as server:
        load(server, 1)
    host = server.url.removeprefix("http://").partition("/")[0]
    first, *headers = server.heads[0].split("\r\n")
    assert first == "GET /path?q=1 HTTP/1.1"
    assert f"Host: {host}" in headers


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (CHUNKED, "chunked"),
        (Reply(http("", 204)), ""),
        (Reply(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http("hinted")), "hinted"),
    ],
    ids=["chunked", "no-content", "early-hints"],
)
def test_the_connection_is_kept_after_an_answer_whose_end_is_known(reply: Reply, body: str) -> None:
    with Server(lambda _: reply) as server:
        result = load(server)
    assert result.answers == (Answers(10, body, body),)
    assert result.succeeded == 10
    assert server.connected == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(http("last", 200, "Connection: close"), "close"),
        Reply(http("last", 200, "Connection: close")),
        Reply(b"HTTP/1.1 200 OK\r\n\r\nlast", "close"),
        Reply(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nlast"),
    ],
    ids=["announced", "announced-and-left-open", "ended-by-closing", "http-1.0"],
)
def test_a_connection_that_takes_no_more_is_replaced_without_an_error(reply: Reply) -> None:
    with Server(lambda _: reply) as server:
        result = load(server)
    assert result.answers == (Answers(10, "last", "last"),)
    assert result.succeeded == server.connected == 10


def test_a_connection_that_was_closed_while_idle_is_not_used() -> None:
    with Server(lambda _: Reply(YAY.data, "close")) as server:
        result = load(server, 2, rate=2)
    assert result.succeeded == server.connected == 2


@pytest.mark.parametrize(
    ("reply", "where"),
    [
        (Reply(b"", "close"), "before an answer"),
        (Reply(b"", "reset"), "before an answer"),
        (Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbut", "close"), "within the answer"),
        (Reply(CHUNKED.data[:-5], "close"), "within the answer"),
    ],
    ids=["closed", "reset", "body-cut-short", "chunks-cut-short"],
)
def test_a_request_whose_connection_ends_early_is_reset_and_not_sent_again(
    reply: Reply, where: str
) -> None:
    with Server(lambda n: reply if n % 2 else YAY) as server:
        result = load(server)
    assert list(unpack(result.outcomes, 10)) == [1, 0] * 5
    assert result.errors == {"reset": 5}
    assert server.received == 10
    assert f"no answer: reset (the connection ended {where})" in {
        row.example for row in result.answers
    }


def test_a_server_that_closes_without_announcing_loses_requests_but_none_comes_twice() -> None:
    with Server(lambda n: Reply(YAY.data, "close" if n % 10 == 9 else "keep")) as server:
        result = load(server, 200)
    assert set(result.errors) <= {"reset"}
    assert server.received == result.succeeded


def test_what_is_not_http_is_malformed() -> None:
    with Server(lambda _: Reply(b"SSH-2.0-OpenSSH_9.2\r\n")) as server:
        result = load(server)
    assert result.errors == {"malformed": 10}


def test_a_second_answer_to_one_request_is_nobodys() -> None:
    with Server(lambda _: Reply(http("first") + http("second"))) as server:
        result = load(server)
    assert [(row.count, row.answer) for row in result.answers] == [(10, "first")]
    assert server.connected == 10


def test_redirects_are_not_followed() -> None:
    with Server(lambda _: Reply(http("", 302, "Location: /elsewhere"))) as server:
        result = load(server)
    assert result.errors == {"status 302": 10}
    assert server.received == 10


def test_a_long_body_is_read_to_its_end() -> None:
    with Server(lambda _: Reply(http("x" * 3_000_000))) as server:
        result = load(server, 3)
    assert result.succeeded == 3
    assert result.answers[0].answer == "x" * CLASS_LENGTH
    assert len(result.answers[0].example) < 1_000_000
    assert server.connected == 1


def test_an_answer_that_does_not_come_is_a_timeout_and_counts_among_the_latencies() -> None:
    with Server(lambda n: Reply(stall=FOREVER) if n == 1 else YAY) as server:
        result = load(server, 4, timeout=0.3)
        assert result.errors == {"timeout": 1}
    assert list(unpack(result.outcomes, 4)) == [1, 0, 1, 1]
    assert result.latency is not None
    assert result.latency.count == 4
    assert result.latency.max >= 0.3


def test_a_port_on_which_nobody_listens_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    result = pour(Order(url=url, requests=5, concurrency=2), lambda *_: None)
    assert result.errors == {"refused": 5}
    assert result.latency is None
    assert [(row.count, row.answer) for row in result.answers] == [(5, "no answer: refused")]


def test_an_open_loop_counts_a_stall_for_every_request_that_was_due_meanwhile() -> None:
    with Server(lambda n: Reply(stall=0.3) if n == 10 else YAY) as server:
        result = load(server, 60, rate=200, concurrency=1)
    assert result.succeeded == 60
    # 40 requests were due in the first 0.2 s of the stall: none was answered within 0.1 s.
    assert result.latency is not None
    assert result.latency.p50 >= 0.099
    assert result.pace is not None
    assert result.pace.lag >= 0.2


def test_an_open_loop_goes_on_sending_while_an_answer_is_awaited() -> None:
    others_sent = threading.Event()

    def script(n: int) -> Reply:
        if n == 0:
            others_sent.wait()
        if n == 19:
            others_sent.set()
        return YAY

    with Server(script) as server:
        result = load(server, 20, rate=500, concurrency=4)
    assert result.succeeded == 20


def test_a_rate_that_the_connections_cannot_carry_is_said_to_be_missed() -> None:
    with Server(lambda _: Reply(stall=0.02)) as server:
        result = load(server, 20, rate=1000, concurrency=1)
    assert result.pace is not None
    assert not result.pace.kept
    assert result.pace.achieved <= 50
    assert result.pace.lag >= 19 * 0.02 - 19 / 1000


def test_an_open_loop_sends_no_more_than_its_rate_allows() -> None:
    with Server(lambda _: YAY) as server:
        result = load(server, None, rate=100, duration=0.2, concurrency=1000)
    assert 1 <= result.sent <= 20
    assert result.succeeded == result.sent == server.received


def test_random_arrivals_are_answered_like_others() -> None:
    with Server(lambda _: YAY) as server:
        result = load(server, 50, rate=500, arrivals=Arrivals.POISSON, concurrency=20)
    assert result.succeeded == server.received == 50


def test_progress_is_reported_while_the_load_runs() -> None:
    told = []
    with Server(lambda n: Reply(stall=0.25) if n == 5 else YAY) as server:
        pour(Order(url=server.url, requests=10), lambda *counts: told.append(counts))
    assert (5, 5) in told


def test_the_summary_of_latencies_can_be_made_again_from_the_histogram() -> None:
    with Server(lambda _: YAY) as server:
        result = load(server, 100)
    assert summary(result.histogram) == result.latency


def test_a_load_without_a_limit_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="a number of requests or a duration"):
        pour(Order(url="http://127.0.0.1"), lambda *_: None)
