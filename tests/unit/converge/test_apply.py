"""Carrying out: order, overlap, and what happens when a step fails or the user interrupts.

Steps wait for each other through barriers and events, never for time. A barrier that is not
reached breaks after some seconds, so that a fault ends a test instead of hanging it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.converge import apply
from lab.converge.apply import Outcome
from lab.converge.plan import Action, Kind, Plan, Step
from lab.errors import EngineError, StepError

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 20.0


def step(name: str, *needs: str) -> Step:
    return Step(
        lab="lab",
        action=Action.CREATE,
        kind=Kind.POD,
        name=name,
        because="it is a test",
        needs=tuple(f"create pod {need}" for need in needs),
    )


def plan(*steps: Step) -> Plan:
    return Plan(lab="lab", steps=steps)


class Listener:
    """Writes down what a reporter hears."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[tuple[str, Outcome]] = []

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def waiting(self, text: str) -> None:
        raise AssertionError(text)

    def started(self, step: Step) -> None:
        self.began.append(step.name)

    def progress(self, step: Step, line: str) -> None:
        raise AssertionError((step, line))

    def finished(self, step: Step, outcome: Outcome) -> None:
        self.ended.append((step.name, outcome))


def fails(*names: str, error: BaseException | None = None) -> Callable[[Step], None]:
    def execute(step: Step) -> None:
        if step.name in names:
            raise error or EngineError(f"{step.name} is broken")

    return execute


def test_an_empty_plan_is_done_at_once() -> None:
    assert apply.run(plan(), fails(), Listener()) == ()


def test_a_step_begins_only_when_all_that_it_needs_is_done() -> None:
    done: list[str] = []

    def execute(step: Step) -> None:
        assert {need.rsplit(" ", 1)[1] for need in step.needs} <= set(done)
        done.append(step.name)

    apply.run(
        plan(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")), execute, Listener()
    )
    assert (done[0], done[-1]) == ("a", "d")
    assert sorted(done) == ["a", "b", "c", "d"]


def test_independent_steps_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3)
    results = apply.run(
        plan(step("a"), step("b"), step("c")), lambda _: _arrive(meeting), Listener()
    )
    assert {result.outcome for result in results} == {Outcome.DONE}


def test_a_step_does_not_wait_for_others_that_it_does_not_need() -> None:
    last_done = threading.Event()

    def execute(step: Step) -> None:
        if step.name == "slow":
            assert last_done.wait(PATIENCE)
        if step.name == "last":
            last_done.set()

    apply.run(plan(step("slow"), step("a"), step("last", "a")), execute, Listener())


def test_no_more_steps_run_at_a_time_than_there_are_workers() -> None:
    lock = threading.Lock()
    running: list[str] = []
    most: list[int] = []
    meeting = threading.Barrier(2)

    def execute(step: Step) -> None:
        with lock:
            running.append(step.name)
            most.append(len(running))
        _arrive(meeting)
        with lock:
            running.remove(step.name)
        _arrive(meeting)

    apply.run(plan(*(step(name) for name in "abcdef")), execute, Listener(), workers=2)
    assert max(most) == 2


def late(name: str) -> Step:
    return msgspec.structs.replace(step(name), late=True)


@pytest.mark.parametrize(
    ("processors", "order"),
    [(1, ["a", "b", "late"]), (2, ["a", "b", "late"]), (4, ["a", "late", "b"])],
)
def test_a_late_step_takes_no_processor_from_the_others(processors: int, order: list[str]) -> None:
    listener = Listener()
    steps = (late("late"), step("a"), step("b", "a"))
    apply.run(plan(*steps), lambda _: None, listener, processors=processors)
    assert listener.began == order


def test_results_stand_in_the_plan_s_order_whichever_step_ended_first() -> None:
    second_done = threading.Event()

    def execute(step: Step) -> None:
        if step.name == "a":
            assert second_done.wait(PATIENCE)
        else:
            second_done.set()

    results = apply.run(plan(step("a"), step("b")), execute, Listener())
    assert [result.step.name for result in results] == ["a", "b"]


