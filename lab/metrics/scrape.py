"""What targets said when they were scraped, and by how much their counters grew.

A *service* is a container as the scenario names it; with replicas it has several *instances*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.kinds.base import METRIC
from lab.measure.numbers import Amount, Number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.kinds.base import Meter


class Sample(msgspec.Struct, frozen=True):
    """One time series of a scrape; without the labels that name its target."""

    name: str
    labels: dict[str, str]
    value: Number

    def belongs_to(self, meter: Meter) -> bool:
        """Whether it is one of the series that a meter adds up."""
        return self.name == meter.metric and self.labels.items() >= meter.labels.items()

    def is_beside(self, meter: Meter) -> bool:
        """Whether it shows that the meter's series, were it absent, would be 0."""
        if meter.beside == METRIC:
            return self.name == meter.metric
        return self.labels.get(meter.beside) == meter.labels.get(meter.beside)


class Scrape(msgspec.Struct, frozen=True, kw_only=True):
    """What one target said: at ``time`` (Unix time in seconds), or the ``problem`` with it.

    ``instance`` is which of its service's targets it is; "" for the only one. ``restarted``: since
    the snapshot before this one its process was replaced, so that its counters started again
    at 0. ``unusable`` says of metrics by name why they count nothing: what they say is no number.
    """

    service: str
    instance: str = ""
    time: Amount | None = None
    problem: str = ""
    restarted: bool = False
    unusable: dict[str, str] = {}
    samples: tuple[Sample, ...] = ()

    @property
    def name(self) -> str:
        """What people call the target: its service, and which one where there are several."""
        return f"{self.service} ({self.instance})" if self.instance else self.service

    def total(self, meter: Meter) -> int | float | None:
        """What a meter's series add up to; None when it was not measured."""
        if meter.metric in self.unusable:
            return None
        values = [sample.value for sample in self.samples if sample.belongs_to(meter)]
        if values:
            return _number(sum(values))
        return 0 if meter.beside and any(s.is_beside(meter) for s in self.samples) else None


class Snapshot(msgspec.Struct, frozen=True):
    """What every target said after ``asked`` (Unix time in seconds on Prometheus' clock)."""

    asked: Amount
    scrapes: tuple[Scrape, ...]

    def of(self, service: str) -> tuple[Scrape, ...]:
        """The scrapes of a service's targets; one with a problem when the snapshot has none."""
        found = tuple(scrape for scrape in self.scrapes if scrape.service == service)
        return found or (Scrape(service=service, problem="it was not asked for"),)

    def scrape(self, service: str, instance: str = "") -> Scrape:
        """The scrape of one target; one with a problem when the snapshot has none of it."""
        for scrape in self.scrapes:
            if scrape.service == service and scrape.instance == instance:
                return scrape
        return Scrape(service=service, instance=instance, problem="it was not asked for")

    def total(self, service: str, meter: Meter) -> int | float | None:
        """What a meter's series of all targets add up to; None when one was not measured."""
        return _sum(scrape.total(meter) for scrape in self.of(service))


class Delta(msgspec.Struct, frozen=True):
    """By how much counters grew from the snapshot ``before`` to the one ``after``.

    ``growing`` are the metrics that never fall while a process lives; ``start_times`` those whose
    every value stands for another process.
    """

    before: Snapshot
    after: Snapshot
    growing: frozenset[str] = frozenset()
    start_times: frozenset[str] = frozenset()

    def of(self, service: str, meter: Meter) -> int | float | None:
        """The growth of a counter; None when it was not measured at both ends without a gap."""
        return _sum(self.by_instance(service, meter).values())

    def by_instance(self, service: str, meter: Meter) -> dict[str, int | float | None]:
        """The growth of a counter at each target of its service."""
        found: dict[str, int | float | None] = {}
        for before, after in self._targets(service):
            begin, end = self._ends(before, after, meter)
            known = begin is not None and end is not None and not self._gap(before, after, meter)
            found[before.instance] = (end or 0) - (begin or 0) if known else None
        return found

    def begin(self, service: str, meter: Meter) -> int | float | None:
        """What a counter said before, of all targets; None when one was not measured."""
        ends = (self._ends(before, after, meter) for before, after in self._targets(service))
        return _sum(begin for begin, _ in ends)

    def restarted(self, service: str, instance: str = "") -> bool:
        """Whether the counters of a target started again at 0 in between."""
        pair = self.before.scrape(service, instance), self.after.scrape(service, instance)
        return self._restarted(*pair)

    def gap(self, service: str, meter: Meter) -> str:
        """Why the growth of a counter is not known; "" when it is."""
        gaps = (self._gap(before, after, meter) for before, after in self._targets(service))
        return next(filter(None, gaps), "")

    def _targets(self, service: str) -> Iterator[tuple[Scrape, Scrape]]:
        """The scrapes of each target of a service, before and after."""
        snapshots = (self.before, self.after)
        instances = (scrape.instance for each in snapshots for scrape in each.of(service))
        for instance in dict.fromkeys(instances):
            yield self.before.scrape(service, instance), self.after.scrape(service, instance)

    def _ends(
        self, before: Scrape, after: Scrape, meter: Meter
    ) -> tuple[int | float | None, int | float | None]:
        """What a counter said at one target at both ends, None where it was not measured.

        Many programs make a series when there is first something to count; Go's are an example.
        So what is absent was 0, where the same process, or a replica of it, shows it later.
        """
        begin, end = before.total(meter), after.total(meter)
        shown = any(scrape.total(meter) is not None for scrape in self.after.of(after.service))
        usable = None not in {before.time, after.time} and not (
            meter.metric in before.unusable or meter.metric in after.unusable
        )
        if not usable or not shown or self._restarted(before, after):
            return begin, end
        return begin or 0, end or 0

    def _gap(self, before: Scrape, after: Scrape, meter: Meter) -> str:
        if self._restarted(before, after):
            return f"{after.name} was restarted"
        for when, scrape in (("before", before), ("after", after)):
            if scrape.problem:
                return f"{scrape.name} was not scraped {when} the load: {scrape.problem}"
            if why := scrape.unusable.get(meter.metric):
                return f"{scrape.name} has a {meter.metric} that {why}"
        if None in self._ends(before, after, meter):
            return f"{after.name} has no {meter.metric}"
        return ""

    def _restarted(self, before: Scrape, after: Scrape) -> bool:
        return after.restarted or self._is_another_process(before, after)

    def _is_another_process(self, before: Scrape, after: Scrape) -> bool:
        if after.time is None:
            return False
        now = {_identity(sample): sample.value for sample in after.samples}
        for sample in before.samples:
            # A series that is gone was one made on demand: its new process has counted nothing.
            value = now.get(_identity(sample), 0.0)
            if sample.name in self.growing and value < sample.value:
                return True
            if sample.name in self.start_times and value != sample.value:
                return True
        return False


def _sum(parts: Iterable[int | float | None]) -> int | float | None:
    """The sum of all parts; None when one is not known."""
    found = list(parts)
    known = [part for part in found if part is not None]
    return sum(known) if len(known) == len(found) else None


def _number(value: float) -> int | float:
    """Counts are whole numbers."""
    return int(value) if float(value).is_integer() else value


def _identity(sample: Sample) -> tuple[object, ...]:
    return (sample.name, *sorted(sample.labels.items()))
