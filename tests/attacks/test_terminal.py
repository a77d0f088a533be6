"""What strangers' containers say cannot steer a terminal, or make lab slow."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.real.conftest import new_lab
from tests.real.waiting import until
from tests.terminals import screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.accounts import Account
    from tests.real.labs import Lab

pytestmark = pytest.mark.real

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\N{NO-BREAK SPACE}ok"
MEBIBYTES = 300
PROMETHEUS = f"""
import json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer
os.write(1, {EVIL.encode()!r} + b"\\n")
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        now, labels = time.time(), {{"status": {EVIL!r}}}
        found = {{"resultType": "scalar", "result": [now, str(now)]}}
        if "query_range" in self.path:
            row = {{"metric": labels, "values": [[now - n, "1"] for n in range(30, 0, -1)]}}
            found = {{"resultType": "matrix", "result": [row]}}
        body = json.dumps({{"status": "success", "data": found}}).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_):
        pass
HTTPServer(("", 9090), Handler).serve_forever()
"""
LONG = f"""
import os, signal
for _ in range({MEBIBYTES}): os.write(1, b"x" * 2**20)
os.write(1, b"\\n"); os.write(1, b"done\\n")
signal.pause()
"""


@pytest.fixture(scope="module")
def lab(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """A stranger's lab: a Prometheus that answers what it likes, and one that never ends a line."""
    lab = new_lab(account, "terminal")
    port = {"name": "prometheus", "published": lab.port, "target": 9090, "ready": "/"}

    def running(script: str) -> dict[str, object]:
        return {"image": images["service-a"], "command": ["python3", "-c", script]}

    evil = running(PROMETHEUS) | {"kind": "http_service"}  # what counts has a graph
    pods = {
        "evil-pod": {"ports": [port], "containers": {"evil": evil}},
        "long-pod": {"containers": {"long": running(LONG)}},
    }
    file = tmp_path_factory.mktemp("terminal") / "strangers.yaml"
    file.write_text(
        json.dumps({"summary": "A stranger's.", "path": ["client", "evil"], "pods": pods})
    )
    try:
        lab("up", str(file))
        yield lab
    finally:
        lab.remove()


def steers(written: str) -> list[str]:
    """What a terminal would obey, but for bold and colours and what Rich draws a screen with."""
    own = re.sub(r"\x1b\[(\d+(;\d+)*m|\?25[hl]|\?1049[hl]|H|K|\d*A|2K|1A)|[\r\n]", "", written)
    return re.findall("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", own)


@pytest.mark.attack("8.13: labels of a Prometheus steer the terminal of `lab metrics`")
@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
def test_labels_cannot_steer_the_terminal(lab: Lab, term: str) -> None:
    """The live screen is drawn once, and a signal ends it."""
    command = (sys.executable, "-m", "lab", "metrics", "--name", lab.name)
    ended = ("timeout", "--signal=INT", "--preserve-status", "5") if term != "dumb" else ()
    shown = screen(*ended, *command, columns=160, environment={"TERM": term})
    assert shown.status == 0, shown.written
    assert "\\x1b]0;owned" in shown.written
    assert "\\u202e\N{NO-BREAK SPACE}ok" in shown.written
    assert steers(shown.written) == []


@pytest.mark.attack("8.13: `-o json` passes raw U+009B and U+202E")
def test_json_cannot_steer_the_terminal(lab: Lab) -> None:
    printed = lab("metrics", "-o", "json").out
    assert steers(printed) == []
    lines = [name for graph in json.loads(printed)["graphs"] for name in graph["lines"]]
    assert EVIL in lines


@pytest.mark.attack("8.13: what a container logs steers the terminal")
def test_logs_cannot_steer_the_terminal(lab: Lab) -> None:
    shown = screen(sys.executable, "-m", "lab", "logs", "--name", lab.name, "evil")
    assert shown.status == 0
    assert "\\u202e\N{NO-BREAK SPACE}ok" in shown.written
    assert steers(shown.written) == []


@pytest.mark.attack("8.16: 300 MB of a log without a newline keep `lab logs` busy, and its memory")
def test_a_line_without_end_is_read_in_linear_time_and_little_memory(
    lab: Lab, account: Account
) -> None:
    def last() -> bool:
        return lab("logs", "long", "--tail", "1").out.endswith("done\n")

    until("everything is logged", last)
    # With the old reader each of its 38000 pieces was searched from the line's beginning.
    words = (
        f"ulimit -v {2**20}; {account.python} -m lab logs --name {lab.name} long"
        " | (tr -d 'x\\n' | head -c 100)"
    )
    done = account.run("bash", "-o", "pipefail", "-c", words)
    assert (done.returncode, done.stdout) == (0, "done")
