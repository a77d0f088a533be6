"""`lab up` repairs what was broken by hand, and only that."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.real.accounts import Account
from tests.real.conftest import new_lab
from tests.real.engine import Podman
from tests.real.labs import Lab
from tests.real.steps import step

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Damage:
    """Something done by hand: podman commands, the containers that get a new id by its repair.

    ``new`` and ``pods`` name what is made anew; everything else has to keep its id.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    new: frozenset[str] = frozenset()
    state: str = "degraded"


A_POD = frozenset({"pod service-a-pod", "container service-a", "container service-a-envoy"})
B_POD = frozenset({"pod service-b-pod", "container service-b"})
PROMETHEUS_POD = frozenset({"pod prometheus-pod", "container envoy-prom"})

DAMAGES = [
    Damage("service A is killed", (("kill", "{}service-a"),)),
    Damage("service B is stopped", (("stop", "{}service-b"),)),
    Damage("service A is paused", (("pause", "{}service-a"),)),
    Damage(
        "Envoy is removed",
        (("rm", "--force", "{}service-a-envoy"),),
        new=frozenset({"container service-a-envoy"}),
    ),
    Damage("A's pod is stopped", (("pod", "stop", "{}service-a-pod"),)),
    Damage("B's pod is killed", (("pod", "kill", "{}service-b-pod"),)),
    Damage("A's pod is removed", (("pod", "rm", "--force", "{}service-a-pod"),), new=A_POD),
    Damage(
        "the network is removed by force",
        (("network", "rm", "--force", "{}lab"),),
        new=A_POD | B_POD | PROMETHEUS_POD | {"network lab"},
        state="degraded",
    ),
]


@pytest.fixture(scope="module")
def lab(account: Account, images: dict[str, str]) -> Iterator[Lab]:
    """One lab for all damages: each test finds it repaired by the last."""
    del images
    lab = new_lab(account, "repair")
    yield lab
    lab.remove()


@pytest.fixture
def repaired(lab: Lab) -> Lab:
    """The lab in sync, whatever the last test left."""
    lab.up("sidecar")
    return lab


def named(ids: dict[str, str], lab: Lab) -> dict[str, str]:
    """The ids by names without the lab's prefix; infra containers go with their pods."""
    return {
        key.replace(f" {lab.name}-", " "): value
        for key, value in ids.items()
        if not key.endswith("-infra")
    }


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name.replace(" ", "-"))
def test_up_repairs_only_what_is_broken(repaired: Lab, podman: Podman, damage: Damage) -> None:
    lab = repaired
    before = named(podman.ids(lab.name), lab)
    with step(damage.name):
        for command in damage.commands:
            podman(*(word.format(f"{lab.name}-") for word in command))
    with step("status says so"):
        found = lab.status(expect=3)
        assert found["state"] == damage.state
        assert not found["in_sync"]
        assert found["drift"]
    with step("up repairs it"):
        lab.up("sidecar")
        assert lab.status()["in_sync"]
    after = named(podman.ids(lab.name), lab)
    assert before.keys() == after.keys()
    assert {key for key, value in before.items() if after[key] != value} == damage.new


def test_up_writes_a_lost_record_anew(repaired: Lab, podman: Podman) -> None:
    lab = repaired
    before = podman.ids(lab.name)
    (record,) = (key.split()[1] for key in before if "-lab-record-" in key)
    podman("volume", "rm", record)
    with step("status cannot know what was asked for"):
        found = lab.status(expect=3)
        assert found["drift"] == ["nothing says what this lab was made from"]
    lab.up("sidecar")
    after = podman.ids(lab.name)
    assert {key for key in after if after[key] != before.get(key)} == {f"volume {record}"}
    assert lab.status()["in_sync"]
