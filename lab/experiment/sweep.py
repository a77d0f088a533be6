"""Sweeping: the same traffic over a grid of parameters, one run a point, resumable."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import msgspec

from lab import lifecycle
from lab.errors import UsageError
from lab.experiment.run import Purpose, completed, measure
from lab.experiment.throwaway import throwaway
from lab.measure import records
from lab.measure.records import Record
from lab.spec.claims import overall
from lab.topology import scenario
from lab.verdicts.assess import results

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from lab.lifecycle import Lab
    from lab.measure.traffic.load import Order
    from lab.spec.claims import ClaimResult, Verdict

    Point = dict[str, int | str]

SWEEP = "sweep"
"""The kind of the runs of a sweep."""
CONCURRENCY = "concurrency"
"""The one axis of a grid that is not a parameter of the scenario but of the load."""
MOST_POINTS = 10_000
"""So many points a grid may have."""

SUCCESS = "success"
"""The claim that a sweep is about, by its name."""


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep covers: for every axis its values.

    An axis is a parameter of the scenario, or :data:`CONCURRENCY`. ``given`` has what other
    parameters are set to.
    """

    scenario: str
    name: str
    source: str = "auto"
    given: dict[str, int | str] = {}
    axes: dict[str, tuple[int | str, ...]]
    requests: int

    def check(self) -> None:
        """Raise :class:`lab.errors.UsageError` when a value of an axis is not possible.

        Parameters do not depend on each other, so each value is tried once.
        """
        if (count := prod(map(len, self.axes.values()))) > MOST_POINTS:
            raise UsageError(f"the grid has {count} points, more than {MOST_POINTS}")
        first = {name: values[0] for name, values in self.axes.items()}
        for name, values in self.axes.items():
            for value in values:
                if name != CONCURRENCY:
                    _wish(self, first | {name: value}).check()

    @property
    def id(self) -> str:
        """The same grid of the same scenario has the same id: a sweep that broke off goes on."""
        of = _wish(self, {name: values[0] for name, values in self.axes.items()}).wanted.digest
        text = msgspec.json.encode((self, of), order="sorted")
        return f"{SWEEP}-{hashlib.sha256(text).hexdigest()[:8]}"

    def points(self) -> list[Point]:
        """Every combination of values, the last axis changing fastest."""
        names = list(self.axes)
        return [
            dict(zip(names, values, strict=True))
            for values in itertools.product(*self.axes.values())
        ]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far a sweep is: the ``point`` that comes next, the ``index``-th of ``total``, from 0.

    ``seconds_left`` is an estimate; None while no point has been measured.
    """

    point: dict[str, int | str]
    index: int
    total: int
    seconds_left: float | None


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """One point of a grid: its judged run, and whether it was there from an earlier sweep."""

    point: Mapping[str, int | str]
    record: Record
    resumed: bool

    @property
    def results(self) -> tuple[ClaimResult, ...]:
        """The verdicts on the run."""
        return results(self.record)

    @property
    def success(self) -> Verdict:
        """The verdict on the client's successes, or on everything where no claim is about them."""
        found = [result for result in self.results if result.name == SUCCESS]
        return overall(found or self.results)


def axes(
    ref: str,
    over: Mapping[str, Sequence[str]],
    given: Mapping[str, int | str],
    shown: Collection[str] = (),
) -> dict[str, tuple[int | str, ...]]:
    """The axes of a scenario's parameters: every value once, as its parameter takes it.

    ``over`` has the values as text, ``given`` what other parameters are set to. Parameters in
    ``shown`` that the scenario has are axes of one value where nothing else is said of them.
    What a parameter does not take stays text, for :meth:`Grid.check` to refuse. Raises
    :class:`lab.errors.UsageError` for a parameter that is set as well.
    """
    declared = {each.name: each for each in scenario.parameters(ref)}
    found: dict[str, tuple[int | str, ...]] = {}
    for name in dict.fromkeys((*shown, *over)):
        if name in over and name == CONCURRENCY:
            raise UsageError(f"{name} is the load's", hint="sweep it with -c, for example -c 1,16")
        if name in over and name in given:
            raise UsageError(f"{name} is swept and set to {given[name]}", hint="give one of them")
        parameter = declared.get(name)
        values: tuple[int | str, ...] = tuple(over.get(name, ()))
        if parameter and name not in over:
            value = given.get(name, parameter.default)
            values = () if value is None else (value,)
        with suppress(ValueError):  # which Grid.check finds as well
            values = tuple(parameter.parse(str(v)) for v in values) if parameter else values
        if values:
            found[name] = tuple(dict.fromkeys(values))
    return found


def sweep(
    lab: Lab,
    grid: Grid,
    order: Callable[[Point], Order],
    tell: Callable[[Step], None],
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[Swept]:
    """Run every point of the grid that has no record yet.

    ``order`` makes the traffic of a point; ``tell`` hears of each point before its turn. Only
    what a point changes is replaced in the lab, a throw-away one. An earlier record of a point
    counts if it was made on the same images.
    """
    grid.check()
    points = grid.points()
    done = _done(grid.id)
    swept: list[Swept] = []
    took: list[float] = []
    with throwaway(lab, _wish(grid, points[0]), SWEEP) as mine:
        for index, point in enumerate(points):
            to_come = sum(_key(each) not in done for each in points[index:])
            left = sum(took) / len(took) * to_come if took else None
            tell(Step(point=point, index=index, total=len(points), seconds_left=left))
            began = clock()
            wish = replace(mine, given=_wish(grid, point).given)
            prepared = lifecycle.prepare(lab, wish)
            record = done.get(_key(point))
            resumed = record is not None and record.spec.images == prepared.spec.images
            if record is None or not resumed:
                lifecycle.up(lab, prepared, timeout=timeout)
                purpose = Purpose(kind=SWEEP, experiment=f"{grid.id}/{_key(point)}")
                record = completed(measure(lab, mine.name, order(point), _unheard, purpose))
                took.append(clock() - began)
            swept.append(Swept(point=point, record=record, resumed=resumed))
    return swept


def _wish(grid: Grid, point: Mapping[str, int | str]) -> lifecycle.Wish:
    parameters = {name: value for name, value in point.items() if name != CONCURRENCY}
    return lifecycle.Wish(
        scenario=grid.scenario,
        name=grid.name,
        given={**grid.given, **parameters},
        source=grid.source,
    )


def _unheard(_sent: int, _succeeded: int) -> None:
    """Within a point nothing is told."""


def _done(sweep_id: str) -> dict[str, Record]:
    """The judged records of an earlier sweep over the same grid, by point."""
    found: dict[str, Record] = {}
    for record_id in records.ids():
        try:
            record = records.read(record_id)
        except records.RecordError:
            continue
        owner, _, key = record.experiment.partition("/")
        if owner == sweep_id and not record.load.partial:
            found[key] = record
    return found


def _key(point: Mapping[str, int | str]) -> str:
    return ",".join(f"{name}={value}" for name, value in point.items())


def summary(swept: Sequence[Swept]) -> dict[str, int]:
    """How many points there are of each verdict on the success rate."""
    counts: dict[str, int] = {}
    for each in swept:
        counts[each.success] = counts.get(each.success, 0) + 1
    return counts
