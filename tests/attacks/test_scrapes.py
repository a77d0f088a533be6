"""A target of Prometheus's that answers without end takes nothing but itself down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests

from tests.real.conftest import free_port
from tests.real.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.conftest import Labs

pytestmark = pytest.mark.real

SERVER = """
import os, signal
from http.server import BaseHTTPRequestHandler, HTTPServer

class Hostile(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        lines = lambda begin, end: "".join(f'x{{n="{n}"}} 1\\n' for n in range(begin, end)).encode()
        match os.environ["KIND"]:
            case "1":
                while True:
                    self.wfile.write(b'# ' + b'x' * 65536 + b'\\n')
            case "2":
                self.wfile.write(lines(0, 20000))
            case "3":
                self.wfile.write(b'x{' + b','.join(b'l%d="1"' % n for n in range(60)) + b'} 1\\n')
            case "4":
                self.wfile.write(b'x{l="' + b'x' * 2000 + b'"} 1\\n')

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
HTTPServer(("0.0.0.0", 8081), Hostile).serve_forever()
"""
REFUSALS = {
    "hostile-pod-1": "body size limit exceeded",
    "hostile-pod-2": "sample limit exceeded",
    "hostile-pod-3": "label_limit exceeded",
    "hostile-pod-4": "label_value_length_limit exceeded",
}


@pytest.mark.attack("8.11: /metrics that is endless, or has too many samples or labels")
def test_prometheus_refuses_a_scrape_without_bounds(
    labs: Labs, images: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    scenario = {
        "summary": "Four hostile targets, and the Prometheus that asks them.",
        "volumes": {"data": None},
        "pods": {
            "hostile-pod": {
                "replicas": 4,
                "containers": {
                    "hostile": {
                        "image": images["service-b"],
                        "kind": "http_service",
                        "command": ["python3", "-c", SERVER],
                        "environment": {"KIND": "${replica}"},
                    }
                },
            },
            "watch-pod": {
                "ports": [
                    {"name": "prometheus", "published": port, "target": 9090, "ready": "/-/ready"}
                ],
                "containers": {
                    "watch": {
                        "volumes": ["data:/prometheus"],
                        "build": {
                            "context": "prometheus",
                            "base": "prometheus",
                            "args": {"SCRAPE_CONFIGS": {"scrape": "all"}},
                        },
                    }
                },
            },
        },
    }
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(scenario))
    lab = labs("scrapes")
    lab("up", str(file))
    before = lab.podman.inspect(lab.container("watch"))["State"]

    def refusals() -> dict[str, str]:
        answer = requests.get(f"http://127.0.0.1:{port}/api/v1/targets", timeout=30).json()
        return {
            target["labels"]["instance"].partition(":")[0]: target["lastError"]
            for target in answer["data"]["activeTargets"]
            if target["labels"]["job"] == "hostile"
        }

    until(
        "every target is refused for its own reason",
        lambda: all(why in refusals().get(target, "") for target, why in REFUSALS.items()),
    )
    after = lab.podman.inspect(lab.container("watch"))["State"]
    assert (after["Pid"], after["OOMKilled"]) == (before["Pid"], False)
