"""The commands that show pictures: report, metrics."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.commands.guard import guarded, open_lab
from lab.errors import AbsentError, UsageError
from lab.interruption import Terminated
from lab.options import Format, Name, Output, Runs, Url

if TYPE_CHECKING:
    from lab.measure.counters.prometheus import Prometheus
    from lab.report.rates import Rates

REFRESH = 1.0
"""Seconds between two pictures: as often as Prometheus scrapes."""
LONGEST = 24 * 3600.0

_UNITS = {"s": 1, "m": 60, "h": 3600}


@guarded
def report(
    runs: Runs = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The file to write.", dir_okay=False)
    ] = Path("report.html"),
) -> None:
    """Write what runs have shown as one HTML file, with charts, verdicts and how to repeat it.

    Tells of the latest run without a sidecar, the latest with one, and the latest sweep, unless
    RUNS are given; a run of a sweep stands for all of it. The file needs nothing else.
    """
    from lab import console, paper
    from lab.report import page

    ids = page.write(output, runs or ())
    console.note(f"told of {len(ids)} runs: {', '.join(ids[:2])}" + (" ..." if ids[2:] else ""))
    paper.out.print(str(output), markup=False)


@guarded
def metrics(
    last: Annotated[
        str, typer.Option("--last", metavar="TIME", help="How far back: 30s, 5m, 1h.")
    ] = "2m",
    name: Name = "lab",
    output: Format = Output.TABLE,
    url: Url = "",
) -> None:
    """Show the article's graphs: requests by status per second, and Envoy's retries.

    On a terminal they move until Ctrl-C; elsewhere a table of the same is printed once.
    """
    from lab import console, paper
    from lab.report.rates import rates

    seconds = _seconds(last)
    source = _prometheus(url, name)
    if output is Output.JSON:
        console.json_out(rates(source, seconds))
    elif paper.out.moves:
        _live(source, seconds)
    else:
        _table(source, seconds)


def _prometheus(url: str, name: str) -> Prometheus:
    from lab.experiment.run import PROMETHEUS, present
    from lab.measure.counters.prometheus import Prometheus

    spec, _ = present(open_lab(url), name)
    for port in spec.ports():
        if port.name == PROMETHEUS:
            return Prometheus(port.url)
    raise AbsentError(f"{spec.scenario} has no port named {PROMETHEUS}, where Prometheus answers")


def _live(source: Prometheus, seconds: float) -> None:
    from rich.live import Live
    from rich.text import Text

    from lab import paper
    from lab.interruption import orderly
    from lab.report.rates import rates
    from lab.report.terminal import draw

    footer = Text("requests per second · Ctrl-C ends", style="dim", end="")
    screen = paper.out.rich
    try:
        with orderly(), Live(console=screen, screen=True, auto_refresh=False) as live:
            while True:
                width, height = screen.size
                found = _shown(rates(source, seconds))
                drawn = draw(found, width, height - 1, colours=paper.out.tells_apart)
                live.update(drawn + footer, refresh=True)
                time.sleep(REFRESH)
    except Terminated:
        raise
    except KeyboardInterrupt:
        return  # the way to end it


def _shown(found: Rates) -> Rates:
    """The graphs with names that fit a terminal: labels may be anything."""
    from msgspec.structs import replace

    from lab.paper import clean

    graphs = (replace(g, lines={clean(s): p for s, p in g.lines.items()}) for g in found.graphs)
    return replace(found, graphs=tuple(graphs))


def _table(source: Prometheus, seconds: float) -> None:
    from statistics import fmean

    from lab import console, layout
    from lab.report.rates import rates

    rows = [
        (graph.counter, status, *(f"{f(values):.1f}" for f in (_latest, fmean, max)))
        for graph in rates(source, seconds).graphs
        for status, points in graph.lines.items()
        if (values := [point.value for point in points])
    ]
    if rows:
        layout.table(("COUNTER", "STATUS", "LATEST/S", "MEAN/S", "HIGHEST/S"), rows)
    else:
        console.note("nothing was counted in this time: `lab load` pours traffic")


def _latest(values: list[float]) -> float:
    return values[-1]


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,5})([smh]?)", text)
    seconds = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    if not 0 < seconds <= LONGEST:
        raise UsageError(
            f"--last {text}: a time of at most a day is wanted", hint="as in 30s, 5m, 1h"
        )
    return float(seconds)
