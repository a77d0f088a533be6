"""The commands that show pictures: report, metrics."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab import durations
from lab.commands.guard import guarded, open_lab
from lab.errors import AbsentError, UsageError
from lab.interruption import Interrupted
from lab.options import Engine, Format, Name, OneLab, Output, Runs, Since

if TYPE_CHECKING:
    from lab.metrics.graphs import Rates
    from lab.metrics.prometheus import Prometheus
    from lab.metrics.quantities import Quantities

REFRESH = 1.0
"""Seconds between two pictures: as often as Prometheus scrapes."""
LONGEST = 24 * 3600.0
"""Seconds that graphs go back at most."""


@guarded
def report(
    runs: Runs = None,
    html: Annotated[
        Path, typer.Option("--html", metavar="FILE", help="The file to write.", dir_okay=False)
    ] = Path("report.html"),
    name: OneLab = None,
) -> None:
    """Write a report on recorded runs as one HTML file: charts, verdicts, how to repeat them.

    Unless RUNS are given, it covers one lab: the latest run of each scenario, and the latest
    sweep. A run of a sweep stands for the whole sweep. Compared are the runs of `lab compare`, and
    a scenario with its baseline. The file loads nothing else.
    """
    from lab import console, paper
    from lab.report import page

    if runs and name:
        raise UsageError("RUNS and --name exclude each other", hint="runs are found in any lab")
    ids = page.write(html, runs or (), name or "")
    count = f"{len(ids)} run{'s' * (len(ids) != 1)}"
    console.note(f"{count}: {', '.join(ids[:2])}" + (", ..." if ids[2:] else ""))
    paper.out.print(str(html), markup=False)


@guarded
def metrics(
    since: Since = 120,
    name: Name = "lab",
    output: Format = Output.TABLE,
    engine: Engine = "",
) -> None:
    """Show the article's graphs: requests per second by status, and Envoy's retries.

    Live on a terminal, until Ctrl-C; elsewhere a table is printed once.
    """
    from lab import console, paper
    from lab.metrics.graphs import rates

    if since > LONGEST:
        raise UsageError(f"--since {durations.show(since)} is too long", hint="at most 24h")
    source, quantities, graphs = _prometheus(engine, name)
    if output is Output.JSON:
        console.json_out(rates(source, quantities, since))
    elif paper.out.moves:
        _live(source, quantities, since)
    else:
        _table(source, quantities, since)
    if graphs and output is not Output.JSON:
        console.note(f"in Prometheus: {graphs}")


def _prometheus(engine: str, name: str) -> tuple[Prometheus, Quantities, str]:
    """A lab's Prometheus, what the lab counts, and the URL of its own graphs of the lab."""
    from lab.experiment.run import present
    from lab.metrics.prometheus import Prometheus
    from lab.metrics.quantities import Quantities
    from lab.topology import graphs

    spec, _ = present(open_lab(engine), name)
    for port in spec.ports():
        if port.name == graphs.PROMETHEUS:
            return Prometheus(port.url), Quantities(spec), graphs.link(spec)
    raise AbsentError(
        f"{spec.scenario} has no port named {graphs.PROMETHEUS}, where Prometheus answers"
    )


def _live(source: Prometheus, quantities: Quantities, seconds: float) -> None:
    from rich.live import Live
    from rich.text import Text

    from lab import paper
    from lab.interruption import orderly
    from lab.metrics.graphs import rates
    from lab.report.terminal import draw

    footer = Text("requests per second · Ctrl-C quits", style="dim", end="")
    screen = paper.out.rich
    try:
        with orderly(), Live(console=screen, screen=True, auto_refresh=False) as live:
            while True:
                width, height = screen.size
                found = _shown(rates(source, quantities, seconds))
                drawn = draw(found, width, height - 1, colours=paper.out.tells_apart)
                live.update(drawn + footer, refresh=True)
                time.sleep(REFRESH)
    except Interrupted as interruption:
        if interruption.number != signal.SIGINT:  # the way to end it
            raise


def _shown(found: Rates) -> Rates:
    """The graphs with names that fit a terminal: labels may be anything."""
    from msgspec.structs import replace

    from lab.paper import clean

    graphs = (replace(g, lines={clean(s): p for s, p in g.lines.items()}) for g in found.graphs)
    return replace(found, graphs=tuple(graphs))


def _table(source: Prometheus, quantities: Quantities, seconds: float) -> None:
    from statistics import fmean

    from lab import console, layout
    from lab.metrics.graphs import rates

    rows = [
        (graph.counter, status, *(f"{f(values):.1f}" for f in (_latest, fmean, max)))
        for graph in rates(source, quantities, seconds).graphs
        for status, points in graph.lines.items()
        if (values := [point.value for point in points])
    ]
    if rows:
        layout.table(("COUNTER", "STATUS", "LATEST/S", "MEAN/S", "HIGHEST/S"), rows)
    else:
        console.note("no requests in this time; `lab load` sends some")


def _latest(values: list[float]) -> float:
    return values[-1]
