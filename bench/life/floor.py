"""The floor: libpod's bare calls in the best order, over a service that runs already.

Python's start, imports, planning, locks and reports are not counted: the plan is ready before
the clock starts, and so is podman's service. What is left is what podman itself takes.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from bench.life.contenders import NAME, PORT, PROMETHEUS_PORT, Done
from lab import lifecycle
from lab.converge.diff import diff
from lab.converge.plan import Kind
from lab.engine.podman import connect
from lab.progress import SilentReporter

if TYPE_CHECKING:
    from lab.converge.plan import Plan, Step

LAST = f"{NAME}-prometheus-pod"
"""The pod that service A's answer does not wait for."""


class Floor:
    """The calls of lab's own plan, with threads in place of everything else."""

    name = "floor"

    def __init__(self) -> None:
        """Connect; this starts podman's service where none runs."""
        self._engine = connect()
        self._plan: Plan | None = None

    def prepare(self, scenario: str) -> None:
        """Plan, and see that the service is there."""
        self._engine = connect()
        lab = lifecycle.Lab(self._engine, SilentReporter())
        given = {"port": PORT, "prometheus-port": PROMETHEUS_PORT}
        wish = lifecycle.Wish(scenario=scenario, name=NAME, given=given)
        self._plan = lifecycle.prepare(lab, wish).plan

    def up(self, scenario: str) -> Done:
        """Network and volumes; the pods of A and B side by side; then Prometheus."""
        del scenario
        steps = self._plan.steps if self._plan else ()
        pods: dict[str, list[Step]] = {}
        base: list[Step] = []
        for step in steps:
            name = step.name if step.kind is Kind.POD else step.pod
            (pods.setdefault(name, []) if name else base).append(step)
        last = pods.pop(LAST)
        began = time.perf_counter()
        self._all(base)
        self._together(*pods.values())
        self._all(last)
        return Done(time.perf_counter() - began)

    def down(self, scenario: str) -> Done:
        """Observe, remove the pods side by side, then the network and the record."""
        del scenario
        self._engine = connect()
        began = time.perf_counter()
        steps = diff(None, self._engine.observe(NAME)).steps
        pods = [[step] for step in steps if step.kind is Kind.POD]
        self._together(*pods)
        self._all([step for step in steps if step.kind is not Kind.POD])
        return Done(time.perf_counter() - began)

    def _all(self, steps: list[Step]) -> None:
        for step in steps:
            self._engine.execute(step)

    def _together(self, *lanes: list[Step]) -> None:
        threads = [threading.Thread(target=self._all, args=(lane,)) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
