"""`up` when podman holds what it did not show: a lost lease, or what it was still creating."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from lab import lifecycle
from lab.converge import ports, ready
from lab.converge.plan import Action, Kind
from lab.errors import AddressTakenError, ConflictError, FirewallError, StepError
from tests.unit.converge.labs import Silence, spec
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from lab.converge.observed import Observed
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


class Slow(FakeEngine):
    """An engine that was still creating service A for a lab that was killed, as ``owner``'s."""

    owner = "lab"

    def execute(self, step: Step) -> None:
        if step.id == "create container service-a" and self.owner:
            owner, self.owner = self.owner, ""
            super().execute(msgspec.structs.replace(step, lab=owner))
        super().execute(step)


THERE = {image.reference: f"id of {image.reference}" for image in spec("direct").images}
"""Images to be built would need wheels, which need a network."""


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "wait", lambda *_, **__: None)
    monkeypatch.setattr(ports, "check", lambda _: None)
    monkeypatch.setattr(lifecycle, "PAUSE", 0)


@pytest.fixture
def engine() -> Leased:
    return Leased(references=dict(THERE))


def up(engine: FakeEngine, reporter: Silence | None = None) -> Status:
    lab = lifecycle.Lab(engine, reporter or Silence())
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


def test_what_a_killed_lab_had_podman_create_is_taken_as_it_is() -> None:
    engine = Slow(references=dict(THERE))
    found = up(engine)
    assert (found.state, found.in_sync) == ("up", True)
    assert engine.named("service-a").lab == "lab"


def test_what_somebody_else_created_meanwhile_is_named() -> None:
    engine = Slow(references=dict(THERE))
    engine.owner = "other"
    with pytest.raises(ConflictError) as caught:
        up(engine)
    assert "container service-a exists and does not belong to this lab" in caught.value.details


def test_a_name_that_stays_taken_is_an_error() -> None:
    class Stuck(FakeEngine):
        def execute(self, step: Step) -> None:
            if step.id == "create container service-a":
                self._refuse_taken("service-b")
            super().execute(step)

    with pytest.raises(StepError, match="could not create container service-a"):
        up(Stuck(references=dict(THERE)))


class Notes(Silence):
    """A reporter that keeps what it is told in passing."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_a_lab_comes_up_where_the_kernel_refuses_its_rules_and_says_so() -> None:
    class Refusing(FakeEngine):
        def execute(self, step: Step) -> None:
            if step.kind is Kind.FIREWALL:
                raise FirewallError("the firewall cannot be set: no such match")
            super().execute(step)

    notes = Notes()
    found = up(Refusing(references=dict(THERE), firewall=""), notes)
    assert notes.notes[-2:] == [
        "the firewall cannot be set: no such match: replanning",
        lifecycle.EXPOSED,
    ]
    assert (found.state, found.in_sync) == ("up", False)
    assert found.drift == ("create firewall lab  because it does not exist",)


def test_where_no_rules_can_be_set_the_reason_is_said_before_anything_is_done() -> None:
    class Remote(FakeEngine):
        def observe(self, lab: str) -> Observed:
            return msgspec.structs.replace(super().observe(lab), exposed="podman is elsewhere")

    notes = Notes()
    assert up(Remote(references=dict(THERE)), notes).in_sync
    assert f"{lifecycle.EXPOSED}: podman is elsewhere" in notes.notes
