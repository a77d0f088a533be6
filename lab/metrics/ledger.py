"""The ledger of a load: what each hop counted, and whether the counts obey the laws of the path.

A request passes the hops of the path, and each counts it. Between two quiet moments the counts
must agree exactly. What they disagree about is named, and so is what a proxy did that a client
cannot see. What was not measured is never taken for zero.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from lab.measure.numbers import Quantity
from lab.metrics.laws import CLIENT, CLIENT_COUNTS, counted
from lab.spec.expressions import sum_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.kinds.base import Law
    from lab.metrics.quantities import Quantities
    from lab.metrics.scrape import Delta
    from lab.spec.expressions import Number

    Counts = Mapping[str, Number | None]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What the client counted: requests sent, answered with success, and failed by kind."""

    sent: int
    succeeded: int
    failed: dict[str, int]


class Outcome(StrEnum):
    """What came of a check."""

    HOLDS = "holds"
    FAILS = "does not hold"
    NOT_MEASURED = "not measured"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity: ``what`` was counted in which series (``counter``), and how many.

    ``count`` is None when it was not measured, and ``gap`` then says why.
    """

    name: str
    what: str
    counter: str = ""
    count: Quantity | None
    gap: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A law held against the counts: both sides as sums of quantities, and what they come to."""

    name: str
    says: str
    left: str
    right: str
    left_count: Quantity | None
    right_count: Quantity | None
    outcome: Outcome
    gap: str = ""

    def __str__(self) -> str:
        """Show the law with its numbers."""
        sides = (
            f"{text} ({'?' if count is None else f'{count:g}'})"
            for text, count in ((self.left, self.left_count), (self.right, self.right_count))
        )
        return f"{self.says}: {' = '.join(sides)}: {self.outcome}" + (
            f", {self.gap}" if self.gap else ""
        )


class Ledger(msgspec.Struct, frozen=True):
    """Every quantity of a load, every check, and ``notes``: sentences about what is remarkable.

    ``unchecked`` names what nobody counts, so that no law could be held against it.
    """

    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """That one check fails, else that one was not measured or there is none, else all hold."""
        found = {check.outcome for check in self.checks} or {Outcome.NOT_MEASURED}
        for worst in (Outcome.FAILS, Outcome.NOT_MEASURED):
            if worst in found:
                return worst
        return Outcome.HOLDS

    @property
    def counts(self) -> dict[str, Number | None]:
        """Every count by its quantity."""
        return {row.name: row.count for row in self.rows}

    @property
    def gaps(self) -> dict[str, str]:
        """Why a quantity was not measured, by its name."""
        return {row.name: row.gap for row in self.rows if row.gap}

    def count(self, name: str) -> Number | None:
        """The count of a quantity; None when it was not measured or is not there."""
        return self.counts.get(name)


def reconcile(client: Client, delta: Delta, quantities: Quantities) -> Ledger:
    """Make the ledger of what ``client`` sent between the two snapshots of ``delta``."""
    rows = tuple(_rows(client, delta, quantities))
    counts = {row.name: row.count for row in rows}
    gaps = {row.name: row.gap for row in rows}
    found = quantities.laws
    return Ledger(
        rows,
        tuple(_check(law, counts, gaps) for law in found.laws),
        tuple(_notes(client, delta, quantities, counts)),
        found.gaps,
    )


def _rows(client: Client, delta: Delta, quantities: Quantities) -> Iterator[Row]:
    own = {
        "sent": client.sent,
        "succeeded": client.succeeded,
        "failed": sum(client.failed.values()),
    }
    for name, what in CLIENT_COUNTS.items():
        yield Row(name=f"{CLIENT}.{name}", what=what, count=own[name])
    counts: dict[str, Number | None] = {}
    gaps: dict[str, str] = {}
    for name, source in quantities.sources.items():
        service, meter = source.service, source.meter
        if meter.gauge:
            counts[name] = delta.before.total(service, meter)
            gaps[name] = "" if counts[name] is not None else f"{service} has no {meter.metric}"
        else:
            counts[name], gaps[name] = delta.of(service, meter), delta.gap(service, meter)
        yield Row(
            name=name,
            what=meter.what,
            counter=meter.selector,
            count=counts[name],
            gap=gaps[name],
        )
    for name, sum_ in quantities.derived.items():
        if name not in counts:
            gap = "; ".join(dict.fromkeys(filter(None, (gaps[part] for part in sum_.names()))))
            yield Row(name=name, what=f"= {sum_.text}", count=sum_.value(counts), gap=gap)


