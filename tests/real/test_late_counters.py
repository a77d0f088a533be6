"""Counters that appear when they first count, as a Go program's: absent, they were 0."""

import json
import signal
from collections.abc import Iterator

import pytest

from tests.real import prometheus
from tests.real.accounts import Account
from tests.real.labs import finish
from tests.real.recording import Recorder, recorded_lab, verdicts
from tests.real.waiting import until

pytestmark = pytest.mark.real

PROGRAM = """
import http.server, os, socketserver, threading, urllib.error, urllib.request
counts = {}

class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path != "/readyz":
            try:
                with urllib.request.urlopen(os.environ["UPSTREAM_SERVICE"]) as answer:
                    status = answer.status
            except urllib.error.HTTPError as error:
                status = error.code
            kind = f"{status // 100}xx"
            counts[kind] = counts.get(kind, 0) + 1
            self.answer(status, "service A")
        else:
            self.answer(200, "ready")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass

class Metrics(Service):
    def do_GET(self):
        lines = [f'service_a_requests_total{{status="{k}"}} {v}' for k, v in counts.items()]
        self.answer(200, "".join(line + chr(10) for line in lines))

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

threading.Thread(target=Server(("", 8081), Metrics).serve_forever).start()
Server(("", 80), Service).serve_forever()
"""
SCENARIO = """\
summary: Service A is a stranger's, whose counters appear when they first count.
include: _common
path: [client, service-a, service-b]
model: {{kind: retries, error_rate: 20%}}
pods:
  service-a-pod:
    containers:
      service-a:
        image: {image}
        kind: http_service
        command: {command}
        environment: {{UPSTREAM_SERVICE: "http://b.service"}}
"""


@pytest.fixture(scope="module")
def run(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """A lab whose service A is the program above."""
    folder = tmp_path_factory.mktemp("late")
    command = json.dumps(["python3", "-c", PROGRAM])
    file = folder / "mine.yaml"
    file.write_text(SCENARIO.format(image=images["service-a"], command=command))
    with recorded_lab(account, "late-counters", 28000, folder) as recorder:
        recorder.lab("up", str(file), *recorder.ports(), "--set", "seed=7")
        yield recorder


def counted_by_a(run: Recorder) -> float:
    return prometheus.total(run.lab, "service_a_requests_total")


def test_a_counter_that_appears_during_a_load_was_0_before(run: Recorder) -> None:
    found = run("verify", "-n", "100", "-o", "json").json
    assert set(verdicts(found["claims"]).values()) == {"confirmed"}
    rows = {row["name"]: row["count"] for row in run.records()[-1]["ledger"]["rows"]}
    assert rows["service-a.received"] == 100
    assert rows["service-a.failed"] == rows["service-b.failed"] > 0


def test_a_process_that_was_started_anew_in_between_is_not_measured(run: Recorder) -> None:
    podman, name = run.lab.podman, run.lab.container("service-a")
    podman("restart", "--time", "0", name)
    until("nothing is counted any more", lambda: not prometheus.query(
        run.lab, "service_a_requests_total"))  # fmt: skip
    process = run.start("load", "-n", "1000000")
    until("the first process has counted", lambda: counted_by_a(run) > 10)
    podman("restart", "--time", "0", name)
    until("the second has counted", lambda: counted_by_a(run) > 10)
    status, _, err = finish(process, signal.SIGTERM)
    assert status == 143, err
    ledger = run.records()[-1]["ledger"]
    row = next(row for row in ledger["rows"] if row["name"] == "service-a.succeeded")
    assert (row["count"], row["gap"]) == (None, "service-a was restarted")
