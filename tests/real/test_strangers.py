"""Whatever else is in podman, by whatever names: `up` and `down` leave it as it is."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.steps import step

pytestmark = pytest.mark.real

NAME = "t-strange"
ROUNDS = 2
EACH = 8
"""How many strangers come in each round; they stay to the end."""
NAMES = (
    *("{lab}", "{lab}-", "{lab}-net", "{lab}-pod", "{lab}-data", "{lab}-service-a-podx"),
    *("{lab}-lab-record", "{lab}-service-c", "{lab}.service-a-pod", "{lab}2-service-a-pod"),
    *("{lab}-infra", "x{lab}-service-b", "{beginning}", "{beginning}-lab", "stranger-of-{lab}"),
)
"""Of the lab's name, begun with it, or its beginning; the lab gives none of them to anything."""
LABELS = (
    "lab=yes",
    "lab.nam={lab}",
    "lab.name=",
    "lab.name={beginning}",
    "lab.digest=0",
    "name={lab}",
)


class Strangers:
    """Containers, pods, networks and volumes without the lab's label."""

    def __init__(self, podman: Podman, image: str, lab: str) -> None:
        self._podman = podman
        self._image = image
        self._words = {"lab": lab, "beginning": lab[:-2]}
        self._made: dict[str, list[str]] = {
            k: [] for k in ("container", "pod", "network", "volume")
        }

    def come(self, random: Random) -> None:
        """Make one more, of a kind and with a name and a label that chance chooses."""
        kind = random.choice(list(self._made))
        # Pods and containers share their names.
        rivals = ("container", "pod") if kind in {"container", "pod"} else (kind,)
        taken = {name for rival in rivals for name in self._made[rival]}
        names = [name.format(**self._words) for name in NAMES]
        name = random.choice([name for name in names if name not in taken])
        label = ("--label", random.choice(LABELS).format(**self._words))
        if kind == "container":
            self._container(name, label, random)
        elif kind == "pod":
            self._podman("pod", "create", "--name", name, *label)
        else:
            self._podman(kind, "create", *label, name)
        self._made[kind].append(name)

    def leave(self) -> None:
        """Remove them all, who uses something before what is used."""
        for kind, names in self._made.items():
            now = ("--time", "0") if kind == "container" else ()
            if names:
                self._podman(kind, "rm", "--force", *now, *names)

    def _container(self, name: str, label: tuple[str, str], random: Random) -> None:
        """One that runs or was only created, alone or in what came before it."""
        options = [*label, "--name", name, "--env", "SERVICE_PORT=18080"]
        if volumes := self._made["volume"]:
            options += ["--volume", f"{random.choice(volumes)}:/data"]
        place = random.choice(["pod", "network", "none"])
        if place != "none" and (homes := self._made[place]):
            options += [f"--{place}", random.choice(homes)]
        how = random.choice([("run", "--detach"), ("create",)])
        self._podman(*how, *options, self._image)

    def seen(self) -> dict[str, Any]:
        """All that podman knows of every one of them, each fact by its path."""
        return dict(
            fact
            for kind, names in self._made.items()
            for name, found in zip(names, self._inspect(kind, names), strict=True)
            for fact in facts(f"{kind} {name}", found)
        )

    def _inspect(self, kind: str, names: list[str]) -> list[Any]:
        if kind == "pod":  # podman 4.3 takes only one at a time
            return [self._podman.json(kind, "inspect", name) for name in names]
        return self._podman.json(kind, "inspect", *names) if names else []


def facts(path: str, found: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    """Every value in some JSON that has no others in it."""
    if isinstance(found, dict) and found:
        for key, value in found.items():
            yield from facts(f"{path} {key}", value)
    elif isinstance(found, list) and found:
        # Podman gives some lists in another order each time it is asked.
        for number, value in enumerate(sorted(found, key=str)):
            yield from facts(f"{path} {number}", value)
    else:
        yield path, found


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, before and after."""
    keys = before.keys() | after.keys()
    pairs = {key: (before.get(key), after.get(key)) for key in sorted(keys)}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


@pytest.fixture
def strangers(labs: Labs, podman: Podman, images: dict[str, str]) -> Iterator[Strangers]:
    """Those that come in this test; they leave before its labs do."""
    del labs
    made = Strangers(podman, images["service-b"], NAME)
    yield made
    made.leave()


def test_up_and_down_change_no_stranger_whatever_it_is_called(
    labs: Labs, podman: Podman, strangers: Strangers
) -> None:
    lab = labs("strange")
    assert lab.name == NAME
    for seed in range(ROUNDS):
        random = Random(seed)  # noqa: S311 - which strangers come, no secrets
        with step(f"the strangers of seed {seed} come"):
            for _ in range(EACH):
                strangers.come(random)
            before = strangers.seen()
        with step(f"up beside the strangers of seeds 0 to {seed}"):
            lab.up(random.choice(["direct", "sidecar"]))
            assert changes(before, strangers.seen()) == {}
        with step(f"down beside the strangers of seeds 0 to {seed}"):
            lab("down", "--volumes")
            assert podman.ids(lab.name) == {}
            assert changes(before, strangers.seen()) == {}
