"""Labs for one experiment: their own names and ports, and nothing of them in the end."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab import lifecycle
from lab.experiment.throwaway import throwaway
from lab.lifecycle import Lab, Wish
from lab.progress import SilentReporter
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Engine(FakeEngine):
    """An engine whose locks can be held."""

    def __post_init__(self) -> None:
        """Nothing is held."""
        super().__post_init__()
        self.held: set[str] = set()

    @contextmanager
    def lock(self, lab: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold a lock; who would have to wait for one forever is told so."""
        if lab in self.held:
            waiting("another")
            raise AssertionError(f"{lab} is held")
        self.held.add(lab)
        try:
            yield
        finally:
            self.held.remove(lab)


WISH = Wish(scenario="direct", name="lab", given={}, source="packages")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr("lab.images.builder.Builder.build", lambda *_: None)
    return Lab(Engine(), SilentReporter())


def raised(lab: Lab, wish: Wish) -> lifecycle.Prepared:
    """Make a lab without building anything."""
    prepared = lifecycle.prepare(lab, wish)
    for step in prepared.plan.steps:
        lab.engine.execute(step)
    return prepared


def names(lab: Lab) -> set[str]:
    assert isinstance(lab.engine, Engine)
    return {pod.lab for pod in lab.engine.pods.values()}


def test_labs_at_the_same_time_share_nothing_and_leave_nothing(lab: Lab) -> None:
    with ExitStack() as stack:
        wishes = [stack.enter_context(throwaway(lab, WISH, "sweep")) for _ in range(8)]
        made = [raised(lab, wish) for wish in wishes]
        assert len(names(lab)) == 8
        published = [port.published for each in made for port in each.spec.ports()]
        assert len({*published}) == len(published)
        assert len({each.spec.network.subnet for each in made}) == 8
    assert names(lab) == set()
    assert isinstance(lab.engine, Engine)
    assert (lab.engine.volumes, lab.engine.networks, lab.engine.held) == ({}, {}, set())


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, ValueError])
def test_what_goes_wrong_takes_the_lab_along(lab: Lab, trouble: type[BaseException]) -> None:
    def experiment() -> None:
        with throwaway(lab, WISH, "replay") as wish:
            raised(lab, wish)
            raise trouble

    with pytest.raises(trouble):
        experiment()
    assert names(lab) == set()


def test_a_long_name_is_cut(lab: Lab) -> None:
    long = Wish(scenario="direct", name="a" * 31, given={}, source="packages")
    with throwaway(lab, long, "replay") as wish:
        assert raised(lab, wish).spec.name == wish.name
        assert len(wish.name) == 31


def test_what_was_left_behind_goes_and_what_is_in_use_or_the_user_s_stays(lab: Lab) -> None:
    mine = Wish(scenario="direct", name="lab-sweep-0000", given={}, source="packages")
    left = replace(
        mine, name="lab-sweep-1111", throwaway="lab", ports={"service-a": 1001, "prometheus": 1002}
    )
    used = replace(
        mine, name="lab-sweep-2222", throwaway="lab", ports={"service-a": 2001, "prometheus": 2002}
    )
    for wish in (mine, left, used):
        raised(lab, wish)
    with lab.engine.lock(used.name, lambda _: None), throwaway(lab, WISH, "sweep"):
        assert names(lab) == {mine.name, used.name}
    with throwaway(lab, WISH, "sweep"):
        assert names(lab) == {mine.name}


def test_nothing_is_removed_from_an_engine_whose_other_users_cannot_be_seen(lab: Lab) -> None:
    left = Wish(
        scenario="direct", name="x", given={}, source="packages", ports={"service-a": 1},
        throwaway="lab",
    )  # fmt: skip
    raised(lab, left)
    lab.engine.local = False
    with throwaway(lab, WISH, "sweep"):
        assert names(lab) == {"x"}
