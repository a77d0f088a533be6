"""The ledger of a load: what each party counted, and whether the counts agree.

A request passes the client, the sidecar's ingress, service A, the sidecar's egress and service
B (without a sidecar: the client, A and B), and each counts it. Between two quiet moments the
counts must agree exactly. What they disagree about is named, and so is what the sidecar did
that a client cannot see. What was not measured is never taken for zero.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters.accounts import (
    DIRECT_EQUATIONS,
    SERVICES,
    SIDECAR,
    SIDECAR_EQUATIONS,
    total,
)
from lab.measure.counters.notes import notes
from lab.measure.counters.samples import ENVOY, Growth
from lab.measure.numbers import Whole

if TYPE_CHECKING:
    from lab.measure.counters.accounts import Entry, Equation
    from lab.measure.counters.samples import Snapshot


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


class Row(msgspec.Struct, frozen=True):
    """One count: who counted (``party``) what, in which counter, and how many.

    ``count`` is None when it was not measured, and ``gap`` then says why.
    """

    name: str
    party: str
    what: str
    counter: str
    count: Whole | None
    gap: str = ""


class Side(msgspec.Struct, frozen=True):
    """One side of an equation: the names of the rows that are added up, and their sum."""

    rows: tuple[str, ...]
    count: Whole | None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """An equation between counts; ``claim`` says it in words."""

    name: str
    claim: str
    left: Side
    right: Side
    outcome: Outcome
    gap: str = ""

    def __str__(self) -> str:
        """Show the equation with its numbers."""
        sides = (
            f"{' + '.join(side.rows)} ({'?' if side.count is None else side.count})"
            for side in (self.left, self.right)
        )
        return f"{self.claim}: {' = '.join(sides)}: {self.outcome}" + (
            f", {self.gap}" if self.gap else ""
        )


class Ledger(msgspec.Struct, frozen=True):
    """Every count of a load, every check, and ``notes``: sentences about what is remarkable."""

    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """That one check fails, else that one was not measured, else that all hold."""
        found = {check.outcome for check in self.checks}
        for worst in (Outcome.FAILS, Outcome.NOT_MEASURED):
            if worst in found:
                return worst
        return Outcome.HOLDS

    def count(self, name: str) -> int | None:
        """The count of the row with that name; None when it was not measured or is not there."""
        return next((row.count for row in self.rows if row.name == name), None)

    def check(self, name: str) -> Check:
        """The check with that name; KeyError when this ledger has none."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)


def reconcile(client: Client, before: Snapshot, after: Snapshot) -> Ledger:
    """Make the ledger of what ``client`` sent between two snapshots of the same jobs.

    With the sidecar's job among them it is checked what went through the sidecar, without it
    that services A and B agree directly.
    """
    growth = Growth(before, after)
    with_sidecar = any(scrape.job == ENVOY for scrape in after.scrapes)
    counted = (*SERVICES, *SIDECAR) if with_sidecar else SERVICES
    rows = (*_client_rows(client), *(_row(entry, growth) for entry in counted))
    counts = {row.name: row.count for row in rows}
    gaps = {row.name: row.gap for row in rows}
    equations = SIDECAR_EQUATIONS if with_sidecar else DIRECT_EQUATIONS
    return Ledger(
        rows,
        tuple(_check(equation, counts, gaps) for equation in equations),
        tuple(notes(client.failed, growth, counts)),
    )


def _client_rows(client: Client) -> tuple[Row, ...]:
    return (
        Row("client_sent", "client", "requests sent", "", client.sent),
        Row("client_succeeded", "client", "answered with success", "", client.succeeded),
        Row("client_failed", "client", "failed", "", sum(client.failed.values())),
    )


def _row(entry: Entry, growth: Growth) -> Row:
    metric = entry.metric
    labels = ",".join(f'{name}="{value}"' for name, value in metric.labels.items())
    return Row(
        entry.name,
        entry.party,
        entry.what,
        f"{metric.name}{{{labels}}}",
        growth.of(metric),
        growth.gap(metric),
    )


def _check(equation: Equation, counts: dict[str, int | None], gaps: dict[str, str]) -> Check:
    left = Side(equation.left, total(counts, equation.left))
    right = Side(equation.right, total(counts, equation.right))
    if left.count is None or right.count is None:
        outcome = Outcome.NOT_MEASURED
    else:
        outcome = Outcome.HOLDS if left.count == right.count else Outcome.FAILS
    reasons = (gaps[name] for name in (*equation.left, *equation.right) if gaps[name])
    return Check(
        name=equation.name,
        claim=equation.claim,
        left=left,
        right=right,
        outcome=outcome,
        gap="; ".join(dict.fromkeys(reasons)),
    )
