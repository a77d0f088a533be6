"""How the counters of a run's hops grew, second by second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.charts.drawing import SHAPES, draw

if TYPE_CHECKING:
    from lab.metrics.graphs import Timeline
    from lab.report.charts.drawing import Chart, Spec

    Lines = dict[str, list[tuple[float, float]]]

COLOURS = {"2": "var(--green)", "5": "var(--red)"}
"""By how a line's label begins: what a status stands for."""
OTHERS = ("var(--amber)", "var(--blue)", "var(--pink)", "var(--sky)", "var(--orange)")
PLAIN = "all"
"""The label of a counter without one."""
MOST_PANELS = 16


def timelines(name: str, of: str, timeline: Timeline) -> Chart | None:
    """A panel for each counter that grew, on one axis of time; None when none did."""
    panels = {
        f"{counter} of {service}": {label or PLAIN: line for label, line in lines.items()}
        for (service, counter), lines in timeline.growth().items()
        if any(count for line in lines.values() for _, count in line)
    }
    panels = dict(list(panels.items())[:MOST_PANELS])
    if not panels:
        return None
    ends = (
        f"{panel} grew by "
        + ", ".join(f"{line[-1][1]:g} ({label})" for label, line in lines.items() if line)
        for panel, lines in panels.items()
    )
    title = "The counters, second by second"
    alt = f"{of}: in the end {'; '.join(ends)}."
    return draw(name, title, alt, lambda width: _spec(panels, width))


def _spec(panels: dict[str, Lines], width: int) -> Spec:
    seconds = [s for lines in panels.values() for line in lines.values() for s, _ in line]
    labels = sorted({label for lines in panels.values() for label in lines})
    names = list(panels)
    return {
        "spacing": 14,
        "vconcat": [
            _panel(name, lines, width, (labels, [min(seconds), max(seconds)], name == names[-1]))
            for name, lines in panels.items()
        ],
    }


def _panel(
    name: str, lines: Lines, width: int, shared: tuple[list[str], list[float], bool]
) -> Spec:
    labels, span, last = shared
    title = "seconds since the run began" if last else None
    time = {"title": title, "grid": False, "labels": last, "tickCount": 6, "format": "~f"}
    shapes = [SHAPES[i % len(SHAPES)] for i in range(len(labels))]
    return {
        "title": {"text": name, "font": "monospace", "limit": width},
        "width": width,
        "height": 90,
        "data": {
            "values": [
                {"label": label, "seconds": seconds, "count": count}
                for label, line in lines.items()
                for seconds, count in line
            ]
        },
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
                "field": "label",
                "scale": {"domain": labels, "range": _colours(labels)},
            },
            "shape": {"field": "label", "scale": {"domain": labels, "range": shapes}},
        },
    }


def _colours(labels: list[str]) -> list[str]:
    """The colour of each label, of which those with a status say what it stands for."""
    others = (OTHERS[i % len(OTHERS)] for i in range(len(labels)))
    return [COLOURS.get(label[:1]) or next(others) for label in labels]
