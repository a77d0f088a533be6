"""Which steps of a plan can start: dependents are looked up, not searched for. Pure."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.converge.plan import Plan, Step


class Startable:
    """The steps whose needs are all done and that were not taken: late ones last, in plan order.

    Steps with equal needs wait together, since in a large plan most of them have the same few.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin with the steps that need nothing."""
        self._steps = plan.steps
        self._waiting: dict[tuple[str, ...], list[int]] = {}
        for position, step in enumerate(plan.steps):
            self._waiting.setdefault(step.needs, []).append(position)
        self._ready = [self._turn(position) for position in self._waiting.pop((), [])]
        heapify(self._ready)
        self._unmet = {needs: set(needs) for needs in self._waiting}
        self._needed_by: dict[str, list[tuple[str, ...]]] = {}
        for needs, unmet in self._unmet.items():
            for need in unmet:
                self._needed_by.setdefault(need, []).append(needs)

    def take(self, *, idle: bool = True) -> Step | None:
        """Take the first step that can start; None when none can, or should, at the moment.

        Late steps are only taken while a processor is ``idle``.
        """
        if not self._ready:
            return None
        late, position = self._ready[0]
        if late and not idle:
            return None
        heappop(self._ready)
        return self._steps[position]

    def done(self, step: Step) -> None:
        """Note that a step succeeded, so that what needed only this can start."""
        for needs in self._needed_by.pop(step.id, ()):
            self._unmet[needs].remove(step.id)
            if not self._unmet[needs]:
                for position in self._waiting.pop(needs):
                    heappush(self._ready, self._turn(position))

    def _turn(self, position: int) -> tuple[bool, int]:
        return self._steps[position].late, position
