"""The counters that are worth a graph, second by second: live, and over the time of a run.

Which there are is told by the kinds of the hops; each has a line for every value of its label.
"""

from __future__ import annotations

from heapq import merge
from math import ceil, isfinite
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from lab.metrics.prometheus import Point, Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.kinds.base import Graph
    from lab.metrics.prometheus import Prometheus
    from lab.metrics.quantities import Quantities

Steps: TypeAlias = list[tuple[float, float]]
"""A step function: from which time on it has which value, in the order of time."""

FILE = "timeline.json"
"""Where a time line is, beside the record of its run."""
MARGIN = 2.0
"""Seconds before a run that its time line shows, so that its beginning can be seen."""
WINDOW = "5s"
"""Rates are over this time, as single scrapes of a counter jump."""
FINEST, MOST_POINTS = 1.0, 300


class Rate(msgspec.Struct, frozen=True):
    """A counter's growth per second: a line for each value of its label, "" without one."""

    service: str
    counter: str
    lines: dict[str, tuple[Point, ...]]


class Rates(msgspec.Struct, frozen=True):
    """What the graphs show from ``begin`` to ``end`` (Unix time on Prometheus' clock)."""

    begin: float
    end: float
    graphs: tuple[Rate, ...]


class Line(msgspec.Struct, frozen=True):
    """One series of a run's graph, as it was scraped."""

    service: str
    counter: str
    label: str
    points: tuple[Point, ...]


class Timeline(msgspec.Struct, frozen=True):
    """Counters as they were scraped; ``began`` is when the run did (both Unix time, seconds)."""

    began: float
    lines: tuple[Line, ...]

    def growth(self) -> dict[tuple[str, str], dict[str, Steps]]:
        """How each counter grew, by service and counter.

        For each value of its label that is (seconds since the beginning, count) pairs.
        """
        parts: dict[tuple[str, str], dict[str, list[Steps]]] = {}
        for line in self.lines:
            base = self._base(line)
            grown = [(p.time - self.began, p.value - base) for p in line.points]
            # Replicas have a series each.
            graph = parts.setdefault((line.service, line.counter), {})
            graph.setdefault(line.label, []).append(grown)
        return {
            key: {label: _sum(grown) for label, grown in graph.items()}
            for key, graph in parts.items()
        }

    def _base(self, line: Line) -> float:
        """A series that appears in mid-run counts from 0, any other from where it stood."""
        earlier = [point.value for point in line.points if point.time <= self.began]
        return earlier[-1] if earlier else 0.0


def rates(prometheus: Prometheus, quantities: Quantities, last: float) -> Rates:
    """The graphs of the ``last`` seconds; a counter that nobody counts has none.

    Raises :class:`lab.errors.LabError` when Prometheus does not answer.
    """
    end = prometheus.now()
    begin = end - last
    step = max(FINEST, last / MOST_POINTS)
    found = []
    for service, graph in graphs(quantities):
        expression = f"sum by ({graph.label}) (rate({selector(service, graph)}[{WINDOW}]))"
        lines = {
            series.labels.get(graph.label, ""): tuple(p for p in series.points if isfinite(p.value))
            for series in prometheus.query_range(expression, begin, end, step)
        }
        if lines:
            found.append(Rate(service, graph.meter.metric, dict(sorted(lines.items()))))
    return Rates(begin, end, tuple(found))


def timeline(prometheus: Prometheus, quantities: Quantities, began: float) -> Timeline:
    """Read what was scraped from shortly before ``began`` until now.

    Raises :class:`lab.errors.LabError` when Prometheus does not answer.
    """
    window = ceil(prometheus.now() - began + MARGIN)
    lines = [
        Line(
            service,
            graph.meter.metric,
            series.labels.get(graph.label, ""),
            tuple(point for point in series.points if isfinite(point.value)),
        )
        for service, graph in graphs(quantities)
        for series in _sorted(prometheus.query(f"{selector(service, graph)}[{window}s]"))
    ]
    return Timeline(began, tuple(lines))


def selector(service: str, graph: Graph) -> str:
    """What a graph shows, as a selector of PromQL."""
    labels = {"job": service} | graph.meter.labels
    listed = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{graph.meter.metric}{{{listed}}}"


def graphs(quantities: Quantities) -> Iterator[tuple[str, Graph]]:
    """Every graph once, in the order of the path."""
    seen = set()
    for name, hop in quantities.hops.items():
        for graph in hop.graphs:
            key = (quantities.service(name), graph.meter.selector)
            if key not in seen:
                seen.add(key)
                yield quantities.service(name), graph


def _sorted(found: tuple[Series, ...]) -> list[Series]:
    return sorted(found, key=lambda series: sorted(series.labels.items()))


def _sum(parts: list[Steps]) -> Steps:
    """The sum of step functions, at the times of all; each is 0 before it begins."""
    found: Steps = []
    last = [0.0] * len(parts)
    total = 0.0
    numbered = ([(time, n, value) for time, value in part] for n, part in enumerate(parts))
    for time, number, value in merge(*numbered):
        total += value - last[number]
        last[number] = value
        if found and found[-1][0] == time:
            found.pop()
        found.append((time, total))
    return found
