"""A service of a stranger's that says what it likes: to Prometheus, and to service A."""

from __future__ import annotations

import json
from math import inf, nan
from typing import TYPE_CHECKING, Any

import pytest

from lab.errors import LabError
from lab.metrics.ledger import Client, Outcome, reconcile
from lab.metrics.prometheus import MOST_BYTES, Point, Prometheus, Series, Target
from lab.metrics.scrape import Snapshot
from lab.metrics.snapshot import snapshot
from tests.real.labs import run_lab
from tests.unit.measure.scripted_server import Reply, Server, http
from tests.unit.metrics.snapshots import delta, quantities

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.conftest import Labs

# Answers without an end on port 80, and numbers that are none on 8081.
SERVICE = '''
import socket, threading
PAGE = b"""# TYPE service_b_requests_total counter
service_b_requests_total{status="2xx"} NaN
service_b_requests_total{status="5xx"} +Inf
process_start_time_seconds -Inf
"""
HEAD = b'HTTP/1.1 200 OK\\r\\nContent-Type: text/plain; version=0.0.4\\r\\n'
def work(client):
    client.recv(65536)
    client.sendall(HEAD + b'Content-Length: %d\\r\\n\\r\\n' % len(PAGE) + PAGE)
    client.close()
def flood(client):
    asked = client.recv(65536)
    if b'/healthz' in asked:
        client.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')
    else:
        client.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n')
        for _ in range(40000):
            client.sendall(b'x' * 65536)
    client.close()
def serve(port, answer):
    listener = socket.create_server(('', port), backlog=200)
    while True:
        threading.Thread(target=quietly, args=(answer, listener.accept()[0]), daemon=True).start()
def quietly(answer, client):
    try:
        answer(client)
    except OSError:
        client.close()
threading.Thread(target=serve, args=(8081, work), daemon=True).start()
serve(80, flood)
'''
# YAML that is JSON, as a program is a word of a command in it.
SERVICE_A: dict[str, Any] = {
    "build": {"context": "services", "base": "python", "args": {"SERVICE": "service_a"}},
    "environment": {
        "SERVICE_HOST": "0.0.0.0",  # noqa: S104 - inside a pod
        "SERVICE_PORT": "80",
        "UPSTREAM_SERVICE": "http://b.service:80",
    },
}
PROMETHEUS: dict[str, Any] = {
    "build": {
        "context": "prometheus",
        "base": "prometheus",
        "args": {"SCRAPE_CONFIGS": {"scrape": "all"}},
    },
    "volumes": ["data:/prometheus"],
}


def strangers(image: str, port: int, prometheus: int) -> str:
    """A scenario in which service B is a stranger's; ``image`` has a Python."""
    stranger = {"image": image, "kind": "http_service", "command": ["python3", "-c", SERVICE]}
    return json.dumps(
        {
            "summary": "Service A, whose upstream is a stranger's.",
            "entry": "service-a",
            "path": ["client", "service-a", "service-b"],
            "volumes": {"data": None},
            "pods": {
                "service-b-pod": {"containers": {"service-b": stranger}},
                "prometheus-pod": {
                    "ports": [
                        {
                            "name": "prometheus",
                            "published": str(prometheus),
                            "target": "9090",
                            "ready": "/-/ready",
                        }
                    ],
                    "containers": {"envoy-prom": PROMETHEUS},
                },
                "service-a-pod": {
                    "extra_hosts": {"b.service": "service-b-pod"},
                    "ports": [
                        {
                            "name": "service-a",
                            "published": str(port),
                            "target": "80",
                            "ready": "/readyz",
                        }
                    ],
                    "containers": {"service-a": SERVICE_A},
                },
            },
        }
    )


