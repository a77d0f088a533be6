"""The points of a sweep: what was measured against a parameter, over what the model predicts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.experiment.sweep import CONCURRENCY
from lab.measure.intervals import Interval
from lab.metrics.laws import CLIENT
from lab.metrics.quantities import Quantities
from lab.report.charts.drawing import draw, series
from lab.report.charts.requests import attempts, predicted_attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lab.measure.records import Record
    from lab.models.base import Predicted
    from lab.report.charts.drawing import Chart, Spec

FAR = 8
"""An axis on which the greatest value is this many times the least has a logarithmic scale."""
SUCCESS, ATTEMPTS = "requests that succeed", "attempts per request"


@dataclass(frozen=True)
class Point:
    """A share or a mean per request at one value of the axis: measured, and predicted if it is."""

    x: int | str
    series: str
    measured: float
    measured_within: Interval
    predicted: float | None = None
    predicted_within: Interval | None = None

    @property
    def row(self) -> dict[str, float | str | None]:
        """The point as Vega-Lite takes it."""
        within = self.predicted_within
        return {
            "x": self.x,
            "series": self.series,
            "measured": self.measured,
            "measured_low": self.measured_within.low,
            "measured_high": self.measured_within.high,
            "predicted": self.predicted,
            "low": within.low if within else None,
            "high": within.high if within else None,
        }


@dataclass(frozen=True)
class Axes:
    """The axes of a sweep: ``x``, and beside it the one that has a ``series`` for each value.

    There is a chart for every combination of the ``others`` that vary.
    """

    x: str
    series: str
    others: tuple[str, ...]


def setting(run: Record) -> dict[str, int | str]:
    """The values at a point of a sweep, by axis."""
    pairs = (pair.partition("=") for pair in run.experiment.partition("/")[2].split(","))
    return {axis: _value(text) for axis, _, text in pairs}


def axes(runs: Sequence[Record]) -> Axes:
    """What a sweep is drawn against: concurrency if that varies, else the first that does."""
    values: dict[str, set[int | str]] = {}
    for run in runs:
        for axis, value in setting(run).items():
            values.setdefault(axis, set()).add(value)
    varying = [axis for axis, found in values.items() if len(found) > 1]
    x = CONCURRENCY if CONCURRENCY in varying or not varying else varying[0]
    others = [axis for axis in varying if axis != x]
    return Axes(x, others[-1] if others else "", tuple(others[:-1]))


def charts(runs: Sequence[Record], predictions: Mapping[str, Predicted]) -> Iterator[Chart]:
    """Charts of success, and of attempts where something retries.

    ``predictions`` are by the runs' ids.
    """
    found = axes(runs)

    def key(run: Record) -> tuple[tuple[str, int | str], ...]:
        return tuple((axis, setting(run).get(axis, "")) for axis in found.others)

    place = {each: number for number, each in enumerate(dict.fromkeys(map(key, runs)))}
    ordered = sorted(runs, key=lambda run: place[key(run)])
    for number, (where, group) in enumerate(itertools.groupby(ordered, key)):
        own = list(group)
        for what, form, measure in ((SUCCESS, ".0%", _success), (ATTEMPTS, ".2f", _attempts)):
            points = [p for run in own if (p := measure(run, predictions[run.id], found))]
            if points:
                title = f"{what[:1].upper()}{what[1:]} by {found.x}" + "".join(
                    f"{', ' if i else ': '}{axis} {value}" for i, (axis, value) in enumerate(where)
                )
                name = f"{own[0].experiment_id}-{what.split()[0]}-{number}"
                yield _chart(name, title, points, found, (what, form))


def _success(run: Record, predicted: Predicted, found: Axes) -> Point:
    sent = run.load.sent
    mean = predicted.counts.get(f"{CLIENT}.succeeded")
    return Point(
        x=setting(run).get(found.x, ""),
        series=_series(run, found),
        measured=run.load.succeeded / sent,
        measured_within=run.load.success_interval,
        predicted=mean.mean / sent if mean else None,
        predicted_within=Interval(mean.low / sent, mean.high / sent) if mean else None,
    )


def _attempts(run: Record, predicted: Predicted, found: Axes) -> Point | None:
    measured = attempts(run)
    if measured is None or not Quantities(run.spec).retrying:
        return None
    mean = predicted_attempts(run, predicted)
    return Point(
        x=setting(run).get(found.x, ""),
        series=_series(run, found),
        measured=measured,
        measured_within=Interval(measured, measured),
        predicted=mean.mean if mean else None,
        predicted_within=Interval(mean.low, mean.high) if mean else None,
    )


def _value(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() else text


def _series(run: Record, found: Axes) -> str:
    return f"{found.series} {setting(run).get(found.series, '')}" if found.series else "measured"


def _chart(name: str, title: str, points: list[Point], found: Axes, axis: tuple[str, str]) -> Chart:
    points.sort(key=lambda point: (isinstance(point.x, str), point.x))
    names = list(dict.fromkeys(point.series for point in points))

    def specify(width: int) -> Spec:
        return _spec(points, names, width, (found.x, *axis))

    return draw(name, title, _in_words(points, names, found.x, axis), specify)


def _in_words(points: Sequence[Point], names: Sequence[str], x: str, axis: tuple[str, str]) -> str:
    what, form = axis
    sentences = []
    for each in names:
        own = [point for point in points if point.series == each]
        values = ", ".join(f"{p.measured:{_python(form)}} at {p.x}" for p in own)
        judged = [point for point in own if point.predicted_within]
        inside = sum(p.measured in p.predicted_within for p in judged if p.predicted_within)
        told = f"{each}: {what} by {x}: {values}"
        if judged:
            told += f"; {inside} of {len(judged)} are where the model predicts"
        sentences.append(f"{told}.")
    return " ".join(sentences)


def _python(form: str) -> str:
    return ".1%" if "%" in form else form


def _x(points: Sequence[Point], title: str) -> Spec:
    values = list(dict.fromkeys(point.x for point in points))
    axis: Spec = {"title": title, "grid": False}
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) < len(values):
        return {"field": "x", "type": "ordinal", "sort": None, "axis": axis | {"labelAngle": 0}}
    far = numbers[0] > 0 and numbers[-1] >= FAR * numbers[0]
    scale: Spec = {"type": "log", "base": 2} if far else {"type": "linear", "zero": False}
    return {
        "field": "x",
        "type": "quantitative",
        "scale": scale | {"nice": False, "padding": 14},
        "axis": axis | {"values": numbers, "format": "d"},
    }


def _spec(
    points: Sequence[Point], names: Sequence[str], width: int, axis: tuple[str, str, str]
) -> Spec:
    x, what, form = axis

    def y(field: str) -> Spec:
        scale = {"zero": False, "nice": True, "padding": 6}
        axis = {"title": what, "format": form, "tickCount": 6}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}

    colour = series("series", names, ("color",))
    if len(names) > 1:  # the dashes of the line are no frame of the mark
        colour["color"] |= {"legend": {"symbolStrokeWidth": 0}}
    known = [point for point in points if point.predicted is not None]
    return {
        "width": width,
        "height": 280,
        "data": {"values": [point.row for point in points]},
        "encoding": {"x": _x(points, x), **colour},
        "layer": [
            *([_area(y), _line(y, names)] if known else []),
            {
                "mark": {"type": "rule", "strokeWidth": 1.5},
                "encoding": {"y": y("measured_low"), "y2": {"field": "measured_high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"y": y("measured"), **series("series", names, ("shape",))},
            },
        ],
    }


def _area(y: Callable[[str], Spec]) -> Spec:
    return {
        "mark": {"type": "area", "opacity": 0.2},
        "encoding": {"y": y("low"), "y2": {"field": "high"}},
    }


def _line(y: Callable[[str], Spec], names: Sequence[str]) -> Spec:
    dash = series("series", names, ("strokeDash",))
    return {
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {"y": y("predicted"), **dash},
    }
