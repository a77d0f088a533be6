"""Ctrl-C and other signals: the command in a process of its own, and signals to it."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import FrameType

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


SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture
def _terminal() -> Iterator[None]:
    """Have SIGHUP heard by what is started, also when the tests run below nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def lab_load(url: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lab", "load", "--url", url, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_load_with_a_partial_result_that_counts_all_that_was_sent(
    number: signal.Signals,
) -> None:
    script = Called(100, Reply())
    with Server(script) as server:
        with lab_load(server.url, "-n", "10000000", "-c", "4", "-o", "json") as process:
            script.reached.wait()
            process.send_signal(number)
            out, err = process.communicate()
        result = json.loads(out)
        assert process.returncode == SIGNALS[number]
        assert "nothing was changed" not in err
        assert (result["partial"], result["signal"]) == (True, number)
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
        result = json.loads(out)
        assert result["errors"] == {"unanswered": 2}
        assert result["success_rate"] is None
        assert server.received == 2


def test_requests_given_up_by_a_signal_do_not_count_against_the_service() -> None:
    script = Called(7, Reply(stall=FOREVER))
    server = Server(lambda number: script(number) if number >= 7 else Reply())
    with server, lab_load(server.url, "-n", "50", "-o", "json") as process:
        script.reached.wait()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()
    result = json.loads(out)
    assert (result["sent"], result["succeeded"]) == (8, 7)
    assert result["success_rate"] == 1.0


def test_below_nohup_a_load_goes_on() -> None:
    script = Called(100, Reply())
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Server(script) as server, lab_load(server.url, "-n", "2000", "-o", "json") as process:
            script.reached.wait()
            process.send_signal(signal.SIGHUP)
            out, _ = process.communicate()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.returncode == 0
    assert json.loads(out)["sent"] == 2000


def test_a_second_ctrl_c_waits_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.measure.traffic.driver.GRACE", 3600)
    script = Called(0, Reply(stall=FOREVER))

    def interrupt(*_: int) -> None:
        if script.reached.is_set():
            signal.raise_signal(signal.SIGINT)

    def taken(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError

    before = signal.signal(signal.SIGINT, taken)
    with Server(script) as server:
        result = pour(Order(url=server.url, requests=5), interrupt)
    assert result.partial
    assert result.errors == {"unanswered": 1}
    assert signal.signal(signal.SIGINT, before) is taken


def test_the_table_says_that_it_is_partial() -> None:
    script = Called(100, Reply())
    with Server(script) as server, lab_load(server.url, "-n", "10000000") as process:
        script.reached.wait()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert "partial: interrupted when" in out
    assert "of 10000000 requests were sent" in out


def test_a_url_needs_no_lab_and_no_podman() -> None:
    with Server(lambda _: Reply()) as server, lab_load(server.url, "-n", "20", "-q") as process:
        out, err = process.communicate()
    assert process.returncode == 0
    assert "20     fine" in out
    assert "success rate 100.0%" in out
    assert err == ""
