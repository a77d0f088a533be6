"""The report: one HTML file that needs nothing else, neither scripts nor the network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from lab import __version__
from lab.errors import LabError
from lab.experiment.compare import contrast
from lab.experiment.sweep import Swept
from lab.measure import records
from lab.metrics.graphs import FILE as TIMELINE
from lab.metrics.graphs import Timeline
from lab.metrics.quantities import Quantities
from lab.report import commands, words
from lab.report.charts import points
from lab.report.charts.latency import latencies
from lab.report.charts.requests import requests
from lab.report.charts.timelines import timelines
from lab.report.flow import flow
from lab.report.selection import choose
from lab.spec.claims import Verdict, overall
from lab.verdicts.assess import predict, results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lab.experiment.compare import Comparison
    from lab.measure.records import Record
    from lab.models.base import Predicted
    from lab.report.charts.drawing import Chart
    from lab.report.flow import Step
    from lab.report.selection import Selection
    from lab.spec.claims import ClaimResult

MARKS = 5
"""How many runs have a colour of their own."""


@dataclass(frozen=True)
class Told:
    """A run as the page tells of it, under a ``label`` that no other run has.

    ``number`` is its place on the page. ``latencies`` are None where they are part of a comparison.
    """

    label: str
    number: int
    record: Record
    results: tuple[ClaimResult, ...]
    flow: Step | None
    latencies: Chart | None
    timeline: Chart | None
    configurations: Mapping[str, str]
    commands: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """What became of all claims together."""
        return overall(self.results)

    @property
    def mark(self) -> str:
        """The class that gives it its colour."""
        return f"run-{self.number % MARKS}"


@dataclass(frozen=True)
class Compared:
    """Two runs side by side."""

    runs: tuple[Told, Told]
    comparison: Comparison
    requests: Chart | None
    latencies: Chart | None


@dataclass(frozen=True)
class Grid:
    """A sweep as the page tells of it."""

    points: tuple[Swept, ...]
    charts: tuple[Chart, ...]
    command: str

    @property
    def first(self) -> Record:
        """Any of its runs, for what they have in common."""
        return self.points[0].record

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """The names of its axes."""
        return tuple(self.points[0].point)

    @property
    def drawn(self) -> str:
        """What its charts are drawn against."""
        return points.axes([point.record for point in self.points]).x

    @property
    def worst(self) -> Swept:
        """The point at which the fewest requests succeeded."""
        return min(self.points, key=lambda p: p.record.load.succeeded / p.record.load.sent)

    @property
    def confirmed(self) -> int:
        """At how many points the success rate is as claimed."""
        return sum(point.success is Verdict.CONFIRMED for point in self.points)


def write(path: Path, wanted: Sequence[str], lab: str = "") -> tuple[str, ...]:
    """Write the report of the ``wanted`` runs to a file, and return the ids of all its runs.

    Raises:
        LabError: the file cannot be written, or a library for it is not installed; also what
            :func:`lab.report.selection.choose` raises.
    """
    selection = choose(wanted, lab)
    page = render(selection)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}") from error
    return tuple(record.id for record in selection.everything)


def render(selection: Selection) -> str:
    """The whole page. Raises :class:`LabError` when a library is not installed."""
    template = _environment().get_template("report.html.j2")
    compared = {run.id for pair in selection.pairs for run in pair}
    labels = _labels(selection.runs)
    told = {
        run.id: _tell(run, labels[run.id], number, alone=run.id not in compared)
        for number, run in enumerate(selection.runs)
    }
    page: str = template.render(
        version=__version__,
        told=tuple(told.values()),
        compared=[
            _compare(number, told[one.id], told[two.id])
            for number, (one, two) in enumerate(selection.pairs)
        ],
        grids=[_grid(sweep) for sweep in selection.sweeps],
        labs=sorted({run.lab for run in selection.everything}),
        newest=max(selection.everything, key=lambda record: record.began),
        words=words,
    )
    return page


def _environment() -> Any:  # noqa: ANN401 - jinja2 is imported late, as it may be missing
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise LabError(
            "the report needs a library that is not installed",
            hint="pip install 'podman-lab[report]'",
        ) from error
    environment = Environment(
        loader=PackageLoader("lab.report"),
        autoescape=True,  # texts of services and of scenarios are not to be trusted
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["scenario"] = _short
    return environment


def _short(scenario: str) -> str:
    """A scenario as people call it: of a file, its name."""
    return PurePath(scenario).stem


def _labels(runs: Sequence[Record]) -> dict[str, str]:
    """What the runs are called, by id: their scenarios, with the id where that is not enough."""
    count = Counter(_short(run.spec.scenario) for run in runs)
    found = {}
    for run in runs:
        name = _short(run.spec.scenario)
        found[run.id] = name if count[name] == 1 else f"{name}, run {run.id}"
    return found


def _tell(record: Record, label: str, number: int, *, alone: bool) -> Told:
    files = records.files(record.id)
    drawn = files.pop(TIMELINE, None)
    return Told(
        label=label,
        number=number,
        record=record,
        results=results(record),
        flow=flow(record),
        latencies=latencies(f"latency-{number}", {label: record}) if alone else None,
        timeline=timelines(f"time-{number}", label, _timeline(drawn)) if drawn else None,
        configurations=files,
        commands=commands.again(record),
    )


def _timeline(text: str) -> Timeline:
    try:
        return msgspec.json.decode(text, type=Timeline)
    except msgspec.DecodeError as error:
        raise LabError(f"a run's {TIMELINE} is damaged: {error}") from error


def _compare(number: int, one: Told, two: Told) -> Compared:
    runs = {each.label: each.record for each in (one, two)}
    return Compared(
        runs=(one, two),
        comparison=contrast(one.record, two.record),
        requests=requests(f"requests-{number}", runs),
        latencies=latencies(f"latencies-{number}", runs),
    )


def _grid(runs: tuple[Record, ...]) -> Grid:
    predictions: dict[str, Predicted] = {run.id: predict(run, Quantities(run.spec)) for run in runs}
    return Grid(
        points=tuple(Swept(point=points.setting(run), record=run, resumed=True) for run in runs),
        charts=tuple(points.charts(runs, predictions)),
        command=commands.sweep(runs),
    )
