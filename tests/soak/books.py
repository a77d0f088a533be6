"""Keeping the books of a soak: what became of every request, and whether the counts agree.

In a steady segment every law of lab's own ledger has to hold, and no request may be lost.

A switch ends service A's and the sidecar's processes, and their last counts with them. Service
B's counters go on; so over a switch, too,

- B counts on from where the segment before ended: there is no traffic but the client's;
- of B's answers exactly those are failures that its seed says;
- every success of the client is one of B's, and what else B succeeded in are requests that the
  client counts as lost;
- B gave an answer for each that service A passed on, and no more than retries allow;
- none of the ledger's laws fails: what cannot be measured is said to be so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from lab.metrics.ledger import Outcome
from tests.real.traffic import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.measure.records import Record

ERROR_RATE = 20
"""Percent of service B's answers that are failures."""
MOST_ATTEMPTS = 3
"""Of one request: the sidecar retries twice."""
FAILURE = 500
ANSWERS = "service-b.succeeded", "service-b.failed"
"""What service B counts."""
STEADY = "steady"
PASSED_ON = f"status {FAILURE}"
"""How service A passes a failure of service B on: an answer like any other, and no loss."""
STAYS = "service-b", "envoy-prom"
"""Containers that no change of scenario may replace."""


@dataclass(frozen=True)
class Segment:
    """A stretch of traffic between two quiet moments: a switch took place in it, or none."""

    name: str
    record: Record
    up: float | None = None
    """How many seconds the switch's `lab up` took."""


@dataclass(frozen=True)
class Row:
    """What became of a segment's requests, and what is wrong with its counts."""

    name: str
    sent: int
    answered: int
    """By service A: with success, or with a failure of service B that was passed on."""
    succeeded: int
    lost: Counter[str]
    """The others, by kind."""
    rate: float
    """Requests a second, as they were sent: fewer than were asked for if the machine stalled."""
    up: float | None
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """One line, for whoever watches."""
        took = "" if self.up is None else f", `lab up` {self.up:.1f} s"
        counts = f"{self.sent} sent, {self.succeeded} succeeded, {self.lost.total()} lost"
        return "; ".join((f"{self.name}{took}: {counts}", *self.problems))


class Books:
    """Enters segments one after the other, from the first answer of service B on."""

    def __init__(self, seed: int) -> None:
        """Service B has answered nothing yet."""
        self._seeded = drawn(seed, ERROR_RATE)
        self._answers = 0
        self._kept: dict[str, str] = {}
        self.rows: list[Row] = []

    def enter(self, segment: Segment) -> Row:
        """Reconcile the segment that follows the last one."""
        load = segment.record.load
        lost = Counter(load.errors)
        answered = load.succeeded + lost.pop(PASSED_ON, 0)
        problems = [*self._of_service_b(segment.record), *_of_the_ledger(segment)]
        if segment.name == STEADY:
            problems += [f"{count} lost: {kind}" for kind, count in lost.items()]
        else:
            problems += _of_a_switch(segment.record, answered, lost.total())
        row = Row(
            name=segment.name,
            sent=load.sent,
            answered=answered,
            succeeded=load.succeeded,
            lost=lost,
            rate=load.pace.achieved if load.pace else 0,
            up=segment.up,
            problems=tuple(problems),
        )
        self.rows.append(row)
        return row

    def _of_service_b(self, record: Record) -> Iterator[str]:
        """What is wrong with service B's own counts, which go on from segment to segment."""
        kept = {name: id_ for name, id_ in record.containers.items() if name.endswith(STAYS)}
        self._kept = self._kept or kept
        if self._kept != kept:
            yield f"replaced: {self._kept} is now {kept}"
        if record.skipped != self._answers:
            yield f"service B had given {self._answers} answers and begins at {record.skipped}"
        succeeded, failed = (record.ledger.count(name) for name in ANSWERS)
        if succeeded is None or failed is None:
            yield "service B was not measured"
            return
        answers = round(succeeded + failed)
        self._answers += answers
        statuses = [status for status, _ in islice(self._seeded, answers)]
        seeded = statuses.count(FAILURE)
        if failed != seeded:
            yield f"service B failed {failed} times, and by its seed {seeded} times"


def _of_the_ledger(segment: Segment) -> Iterator[str]:
    for check in segment.record.ledger.checks:
        unknown = segment.name == STEADY and check.outcome is Outcome.NOT_MEASURED
        if check.outcome is Outcome.FAILS or unknown:
            yield str(check)


def _of_a_switch(record: Record, answered: int, lost: int) -> Iterator[str]:
    succeeded, failed = (record.ledger.count(name) or 0 for name in ANSWERS)
    unseen = succeeded - record.load.succeeded
    if not 0 <= unseen <= lost:
        yield (
            f"service B succeeded {succeeded} times, the client {record.load.succeeded} times, "
            f"and lost {lost}"
        )
    if not answered <= succeeded + failed <= MOST_ATTEMPTS * record.load.sent:
        yield (
            f"service B answered {succeeded + failed} times to {record.load.sent} requests, "
            f"{answered} of which were answered"
        )