def _check(law: Law, counts: Counts, gaps: Mapping[str, str]) -> Check:
    left, right = sum_of(law.left), sum_of(law.right)
    sides = left.value(counts), right.value(counts)
    if None in sides:
        outcome = Outcome.NOT_MEASURED
    else:
        outcome = Outcome.HOLDS if sides[0] == sides[1] else Outcome.FAILS
    reasons = (gaps[name] for name in (*left.names(), *right.names()) if gaps[name])
    return Check(
        name=law.name,
        says=law.says,
        left=law.left,
        right=law.right,
        left_count=sides[0],
        right_count=sides[1],
        outcome=outcome,
        gap="; ".join(dict.fromkeys(reasons)),
    )


def _notes(client: Client, delta: Delta, quantities: Quantities, counts: Counts) -> Iterator[str]:
    """Sentences about what is remarkable: gaps, unrest, what a proxy did, others' traffic."""
    yield from _gaps(delta)
    yield from _unrest(delta, quantities)
    for hop, note in quantities.notes():
        count = counts.get(f"{hop}.{note.meter}")
        if count:
            limit = counts.get(f"{hop}.{note.limit}") if note.limit else None
            allows = "" if limit is None else f" (its limit is {limit:g})"
            yield f"{hop}: {count} {note.one if count == 1 else note.many} {note.what}{allows}"
    yield from _lost(client, quantities, counts)
    yield from _others(quantities, counts)


def _gaps(delta: Delta) -> Iterator[str]:
    for scrape in delta.after.scrapes:
        if delta.restarted(scrape.service, scrape.instance):
            yield (
                f"{scrape.name} was restarted in between: its counters began again at 0, "
                "so what it counted is not known"
            )
    for when, snapshot in (("before", delta.before), ("after", delta.after)):
        for scrape in snapshot.scrapes:
            if scrape.problem:
                yield f"{scrape.name} was not scraped {when} the load: {scrape.problem}"
            for name, why in scrape.unusable.items():
                yield f"{scrape.name} has a {name} that {why}, {when} the load: it is not measured"


def _unrest(delta: Delta, quantities: Quantities) -> Iterator[str]:
    for when, snapshot in (("before", delta.before), ("after", delta.after)):
        for name, hop in quantities.hops.items():
            if hop.busy:
                active = snapshot.total(quantities.service(name), hop.meters[hop.busy])
                if active:
                    yield (
                        f"the lab was not idle {when} the load: "
                        f"{_number(active, 'request')} in flight at {name}"
                    )


def _lost(client: Client, quantities: Quantities, counts: Counts) -> Iterator[str]:
    """Failures that the client saw and the first hop did not count as such."""
    seen = sum(client.failed.values())
    for caller, first in quantities.edges:
        if caller != CLIENT or first not in quantities.hops:
            continue
        failed = sum_of(counted(first, "failed", quantities.hops[first]) or "0").value(counts)
        if failed is not None and seen > failed:
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(client.failed.items()))
            yield (
                f"the client saw {_number(seen - failed, 'failure')} that {first} did not "
                f"count; all of its failures: {kinds}"
            )


def _others(quantities: Quantities, counts: Counts) -> Iterator[str]:
    """Traffic of others: a hop received more than the one before it sent."""
    for law in quantities.laws.laws:
        sides = sum_of(law.left).value(counts), sum_of(law.right).value(counts)
        sent, received = sides
        if law.passes and sent is not None and received is not None and received > sent:
            caller, callee = law.passes
            yield (
                f"{callee} received {_number(received - sent, 'request')} more than {caller} "
                "sent: there was other traffic"
            )


def _number(count: Number, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
