"""Choosing the runs that a report tells of, and what theory says of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.experiment.assess import verdicts
from lab.measure import records
from lab.measure.counters.samples import ENVOY, Growth
from lab.measure.theory.forecast import forecast, setting
from lab.measure.verdicts import confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.measure.records import Record
    from lab.measure.theory.forecast import Forecasts
    from lab.measure.verdicts import Judgement

SWEEP = "sweep"


@dataclass(frozen=True)
class Story:
    """The runs of a report: one without a sidecar, one with, and the points of a sweep."""

    direct: Record | None
    sidecar: Record | None
    sweep: tuple[Record, ...]

    @property
    def pair(self) -> tuple[Record, ...]:
        """The runs that are told of one by one."""
        return tuple(record for record in (self.direct, self.sidecar) if record)


def choose(wanted: Sequence[str]) -> Story:
    """The story of the ``wanted`` runs, or of the latest of each sort.

    A run of a sweep stands for the whole sweep. Of several runs of a sort the latest is taken.

    Raises:
        UsageError: a run is not there, or nothing is recorded that could be told of.
        lab.measure.records.RecordError: a wanted run cannot be read.
    """
    if wanted:
        chosen = sorted({records.find(text) for text in wanted}, reverse=True)
        story = _tell(records.read(record_id) for record_id in chosen)
    else:
        story = _tell(_newest_first())
    if not story.pair and not story.sweep:
        raise UsageError(
            "no finished run is recorded", hint="`lab compare direct sidecar` makes two"
        )
    return story


def with_sidecar(record: Record) -> bool:
    """Whether Envoy's counters are part of a run."""
    return any(scrape.job == ENVOY for scrape in record.after.scrapes)


def predictions(record: Record) -> Forecasts:
    """What theory says that a run should have counted."""
    return forecast(
        record.load,
        Growth(record.before, record.after),
        record.spec.parameters,
        confidence(record.spec.claims),
    )


def judgements(record: Record) -> tuple[Judgement, ...]:
    """A run's judgements: as recorded, else made now from what it counted."""
    return record.judgements or verdicts(record, {})


def _tell(newest_first: Iterable[Record]) -> Story:
    direct = sidecar = None
    sweep = ""
    for record in newest_first:
        if record.load.partial or not record.load.sent:
            continue
        if record.kind == SWEEP:
            sweep = sweep or _owner(record)
        elif with_sidecar(record):
            sidecar = sidecar or record
        else:
            direct = direct or record
        if direct and sidecar and sweep:
            break
    return Story(direct, sidecar, _points(sweep) if sweep else ())


def _newest_first() -> Iterable[Record]:
    for record_id in reversed(records.ids()):
        try:
            yield records.read(record_id)
        except records.RecordError:
            continue  # of another version, or damaged: `lab runs` says which


def _points(sweep: str) -> tuple[Record, ...]:
    """The latest run of every point of a sweep."""
    found = {
        record.experiment: record
        for record in reversed(list(_newest_first()))
        if record.kind == SWEEP and _owner(record) == sweep and _is_point(record)
    }
    return tuple(found.values())


def _is_point(record: Record) -> bool:
    """Whether a run of a sweep can stand beside what theory says."""
    whole = record.load.sent and not record.load.partial
    return bool(whole) and not isinstance(setting(record.spec.parameters), str)


def _owner(record: Record) -> str:
    return record.experiment.partition("/")[0]
