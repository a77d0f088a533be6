"""The whole life of a lab for a user without privileges: its own podman, storage and network."""

from collections.abc import Iterator

import pytest

from tests.attacks import network
from tests.real import prometheus
from tests.real.accounts import Account
from tests.real.conftest import BUILD_PATIENCE, new_lab
from tests.real.engine import Podman
from tests.real.labs import Lab, run_lab
from tests.real.steps import step
from tests.real.traffic import send

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def references(unprivileged: Account) -> set[str]:
    """Images that this user has built."""
    built: set[str] = set()
    for scenario in ("direct", "sidecar"):
        done = run_lab(unprivileged, "build", scenario, "-o", "json", patience=BUILD_PATIENCE)
        built |= {image["reference"] for image in done.json}
    return built


@pytest.fixture
def lab(unprivileged: Account, references: set[str]) -> Iterator[Lab]:
    """A lab of this user's, removed after the test."""
    del references
    made = new_lab(unprivileged, "rootless")
    yield made
    made.remove()


def test_images_are_built_without_root(unprivileged: Account, references: set[str]) -> None:
    stored = Podman(unprivileged).json("images", "--format", "json")
    names = {name for image in stored for name in image.get("Names") or ()}
    assert references <= names
    assert Podman(unprivileged).json("info", "--format", "json")["host"]["security"]["rootless"]


def test_the_whole_cycle_works_without_root(lab: Lab) -> None:
    podman = lab.podman
    with step("direct passes failures on"):
        lab.up("direct", "--seed", "7")
        direct = send(lab.url, 200)
        assert 140 < direct.succeeded < 180
    before = podman.ids(lab.name)
    with step("the sidecar hides them, and the rest stays as it is"):
        lab.up("sidecar", "--seed", "7")
        sidecar = send(lab.url, 200)
        assert sidecar.succeeded >= 196
        for key in (f"container {lab.container('service-b')}", f"pod {lab.name}-prometheus-pod"):
            assert podman.ids(lab.name)[key] == before[key]
    with step("Prometheus watches"):
        prometheus.scraped_after(lab, "service-b", sidecar.ended)
        assert prometheus.total(lab, "service_b_requests_total") >= 400
    with step("what was killed is repaired"):
        podman("kill", lab.container("service-a"))
        assert lab.status(expect=3)["state"] == "degraded"
        lab.up("sidecar", "--seed", "7")
        assert lab.status()["in_sync"]
    with step("down leaves only the data"):
        lab("down")
        assert list(podman.states(lab.name)) == [f"volume {lab.container('prometheus-data')}"]


def test_the_second_up_does_nothing_without_root(lab: Lab) -> None:
    lab.up("direct")
    began = lab.podman.now()
    assert "nothing to do" in lab.up("direct").out
    assert lab.podman.events(lab.name, began) == []


def test_doctor_is_content_without_root(unprivileged: Account) -> None:
    findings = run_lab(unprivileged, "doctor", "-o", "json").json
    assert {finding["state"] for finding in findings} <= {"good", "warning"}


def test_a_neighbour_and_another_lab_reach_nothing_of_a_rootless_lab(
    lab: Lab, unprivileged: Account
) -> None:
    other = new_lab(unprivileged, "rootless-two")
    try:
        lab.up("direct")
        other.up("direct")
        pods = {pod["name"]: pod["ip"] for pod in lab.status()["pods"]}
        inner = [(pods[f"{lab.name}-service-{name}-pod"], 80) for name in "ab"]
        published = [("127.0.0.1", lab.port), ("127.0.0.1", lab.prometheus_port)]
        with network.neighbour() as place:
            reached = place.reaches([*inner, *published, (network.HOST, lab.port)])
        assert reached == set()
        assert network.Place().reaches(published) == set(published)
        pid = other.podman.inspect(other.container("service-a"))["State"]["Pid"]
        theirs = {pod["name"]: pod["ip"] for pod in other.status()["pods"]}
        own = (theirs[f"{other.name}-service-b-pod"], 80)
        assert network.inside(pid).reaches([own, *inner, *published]) == {own}
        assert lab.status()["in_sync"]
    finally:
        other.remove()
