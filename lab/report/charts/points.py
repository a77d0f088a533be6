"""What was measured against concurrency, over what theory predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.measure.intervals import Interval
from lab.measure.theory import forecast
from lab.measure.theory.closed_form import attempts_per_request, success_rate
from lab.report.charts.drawing import draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.measure.records import Record
    from lab.measure.theory.forecast import Forecasts
    from lab.report.charts.drawing import Chart, Spec

COLOURS = ("var(--blue)", "var(--orange)", "var(--green)", "var(--pink)", "var(--sky)")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (6, 3), (2, 2), (8, 2, 2, 2), (4, 4))
"""Series differ in all three, for those who see no difference in the first."""


@dataclass(frozen=True)
class Point:
    """A share or a mean per request, at one concurrency: measured, and predicted."""

    series: str
    concurrency: int
    measured: float
    measured_within: Interval
    predicted: float
    predicted_within: Interval

    @property
    def row(self) -> dict[str, float | str]:
        """The point as Vega-Lite takes it."""
        return {
            "series": self.series,
            "concurrency": self.concurrency,
            "measured": self.measured,
            "measured_low": self.measured_within.low,
            "measured_high": self.measured_within.high,
            "predicted": self.predicted,
            "low": self.predicted_within.low,
            "high": self.predicted_within.high,
        }


def success(name: str, runs: Sequence[Record], forecasts: Mapping[str, Forecasts]) -> Chart | None:
    """Success against concurrency; None when theory says nothing of these runs.

    ``forecasts`` has what theory says, by the runs' ids.
    """
    points = [point for run in runs if (point := _success(run, forecasts[run.id]))]
    error_rate, retries = setting(runs[0])
    unlimited = success_rate(error_rate, retries)
    title = f"Success against concurrency: {error_rate:.0%} errors, {retries} retries"
    return _chart(name, title, points, "requests that succeed", ".0%", unlimited)


def attempts(name: str, runs: Sequence[Record], forecasts: Mapping[str, Forecasts]) -> Chart | None:
    """Attempts per request against concurrency; None when nothing was measured."""
    points = [point for run in runs if (point := _attempts(run, forecasts[run.id]))]
    error_rate, retries = setting(runs[0])
    unlimited = attempts_per_request(error_rate, retries)
    title = f"Attempts per request: {error_rate:.0%} errors, {retries} retries"
    return _chart(name, title, points, "attempts per request", ".2f", unlimited)


def setting(run: Record) -> tuple[float, int]:
    """A run's error rate (0 to 1) and its retries per request; 0 where theory knows neither."""
    known = forecast.setting(run.spec.parameters)
    return (0.0, 0) if isinstance(known, str) else (known[0], known[1].retries)


def _success(run: Record, forecasts: Forecasts) -> Point | None:
    found = forecasts.counts.get("successes")
    if found is None:
        return None
    sent = run.load.sent
    return Point(
        series=_series(run),
        concurrency=run.load.order.concurrency,
        measured=run.load.succeeded / sent,
        measured_within=run.load.success_interval,
        predicted=found.mean / sent,
        predicted_within=Interval(found.interval.low / sent, found.interval.high / sent),
    )


def _attempts(run: Record, forecasts: Forecasts) -> Point | None:
    found, counted = forecasts.counts.get("retries"), run.ledger.count("attempts")
    if found is None or counted is None:
        return None
    sent = run.load.sent
    mean = counted / sent
    return Point(
        series=_series(run),
        concurrency=run.load.order.concurrency,
        measured=mean,
        measured_within=Interval(mean, mean),
        predicted=1 + found.mean / sent,
        predicted_within=Interval(1 + found.interval.low / sent, 1 + found.interval.high / sent),
    )


def _series(run: Record) -> str:
    return f"{run.spec.parameters.get('max-retries')} concurrent retries"


def _chart(
    name: str, title: str, points: list[Point], what: str, form: str, unlimited: float
) -> Chart | None:
    if not points:
        return None
    points.sort(key=lambda point: point.concurrency)
    series = list(dict.fromkeys(point.series for point in points))

    def specify(width: int) -> Spec:
        return _spec(points, series, width, (what, form, unlimited))

    return draw(name, title, _in_words(points, series, what, form), specify)


def _in_words(points: Sequence[Point], series: Sequence[str], what: str, form: str) -> str:
    sentences = []
    for each in series:
        own = [point for point in points if point.series == each]
        values = ", ".join(f"{p.measured:{_python(form)}} at {p.concurrency}" for p in own)
        inside = sum(point.measured in point.predicted_within for point in own)
        sentences.append(
            f"With {each}, {what} by concurrency: {values}; {inside} of {len(own)} are where "
            "theory predicts."
        )
    return " ".join(sentences)


def _python(form: str) -> str:
    return ".1%" if "%" in form else form


def _spec(
    points: Sequence[Point], series: Sequence[str], width: int, axis: tuple[str, str, float]
) -> Spec:
    what, form, unlimited = axis
    x = {
        "field": "concurrency",
        "type": "quantitative",
        "scale": {"type": "log", "base": 2, "nice": False, "padding": 14},
        "axis": {
            "title": "concurrency",
            "values": sorted({point.concurrency for point in points}),
            "format": "d",
            "grid": False,
        },
    }
    count = range(len(series))
    colour: Spec = {
        "field": "series",
        "scale": {"domain": series, "range": [COLOURS[i % len(COLOURS)] for i in count]},
    }
    shape = {
        "field": "series",
        "scale": {"domain": series, "range": [SHAPES[i % len(SHAPES)] for i in count]},
    }
    dash = {
        "field": "series",
        "scale": {"domain": series, "range": [list(DASHES[i % len(DASHES)]) for i in count]},
    }

    def y(field: str) -> Spec:
        scale = {"zero": False, "nice": True, "padding": 6}
        axis = {"title": what, "format": form, "tickCount": 6}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}

    return {
        "width": width,
        "height": 280,
        "data": {"values": [point.row for point in points]},
        "encoding": {"x": x, "color": colour},
        "layer": [
            {
                "data": {"values": [{"value": unlimited}]},
                "mark": {"type": "rule", "strokeDash": [1, 3], "color": "var(--ink)"},
                "encoding": {"x": None, "color": None, "y": y("value")},
            },
            {
                "mark": {"type": "area", "opacity": 0.2},
                "encoding": {"y": y("low"), "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 1.5},
                "encoding": {"y": y("predicted"), "strokeDash": dash},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 1.5},
                "encoding": {"y": y("measured_low"), "y2": {"field": "measured_high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"y": y("measured"), "shape": shape},
            },
        ],
    }
