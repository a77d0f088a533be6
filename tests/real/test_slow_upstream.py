"""Service B slow under load: within A's limit all is well, beyond it A says so and recovers."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.real.conftest import Labs, free_port
from tests.real.engine import Podman
from tests.real.labs import Lab
from tests.real.steps import step
from tests.real.waiting import PATIENCE

pytestmark = pytest.mark.real

LIMIT = 5.0
"""Seconds that service A gives its upstream."""
SLOW, LATE = 1.0, 6.0
"""Seconds that an answer takes here, within the limit and beyond it."""
CROWD = 8
"""Requests at one time on each way."""

# In place of service B, whose answers take as long as the last signal said.
STAND_IN = f"""
import http.server, os, signal, time
delay = 0
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
def take(seconds):
    def on_signal(*_):
        global delay
        delay = seconds
    return on_signal
for number, seconds in ((signal.SIGHUP, 0), (signal.SIGUSR1, {SLOW}), (signal.SIGUSR2, {LATE})):
    signal.signal(number, take(seconds))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/":
            time.sleep(delay)
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"Yay")
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    def handle_error(self, *_):
        pass  # who asked is gone
Server(("0.0.0.0", 80), Handler).serve_forever()
"""
SCENARIO = """\
summary: A service B that can be made slow, called directly and through Envoy.
pods:
  b-pod:
    containers:
      b: {{image: "{service_b}", command: [python3, -c, {stand_in}]}}
  direct-pod:
    extra_hosts: {{b.service: b-pod}}
    ports: [{{name: direct, published: {direct}, target: 80, ready: /readyz}}]
    containers:
      a-direct:
        image: "{service_a}"
        environment: {{UPSTREAM_SERVICE: "http://b.service:80"}}
  sidecar-pod:
    extra_hosts: {{b.service: b-pod, b.local.service: 127.0.0.1}}
    ports: [{{name: sidecar, published: {sidecar}, target: 80, ready: /readyz}}]
    containers:
      a-sidecar:
        image: "{service_a}"
        environment:
          SERVICE_HOST: 127.0.0.1
          SERVICE_PORT: 8000
          UPSTREAM_SERVICE: http://b.local.service:9001
      envoy: {{image: "{envoy}"}}
"""


class Ways:
    """The two ways to service B, and what a crowd on both of them is answered."""

    def __init__(self, lab: Lab, podman: Podman, sidecar: int) -> None:
        self.urls = {"direct": lab.url, "sidecar": f"http://127.0.0.1:{sidecar}"}
        self._podman = podman
        self._b = lab.container("b")

    def signal(self, name: str) -> None:
        """Change how long service B takes."""
        self._podman("kill", "--signal", name, self._b)

    def answers(self) -> dict[str, set[tuple[int, str]]]:
        """The different answers on each way to many requests at once."""

        def ask(url: str) -> tuple[int, str]:
            answer = requests.get(url, timeout=PATIENCE)
            return answer.status_code, answer.text.strip()

        with ThreadPoolExecutor(CROWD * len(self.urls)) as threads:
            made = {
                way: [threads.submit(ask, url) for _ in range(CROWD)]
                for way, url in self.urls.items()
            }
            return {way: {each.result() for each in asked} for way, asked in made.items()}


def test_a_slow_service_b_is_waited_for_up_to_the_limit_and_no_longer(
    labs: Labs, podman: Podman, images: dict[str, str], tmp_path: Path
) -> None:
    lab, sidecar = labs("slow"), free_port()
    file = tmp_path / "slow.yaml"
    file.write_text(
        SCENARIO.format(
            service_a=images["service-a"],
            service_b=images["service-b"],
            envoy=images["service-a-envoy"],
            stand_in=json.dumps(STAND_IN),
            direct=lab.port,
            sidecar=sidecar,
        )
    )
    lab("up", str(file))
    before = podman.ids(lab.name)
    ways = Ways(lab, podman, sidecar)
    good = (200, "Service A: upstream responded with: Yay")
    late = (500, f"Service A: upstream failed with: timed out after {LIMIT:g} s")
    with step("slower than usual, but within the limit: every request succeeds"):
        ways.signal("USR1")
        assert ways.answers() == {way: {good} for way in ways.urls}
    with step("later than the limit: every request fails with the cause"):
        ways.signal("USR2")
        assert ways.answers() == {way: {late} for way in ways.urls}
    with step("quick again, while its late answers still come: service A is well by itself"):
        ways.signal("HUP")
        assert ways.answers() == {way: {good} for way in ways.urls}
        assert podman.ids(lab.name) == before
        assert lab.status()["in_sync"]
