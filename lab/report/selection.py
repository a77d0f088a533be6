"""Choosing the runs that a report tells of, and which of them it compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.experiment.compare import COMPARE
from lab.experiment.sweep import SWEEP
from lab.measure import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.measure.records import Record

    Pair = tuple[Record, Record]


@dataclass(frozen=True)
class Selection:
    """What a report tells of: ``runs`` one by one, and ``sweeps`` as a whole, oldest first.

    ``pairs`` are those of the runs that somebody wanted to compare.
    """

    runs: tuple[Record, ...]
    sweeps: tuple[tuple[Record, ...], ...]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The two runs of each `lab compare`, and each run beside its scenario's baseline.

        A baseline is of the same lab; of several the latest counts.
        """
        found: dict[frozenset[str], Pair] = {}
        for pair in (*self._compared(), *self._beside_baselines()):
            found.setdefault(frozenset(run.id for run in pair), pair)
        return tuple(found.values())

    @property
    def everything(self) -> tuple[Record, ...]:
        """Every run that the report covers."""
        return (*self.runs, *(run for sweep in self.sweeps for run in sweep))

    def _compared(self) -> Iterator[Pair]:
        experiments: dict[str, list[Record]] = {}
        for run in self.runs:
            if run.kind == COMPARE:
                experiments.setdefault(run.experiment_id, []).append(run)
        for parts in experiments.values():
            if len(parts) > 1:
                yield parts[0], parts[1]

    def _beside_baselines(self) -> Iterator[Pair]:
        bases = {(run.lab, run.spec.scenario): run for run in self.runs}
        for run in self.runs:
            base = bases.get((run.lab, run.spec.baseline))
            if base and base is not run:
                yield base, run


def choose(wanted: Sequence[str], lab: str = "") -> Selection:
    """The ``wanted`` runs; else, of a lab, the latest of each scenario and its latest sweep.

    Unless ``lab`` names one it is the lab of the latest run. A run of a sweep stands for the whole
    sweep.

    Raises:
        UsageError: a wanted run is not there or has sent nothing, or nothing is recorded that
            could be told of.
        lab.measure.records.RecordError: a wanted run cannot be read.
    """
    if wanted:
        found = [records.read(each) for each in sorted({records.find(text) for text in wanted})]
        for run in found:
            if not run.load.sent:
                raise UsageError(f"run {run.id} sent no request", hint="`lab runs` lists others")
    else:
        found = _latest(lab)
    runs = tuple(run for run in found if run.kind != SWEEP)
    sweeps = dict.fromkeys(run.experiment_id for run in found if run.kind == SWEEP)
    return Selection(runs, tuple(_points(sweep) for sweep in sweeps))


def _latest(lab: str) -> list[Record]:
    """The latest run of each scenario of a lab, and of its sweeps, oldest first."""
    found: dict[str, Record] = {}
    of = lab
    for run in _newest_first():
        of = of or run.lab
        if run.lab == of:
            found.setdefault(SWEEP if run.kind == SWEEP else run.spec.scenario, run)
    if not found:
        where = f" of lab {lab}" if lab else ""
        raise UsageError(
            f"no finished run{where} is recorded",
            hint=f"`lab load{f' --name {lab}' if lab else ''}` records one",
        )
    return sorted(found.values(), key=lambda run: run.id)


def _newest_first() -> Iterable[Record]:
    """Every run that sent what it should."""
    for record_id in reversed(records.ids()):
        try:
            record = records.read(record_id)
        except records.RecordError:
            continue  # of another version, or damaged: `lab runs` says which
        if record.load.sent and not record.load.partial:
            yield record


def _points(sweep: str) -> tuple[Record, ...]:
    """The latest run of every point of a sweep."""
    found = {
        record.experiment: record
        for record in reversed(list(_newest_first()))
        if record.kind == SWEEP and record.experiment_id == sweep
    }
    return tuple(found.values())
