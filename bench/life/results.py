"""What was measured, as samples that every table and chart is made from."""

from __future__ import annotations

import statistics

import msgspec

from bench.life.machine import Machine
from bench.lines import Line

PEERS = {
    "shell": "the article's shell steps",
    "podman-compose": "podman-compose",
    "kube play": "podman kube play",
    "floor": "the floor: libpod's bare calls",
}
TITLES = {
    "first": "`lab up {scenario}`, nothing to first answer",
    "again": "`lab up {scenario}` when it is up already",
    "switch": "direct to {scenario}, to the first answer",
    "status": "`lab status`",
    "down": "`lab down`, graceful",
    "help": "`lab --help`",
    "complete": "completion of `lab d`",
    "memory": "most memory that `lab up` holds",
}
START = "above it: [Python's start and imports](profile.md#start)"
CALLS = "[the floor](profile.md#calls-to-podman)"
MEMORY = 60
"""MiB that `lab up` may hold."""


class Sample(msgspec.Struct, frozen=True):
    """One measurement: who did what with which scenario in which round, in seconds.

    ``what`` is ``first`` (answer, from nothing), ``up`` (its command's end), ``again``,
    ``switch`` (first answer through the sidecar), ``status``, ``help``, ``complete`` or ``down``;
    ``memory`` is the command's peak in KiB where it was one.
    """

    who: str
    what: str
    scenario: str
    round: int
    seconds: float
    memory: int = 0


class Goal(msgspec.Struct, frozen=True):
    """A target: lab's time for something may be ``most`` times a peer's.

    ``why`` says where the time goes that lab takes beyond the floor.
    """

    what: str
    scenario: str
    peer: str
    most: float
    why: str = START


class Limit(msgspec.Struct, frozen=True):
    """A target without a peer: seconds, of something that has no scenario."""

    what: str
    most: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A goal beside medians in seconds, and the ratios of the rounds: median, least, greatest.

    ``floor`` is the floor as a share of the peer, None where the peer is the floor or there is
    none.
    """

    goal: Goal
    lab: float
    peer: float
    ratio: float
    least: float
    greatest: float
    floor: float | None

    @property
    def met(self) -> bool:
        """Whether the median ratio is within the goal."""
        return self.ratio <= self.goal.most

    @property
    def why(self) -> str:
        """The floor, and what lab takes beyond it."""
        if self.floor is None:
            return self.goal.why
        if self.floor >= self.goal.most:
            return f"the target is below {CALLS}, which is at {self.floor:.2f}"
        return f"{CALLS} is at {self.floor:.2f}; {self.goal.why}"


class Results(msgspec.Struct, frozen=True):
    """All samples of one run of the benchmark, the machine, and the command."""

    machine: Machine
    command: str
    samples: tuple[Sample, ...]

    def seconds(self, who: str, what: str, scenario: str) -> dict[int, float]:
        """The times of a contender by round."""
        return {
            s.round: s.seconds
            for s in self.samples
            if (s.who, s.what, s.scenario) == (who, what, scenario)
        }

    def median(self, who: str, what: str, scenario: str) -> float:
        """The median of a contender's times."""
        return statistics.median(self.seconds(who, what, scenario).values())

    def memory(self) -> float:
        """The most that `lab up` held, in MiB."""
        return max(s.memory for s in self.samples if (s.who, s.what) == ("lab", "up")) / 1024

    def row(self, goal: Goal) -> Row:
        """What became of a goal; the ratios are of pairs from the same round."""
        mine = self.seconds("lab", goal.what, goal.scenario)
        ratios = self._ratios("lab", goal)
        floors = [] if goal.peer == "floor" else self._ratios("floor", goal)
        return Row(
            goal=goal,
            lab=statistics.median(mine.values()),
            peer=self.median(goal.peer, goal.what, goal.scenario),
            ratio=statistics.median(ratios),
            least=min(ratios),
            greatest=max(ratios),
            floor=statistics.median(floors) if floors else None,
        )

    def _ratios(self, who: str, goal: Goal) -> list[float]:
        mine = self.seconds(who, goal.what, goal.scenario)
        peers = self.seconds(goal.peer, goal.what, goal.scenario)
        return [mine[i] / peers[i] for i in mine.keys() & peers.keys()]

    def lines(self) -> list[Line]:
        """The rows of the table."""
        memory = self.memory()
        held = Line(
            what=TITLES["memory"],
            lab=f"{memory:.0f} MiB",
            target=f"≤ {MEMORY} MiB",
            met=memory <= MEMORY,
        )
        limits = (Limit("help", 0.15), Limit("complete", 0.15))
        return [*(_beside(self.row(goal)) for goal in goals()), *map(self._within, limits), held]

    def _within(self, limit: Limit) -> Line:
        seconds = self.median("lab", limit.what, "")
        floor = self.median("floor", limit.what, "")
        return Line(
            what=TITLES[limit.what],
            lab=f"{seconds:.2f} s",
            target=f"≤ {limit.most:g} s",
            met=seconds <= limit.most,
            why=f"a program that does nothing with Typer takes {floor:.2f} s; {START}",
        )


NO_WORSE, NEAR = 1.0, 1.15
"""The targets: no worse than any peer, and as near to the floor."""


def goals() -> tuple[Goal, ...]:
    """The project's targets: in each row no worse than a peer, or near the floor."""
    peers = {
        ("first", "direct"): ("shell", "podman-compose", "kube play"),
        ("first", "sidecar"): ("shell", "podman-compose", "kube play"),
        ("again", "sidecar"): ("podman-compose",),
        ("switch", "sidecar"): ("shell",),
        ("status", "sidecar"): ("podman-compose",),
        ("down", "sidecar"): ("shell", "podman-compose", "kube play"),
    }
    return tuple(
        Goal(what, scenario, peer, NEAR if peer == "floor" else NO_WORSE)
        for (what, scenario), rivals in peers.items()
        for peer in (*rivals, "floor")
    )


def _beside(row: Row) -> Line:
    goal = row.goal
    return Line(
        what=TITLES[goal.what].format(scenario=goal.scenario),
        lab=f"{row.lab:.2f} s",
        beside=PEERS[goal.peer],
        takes=f"{row.peer:.2f} s",
        share=f"{row.ratio:.2f}",
        spread=f"{row.least:.2f} to {row.greatest:.2f}",
        target=f"≤ {goal.most:g}",
        met=row.met,
        why=row.why,
    )