def test_after_a_failure_what_runs_is_waited_for_and_nothing_is_begun() -> None:
    listener = Listener()
    failed = threading.Event()

    def execute(step: Step) -> None:
        if step.name == "bad":
            failed.set()
            raise EngineError("bad is broken")
        assert failed.wait(PATIENCE)

    with pytest.raises(StepError):
        apply.run(
            plan(step("bad"), step("slow"), step("after bad", "bad"), step("after slow", "slow")),
            execute,
            listener,
        )
    assert sorted(listener.began) == ["bad", "slow"]
    assert dict(listener.ended) == {
        "bad": Outcome.FAILED,
        "slow": Outcome.DONE,
        "after bad": Outcome.ABORTED,
        "after slow": Outcome.ABORTED,
    }


def test_after_a_failure_steps_that_wait_for_a_worker_are_not_begun() -> None:
    listener = Listener()
    with pytest.raises(StepError):
        apply.run(plan(*(step(name) for name in "abcdef")), fails("a"), listener, workers=1)
    assert listener.began == ["a"]


def test_the_reporter_hears_of_every_step_exactly_once() -> None:
    listener = Listener()
    steps = [step("a"), step("b", "a"), step("c", "b"), step("d")]
    with pytest.raises(StepError):
        apply.run(plan(*steps), fails("b"), listener)
    assert sorted(name for name, _ in listener.ended) == ["a", "b", "c", "d"]
    assert len(set(listener.began)) == len(listener.began)


def test_the_error_names_the_step_and_its_cause() -> None:
    with pytest.raises(StepError, match=r"^could not create pod a: a is broken$"):
        apply.run(plan(step("a")), fails("a"), Listener())


def test_the_error_keeps_the_hint_and_the_details_of_its_cause() -> None:
    cause = EngineError("broken", hint="repair it", details=("last line",))
    with pytest.raises(StepError) as caught:
        apply.run(plan(step("a")), fails("a", error=cause), Listener())
    assert (caught.value.hint, caught.value.details) == ("repair it", ("last line",))
    assert caught.value.__cause__ is cause


def test_the_error_lists_other_failures_and_counts_what_was_not_begun() -> None:
    meeting = threading.Barrier(2)

    def execute(step: Step) -> None:
        _arrive(meeting)
        raise EngineError(f"{step.name} is broken")

    with pytest.raises(StepError) as caught:
        apply.run(plan(step("a"), step("b"), step("c", "a", "b")), execute, Listener())
    assert caught.value.message == "could not create pod a: a is broken"
    assert caught.value.details == (
        "create pod b: b is broken",
        "1 step was not begun after that",
    )


def test_a_fault_of_lab_itself_is_reported_like_a_failure() -> None:
    with pytest.raises(StepError, match="could not create pod a: division"):
        apply.run(plan(step("a")), fails("a", error=ZeroDivisionError("division")), Listener())


def test_an_interruption_waits_for_what_runs_and_begins_nothing_more() -> None:
    listener = Interrupted()

    def execute(step: Step) -> None:
        assert listener.interrupted.wait(PATIENCE)
        listener.done.append(step.name)

    with pytest.raises(KeyboardInterrupt):
        apply.run(plan(step("a"), step("b"), step("c", "a")), execute, listener)
    assert listener.done == ["a"]
    assert dict(listener.ended) == {
        "a": Outcome.DONE,
        "b": Outcome.ABORTED,
        "c": Outcome.ABORTED,
    }


def test_an_interruption_inside_a_step_is_raised_again() -> None:
    listener = Listener()
    with pytest.raises(KeyboardInterrupt):
        apply.run(plan(step("a"), step("b", "a")), fails("a", error=KeyboardInterrupt()), listener)
    assert dict(listener.ended) == {"a": Outcome.FAILED, "b": Outcome.ABORTED}


class Interrupted(Listener):
    """Is interrupted when the second step is about to begin, while the first one runs."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupted = threading.Event()
        self.done: list[str] = []

    def started(self, step: Step) -> None:
        super().started(step)
        if step.name == "b":
            self.interrupted.set()
            raise KeyboardInterrupt


def _arrive(meeting: threading.Barrier) -> None:
    meeting.wait(PATIENCE)
