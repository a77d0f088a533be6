"""The client of Prometheus' HTTP API, against a server that answers what a test wants."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from math import inf, isnan
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from lab.errors import LabError
from lab.metrics.prometheus import Point, Prometheus, Series, Target

Question = tuple[str, dict[str, str]]


class Fake:
    """A server that answers every question alike, and remembers them."""

    def __init__(self, status: int, body: bytes) -> None:
        asked: list[Question] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked.append((parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.asked = asked
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


@contextmanager
def answering(data: object, status: int = 200) -> Iterator[Fake]:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    fake = Fake(status, body)
    with fake.running():
        yield fake


def success(kind: str, result: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


UP = {"__name__": "up", "job": "service-b"}


def test_an_expression_gives_a_point_for_each_series() -> None:
    with answering(success("vector", [{"metric": UP, "value": [12.5, "1"]}])) as fake:
        found = Prometheus(fake.url).query("up")
    assert found == (Series("up", {"job": "service-b"}, (Point(12.5, 1.0),)),)
    assert fake.asked == [("/api/v1/query", {"query": "up"})]


def test_a_range_selector_gives_the_samples_as_they_were_scraped() -> None:
    values = [[11.5, "1"], [12.5, "0"]]
    with answering(success("matrix", [{"metric": UP, "values": values}])) as fake:
        (series,) = Prometheus(fake.url).query("up[2s]", time=12.6)
    assert series.points == (Point(11.5, 1.0), Point(12.5, 0.0))
    assert fake.asked == [("/api/v1/query", {"query": "up[2s]", "time": "12.600"})]


def test_values_that_are_not_numbers_in_json_are_understood() -> None:
    with answering(success("matrix", [{"metric": {}, "values": [[1, "+Inf"], [2, "NaN"]]}])) as it:
        (series,) = Prometheus(it.url).query("x")
    assert series.points[0].value == inf
    assert isnan(series.points[1].value)


def test_the_time_is_that_of_prometheus() -> None:
    with answering(success("scalar", [1795455799.6, "1795455799.663"])) as fake:
        assert Prometheus(fake.url).now() == 1795455799.663


def test_its_start_is_known() -> None:
    info = {"startTime": "2026-11-23T19:03:19.663123456Z", "serverTime": "2026-11-23T19:04:00Z"}
    with answering({"status": "success", "data": info}) as fake:
        assert Prometheus(fake.url).started() == pytest.approx(1795460599.663123)
    assert fake.asked == [("/api/v1/status/runtimeinfo", {})]


def test_a_range_is_asked_for_with_its_ends_and_its_step() -> None:
    with answering(success("matrix", [])) as fake:
        assert Prometheus(fake.url).query_range("up", 1, 9, 0.5) == ()
    expected = {"query": "up", "start": "1.000", "end": "9.000", "step": "0.500"}
    assert fake.asked == [("/api/v1/query_range", expected)]


def test_a_target_says_whether_and_why_it_is_down() -> None:
    target = {
        "labels": {"job": "service-b", "instance": "b.service:8081"},
        "scrapeUrl": "http://b.service:8081/metrics",
        "health": "down",
        "lastError": "connection refused",
    }
    with answering({"status": "success", "data": {"activeTargets": [target]}}) as fake:
        found = Prometheus(fake.url).targets()
    assert found == (
        Target(
            job="service-b",
            instance="b.service:8081",
            url="http://b.service:8081/metrics",
            health="down",
            error="connection refused",
        ),
    )


def test_an_address_with_a_path_is_kept() -> None:
    with answering(success("vector", [])) as fake:
        Prometheus(f"{fake.url}/prometheus/").query("up")
    assert [path for path, _ in fake.asked] == ["/prometheus/api/v1/query"]


def test_a_refused_question_is_explained_in_prometheus_words() -> None:
    refusal = {"status": "error", "errorType": "bad_data", "error": "unclosed left parenthesis"}
    with answering(refusal, status=400) as fake, pytest.raises(LabError) as caught:
        Prometheus(fake.url).query("f(")
    assert caught.value.message.endswith("refused a query: unclosed left parenthesis")


@pytest.mark.parametrize(
    "body",
    [
        b"404 page not found",
        b'["another", "service"]',
        b'{"status": "success"}',
        b'{"status": "success", "data": {"resultType": "string", "result": [1, "x"]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": [{}]}}',
    ],
)
def test_an_answer_that_is_not_prometheus_own_is_an_error_with_a_hint(body: bytes) -> None:
    with answering(body, status=404) as fake, pytest.raises(LabError) as caught:
        Prometheus(fake.url).query("up")
    assert "did not answer as Prometheus does: HTTP 404" in caught.value.message
    assert caught.value.hint


def test_a_server_that_is_not_there_is_an_error_with_a_hint() -> None:
    with answering(b"") as fake:
        url = fake.url
    with pytest.raises(LabError, match=r"does not answer: .*refused") as caught:
        Prometheus(url).now()
    assert "lab status" in caught.value.hint


@pytest.mark.parametrize("answer", [success("scalar", [1, "now"]), success("vector", [])])
def test_a_time_that_is_no_number_is_an_error(answer: object) -> None:
    with answering(answer) as fake, pytest.raises(LabError):
        Prometheus(fake.url).now()
