"""The article's counters over the time of a run, scrape by scrape."""

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters.prometheus import Series
from lab.measure.counters.samples import RETRIED_ANSWERS, RETRY_OVERFLOW
from lab.topology.graphs import A, B

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.measure.counters.prometheus import Prometheus

FILE = "timeline.json"
"""Where a time line is, beside the record of its run."""
RETRIED, SUPPRESSED = RETRIED_ANSWERS.name, RETRY_OVERFLOW.name
MARGIN = 2.0
"""Seconds before a run that its time line shows, so that its beginning can be seen."""

_CLUSTER = "envoy_cluster_name"


class Timeline(msgspec.Struct, frozen=True):
    """Counters as they were scraped; ``began`` is when the run did (both Unix time, seconds)."""

    began: float
    series: tuple[Series, ...]

    def growth(self, name: str) -> dict[str, list[tuple[float, float]]]:
        """How a counter grew: for each status, (seconds since the beginning, count) pairs.

        A series without the label ``status`` or ``envoy_response_code`` is under "".
        """
        return {_status(s): self._since(s) for s in self.series if s.name == name}

    def _since(self, series: Series) -> list[tuple[float, float]]:
        """A series that appears in mid-run counts from 0, any other from where it stood."""
        earlier = [point.value for point in series.points if point.time <= self.began]
        base = earlier[-1] if earlier else 0.0
        return [(point.time - self.began, point.value - base) for point in series.points]


def timeline(prometheus: Prometheus, jobs: Sequence[str], began: float) -> Timeline:
    """Read what was scraped of ``jobs`` from shortly before ``began`` until now.

    Raises :class:`lab.errors.LabError` when Prometheus does not answer.
    """
    window = ceil(prometheus.now() - began + MARGIN)
    names = f"{A}|{B}|{RETRIED}|{SUPPRESSED}"
    found = prometheus.query(f'{{job=~"{"|".join(jobs)}",__name__=~"{names}"}}[{window}s]')
    upstream = RETRIED_ANSWERS.labels[_CLUSTER]
    wanted = (
        Series(s.name, s.labels, tuple(point for point in s.points if isfinite(point.value)))
        for s in found
        if s.labels.get(_CLUSTER, upstream) == upstream
    )
    return Timeline(began, tuple(sorted(wanted, key=lambda s: (s.name, sorted(s.labels.items())))))


def _status(series: Series) -> str:
    return series.labels.get("status") or series.labels.get("envoy_response_code", "")
