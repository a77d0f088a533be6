"""The report: one HTML file that needs nothing else, neither scripts nor the network."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lab import __version__
from lab.errors import LabError
from lab.experiment.compare import contrast
from lab.measure import records
from lab.measure.counters.timeline import FILE as TIMELINE
from lab.measure.counters.timeline import Timeline
from lab.measure.theory import closed_form
from lab.measure.verdicts import overall
from lab.report import commands
from lab.report.charts import concurrency
from lab.report.charts.latency import latencies
from lab.report.charts.requests import requests
from lab.report.charts.timelines import timelines
from lab.report.story import choose, judgements, predictions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lab.measure.records import Record
    from lab.measure.verdicts import Judgement
    from lab.report.charts.drawing import Chart
    from lab.report.story import Story

ARTICLE = (0.2, 2)
"""The article's error rate and retries, whose chart comes first."""
SMALLEST = 0.0001
"""Chances below this are not worth their digits."""


@dataclass(frozen=True)
class Told:
    """A run as the page tells of it."""

    record: Record
    judgements: tuple[Judgement, ...]
    verdict: str
    expected: float | None
    timeline: Chart | None
    configurations: Mapping[str, str]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Swept:
    """A point of a sweep as the page lists it."""

    record: Record
    judgement: Judgement | None


@dataclass(frozen=True)
class Grid:
    """A sweep as the page tells of it; ``worst`` is its point furthest below ``unlimited``.

    That is the share of requests that succeed when every retry is allowed.
    """

    points: tuple[Swept, ...]
    charts: tuple[Chart, ...]
    worst: Record
    unlimited: float
    inside: int
    command: str


def write(path: Path, wanted: Sequence[str]) -> tuple[str, ...]:
    """Write the report of the ``wanted`` runs to a file, and return the ids of all its runs.

    Raises:
        LabError: the file cannot be written, or a library for it is not installed; also what
            :func:`lab.report.story.choose` raises.
    """
    story = choose(wanted)
    page = render(story)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}") from error
    return tuple(record.id for record in (*story.pair, *story.sweep))


def render(story: Story) -> str:
    """The whole page. Raises :class:`LabError` when a library is not installed."""
    pair = story.pair
    page: str = (
        _environment()
        .get_template("report.html.j2")
        .render(
            version=__version__,
            direct=_tell(story.direct) if story.direct else None,
            sidecar=_tell(story.sidecar) if story.sidecar else None,
            comparison=contrast(*pair) if len(pair) > 1 else None,
            requests=requests(pair),
            latencies=latencies(pair),
            grid=_grid(story.sweep) if story.sweep else None,
            newest=max((*pair, *story.sweep), key=lambda record: record.began),
        )
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
    environment.filters["chance"] = _chance
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["milliseconds"] = lambda seconds: f"{seconds * 1000:.2f} ms"
    return environment


def _chance(p_value: float) -> str:
    return f"p = {p_value:.2g}" if p_value >= SMALLEST else f"p < {SMALLEST:f}".rstrip("0")


def _tell(record: Record) -> Told:
    files = records.files(record.id)
    drawn = files.pop(TIMELINE, None)
    judged = judgements(record)
    successes = predictions(record).counts.get("successes")
    return Told(
        record=record,
        judgements=judged,
        verdict=overall(judged),
        expected=successes.mean / record.load.sent if successes else None,
        timeline=timelines(record, _timeline(drawn)) if drawn else None,
        configurations=files,
        commands=commands.again(record),
    )


def _timeline(text: str) -> Timeline:
    try:
        return msgspec.json.decode(text, type=Timeline)
    except msgspec.DecodeError as error:
        raise LabError(f"a run's {TIMELINE} is damaged: {error}") from error


def _grid(runs: tuple[Record, ...]) -> Grid:
    points = tuple(Swept(run, _on_success(run)) for run in runs)
    worst = max(runs, key=lambda run: _unlimited(run) - run.load.succeeded / run.load.sent)
    return Grid(
        points=points,
        charts=tuple(_grid_charts(runs)),
        worst=worst,
        unlimited=_unlimited(worst),
        inside=sum(p.judgement is not None and p.judgement.verdict == "confirmed" for p in points),
        command=commands.sweep(runs),
    )


def _unlimited(run: Record) -> float:
    return closed_form.success_rate(*concurrency.setting(run))


def _grid_charts(runs: Sequence[Record]) -> list[Chart]:
    """Two charts for each error rate and number of retries, the article's first."""
    ordered = sorted(
        runs, key=lambda run: (concurrency.setting(run) != ARTICLE, concurrency.setting(run))
    )
    forecasts = {run.id: predictions(run) for run in runs}
    charts = []
    for number, (_, group) in enumerate(itertools.groupby(ordered, concurrency.setting)):
        own = list(group)
        charts += [
            concurrency.success(f"success-{number}", own, forecasts),
            concurrency.attempts(f"attempts-{number}", own, forecasts),
        ]
    return [chart for chart in charts if chart]


def _on_success(run: Record) -> Judgement | None:
    return next((j for j in judgements(run) if j.name == "success"), None)
