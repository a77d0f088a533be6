"""The floor: libpod's bare calls in the best order, over a service that runs already.

Python's start, imports, planning, locks and reports are not counted: the plan is ready before
the clock starts, and so is podman's service. What is left is what podman itself takes. For
commands that hardly call podman, it is a program on Typer that does nothing, and those calls.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bench.life import nothing
from bench.life.contenders import NAME, PORT, PROMETHEUS_PORT, Done, run
from lab import lifecycle
from lab.converge.apply import WORKERS
from lab.converge.diff import diff
from lab.converge.plan import Action, Kind
from lab.engine.podman import connect
from lab.progress import SilentReporter

if TYPE_CHECKING:
    from lab.converge.plan import Plan, Step


class Floor:
    """The calls of lab's own plan, with threads in place of everything else."""

    name = "floor"

    def __init__(self, name: str = NAME, **given: int) -> None:
        """Connect; this starts podman's service where none runs. ``given`` are parameters."""
        self._engine = connect()
        self._name = name
        self._given: dict[str, int | str] = {
            "port": PORT,
            "prometheus-port": PROMETHEUS_PORT,
            **given,
        }
        self._plan: Plan | None = None

    def prepare(self, scenario: str) -> None:
        """Plan, and see that the service is there."""
        self._engine = connect()
        lab = lifecycle.Lab(self._engine, SilentReporter())
        wish = lifecycle.Wish(scenario=scenario, name=self._name, given=self._given)
        self._plan = lifecycle.prepare(lab, wish).plan

    def up(self, scenario: str) -> Done:
        """Network and volumes; the pods of A and B side by side; then Prometheus."""
        del scenario
        pods: dict[str, list[Step]] = {}
        base: list[Step] = []
        for step in self._steps():
            name = step.name if step.kind is Kind.POD else step.pod
            (pods.setdefault(name, []) if name else base).append(step)
        last = pods.pop(f"{self._name}-prometheus-pod")
        began = time.perf_counter()
        self._all(base)
        self._together(pods)
        self._all(last)
        return Done(time.perf_counter() - began)

    def switch(self) -> Done:
        """Remove what goes, then create and start what comes, container beside container."""
        coming: dict[str, list[Step]] = {}
        going: dict[str, list[Step]] = {}
        records: list[Step] = []
        for step in self._steps():
            if step.kind is Kind.RECORD:
                records.append(step)
            else:
                lanes = going if step.action is Action.REMOVE else coming
                lanes.setdefault(step.name, []).append(step)
        began = time.perf_counter()
        self._together(going)
        self._together(coming)
        self._all(records)
        return Done(time.perf_counter() - began)

    def again(self, scenario: str) -> Done:
        """A program that does nothing, and one look at what podman holds."""
        del scenario
        done = run(sys.executable, nothing.__file__, "nothing")
        began = time.perf_counter()
        self._engine.observe(self._name)
        return Done(done.seconds + time.perf_counter() - began, done.memory)

    status = again

    def help(self) -> Done:
        """The help of a program that does nothing."""
        return run(sys.executable, nothing.__file__, "--help")

    def complete(self) -> Done:
        """The completion of a program that does nothing."""
        asked = {"COMP_WORDS": "nothing n", "COMP_CWORD": "1"}
        program = (sys.executable, nothing.__file__)
        return run(*program, _NOTHING_COMPLETE="complete_bash", **asked)

    def down(self, scenario: str) -> Done:
        """Observe, remove the pods side by side, then the network and the record."""
        del scenario
        self._engine = connect()
        began = time.perf_counter()
        steps = diff(None, self._engine.observe(self._name)).steps
        self._together({step.id: [step] for step in steps if step.kind is Kind.POD})
        self._all([step for step in steps if step.kind is not Kind.POD])
        return Done(time.perf_counter() - began)

    clear = down
    """Nothing is quicker."""

    def _steps(self) -> tuple[Step, ...]:
        return self._plan.steps if self._plan else ()

    def _all(self, steps: list[Step]) -> None:
        for step in steps:
            self._engine.execute(step)

    def _together(self, lanes: dict[str, list[Step]]) -> None:
        with ThreadPoolExecutor(WORKERS) as threads:
            for _ in threads.map(self._all, lanes.values()):
                pass  # raises what a lane raised
