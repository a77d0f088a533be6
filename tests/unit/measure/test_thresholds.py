"""Thresholds and exit statuses of a load, for those who only look at these."""

import json
import re
import subprocess
import sys

import pytest

from lab.errors import UsageError
from lab.measure.traffic.thresholds import thresholds
from tests.unit.measure.scripted_server import Reply, Server, http

FAILED = Reply(http("broken\n", 500))
NOWHERE = "http://127.0.0.1:1/"


def lab_load(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "lab", "load", "--url", url, "-n", "100", *options]
    return subprocess.run(words, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), 0),
        (("--fail-below", "95%"), 0),
        (("--fail-below", "0.95", "--p50", "1m", "--p90", "30s", "--p99", "3000ms"), 0),
        (("--fail-below", "95.1%"), 99),
        (("--p99", "1us"), 99),
        (("--p50", "0.5us", "--fail-below", "1%"), 99),
    ],
)
def test_a_threshold_that_is_crossed_has_a_status_of_its_own(
    options: tuple[str, ...], status: int
) -> None:
    with Server(lambda number: FAILED if number % 20 == 0 else Reply()) as server:
        done = lab_load(server.url, *options)
    assert done.returncode == status, done.stderr
    assert done.stdout.count("threshold") == len(options) / 2
    assert ("crossed" in done.stdout) == (status == 99)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), 1),
        (("--fail-below", "1%"), 99),
        (("--p99", "1s"), 5),
        (("-n", "0"), 5),
        (("-n", "0", "--fail-below", "0%"), 5),
    ],
)
def test_a_load_without_one_success_does_not_end_well(
    options: tuple[str, ...], status: int
) -> None:
    done = lab_load(NOWHERE, *options)
    assert done.returncode == status, done.stdout + done.stderr


def test_a_service_that_only_fails_does_not_end_well_either() -> None:
    with Server(lambda _: FAILED) as server:
        assert lab_load(server.url).returncode == 1


def test_refusals_are_no_throughput() -> None:
    found = json.loads(lab_load(NOWHERE, "-o", "json").stdout)
    assert (found["sent"], found["errors"]) == (100, {"refused": 100})
    assert found["throughput"] == 0
    assert json.loads(lab_load(NOWHERE, "-n", "0", "-o", "json").stdout)["throughput"] is None


def test_thresholds_are_part_of_the_result() -> None:
    with Server(lambda _: Reply()) as server:
        done = lab_load(server.url, "--fail-below", "99%", "--p99", "1us", "-o", "json")
    success, p99 = json.loads(done.stdout)["thresholds"]
    assert success == {
        "threshold": {"name": "success rate", "limit": 0.99, "text": "99%"},
        "observed": 1.0,
    }
    assert p99["threshold"]["limit"] == pytest.approx(1e-6)
    assert p99["observed"] > p99["threshold"]["limit"]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--fail-below", "101%"),
        ("--fail-below", "99"),
        ("--fail-below", "most"),
        ("--fail-below", "nan"),
        ("--fail-below", "-1%"),
        ("--p99", "50"),
        ("--p99", "50 ms"),
        ("--p99", "fast"),
        ("--p50", "-1s"),
        ("--p90", "inf"),
    ],
)
def test_what_is_no_threshold_is_refused(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{option} {text}")):
        thresholds({option: text})
