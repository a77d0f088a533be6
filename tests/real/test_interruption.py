"""Ctrl-C and SIGTERM in the middle of things: the right exit status, and a lab that goes on."""

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest

from lab import lifecycle
from lab.engine.podman import connect
from lab.progress import SilentReporter
from tests.real import prometheus
from tests.real.accounts import Account
from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.labs import Lab, finish
from tests.real.recording import Recorder, recorded_lab
from tests.real.scenarios import pair
from tests.real.steps import step
from tests.real.waiting import PATIENCE, until

pytestmark = pytest.mark.real


def test_what_podman_still_creates_for_a_killed_up_does_not_fail_the_next(
    labs: Labs, podman: Podman
) -> None:
    lab = labs("overtaken")
    given = {"port": lab.port, "prometheus-port": lab.prometheus_port}
    with step("a plan is made while there is nothing"):
        mine = lifecycle.Lab(connect(), SilentReporter())
        wish = lifecycle.Wish(scenario="direct", name=lab.name, given=given)
        prepared = lifecycle.prepare(mine, wish)
    with step("then everything is there after all"):
        lab.up("direct")
        before = podman.states(lab.name)
    found = lifecycle.up(mine, prepared, timeout=PATIENCE)
    assert (found.state, found.in_sync) == ("up", True)
    assert podman.states(lab.name) == before


def read_until(process: Popen[str], word: str) -> None:
    """Read a command's progress up to a line with a word."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if word in line:
            return
    raise AssertionError(f"{word!r} is not in the progress: {seen}")


def interrupt(process: Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
    """Send a signal; the exit status, and what was said after it."""
    status, _, err = finish(process, number)
    assert "Traceback" not in err
    return status, err


MOMENTS = ("create record", "create network", "create pod", "create container", "start pod")


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_up_interrupted_at_any_step_can_be_completed(
    labs: Labs, podman: Podman, moment: str
) -> None:
    lab = labs("interrupted")
    process = lab.start(*lab.up_arguments("direct"))
    read_until(process, moment)
    status, said = interrupt(process)
    assert status == 130
    assert "interrupted" in said
    with step("what was made is known as the lab's, so that it can be repaired or removed"):
        assert podman.ids(lab.name).keys() == podman.states(lab.name).keys() != set()
    lab.up("direct")
    assert lab.status()["in_sync"]


def test_a_down_follows_an_interrupted_up(labs: Labs, podman: Podman) -> None:
    lab = labs("undone")
    process = lab.start(*lab.up_arguments("sidecar"))
    read_until(process, "create pod")
    assert interrupt(process)[0] == 130
    lab("down", "--volumes")
    assert podman.states(lab.name) == {}


def test_a_down_interrupted_halfway_can_be_completed(labs: Labs, podman: Podman) -> None:
    lab = labs("half-down")
    lab.up("direct")
    process = lab.start("down", "--name", lab.name)
    read_until(process, "remove pod")
    assert interrupt(process)[0] == 130
    lab("down", "--volumes")
    assert podman.states(lab.name) == {}


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_readiness(
    labs: Labs, images: dict[str, str], tmp_path: Path, number: signal.Signals, expected: int
) -> None:
    lab = labs("waiting")
    file = pair(
        tmp_path,
        port=lab.port,
        front=images["service-a"],
        back=images["service-b"],
        ready="/never",
    )
    process = lab.start("up", str(file), "--name", lab.name)
    until("everything runs", running(lab, 2))
    assert interrupt(process, number)[0] == expected
    assert lab.status()["state"] == "up"


def running(lab: Lab, count: int) -> Callable[[], bool]:
    """Whether that many of a lab's containers run."""

    def ask() -> bool:
        states = [s for key, s in lab.podman.states(lab.name).items() if "-infra" not in key]
        return sum(state.endswith(" running") for state in states) == count

    return ask


STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def test_a_load_that_a_signal_ends_is_kept_as_far_as_it_came(
    account: Account, images: dict[str, str], tmp_path: Path
) -> None:
    del images
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run below nohup
    try:
        with recorded_lab(account, "cut-short", 28100, tmp_path) as run:
            run.lab.up("direct")
            for number, expected in STATUSES.items():
                with step(f"{number.name} ends a load"):
                    known = prometheus.total(run.lab, SERVED)
                    process = run.start("load", "-n", "1000000", "-c", "2", "-o", "json")
                    more = partial(served_more_than, run, known)
                    until("traffic is under way", more)
                    status, out, err = finish(process, number)
                    assert status == expected, err
                    assert "nothing was changed" not in err
                    found = json.loads(out)
                    assert (found["partial"], found["signal"]) == (True, number)
                    record = run.records()[-1]
                    assert record["id"] == found["run"]
                    assert record["load"]["sent"] == found["sent"] > 0
                    assert {c["outcome"] for c in record["ledger"]["checks"]} == {"holds"}
    finally:
        signal.signal(signal.SIGHUP, before)


SERVED = "service_a_requests_total"


def served_more_than(run: Recorder, known: float) -> bool:
    """Whether service A has counted more requests."""
    return prometheus.total(run.lab, SERVED) > known + 10
