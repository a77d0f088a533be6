"""When a repetition has to be identical, and why it need not be."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab import lifecycle
from lab.converge.observed import Observed
from lab.converge.plan import Plan
from lab.errors import UsageError
from lab.experiment import replay as module
from lab.experiment.replay import Replayed, replay, wish
from lab.images.sources import Choice
from lab.measure.records import Image
from lab.progress import SilentReporter
from tests.unit.experiment.simulated import Run
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


SCENARIO = """\
summary: s
parameters:
  word: {type: string, default: one}
  password: {type: string, secret: true}
pods:
  p:
    containers: {c: {image: "i:1", environment: {W: "${word}"}, secrets: [password]}}
"""


@pytest.fixture
def kept_secret(tmp_path: Path) -> Record:
    """A run of a scenario that has a secret, and in which ``word`` was set."""
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO)
    (tmp_path / "value").write_text("hunter2\n")
    given = {"word": "two", "password": f"@{tmp_path / 'value'}"}
    spec = lifecycle.Wish(scenario=str(file), name="lab", given=given).wanted
    return msgspec.structs.replace(recorded(), spec=spec)


def test_a_replay_is_given_the_secrets_of_the_run_anew(kept_secret: Record, tmp_path: Path) -> None:
    wanted = wish(kept_secret, "lab", {"password": f"@{tmp_path / 'value'}"})
    assert wanted.secrets == {"password": "hunter2"}
    assert wanted.wanted == kept_secret.spec


def test_a_replay_without_a_secret_of_the_run_says_so(kept_secret: Record) -> None:
    with pytest.raises(UsageError, match="the run had the secret password") as caught:
        wish(kept_secret, "lab")
    assert "--set password=@FILE" in caught.value.hint


def test_a_replay_is_given_nothing_but_secrets(kept_secret: Record, tmp_path: Path) -> None:
    given = {"password": f"@{tmp_path / 'value'}", "word": "three"}
    with pytest.raises(UsageError, match="the run had no secret 'word'"):
        wish(kept_secret, "lab", given)


def test_a_record_names_no_file_to_read_a_secret_from(kept_secret: Record, tmp_path: Path) -> None:
    parameters = {**kept_secret.spec.parameters, "password": f"@{tmp_path / 'value'}"}
    spec = msgspec.structs.replace(kept_secret.spec, parameters=parameters, secrets=())
    wanted = wish(msgspec.structs.replace(kept_secret, spec=spec), "lab")
    assert wanted.given == {"word": "two"}
    assert wanted.secrets == {}
