"""Latency by percentile, from the runs' HDR histograms."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from lab.measure.traffic import latency
from lab.report.charts.drawing import draw, series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.measure.records import Record
    from lab.report.charts.drawing import Chart, Spec

PERCENTILES = (0, 50, 90, 99, 99.9, 99.99, 99.999)
"""Marked on the axis, on which each further 9 takes as much room as the one before."""
MILLISECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def latencies(name: str, runs: Mapping[str, Record]) -> Chart | None:
    """Latency by percentile, a line for each run by its label; None when no request was timed."""
    timed = {label: run.load for label, run in runs.items() if run.load.latency}
    if not timed:
        return None
    rows = [
        {"run": label, "rarity": rarity, "milliseconds": milliseconds}
        for label, load in timed.items()
        for rarity, milliseconds in _curve(latency.counts(load.histogram))
    ]
    alt = " ".join(
        f"{label}: half of the requests took at most {load.latency.p50 * 1000:.2f} ms, 99% at most "
        f"{load.latency.p99 * 1000:.2f} ms, the slowest {load.latency.max * 1000:.1f} ms."
        for label, load in timed.items()
        if load.latency
    )
    title = "Latency by percentile"
    return draw(name, title, alt, lambda width: _spec(rows, list(timed), width))


def _curve(counts: dict[int, int]) -> list[tuple[float, float]]:
    """Latencies in milliseconds, each by its rarity: one request in so many takes as long."""
    values = sorted(counts)
    total = sum(counts.values())
    faster = [0, *accumulate(counts[value] for value in values)]
    return [(total / (total - n), v / 1000) for n, v in zip(faster, values, strict=False)]


def _spec(rows: list[dict[str, object]], runs: list[str], width: int) -> Spec:
    rarities = [round(100 / (100 - percentile), 6) for percentile in PERCENTILES]
    names = {f"{r:g}": f"{p:g}%" for r, p in zip(rarities, PERCENTILES, strict=True)}
    x = {
        "field": "rarity",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "axis": {
            "title": "percentile",
            "values": rarities,
            "grid": False,
            "labelExpr": f"({names})[format(datum.value, '.6~g')]",
        },
    }
    y = {
        "field": "milliseconds",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "axis": {"title": "milliseconds, at most", "format": "~g", "values": MILLISECONDS},
    }
    return {
        "width": width,
        "height": 240,
        "data": {"values": rows},
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {
            "x": x,
            "y": y,
            **series("run", runs, ("color", "strokeDash")),
        },
    }
