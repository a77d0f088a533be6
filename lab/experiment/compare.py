"""Comparing runs: what went in, what came out, and whether the difference is significant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lab import lifecycle
from lab.experiment.run import Purpose, completed, measure
from lab.measure import intervals, ranks
from lab.measure.traffic import latency

if TYPE_CHECKING:
    from lab.experiment.run import Pouring
    from lab.lifecycle import Lab, Wish
    from lab.measure.records import Record
    from lab.measure.traffic.load import Order

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
    """Two runs side by side: ``inputs`` lists only what was not the same."""

    first: str
    second: str
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
    """Bring two scenarios up one after the other and pour the same traffic on both.

    The lab is left in the second one. ``pouring`` shows how far each load is. Raises
    :class:`lab.errors.ConflictError` when another scenario is up and must not be replaced.
    """
    experiment = f"{wishes[0].scenario} against {wishes[1].scenario}"
    scenarios = [wish.wanted.scenario for wish in wishes]
    records: list[Record] = []
    for wish in wishes:
        prepared = lifecycle.prepare(lab, wish)
        if not records:
            lifecycle.announce(lab, prepared.observed, scenarios, replace=replace)
        lifecycle.up(lab, prepared, timeout=timeout)
        purpose = Purpose(kind="compare", experiment=experiment)
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
            unit="share of pairs in which the second is slower",
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
        Difference(
            name="throughput", unit="requests/s", first=one.throughput, second=two.throughput
        )
    )
    for name, words in (("attempts", "attempts per request"), ("retries", "retries per request")):
        shares = [_per_request(record, name) for record in (first, second)]
        differences.append(Difference(name=words, unit="", first=shares[0], second=shares[1]))
    return Comparison(
        first=first.id,
        second=second.id,
        inputs=_inputs(first, second),
        differences=tuple(differences),
    )


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


def _per_request(record: Record, name: str) -> float | None:
    """A count of the sidecar's per request; without a sidecar each request is one attempt."""
    count = record.ledger.count(name)
    if count is None and record.ledger.count("client_sent") is not None:
        known = {row.name for row in record.ledger.rows}
        if name not in known:
            return 1.0 if name == "attempts" else 0.0
    return count / record.load.sent if count is not None and record.load.sent else None


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
        ("order", msgspec.to_builtins(record.load.order)),
        ("images", {image.name: image.id for image in record.images}),
        ("host", msgspec.to_builtins(record.host)),
    ]
