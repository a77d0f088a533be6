"""Which runs a report tells of, and which of them it compares."""

from pathlib import Path

import msgspec
import pytest

from lab.errors import UsageError
from lab.measure import records
from lab.measure.records import Record
from lab.report import selection
from tests.unit.experiment.simulated import Run
from tests.unit.report.conftest import SWEPT, Keep

OLD, NEW, LAST = "20260102-030405-a-1111", "20260102-030406-a-2222", "20260102-030407-a-3333"


def ids(*pairs: tuple[Record, Record]) -> list[tuple[str, str]]:
    return [(one.id, other.id) for one, other in pairs]


def test_without_wishes_the_latest_run_of_each_scenario_and_the_sweep_are_told_of(
    keep: Keep, swept: list[Record]
) -> None:
    keep(Run(scenario="direct"), OLD)
    direct = keep(Run(scenario="direct", seed=1), NEW)
    sidecar = keep(Run(), LAST)
    found = selection.choose(())
    assert found.runs == (direct, sidecar)
    assert found.sweeps == (tuple(swept),)
    assert len(found.everything) == 2 + len(SWEPT)


def test_only_the_lab_of_the_latest_run_is_told_of_unless_one_is_named(keep: Keep) -> None:
    elsewhere = keep(Run(scenario="direct"), OLD, lab="other")
    here = keep(Run(), NEW)
    assert selection.choose(()).runs == (here,)
    assert selection.choose((), "other").runs == (elsewhere,)
    with pytest.raises(UsageError, match="no finished run of lab third") as caught:
        selection.choose((), "third")
    assert "lab load --name third" in caught.value.hint


def test_wanted_runs_are_told_of_and_no_others(keep: Keep) -> None:
    old = keep(Run(scenario="direct"), OLD)
    keep(Run(scenario="direct"), NEW)
    assert selection.choose(["1111"]).runs == (old,)


def test_a_run_that_sent_nothing_cannot_be_told_of(keep: Keep) -> None:
    keep(Run(requests=0), OLD)
    with pytest.raises(UsageError, match="sent no request"):
        selection.choose([OLD])


def test_a_scenario_is_compared_with_its_baseline_in_the_same_lab(keep: Keep) -> None:
    keep(Run(scenario="direct"), OLD)
    keep(Run(), NEW)
    keep(Run(scenario="haproxy"), LAST)
    assert ids(*selection.choose(()).pairs) == [(OLD, NEW), (OLD, LAST)]


def test_scenarios_of_different_labs_are_not_compared(keep: Keep) -> None:
    keep(Run(scenario="direct"), OLD)
    keep(Run(), NEW, lab="other")
    found = selection.choose([OLD, NEW])
    assert len(found.runs) == 2
    assert found.pairs == ()


def test_scenarios_that_nobody_asked_to_compare_are_not_compared(keep: Keep) -> None:
    keep(Run(), OLD)
    keep(Run(scenario="haproxy"), NEW)
    found = selection.choose(())
    assert len(found.runs) == 2
    assert found.pairs == ()


def test_the_runs_of_one_comparison_are_compared_in_its_order_and_once(keep: Keep) -> None:
    keep(Run(), OLD, kind="compare", experiment="compare-1/sidecar")
    keep(Run(scenario="haproxy"), NEW, kind="compare", experiment="compare-1/haproxy")
    assert ids(*selection.choose(()).pairs) == [(OLD, NEW)]
    keep(Run(scenario="direct"), LAST, kind="compare", experiment="compare-2/direct")
    assert ids(*selection.choose([OLD, NEW]).pairs) == [(OLD, NEW)]


def test_a_run_of_a_sweep_stands_for_the_whole_sweep(swept: list[Record]) -> None:
    found = selection.choose([swept[2].id])
    assert found.runs == ()
    assert [len(sweep) for sweep in found.sweeps] == [len(SWEPT)]


def test_a_point_that_was_measured_twice_is_told_of_as_measured_last(
    keep: Keep, swept: list[Record]
) -> None:
    again = keep(
        Run(requests=400), "20260103-040000-sidecar-bbbb", kind="sweep",
        experiment=swept[0].experiment,
    )  # fmt: skip
    (found,) = selection.choose(()).sweeps
    assert again in found
    assert swept[0] not in found
    assert len(found) == len(SWEPT)


def test_an_interrupted_run_is_told_of_only_if_it_is_wanted(keep: Keep) -> None:
    whole = keep(Run(), OLD)
    load = msgspec.structs.replace(Run().record(NEW).load, partial=True)
    partial = keep(Run(), NEW, load=load)
    assert selection.choose(()).runs == (whole,)
    assert selection.choose([NEW]).runs == (partial,)


def test_a_damaged_record_does_not_keep_others_from_being_told_of(keep: Keep) -> None:
    whole = keep(Run(), OLD)
    keep(Run(), NEW)
    (records.directory() / NEW / records.FILE).write_text("{")
    assert selection.choose(()).runs == (whole,)


def test_with_nothing_recorded_it_says_which_command_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="no finished run is recorded") as caught:
        selection.choose(())
    assert "lab load" in caught.value.hint
