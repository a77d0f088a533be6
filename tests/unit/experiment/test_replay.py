"""When a repetition has to be identical, and why it need not be."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab import lifecycle
from lab.converge.observed import Observed
from lab.converge.plan import Plan
from lab.experiment import replay as module
from lab.experiment.replay import Replayed, replay, wish
from lab.images.sources import Choice
from lab.measure.records import Image
from lab.progress import SilentReporter
from tests.unit.experiment.simulated import Run
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.measure.records import Record
    from lab.measure.traffic.load import Order


def recorded(scenario: str = "direct", seed: int | None = 7, **changes: object) -> Record:
    record = Run(scenario=scenario, requests=50).record()
    parameters = {**record.spec.parameters, "seed": seed}
    spec = msgspec.structs.replace(record.spec, parameters=parameters)
    return msgspec.structs.replace(record, spec=spec, **changes)


def with_order(**changes: object) -> Record:
    record = recorded()
    changed = msgspec.structs.replace(record.load.order, **changes)
    return msgspec.structs.replace(record, load=msgspec.structs.replace(record.load, order=changed))


CHOICE = Choice("packages", "for a test")


class Bench:
    """Replays in which the second run is the one given.

    ``sent`` has the warm-ups, ``wishes`` the labs that were wished for.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing was sent."""
        self.sent: list[int | None] = []
        self.wishes: list[lifecycle.Wish] = []
        self.monkeypatch = monkeypatch

    def replay(self, first: Record, second: Record | None = None) -> Replayed:
        made = lifecycle.Prepared(
            first.spec, Plan(lab="lab", steps=(), kept=()), CHOICE, Observed(lab="lab")
        )
        for name, stand_in in (
            ("down", self._nothing),
            ("prepare", self._prepare(made)),
            ("up", self._nothing),
        ):
            self.monkeypatch.setattr(lifecycle, name, stand_in)
        self.monkeypatch.setattr(module, "warm_up", self._warm_up)
        self.monkeypatch.setattr(module, "measure", lambda *_: second or first)
        lab = lifecycle.Lab(FakeEngine(), SilentReporter())
        return replay(lab, first, wish(first, "lab"), self._pouring, timeout=1)

    def _prepare(self, made: lifecycle.Prepared) -> Callable[..., lifecycle.Prepared]:
        def prepare(_lab: lifecycle.Lab, wish: lifecycle.Wish) -> lifecycle.Prepared:
            self.wishes.append(wish)
            return made

        return prepare

    def _warm_up(self, order: Order, _pouring: object) -> None:
        self.sent.append(order.requests)

    @staticmethod
    def _nothing(*_: object, **__: object) -> None:
        return None

    @staticmethod
    def _pouring(_order: Order) -> AbstractContextManager[Callable[[int, int], None]]:
        return nullcontext(lambda _finished, _succeeded: None)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_seeded_run_that_gives_the_same_is_identical(bench: Bench) -> None:
    assert bench.replay(recorded()).identical is True


def test_a_seeded_run_that_gives_something_else_is_not(bench: Bench) -> None:
    first = recorded()
    load = msgspec.structs.replace(first.load, outcomes="AAAAAAAAAA==")
    found = bench.replay(first, msgspec.structs.replace(first, load=load))
    assert found.identical is False


def test_what_service_b_had_answered_before_is_sent_first(bench: Bench) -> None:
    assert bench.replay(recorded(skipped=40)).identical is True
    assert bench.sent == [40]


def test_through_a_sidecar_the_place_in_the_sequence_cannot_be_reached(bench: Bench) -> None:
    found = bench.replay(recorded("sidecar", skipped=40))
    assert bench.sent == []
    assert found.identical is None
    assert found.reason.startswith("the seeded sequence had begun before")


OTHER_IMAGE = (Image(reference="localhost/lab/service-b:2", id="b2", digest="sha256:b2"),)
NEED_NOT = {
    "the run had no seed": recorded(seed=None),
    "several requests were in flight": with_order(concurrency=2),
    "it was limited by time": with_order(duration=1.0),
    "it is not known where the seeded sequence began": recorded(skipped=None),
}


@pytest.mark.parametrize(("reason", "first"), NEED_NOT.items(), ids=NEED_NOT.keys())
def test_what_need_not_be_identical_says_why(bench: Bench, reason: str, first: Record) -> None:
    found = bench.replay(first)
    assert (found.identical, found.reason) == (None, reason)


def test_images_that_cannot_be_had_again_are_named(bench: Bench) -> None:
    first = recorded()
    found = bench.replay(first, msgspec.structs.replace(first, images=OTHER_IMAGE))
    assert found.identical is None
    assert found.reason == "it ran on other images than now: localhost/lab/service-b"


def test_a_replay_that_is_interrupted_compares_nothing(bench: Bench) -> None:
    first = recorded()
    load = msgspec.structs.replace(first.load, partial=True)
    with pytest.raises(KeyboardInterrupt):
        bench.replay(first, msgspec.structs.replace(first, load=load))


def test_a_record_opens_no_port_to_other_machines(bench: Bench) -> None:
    record = recorded()
    parameters = {**record.spec.parameters, "host": "0.0.0.0"}  # noqa: S104 - nothing binds it
    spec = msgspec.structs.replace(record.spec, parameters=parameters)
    bench.replay(msgspec.structs.replace(record, spec=spec))
    (wish,) = bench.wishes
    assert {port.host_ip for port in wish.wanted.ports()} == {"127.0.0.1"}
