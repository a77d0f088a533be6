"""Several copies of service B behind one sidecar: round robin, visible in Prometheus."""

from collections.abc import Iterator

import pytest

from lab.metrics.prometheus import Prometheus
from tests.real.accounts import Account
from tests.real.conftest import new_lab
from tests.real.labs import Lab

pytestmark = pytest.mark.real

SEED = ("--seed", "7")
COPIES = [f"service-b-{number}" for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def lab(account: Account, images: dict[str, str]) -> Iterator[Lab]:
    """Three copies, for all tests in their order."""
    del images
    lab = new_lab(account, "scale")
    try:
        lab.up("scale", *SEED)
        yield lab
    finally:
        lab.remove()


def test_every_copy_is_a_pod_of_its_own(lab: Lab) -> None:
    status = lab.status()
    names = [pod["containers"][0]["name"] for pod in status["pods"]]
    assert names[1:4] == [lab.container(copy) for copy in COPIES]
    assert len({pod["ip"] for pod in status["pods"]}) == 5


def test_every_claim_is_confirmed_under_load_and_the_copies_are_asked_in_turn(lab: Lab) -> None:
    judged = lab("verify", "-n", "600", "-c", "8", "-o", "json").json
    (spread,) = (each for each in judged["claims"] if each["name"] == "spread")
    assert spread["high"] - spread["low"] <= 4
    assert spread["verdict"] == "confirmed"


def test_prometheus_has_a_target_for_every_copy(lab: Lab) -> None:
    targets = Prometheus(f"http://127.0.0.1:{lab.prometheus_port}").targets()
    assert sorted(each.instance for each in targets if each.job == "service-b") == [
        f"service-b-pod-{number}:8081" for number in (1, 2, 3)
    ]


def test_a_copy_more_leaves_the_others_alone(lab: Lab) -> None:
    before = {copy: lab.id(copy) for copy in COPIES}
    lab.up("scale", *SEED, "--set", "copies=4")
    assert {copy: lab.id(copy) for copy in COPIES} == before
    lab("verify", "-n", "100")
