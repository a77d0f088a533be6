"""Service B killed or frozen: A answers 500 with the cause in time, and recovers by itself."""

import signal
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.real.accounts import Account
from tests.real.conftest import new_lab
from tests.real.engine import Podman
from tests.real.labs import Lab
from tests.real.waiting import until

pytestmark = pytest.mark.real

TIME_LIMIT = 5.0
"""Seconds that service A gives its upstream."""


@pytest.fixture(scope="module", params=["direct", "sidecar"])
def lab(request: pytest.FixtureRequest, account: Account, images: dict[str, str]) -> Iterator[Lab]:
    """A lab whose service B never fails of its own accord."""
    del images
    lab = new_lab(account, f"trouble-{request.param}")
    lab.up(request.param, "--error-rate", "0")
    yield lab
    lab.remove()


def ask(lab: Lab) -> requests.Response:
    """One request, which must not take much longer than service A's own limit."""
    return requests.get(lab.url, timeout=3 * TIME_LIMIT)


def answers_again(lab: Lab) -> Callable[[], bool]:
    return lambda: ask(lab).status_code == 200


def test_a_killed_service_b_is_answered_by_500_with_the_cause(lab: Lab, podman: Podman) -> None:
    before = lab.id("service-a")
    podman("kill", lab.container("service-b"))
    answer = ask(lab)
    assert answer.status_code == 500
    assert answer.text.startswith("Service A: upstream failed with: ")
    assert len(answer.text) > len("Service A: upstream failed with: ")
    podman("start", lab.container("service-b"))
    until("service A answers again", answers_again(lab))
    assert lab.id("service-a") == before


def test_a_frozen_service_b_is_given_up_within_the_time_limit(lab: Lab, podman: Podman) -> None:
    process = str(podman.inspect(lab.container("service-b"))["State"]["Pid"])
    lab.account.run("kill", f"-{signal.SIGSTOP.value}", process)
    answer = ask(lab)
    assert answer.status_code == 500
    assert f"timed out after {TIME_LIMIT:g} s" in answer.text
    lab.account.run("kill", f"-{signal.SIGCONT.value}", process)
    until("service A answers again", answers_again(lab))


def test_a_paused_service_b_fails_every_request_of_a_load_and_none_hangs(
    lab: Lab, podman: Podman
) -> None:
    podman("pause", lab.container("service-b"))
    try:
        sent = lab(
            "load", "-n", "16", "-c", "16", "--timeout", "15s", "-o", "json", status=1
        ).json  # nothing succeeds
    finally:
        podman("unpause", lab.container("service-b"))
    assert sent["errors"] == {"status 500": 16}
    assert (sent["sent"], sent["succeeded"], sent["failed"]) == (16, 0, 16)
    until("service A answers again", answers_again(lab))
