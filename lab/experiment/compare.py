"""Comparing runs: what went in, what came out, and whether the difference is significant."""

from __future__ import annotations

import secrets
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from lab import lifecycle
from lab.experiment.run import Purpose, completed, measure
from lab.measure import intervals, ranks
from lab.measure.traffic import latency
from lab.metrics.quantities import Quantities

if TYPE_CHECKING:
    from lab.experiment.run import Pouring
    from lab.lifecycle import Lab, Wish
    from lab.measure.records import Record
    from lab.measure.traffic.load import Order

COMPARE = "compare"
"""The kind of the runs of a comparison."""
SLOWER = "share of pairs in which the second is slower"
"""The unit of what a rank test tells, which has no value for the first run."""
SIGNIFICANT = 0.05
"""Below this p-value a difference is called significant."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that two runs measured: both values, in ``unit``, and what to make of it.

    ``test`` names the test behind ``p_value``; both are empty where there is none.
    """

    name: str
    unit: str
    first: float | None
    second: float | None
    test: str = ""
    p_value: float | None = None

    @property
    def significant(self) -> bool | None:
        """Whether chance alone is an unlikely reason; None without a test."""
        return None if self.p_value is None else self.p_value < SIGNIFICANT


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs side by side, by their ids; ``inputs`` lists only what was not the same.

    ``labels`` are what people call the two: their scenarios, or their ids if those are the same.
    """

    first: str
    second: str
    labels: tuple[str, str]
    inputs: dict[str, tuple[Any, Any]]
    differences: tuple[Difference, ...]


def compare(
    lab: Lab,
    wishes: tuple[Wish, Wish],
    order: Order,
    pouring: Pouring,
    *,
    timeout: float,
    replace: bool = True,
) -> tuple[Record, Record]:
    """Bring two scenarios up one after the other and send both the same load.

    The lab is left in the second one. ``pouring`` shows how far each load is. Raises
    :class:`lab.errors.ConflictError` when another scenario is up and must not be replaced.
    """
    for wish in wishes:
        wish.check()
    experiment = f"{COMPARE}-{secrets.token_hex(4)}"
    scenarios = [wish.wanted.scenario for wish in wishes]
    records: list[Record] = []
    for wish in wishes:
        prepared = lifecycle.prepare(lab, wish)
        if not records:
            lifecycle.announce(lab, prepared.observed, scenarios, replace=replace)
        lifecycle.up(lab, prepared, timeout=timeout)
        part = f"{experiment}/{wish.scenario}"
        purpose = Purpose(kind=COMPARE, experiment=part)
        with pouring(order) as tell:
            records.append(completed(measure(lab, wish.name, order, tell, purpose)))
    return records[0], records[1]


def contrast(first: Record, second: Record) -> Comparison:
    """What differs between two recorded runs, in their inputs and in what they measured."""
    one, two = first.load, second.load
    differences = [
        Difference(
            name="success rate",
            unit="share",
            first=one.success_rate,
            second=two.success_rate,
            **_success_test(first, second),
        ),
        Difference(
            name="latency",
            unit=SLOWER,
            first=None,
            second=_ranks(first, second).second_higher if one.latency and two.latency else None,
            test=ranks.NAME,
            p_value=_ranks(first, second).p_value if one.latency and two.latency else None,
        ),
    ]
    for name in ("mean", "p50", "p90", "p99", "max"):
        values = [getattr(load.latency, name) if load.latency else None for load in (one, two)]
        differences.append(
            Difference(name=f"latency {name}", unit="s", first=values[0], second=values[1])
        )
    differences.append(
        Difference(name="throughput", unit="answers/s", first=one.throughput, second=two.throughput)
    )
    for name, count in (("last hop", _at_the_end), ("retries", _retries)):
        shares = [_per_request(record, count(record)) for record in (first, second)]
        differences.append(
            Difference(name=f"{name} per request", unit="", first=shares[0], second=shares[1])
        )
    return Comparison(
        first=first.id,
        second=second.id,
        labels=_labels(first, second),
        inputs=_inputs(first, second),
        differences=tuple(differences),
    )


def _labels(first: Record, second: Record) -> tuple[str, str]:
    one, two = (PurePath(run.spec.scenario).stem for run in (first, second))
    return (one, two) if one != two else (first.id, second.id)


def _success_test(first: Record, second: Record) -> dict[str, Any]:
    one, two = first.load, second.load
    if not one.sent or not two.sent:
        return {}
    found = intervals.compare((one.succeeded, two.succeeded), (one.sent, two.sent))
    return {"test": intervals.TEST, "p_value": found.p_value}


def _ranks(first: Record, second: Record) -> ranks.Ranks:
    return ranks.mann_whitney(
        latency.counts(first.load.histogram), latency.counts(second.load.histogram)
    )


def _per_request(record: Record, count: float | None) -> float | None:
    """A count per request of the client; None where it was not measured."""
    return count / record.load.sent if count is not None and record.load.sent else None


def _at_the_end(record: Record) -> float | None:
    """What the last hop of the path received."""
    return record.ledger.count(f"{Quantities(record.spec).last}.received")


def _retries(record: Record) -> float | None:
    """The retries of all hops; None where nothing counts any."""
    counts = [record.ledger.count(f"{hop}.retries") for hop in Quantities(record.spec).retrying]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _inputs(first: Record, second: Record) -> dict[str, tuple[Any, Any]]:
    pairs = zip(_flat(first), _flat(second), strict=True)
    found = [(one, two) for one, two in pairs if one != two]
    differing: dict[str, tuple[Any, Any]] = {}
    for (name, one), (_, two) in found:
        if isinstance(one, dict) and isinstance(two, dict):
            for key in sorted({*one, *two}):
                if one.get(key) != two.get(key):
                    differing[f"{name}.{key}"] = (one.get(key), two.get(key))
        else:
            differing[name] = (one, two)
    return differing


def _flat(record: Record) -> list[tuple[str, Any]]:
    return [
        ("scenario", record.spec.scenario),
        ("parameters", dict(record.spec.parameters)),
        ("load", msgspec.to_builtins(record.load.order)),
        ("images", {image.name: image.id for image in record.images}),
        ("host", msgspec.to_builtins(record.host)),
    ]
