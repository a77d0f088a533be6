"""Grids: their points, what was measured before, and how long the rest takes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab import lifecycle
from lab.converge.observed import Observed
from lab.converge.plan import Plan
from lab.experiment import sweep as module
from lab.experiment.sweep import Grid, Step, summary, sweep
from lab.images import recipes
from lab.images.sources import Choice
from lab.measure import records
from lab.measure.traffic.load import Order
from lab.progress import SilentReporter
from lab.topology import scenario
from lab.verdicts.assess import assess
from tests.unit.experiment.simulated import Run
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pathlib import Path

    from lab.experiment.run import Purpose
    from lab.experiment.sweep import Swept
    from lab.lifecycle import Lab, Wish
    from lab.measure.records import Record

GRID = Grid(
    scenario="sidecar",
    name="lab",
    axes={"error-rate": (0, 20), "concurrency": (1, 4)},
    requests=50,
)


CHOICE = Choice("packages", "for a test")


class Bench:
    """Sweeps on simulated labs; every measurement takes ten seconds of a made-up clock."""

    def __init__(self) -> None:
        """Nothing was measured yet."""
        self.measured: list[str] = []
        self.steps: list[Step] = []
        self.partial_at: int | None = None
        self.source = "packages"
        self._seconds = itertools.count(step=10)

    def sweep(self, grid: Grid = GRID) -> list[Swept]:
        lab = lifecycle.Lab(FakeEngine(), SilentReporter())
        clock = iter(self._seconds)
        return sweep(
            lab, grid, order, self.steps.append, timeout=1, clock=lambda: float(next(clock))
        )

    def prepare(self, _lab: Lab, wish: Wish) -> lifecycle.Prepared:
        spec = scenario.load(wish.scenario, name=wish.name, given=wish.given)
        resolved = recipes.resolve(spec, self.source)
        return lifecycle.Prepared(
            resolved, Plan(lab="lab", steps=(), kept=()), CHOICE, Observed(lab="lab")
        )

    def measure(
        self, _lab: Lab, _name: str, order: Order, _tell: object, purpose: Purpose
    ) -> Record:
        self.measured.append(purpose.experiment.partition("/")[2])
        error_rate = int(self.measured[-1].partition("=")[2].partition(",")[0])
        record = Run(requests=50, clients=order.concurrency, error_rate=error_rate).record(
            f"2026-{len(records.ids())}", "sweep"
        )
        spec = recipes.resolve(record.spec, self.source)
        partial = len(self.measured) - 1 == self.partial_at
        record = msgspec.structs.replace(
            record,
            experiment=purpose.experiment,
            spec=spec,
            load=msgspec.structs.replace(record.load, partial=partial),
        )
        records.save(record, {})
        records.save_verdicts(record.id, assess(record))
        return record


def order(point: dict[str, int]) -> Order:
    return Order(url="", requests=50, concurrency=point["concurrency"])


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(lifecycle, "prepare", made.prepare)
    monkeypatch.setattr(lifecycle, "up", lambda *_, **__: None)
    monkeypatch.setattr(module, "measure", made.measure)
    return made


ALL = [
    "error-rate=0,concurrency=1",
    "error-rate=0,concurrency=4",
    "error-rate=20,concurrency=1",
    "error-rate=20,concurrency=4",
]


def test_every_combination_is_measured_the_last_axis_changing_fastest(bench: Bench) -> None:
    assert [each.point for each in bench.sweep()] == GRID.points()
    assert bench.measured == ALL


def test_the_same_sweep_again_measures_nothing(bench: Bench) -> None:
    first = bench.sweep()
    second = bench.sweep()
    assert bench.measured == ALL
    assert [each.record for each in first] == [each.record for each in second]
    assert [each.resumed for each in first] == [False] * 4
    assert [each.resumed for each in second] == [True] * 4


def test_an_interrupted_load_ends_the_sweep_which_then_goes_on_there(bench: Bench) -> None:
    bench.partial_at = 1
    with pytest.raises(KeyboardInterrupt):
        bench.sweep()
    swept = bench.sweep()
    assert bench.measured == [*ALL[:2], *ALL[1:]]
    assert [each.resumed for each in swept] == [True, False, False, False]


def test_points_that_ran_on_other_images_are_measured_again(bench: Bench) -> None:
    bench.sweep()
    bench.source = "registry"
    assert not any(each.resumed for each in bench.sweep())


@pytest.mark.parametrize(
    "other", [{"requests": 51}, {"name": "two"}, {"axes": {"error-rate": (20,)}}]
)
def test_another_grid_is_another_sweep(other: dict[str, object]) -> None:
    assert msgspec.structs.replace(GRID, **other).id != GRID.id


def test_the_time_left_follows_from_the_points_that_were_measured(bench: Bench) -> None:
    bench.sweep()
    assert [step.seconds_left for step in bench.steps] == [None, 30, 20, 10]
    assert [(step.index, step.total) for step in bench.steps] == [(n, 4) for n in range(4)]


def test_points_from_before_take_no_time(bench: Bench) -> None:
    bench.partial_at = 2
    with pytest.raises(KeyboardInterrupt):
        bench.sweep()
    bench.steps.clear()
    bench.sweep()
    assert [step.seconds_left for step in bench.steps] == [None, None, None, 10]


def test_verdicts_are_counted(bench: Bench) -> None:
    counts = summary(bench.sweep())
    assert sum(counts.values()) == 4
    assert counts["confirmed"] >= 3
