"""Signals while a plan is carried out are heard between steps, when no lock is held."""

import signal

import pytest

from lab.converge import apply
from lab.converge.apply import Outcome
from lab.converge.plan import Action, Kind, Plan, Step
from tests.unit.converge.labs import Silence


class Interrupting(Silence):
    """Is interrupted in the middle of hearing that the first step has ended."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def finished(self, step: Step, outcome: Outcome) -> None:
        if step.name == "first":
            signal.raise_signal(signal.SIGINT)
        self.heard.append(f"{step.name} {outcome}")


def pod(name: str, *needs: str) -> Step:
    return Step(
        lab="x", action=Action.CREATE, kind=Kind.POD, name=name, because="it is a test", needs=needs
    )


def test_a_signal_does_not_break_into_the_bookkeeping() -> None:
    first = pod("first")
    second = pod("second", first.id)
    third = pod("third", second.id)
    before = signal.getsignal(signal.SIGINT)
    reporter = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        apply.run(Plan(lab="x", steps=(first, second, third)), lambda _: None, reporter)
    assert reporter.heard == ["first done", "second aborted", "third aborted"]
    assert signal.getsignal(signal.SIGINT) is before
