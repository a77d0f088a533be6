"""Verdicts on real labs: right ones pass, wrong ones fail, and gaps are no verdict."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree as ET

import pytest

from tests.real import prometheus
from tests.real.accounts import Account
from tests.real.labs import run_lab
from tests.real.recording import Recorder, reasons, recorded_lab, verdicts
from tests.real.steps import step
from tests.real.waiting import until

pytestmark = pytest.mark.real

REFUTED = 4
NOT_MEASURED = 5
SEED = ("--seed", "7")
"""Else a lab that is as described would fail a test now and then, as `lab verify` says."""


@pytest.fixture(scope="module")
def run(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """One lab for all tests: each brings up the scenario that it needs."""
    del images
    with recorded_lab(account, "verify", 27000, tmp_path_factory.mktemp("state")) as recorder:
        yield recorder


def requests_at_b(run: Recorder) -> float:
    return prometheus.total(run.lab, "service_b_requests_total")


def process_of_b(run: Recorder) -> float:
    """When service B's process started; 0 while it is not scraped."""
    return prometheus.total(run.lab, 'process_start_time_seconds{job="service-b"}')


def test_the_direct_scenario_is_as_described(run: Recorder, tmp_path: Path) -> None:
    run.lab.up("direct", *SEED)
    found = run("verify", "-n", "300", "--junit", str(tmp_path / "out.xml"), "-o", "json").json
    assert found["verdict"] == "confirmed"
    assert set(verdicts(found["claims"]).values()) == {"confirmed"}
    (suite,) = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own file
    assert suite.get("tests") == str(len(found["claims"])) == str(len(suite))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


def test_the_failures_at_concurrency_16_are_explained_by_the_breaker(run: Recorder) -> None:
    run.lab.up("sidecar", "--max-retries", "3", *SEED)
    load = run("load", "-n", "1000", "-c", "16", "-o", "json").json
    found = run("verify", "-o", "json").json
    assert found["run"] == load["run"]
    assert load["success_rate"] < 0.97
    assert found["verdict"] == "confirmed"
    assert "at concurrency 16 the circuit breaker, which allows 3 concurrent retries" in reasons(
        found["claims"]
    )
    assert "retries were suppressed by the circuit breaker" in reasons(found["claims"])


def test_a_service_b_swapped_for_a_worse_one_is_found_out(run: Recorder) -> None:
    run.lab.up("direct", *SEED)
    podman, name = run.lab.podman, run.lab.container("service-b")
    with step("verified as it should be, so that there is a run from before"):
        run("load", "-n", "50")
    image = podman.inspect(name)["ImageName"]
    podman("rm", "--force", "--time", "0", name)
    podman(
        "run", "--detach", "--pod", run.lab.container("service-b-pod"), "--name", name,
        "--env", "ERROR_RATE=40", "--env", "ERROR_SEED=7", image,
    )  # fmt: skip
    until(
        "the new service B answers", lambda: prometheus.query(run.lab, 'up{job="service-b"} == 1')
    )
    try:
        found = run("verify", "-n", "300", "-o", "json", status=REFUTED).json
    finally:
        podman("rm", "--force", "--time", "0", name)  # not the lab's, which would leave it alone
    assert verdicts(found["claims"])["success"] == "refuted"
    assert verdicts(found["claims"])["b-counts"] == "confirmed"


def test_without_prometheus_only_the_client_is_judged(run: Recorder) -> None:
    run.lab.up("direct", *SEED)
    run.lab.podman("stop", "--time", "0", run.lab.container("envoy-prom"))
    found = run("verify", "-n", "50", "-o", "json", status=NOT_MEASURED).json
    got = verdicts(found["claims"])
    assert got.pop("success") == "confirmed"
    assert set(got.values()) == {"not measured"}
    assert "Prometheus" in reasons(found["claims"])
    run.lab.up("direct", *SEED)


def test_without_a_request_nothing_is_measured(run: Recorder) -> None:
    run.lab.up("direct", *SEED)
    found = run("verify", "-n", "0", "-o", "json", status=NOT_MEASURED).json
    assert found["verdict"] == "not measured"
    assert set(verdicts(found["claims"]).values()) == {"not measured"}
    assert reasons(found["claims"]).splitlines()[0] == "no request was sent"


def test_a_limit_of_this_shell_is_not_held_against_a_lab(run: Recorder) -> None:
    run.lab.up("direct", "--error-rate", "0")
    with step("the soft limit is raised"):
        found = under(run, "-S -n 128", "verify", "-n", "2000", "-c", "200", "-o", "json")
        assert json.loads(found.stdout)["verdict"] == "confirmed"
        assert found.returncode == 0
    with step("a hard limit is said, before the lab hears of it"):
        known = requests_at_b(run)
        found = under(run, "-n 128", "verify", "-n", "2000", "-c", "200")
        assert found.returncode == 1
        assert "200 requests at a time need" in found.stderr
        assert requests_at_b(run) == known


def under(run: Recorder, limits: str, command: str, *words: str) -> CompletedProcess[str]:
    """Run a command on the lab in a shell with limits."""
    account = run.lab.account
    lab = (account.python, "-m", "lab", command, "--name", run.lab.name, *words)
    script = f'ulimit {limits}; exec "$@"'
    return account.run("/bin/sh", "-c", script, "sh", *lab, environment=run.environment)


def test_a_target_that_is_down_is_named(run: Recorder) -> None:
    run.lab.up("direct", *SEED)
    run.lab.podman("kill", run.lab.container("service-b"))
    found = run("verify", "-n", "20", "-o", "json", status=REFUTED).json
    assert verdicts(found["claims"])["b-counts"] == "not measured"
    assert verdicts(found["claims"])["a-counts"] == "confirmed"
    assert "service-b was not scraped" in reasons(found["claims"])
    run.lab.up("direct", *SEED)


def test_a_service_restarted_during_a_load_is_said_and_not_summed(run: Recorder) -> None:
    run.lab.up("direct", *SEED)
    before = requests_at_b(run)
    with run.start("load", "-n", "1000000", "-o", "json") as process:
        until("the load is under way", lambda: requests_at_b(run) > before)
        first = process_of_b(run)
        run.lab.podman("restart", "--time", "0", run.lab.container("service-b"))
        until(
            "another process of service B is scraped", lambda: process_of_b(run) not in {0, first}
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert (
        "service-b was restarted in between: its counters began again at 0, "
        "so what it counted is not known"
    ) in json.loads(out)["notes"]
    record = run.records()[-1]
    counts = {row["name"]: row["count"] for row in record["ledger"]["rows"]}
    assert counts["b_succeeded"] is None
    assert verdicts(record["judgements"])["b-counts"] == "not measured"
    run.lab.up("direct", *SEED)


def test_an_interrupted_load_is_recorded_as_partial_and_what_was_sent_is_judged(
    run: Recorder,
) -> None:
    run.lab.up("direct", *SEED)
    before = requests_at_b(run)
    with run.start("load", "-n", "1000000", "-o", "json") as process:
        until("the load is under way", lambda: requests_at_b(run) > before)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    load = json.loads(out)
    assert load["partial"]
    assert 0 < load["sent"] < 1_000_000
    found = run("verify", "-o", "json").json
    assert found["run"] == load["run"]


@pytest.mark.parametrize("command", ["load", "verify"])
def test_without_a_lab_there_is_nothing_to_measure(account: Account, command: str) -> None:
    done = run_lab(account, command, "--name", "x-absent", status=3)
    assert "no lab named x-absent is up" in done.err
    assert "lab up direct" in done.err
