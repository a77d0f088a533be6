"""The article's graphs drawn with characters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import plotext  # type: ignore[import-untyped]
from rich.text import Text

if TYPE_CHECKING:
    from lab.metrics.graphs import Rates
    from lab.metrics.prometheus import Point

COLOURS = {
    "2": ("cyan", "cyan"),
    "5": ("orange+", "bright_yellow"),
}
"""By how a line's name begins: plotext's name of a colour, and Rich's name of the same."""
OTHER = ("magenta", "magenta")
GLYPHS = "*+ox#@%&"
"""What lines are drawn with where colours do not tell them apart."""
LEAST_ROWS = 4
"""Of a plot, its axis included."""
LEAST_NAME = 10
"""Columns of the name of a graph."""
TICKS = 5

Lines = dict[str, "tuple[Point, ...]"]


def draw(rates: Rates, width: int, height: int, *, colours: bool = True) -> Text:
    """The graphs one below the other, each under its counter's name and latest values.

    Without ``colours`` each line of a graph has a character of its own.
    """
    plots = {f"{graph.counter} of {graph.service}": graph.lines for graph in rates.graphs}
    shown = Text()
    if not plots:
        return shown.append("no requests in this time; `lab load` sends some\n")
    rows = max(LEAST_ROWS, height // len(plots) - 1)
    for counter, drawn in plots.items():
        shown.append_text(_headline(counter, drawn, width, colours=colours))
        shown.append_text(Text.from_ansi(_plot(drawn, rates, width, rows, colours=colours)))
        shown.append("\n")
    return shown


def _headline(counter: str, lines: Lines, width: int, *, colours: bool) -> Text:
    """A graph's name, of which the end is cut where the names of its lines need the room."""
    legend = Text()
    for number, (status, points) in enumerate(lines.items()):
        glyph = "━" if colours else _glyph(number)
        latest = f"{points[-1].value:.1f}/s" if points else "none"
        words = ("", glyph, *([status] if status else []), latest)
        legend.append(" " + " ".join(words), style=_colour(status)[1])
    name = Text(counter, style="bold", no_wrap=True, overflow="ellipsis")
    name.truncate(max(LEAST_NAME, width - legend.cell_len), overflow="ellipsis")
    return name.append_text(legend).append("\n")


def _plot(lines: Lines, rates: Rates, width: int, rows: int, *, colours: bool) -> str:
    figure: Any = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, rows)
    figure.axes(active=False, side=1)
    for number, (status, points) in enumerate(lines.items()):
        seconds = [point.time - rates.end for point in points]
        values = [point.value for point in points]
        marker = plotext.marker(
            *(("braille", _colour(status)[0]) if colours else (_glyph(number),))
        )
        figure.draw(figure.signal(seconds, values, marker=marker).lines())
    span = rates.end - rates.begin
    marks = [-span * tick / TICKS for tick in range(TICKS, -1, -1)]
    figure.ruler("x").lim(-span, 0)
    figure.ruler("x").ticks(marks, [_ago(-mark) for mark in marks])
    top = _round_up(max((p.value for points in lines.values() for p in points), default=0.0))
    figure.ruler("y").lim(0, top)
    figure.ruler("y").ticks([0, top / 2, top], [f"{value:5g}" for value in (0, top / 2, top)])
    built: str = figure.build().string()
    return built.rstrip("\n")


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros, so that the axis seldom changes."""
    if value <= 1:
        return 1.0
    magnitude: float = 10.0 ** math.floor(math.log10(value))
    return next(magnitude * step for step in (1, 2, 5, 10) if magnitude * step >= value)


def _ago(seconds: float) -> str:
    if not seconds:
        return "now"
    minutes, rest = divmod(round(seconds), 60)
    return "-" + (f"{minutes}m" if minutes else "") + (f"{rest}s" if rest or not minutes else "")


def _glyph(number: int) -> str:
    return GLYPHS[number % len(GLYPHS)]


def _colour(status: str) -> tuple[str, str]:
    return next((found for begin, found in COLOURS.items() if status.startswith(begin)), OTHER)
