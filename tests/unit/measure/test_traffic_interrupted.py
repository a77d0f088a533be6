"""Ctrl-C, as a user types it: the command in a process of its own, and signals to it."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from lab.measure.traffic.load import Order
from lab.measure.traffic.outcome import unpack
from lab.measure.traffic.pour import pour
from tests.unit.measure.scripted_server import FOREVER, Reply, Server


class Called:
    """A script of a server that calls ``at`` when the request of that number comes."""

    def __init__(self, number: int, reply: Reply) -> None:
        self.reached = threading.Event()
        self._number = number
        self._reply = reply

    def __call__(self, number: int) -> Reply:
        if number == self._number:
            self.reached.set()
        return self._reply


def lab_load(url: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lab", "load", "--url", url, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_a_load_with_a_partial_result_that_counts_all_that_was_sent() -> None:
    script = Called(100, Reply())
    with Server(script) as server:
        with lab_load(server.url, "-n", "10000000", "-c", "4", "-o", "json") as process:
            script.reached.wait()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate()
        result = json.loads(out)
        assert process.returncode == 130
        assert result["partial"]
        assert result["sent"] == result["succeeded"] == server.received
        assert sum(unpack(result["outcomes"], result["sent"])) == result["sent"]


def test_a_request_that_ctrl_c_finds_unanswered_is_counted_as_such() -> None:
    script = Called(1, Reply(stall=FOREVER))
    with Server(script) as server:
        with lab_load(server.url, "-n", "50", "-c", "2", "-o", "json") as process:
            script.reached.wait()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate()
        assert process.returncode == 130
        assert json.loads(out)["errors"] == {"unanswered": 2}
        assert server.received == 2


def test_a_second_ctrl_c_waits_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.measure.traffic.driver.GRACE", 3600)
    script = Called(0, Reply(stall=FOREVER))

    def interrupt(*_: int) -> None:
        if script.reached.is_set():
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with Server(script) as server:
        result = pour(Order(url=server.url, requests=5), interrupt)
    assert result.partial
    assert result.errors == {"unanswered": 1}
    assert signal.getsignal(signal.SIGINT) is before


def test_the_table_says_that_it_is_partial() -> None:
    script = Called(100, Reply())
    with Server(script) as server, lab_load(server.url, "-n", "10000000") as process:
        script.reached.wait()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert "partial: interrupted when" in out
    assert "of 10000000 requests were sent" in out


def test_sigterm_ends_a_load_like_every_command() -> None:
    script = Called(100, Reply())
    with Server(script) as server, lab_load(server.url, "-n", "10000000") as process:
        script.reached.wait()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert process.returncode == 143
    assert "Traceback" not in err


def test_a_url_needs_no_lab_and_no_podman() -> None:
    with Server(lambda _: Reply()) as server, lab_load(server.url, "-n", "20", "-q") as process:
        out, err = process.communicate()
    assert process.returncode == 0
    assert "20     fine" in out
    assert "success rate 100.0%" in out
    assert err == ""
