"""The path of a run's requests, with what was counted at its hops and between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.metrics.laws import CLIENT, CLIENT_HOP, counted
from lab.metrics.quantities import Quantities
from lab.report.words import MISSING, number
from lab.spec.expressions import sum_of

if TYPE_CHECKING:
    from lab.measure.records import Record
    from lab.spec.expressions import Number

GOOD, BAD, AGAIN, GAP = "good", "bad", "again", "gap"
"""What a count at a hop is a sign of."""
COUNTS = (
    ("succeeded", "succeeded", GOOD),
    ("failed", "failed", BAD),
    ("retries", "retried", AGAIN),
)
"""What is said of a hop: the count, its word, and what it is a sign of."""
ROOM, CHARACTER, MARGIN = 810, 7, 20
"""Pixels: of a drawing on a desk, of a character, and around those of a hop."""
SHORT, LONG = 50, 120
"""Pixels between two hops, at the least and the most."""
MOST_HOPS = 100


@dataclass(frozen=True)
class Step:
    """A hop of the path, the container's name apart from its ``side``, and what follows.

    ``edge`` says how many requests reached it, or how many were ``sent`` and received if those
    are not the same. ``facts`` are what it counted, each with a sign.
    """

    service: str
    side: str
    edge: str
    same: bool
    facts: tuple[tuple[str, str], ...]
    next: tuple[Step, ...]

    @property
    def width(self) -> float:
        """Pixels that the hops take from left to right, this one and the widest that follow."""
        words = max(map(len, (self.service, self.side, *(text for text, _ in self.facts))))
        return words * CHARACTER + MARGIN + max((s.width for s in self.next), default=0)

    @property
    def depth(self) -> int:
        """How many hops follow one behind the other."""
        return max((1 + step.depth for step in self.next), default=0)

    @property
    def gap(self) -> int:
        """Pixels between two hops from left to right, 0 when a desk has no room for that."""
        found = int((ROOM - self.width) / max(1, self.depth))
        return min(found, LONG) if found >= SHORT else 0

    @property
    def words(self) -> str:
        """The path in a sentence."""
        here = f"{self.service}{'.' if self.side else ''}{self.side}"
        facts = ", ".join(text for text, _ in self.facts)
        told = f"{here} ({facts})" if facts else here
        branches = " and ".join(f"{step.edge} to {step.words}" for step in self.next)
        return f"{told}, {branches}" if branches else told


def flow(run: Record) -> Step | None:
    """The path of a run from the client on; None when its scenario has none."""
    if not run.spec.path:
        return None
    return _Path(run).step(CLIENT, "")


def count(run: Record, quantities: Quantities, hop: str, what: str) -> Number | None:
    """What a hop counted of ``received``, ``succeeded``, ``failed``, ``sent`` or another count.

    None when nobody counts it or it was not measured.
    """
    described = CLIENT_HOP if hop == CLIENT else quantities.hops.get(hop)
    sum_ = counted(hop, what, described) if described else ""
    if not sum_:
        return None
    found = sum_of(sum_)
    return found.value({name: run.ledger.count(name) for name in found.names()})


class _Path:
    """Follows a path, no hop of it twice: a record may be a stranger's, and go round in circles."""

    def __init__(self, run: Record) -> None:
        self._quantities = Quantities(run.spec)
        self._run = run
        self._calls: dict[str, list[str]] = {}
        for caller, callee in run.spec.path:
            self._calls.setdefault(caller, []).append(callee)
        self._seen: set[str] = set()

    def step(self, name: str, caller: str) -> Step:
        known = name in self._seen or len(self._seen) >= MOST_HOPS
        following = () if known else self._calls.get(name, ())
        self._seen.add(name)
        service = self._quantities.service(name) or name
        sent, received = self._count(caller, "sent"), self._count(name, "received")
        ends = tuple(dict.fromkeys(end for end in (sent, received) if end is not None))
        return Step(
            service=service,
            side=name.removeprefix(service).removeprefix("."),
            edge=" → ".join(map(number, ends)) or MISSING,
            same=len(ends) <= 1,
            facts=self._facts(name),
            next=tuple(self.step(each, name) for each in following),
        )

    def _facts(self, name: str) -> tuple[tuple[str, str], ...]:
        if name not in {CLIENT, *self._quantities.hops}:
            return (("counts nothing", GAP),)
        found = ((self._count(name, what), word, sign) for what, word, sign in COUNTS)
        facts = ((f"{number(n)} {word}", sign) for n, word, sign in found if n)
        return tuple(facts)

    def _count(self, name: str, what: str) -> Number | None:
        return count(self._run, self._quantities, name, what)
