"""Services that are not lab's own behind lab's own Envoy: what they count is reconciled as well.

They count in the manner of Go's client_golang: a series appears when it first counts something,
and a metric without a series is not in the exposition at all.
"""

from collections.abc import Iterator

import pytest

from tests.real.accounts import Account
from tests.real.recording import Recorder, recorded_lab, verdicts

pytestmark = pytest.mark.real

PROGRAM = """\
import os, random, signal, sys, threading, time, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME, UPSTREAM = os.environ["NAME"], os.environ.get("UPSTREAM", "")
begun, counts, lock, lot = time.time(), {}, threading.Lock(), random.Random(7)

def outcome():
    if not UPSTREAM:
        with lock:
            return 500 if lot.random() < 0.2 else 200
    try:
        with urllib.request.urlopen(UPSTREAM, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return 500

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass

class Service(Handler):
    def do_GET(self):
        if self.path == "/ready":
            return self.reply(200, "ready")
        status = outcome()
        with lock:
            counts[f"{status // 100}xx"] = counts.get(f"{status // 100}xx", 0) + 1
        self.reply(status, NAME)

class Metrics(Handler):
    def do_GET(self):
        with lock:
            lines = [f'{NAME}_requests_total{{status="{k}"}} {v}' for k, v in counts.items()]
        if UPSTREAM:  # as client_golang's collector of the process does; the other has none
            lines.append(f"process_start_time_seconds {begun}")
        self.reply(200, "".join(line + chr(10) for line in lines))

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
metrics = ThreadingHTTPServer(("", 8081), Metrics)
threading.Thread(target=metrics.serve_forever, daemon=True).start()
ThreadingHTTPServer(("", int(os.environ["PORT"])), Service).serve_forever()
"""
CONTAINERFILE = """\
ARG BASE
FROM ${BASE}
COPY program.py /app/program.py
USER 10001:10001
CMD ["python3", "/app/program.py"]
"""
SCENARIO = """\
summary: Two services of somebody else's, and lab's own Envoy between them.
include: _prometheus
entry: service-a
parameters:
  port: {type: integer, default: 8080, help: host port}
path: [client, service-a-envoy.ingress, service-a, service-a-envoy.egress, service-b]
model: {kind: retries, error_rate: 20%, retries: 2, max_concurrent: 3}
pods:
  service-b-pod:
    containers:
      service-b:
        kind: http_service
        build: {context: ./program, base: python}
        environment: {NAME: service_b, PORT: 80}
  service-a-pod:
    extra_hosts: {b.service: service-b-pod, b.local.service: 127.0.0.1}
    ports:
      - {name: service-a, published: "${port}", target: 80, ready: /ready}
    containers:
      service-a:
        kind: http_service
        build: {context: ./program, base: python}
        environment: {NAME: service_a, PORT: 8000, UPSTREAM: "http://b.local.service:9001/"}
      service-a-envoy:
        build: {context: envoy, base: envoy, args: {RETRIES: 2, MAX_RETRIES: 3}}
claims:
  success: {says: It succeeds as often as theory predicts, predicted: client.succeeded}
  retries: {says: So many retries, predicted: service-a-envoy.egress.retries}
  a-counts: {says: Service A counted all, holds: service-a.received = client.sent}
  a-fails: {says: Service A counted the failures, holds: service-a.failed = client.failed}
  b-counts:
    says: Service B counted requests and retries
    holds: service-b.received = client.sent + service-a-envoy.egress.retries
"""


@pytest.fixture(scope="module")
def run(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """A lab of these services, to which no request was sent yet."""
    del images
    folder = tmp_path_factory.mktemp("strange")
    (folder / "program").mkdir()
    (folder / "program" / "Containerfile").write_text(CONTAINERFILE)
    (folder / "program" / "program.py").write_text(PROGRAM)
    file = folder / "mine.yaml"
    file.write_text(SCENARIO)
    with recorded_lab(account, "strange", 27104, folder) as recorder:
        recorder.lab("up", str(file), *recorder.ports())
        yield recorder


def test_every_claim_is_confirmed_at_the_first_verify(run: Recorder) -> None:
    found = run("verify", "-n", "300", "-o", "json").json
    assert set(verdicts(found["claims"]).values()) == {"confirmed"}, found
    ledger = run.records()[-1]["ledger"]
    assert {check["outcome"] for check in ledger["checks"]} == {"holds"}
    assert ledger["unchecked"] == []
