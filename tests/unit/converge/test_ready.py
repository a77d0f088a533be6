"""Waiting until a lab answers, on a clock that only moves when somebody sleeps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from lab.converge import ready
from lab.errors import EndedError, ExitStatus, NotReadyError
from tests.unit.converge.labs import spec

DIRECT = spec("direct")
SERVICE_A = "http://127.0.0.1:8080/readyz"
PROMETHEUS = "http://127.0.0.1:9090/-/ready"
NEVER = 1_000_000


@dataclass
class World:
    """A lab whose URLs answer from a moment on; an answer itself takes no time."""

    ready_at: dict[str, float]
    now: float = 1000.0
    asked: list[str] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    ends_at: float = math.inf
    looked: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def ask(self, url: str, timeout: float) -> str:
        self.asked.append(url)
        self.timeouts.append(timeout)
        return "" if self.now >= self.ready_at.get(url, 0) else "connection refused"

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def look(self) -> None:
        self.looked.append(self.now)
        if self.now >= self.ends_at:
            raise EndedError("it exited with code 1")

    def waiting(self, text: str) -> None:
        self.told.append(text)

    def wait(self, timeout: float, steady: float = 0.0) -> None:
        ready.wait(
            DIRECT,
            timeout,
            watcher=self,
            steady=steady,
            ask=self.ask,
            clock=self.clock,
            sleep=self.sleep,
        )


def test_what_is_asked_is_every_published_port_that_can_say_it_is_ready() -> None:
    assert [(check.name, check.url, check.pod) for check in ready.checks(DIRECT)] == [
        ("prometheus", PROMETHEUS, "prometheus-pod"),
        ("service-a", SERVICE_A, "service-a-pod"),
    ]


def test_when_everything_answers_each_is_asked_once_and_nobody_waits() -> None:
    world = World({})
    world.wait(60)
    assert world.asked == [PROMETHEUS, SERVICE_A]
    assert world.now == 1000


def test_what_has_answered_is_not_asked_again_while_another_is_late() -> None:
    world = World({SERVICE_A: 1001})
    world.wait(60)
    assert world.asked.count(PROMETHEUS) == 1
    assert world.asked[-1] == SERVICE_A
    assert world.now == pytest.approx(1001, abs=2 * ready.INTERVAL)


def test_after_the_deadline_the_error_names_what_did_not_answer_and_why() -> None:
    world = World({SERVICE_A: NEVER})
    with pytest.raises(NotReadyError) as caught:
        world.wait(3)
    assert caught.value.message == "service-a did not answer within 3s"
    assert caught.value.details == (f"service-a ({SERVICE_A}): connection refused",)
    assert "--wait" in caught.value.hint
    assert caught.value.answered == {"prometheus-pod"}
    assert caught.value.status is ExitStatus.DEGRADED
    assert world.now == pytest.approx(1003, abs=2 * ready.INTERVAL)


def test_an_error_names_everything_that_did_not_answer() -> None:
    world = World({SERVICE_A: NEVER, PROMETHEUS: NEVER})
    with pytest.raises(NotReadyError, match=r"^prometheus, service-a did not") as caught:
        world.wait(0.5)
    assert caught.value.answered == frozenset()


def test_with_no_time_at_all_everything_is_still_asked_once() -> None:
    world = World({SERVICE_A: NEVER})
    with pytest.raises(NotReadyError):
        world.wait(0)
    assert world.asked == [PROMETHEUS, SERVICE_A]


def test_no_question_takes_much_longer_than_what_is_left() -> None:
    world = World({SERVICE_A: NEVER})
    with pytest.raises(NotReadyError):
        world.wait(3)
    assert max(world.timeouts) == 2
    assert min(world.timeouts) >= 0.05
    assert world.timeouts[-1] < 0.2


def test_an_answer_at_the_last_moment_counts() -> None:
    world = World({SERVICE_A: 1003})
    world.wait(3)


def test_a_container_that_ends_is_noticed_long_before_the_deadline() -> None:
    world = World({SERVICE_A: NEVER}, ends_at=1002)
    with pytest.raises(EndedError):
        world.wait(60)
    assert world.now == pytest.approx(1002, abs=2 * ready.LOOK)


def test_at_the_deadline_a_container_that_has_ended_is_the_better_reason() -> None:
    world = World({SERVICE_A: NEVER}, ends_at=1000.01)
    with pytest.raises(EndedError):
        world.wait(0.01)


def test_a_lab_that_answers_at_once_is_looked_at_once() -> None:
    world = World({})
    world.wait(60)
    assert world.looked == [1000]


def test_a_lab_of_which_nothing_else_is_known_has_to_run_for_a_while() -> None:
    world = World({})
    world.wait(60, ready.STEADY)
    assert world.now == pytest.approx(1000 + ready.STEADY, abs=2 * ready.INTERVAL)
    assert len(world.looked) > 5
    world = World({}, ends_at=1000 + ready.STEADY / 2)
    with pytest.raises(EndedError):
        world.wait(60, ready.STEADY)


def test_no_while_is_longer_than_the_time_allowed() -> None:
    world = World({})
    world.wait(0.2, ready.STEADY)
    assert world.now == pytest.approx(1000.2, abs=2 * ready.INTERVAL)


def test_while_it_waits_it_says_for_what_and_what_that_last_answered() -> None:
    world = World({SERVICE_A: 1001})
    world.wait(60)
    assert set(world.told) == {f"service-a ({SERVICE_A}): connection refused"}
