"""`up` when podman counts an address as taken whose holder is long gone: it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab import lifecycle
from lab.converge import ports, ready
from lab.converge.plan import Action, Kind
from lab.errors import AddressTakenError, StepError
from tests.unit.converge.labs import Silence, spec
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from lab.converge.plan import Step
    from lab.converge.status import Status


class Leased(FakeEngine):
    """An engine that has lost the lease of an address in every subnet but the last ones."""

    lost = 1

    def execute(self, step: Step) -> None:
        if step.action is Action.START and step.kind is Kind.POD:
            subnets = {network.subnet for network in self.networks.values()}
            self.tried = getattr(self, "tried", set()) | subnets
            if len(self.tried) <= self.lost:
                raise AddressTakenError("IPAM error: requested ip address is already allocated")
        super().execute(step)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Leased:
    monkeypatch.setattr(ready, "wait", lambda *_: None)
    monkeypatch.setattr(ports, "check", lambda _: None)
    there = {image.reference: f"id of {image.reference}" for image in spec("direct").images}
    return Leased(references=there)  # images to be built would need wheels, which need a network


def up(engine: FakeEngine) -> Status:
    lab = lifecycle.Lab(engine, Silence())
    wish = lifecycle.Wish(scenario="direct", name="lab", given={}, source="registry")
    return lifecycle.up(lab, lifecycle.prepare(lab, wish), timeout=1)


def test_the_lab_comes_up_in_another_subnet(engine: Leased) -> None:
    found = up(engine)
    assert (found.state, found.in_sync) == ("up", True)
    (network,) = engine.networks.values()
    assert len(engine.tried) == 2
    prefix = network.subnet.removesuffix("0/24")
    assert all(pod.address.startswith(prefix) for pod in engine.pods.values())


def test_a_second_lost_lease_is_an_error(engine: Leased) -> None:
    engine.lost = 2
    with pytest.raises(StepError, match="already allocated"):
        up(engine)
