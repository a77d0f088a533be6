"""What can start: exactly the steps whose needs are done, each once, in the plan's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from lab.converge.plan import Action, Kind, Plan, Step
from lab.converge.startable import Startable

if TYPE_CHECKING:
    from random import Random


def step(number: int, needs: set[int]) -> Step:
    return Step(
        lab="lab",
        action=Action.CREATE,
        kind=Kind.POD,
        name=f"{number:02}",
        because="it is a test",
        needs=tuple(f"create pod {need:02}" for need in sorted(needs)),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans in which a step may need any of those before it."""
    count = draw(st.integers(1, 12))
    needs = (
        draw(st.sets(st.integers(0, number - 1))) if number else set() for number in range(count)
    )
    return Plan(lab="lab", steps=tuple(step(n, needed) for n, needed in enumerate(needs)))


def drain(startable: Startable) -> list[Step]:
    return list(iter(startable.take, None))


@given(plans(), st.randoms(use_true_random=False))
def test_a_step_can_start_once_all_that_it_needs_is_done_and_not_before(
    plan: Plan, random: Random
) -> None:
    startable = Startable(plan)
    running = drain(startable)
    done: set[str] = set()
    began = [each.id for each in running]
    while running:
        ended = running.pop(random.randrange(len(running)))
        done.add(ended.id)
        startable.done(ended)
        came = drain(startable)
        assert came == [s for s in plan.steps if s.id not in began and done.issuperset(s.needs)]
        began += [each.id for each in came]
        running += came
    assert sorted(began) == sorted(each.id for each in plan.steps)


def test_what_a_failed_step_was_needed_for_never_starts() -> None:
    startable = Startable(Plan(lab="lab", steps=(step(0, set()), step(1, set()), step(2, {0, 1}))))
    first, _ = drain(startable)
    startable.done(first)
    assert startable.take() is None


def test_late_steps_come_after_all_others_and_only_while_a_processor_is_idle() -> None:
    late = msgspec.structs.replace(step(0, set()), late=True)
    hurried = step(1, set())
    startable = Startable(Plan(lab="lab", steps=(late, hurried)))
    assert startable.take(idle=False) == hurried
    assert startable.take(idle=False) is None
    assert startable.take(idle=True) == late
