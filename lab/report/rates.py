"""The article's graphs as numbers: requests and retries per second, by status."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters.prometheus import Point
from lab.measure.counters.samples import ENVOY, RETRY_OVERFLOW, SERVICE_A, SERVICE_B
from lab.measure.counters.timeline import RETRIED, SUPPRESSED
from lab.topology.graphs import A, B

if TYPE_CHECKING:
    from lab.measure.counters.prometheus import Prometheus

WINDOW = "5s"
"""Rates are over this time, as single scrapes of a counter jump."""
FINEST, MOST_POINTS = 1.0, 300

_CLUSTER = f'job="{ENVOY}",envoy_cluster_name="{RETRY_OVERFLOW.labels["envoy_cluster_name"]}"'
_GRAPHS = (
    (A, "status", f'{A}{{job="{SERVICE_A}"}}'),
    (B, "status", f'{B}{{job="{SERVICE_B}"}}'),
    (RETRIED, "envoy_response_code", f"{RETRIED}{{{_CLUSTER}}}"),
    (SUPPRESSED, "", f"{SUPPRESSED}{{{_CLUSTER}}}"),
)


class Graph(msgspec.Struct, frozen=True):
    """A counter's growth per second: a line for each status, "" where there is no such label."""

    counter: str
    lines: dict[str, tuple[Point, ...]]


class Rates(msgspec.Struct, frozen=True):
    """What the graphs show from ``begin`` to ``end`` (Unix time on Prometheus' clock)."""

    begin: float
    end: float
    graphs: tuple[Graph, ...]


def rates(prometheus: Prometheus, last: float) -> Rates:
    """The graphs of the ``last`` seconds; a counter that nobody counts has none.

    Raises :class:`lab.errors.LabError` when Prometheus does not answer.
    """
    end = prometheus.now()
    begin = end - last
    step = max(FINEST, last / MOST_POINTS)
    graphs = []
    for counter, label, selector in _GRAPHS:
        expression = f"sum by ({label}) (rate({selector}[{WINDOW}]))"
        found = prometheus.query_range(expression, begin, end, step)
        lines = {
            series.labels.get(label, ""): tuple(p for p in series.points if isfinite(p.value))
            for series in found
        }
        if lines:
            graphs.append(Graph(counter, dict(sorted(lines.items()))))
    return Rates(begin, end, tuple(graphs))