@pytest.mark.real
@pytest.mark.attack("8.11: an upstream and a /metrics of a stranger: floods, NaN and Inf")
def test_a_run_against_a_stranger_is_kept_with_what_could_be_measured(
    labs: Labs, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("stranger")
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(strangers(images["service-b"], lab.port, lab.prometheus_port))
    lab("up", str(scenario))
    before = lab.podman.json("inspect", f"{lab.name}-service-a")[0]
    run = lab("load", "-n", "40", "-c", "20", "-o", "json").json
    assert run["errors"] == {"status 500": 40}
    assert "the answer is larger than 64 KiB" in run["answers"][0]["example"]
    after = lab.podman.json("inspect", f"{lab.name}-service-a")[0]
    assert not after["State"]["OOMKilled"]
    assert after["State"]["Pid"] == before["State"]["Pid"]
    assert any("service_b_requests_total that is nan" in note for note in run["notes"])
    record = run_lab(lab.account, "runs", "show", run["run"], "-o", "json").json
    rows = {row["name"]: row["count"] for row in record["ledger"]["rows"]}
    assert rows["service-b.succeeded"] is None
    assert rows["service-a.failed"] == 40


SERVICE_B = "service-b"
JOBS = "service-a", SERVICE_B
DIRECT = quantities("direct")
B_SUCCEEDED = DIRECT.sources[f"{SERVICE_B}.succeeded"].meter
NONSENSE = {
    "NaN": nan,
    "infinity": inf,
    "minus infinity": -inf,
    "less than nothing": -1.0,
    "more than can be counted": 1e300,
}


class Lying(Prometheus):
    """A Prometheus that scraped both services a moment after it was asked."""

    def __init__(self, series: tuple[Series, ...]) -> None:
        super().__init__("http://unused.invalid")
        self.series = series

    def now(self) -> float:
        return 1000.0

    def started(self) -> float:
        return 1e12  # in the far future: nobody waits until then

    def query(self, expression: str, time: float | None = None) -> tuple[Series, ...]:
        del expression
        return self.series if time is None else ()

    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(job, "x:1", "", "up", "") for job in JOBS)


def lying(*of_b: tuple[str, float]) -> Lying:
    """Of service B these values by status; all else as it should be."""
    series = []
    for job in JOBS:
        labels = {"job": job, "instance": "x:1"}
        name = f"{job.replace('-', '_')}_requests_total"
        counts = of_b if job == SERVICE_B else (("2xx", 7.0), ("5xx", 0.0))
        series.append(Series("up", labels, (Point(1001.0, 1.0),)))
        series += [
            Series(name, labels | {"status": status}, (Point(1001.0, value),))
            for status, value in counts
        ]
    return Lying(tuple(series))


@pytest.mark.attack("8.11: a scrape whose numbers are none")
@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_not_measured_and_the_ledger_says_so(value: float) -> None:
    good = Snapshot(900.0, snapshot(lying(("2xx", 0.0), ("5xx", 0.0)), DIRECT).scrapes)
    after = snapshot(lying(("2xx", value), ("5xx", 0.0)), DIRECT, since=good)
    client = Client(sent=7, succeeded=7, failed={})
    ledger = reconcile(client, delta(good, after, "direct"), DIRECT)
    assert ledger.count(f"{SERVICE_B}.succeeded") is None
    outcomes = {check.name: check.outcome for check in ledger.checks}
    assert outcomes["service-a→service-b received"] is Outcome.NOT_MEASURED
    assert any(
        f"service-b has a {B_SUCCEEDED.metric} that is {value:g}" in note for note in ledger.notes
    )


@pytest.mark.attack("8.11: a metric that is there twice, or in thousands of series")
@pytest.mark.parametrize(
    ("series", "why"),
    [
        ([("2xx", 3.0), ("2xx", 4.0)], "is there twice"),
        ([(f"{number}", 1.0) for number in range(2000)], "has more than 1000 series"),
        ([("x" * 5000, 1.0)], "has labels of more than 4096 characters"),
    ],
    ids=["twice", "thousands", "long labels"],
)
def test_series_that_no_service_has_are_not_measured(
    series: list[tuple[str, float]], why: str
) -> None:
    found = snapshot(lying(*series), DIRECT)
    assert found.total(SERVICE_B, B_SUCCEEDED) is None
    assert found.scrape(SERVICE_B).unusable == {B_SUCCEEDED.metric: why}
    assert found.scrape(SERVICE_B).samples == ()


TIME = '{"status":"success","data":{"resultType":"scalar","result":[1,"%s"]}}'


@pytest.mark.attack("8.11: a Prometheus whose time is none, or whose answers do not end")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (TIME % "NaN", "the time is nan"),
        (TIME % "+Inf", "the time is inf"),
        ('{"status":"success","data":' + "[" * 100_000, "did not answer as Prometheus"),
        (" " * (MOST_BYTES + 1), "answered more than 64 MiB"),
    ],
    ids=["NaN", "infinity", "depth", "length"],
)
def test_what_prometheus_cannot_have_said_is_a_sentence(body: str, why: str) -> None:
    with Server(lambda _: Reply(http(body))) as server, pytest.raises(LabError, match=why):
        Prometheus(server.url.partition("/path")[0]).now()
