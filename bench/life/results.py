"""What was measured, as samples that every table and chart is made from."""

from __future__ import annotations

import statistics

import msgspec

from bench.life.machine import Machine


class Sample(msgspec.Struct, frozen=True):
    """One measurement: who did what with which scenario in which round, in seconds.

    ``what`` is ``first`` (answer, from nothing), ``up`` (its command's end), ``again``,
    ``switch`` (first answer through the sidecar), ``status``, ``help`` or ``down``; ``memory`` is
    the command's peak in KiB where it was one.
    """

    who: str
    what: str
    scenario: str
    round: int
    seconds: float
    memory: int = 0


class Goal(msgspec.Struct, frozen=True):
    """A row of the table: lab's time for something may be ``most`` times a peer's."""

    what: str
    scenario: str
    peer: str
    most: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A goal beside medians in seconds, and the ratios of the rounds: median, least, greatest."""

    goal: Goal
    lab: float
    peer: float
    ratio: float
    least: float
    greatest: float

    @property
    def met(self) -> bool:
        """Whether the median ratio is within the goal."""
        return self.ratio <= self.goal.most


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

    def row(self, goal: Goal) -> Row:
        """What became of a goal; the ratios are of pairs from the same round."""
        mine = self.seconds("lab", goal.what, goal.scenario)
        peers = self.seconds(goal.peer, goal.what, goal.scenario)
        ratios = [mine[i] / peers[i] for i in mine.keys() & peers.keys()]
        return Row(
            goal=goal,
            lab=statistics.median(mine.values()),
            peer=statistics.median(peers.values()),
            ratio=statistics.median(ratios),
            least=min(ratios),
            greatest=max(ratios),
        )


def goals() -> tuple[Goal, ...]:
    """The project's targets."""
    found = []
    for scenario in ("direct", "sidecar"):
        found += [
            Goal("first", scenario, "shell", 0.7),
            Goal("first", scenario, "podman-compose", 0.6),
            Goal("first", scenario, "kube play", 0.9),
            Goal("first", scenario, "floor", 1.25),
        ]
    found += [
        Goal("again", "sidecar", "podman-compose", 0.5),
        Goal("switch", "sidecar", "shell", 0.6),
        Goal("status", "sidecar", "podman-compose", 0.7),
        Goal("down", "sidecar", "shell", 0.2),
        Goal("down", "sidecar", "podman-compose", 0.8),
        Goal("down", "sidecar", "kube play", 1.0),
        Goal("down", "sidecar", "floor", 1.4),
    ]
    return tuple(found)
