"""The article's graphs: how the services' and Envoy's counters grew during a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.measure.counters.timeline import RETRIED, SUPPRESSED
from lab.report.charts.drawing import draw
from lab.topology.graphs import A, B

if TYPE_CHECKING:
    from lab.measure.counters.timeline import Timeline
    from lab.measure.records import Record
    from lab.report.charts.drawing import Chart, Spec

PANELS = (A, B, RETRIED, SUPPRESSED)
SUCCEEDED, FAILED, REPEATED = "2xx", "5xx", "retries"
COLOURS = {SUCCEEDED: "var(--green)", FAILED: "var(--red)", REPEATED: "var(--amber)"}
SHAPES = {SUCCEEDED: "circle", FAILED: "square", REPEATED: "triangle-up"}


def timelines(run: Record, timeline: Timeline) -> Chart | None:
    """A panel for each counter that grew, on one axis of time; None when none was scraped."""
    panels = {name: rows for name in PANELS if (rows := _rows(timeline, name))}
    if not panels:
        return None
    ends = (
        f"{name} grew by " + ", ".join(f"{last} ({status})" for status, last in _last(rows).items())
        for name, rows in panels.items()
    )
    title = f"{run.spec.scenario}: the counters, second by second"
    alt = f"{run.spec.scenario}: in the end {'; '.join(ends)}."
    return draw(f"time-{run.id}", title, alt, lambda width: _spec(panels, width))


def _rows(timeline: Timeline, name: str) -> list[dict[str, object]]:
    growth = timeline.growth(name)
    if name == SUPPRESSED and not any(count for line in growth.values() for _, count in line):
        return []
    return [
        {"status": status if status in COLOURS else REPEATED, "seconds": seconds, "count": count}
        for status, line in growth.items()
        for seconds, count in line
    ]


def _last(rows: list[dict[str, object]]) -> dict[object, object]:
    return {row["status"]: row["count"] for row in rows}


def _spec(panels: dict[str, list[dict[str, object]]], width: int) -> Spec:
    seconds = [row["seconds"] for rows in panels.values() for row in rows]
    statuses = [s for s in COLOURS if any(s in _last(rows) for rows in panels.values())]
    span = [min(map(float, map(str, seconds))), max(map(float, map(str, seconds)))]
    names = list(panels)
    return {
        "spacing": 14,
        "vconcat": [
            _panel(name, rows, width, (statuses, span, name == names[-1]))
            for name, rows in panels.items()
        ],
    }


def _panel(
    name: str,
    rows: list[dict[str, object]],
    width: int,
    shared: tuple[list[str], list[float], bool],
) -> Spec:
    statuses, span, last = shared
    title = "seconds since the run began" if last else None
    time = {"title": title, "grid": False, "labels": last, "tickCount": 6, "format": "~g"}
    return {
        "title": {"text": name, "font": "monospace"},
        "width": width,
        "height": 90,
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 2, "point": {"filled": True, "size": 22}},
        "encoding": {
            "x": {
                "field": "seconds",
                "type": "quantitative",
                "scale": {"domain": span, "nice": False},
                "axis": time,
            },
            "y": {
                "field": "count",
                "type": "quantitative",
                "axis": {"title": None, "tickCount": 3, "tickMinStep": 1, "format": "d"},
            },
            "color": {
                "field": "status",
                "scale": {"domain": statuses, "range": [COLOURS[s] for s in statuses]},
            },
            "shape": {
                "field": "status",
                "scale": {"domain": statuses, "range": [SHAPES[s] for s in statuses]},
            },
        },
    }
