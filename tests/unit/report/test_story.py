"""Which runs a report tells of."""

from pathlib import Path

import msgspec
import pytest

from lab.errors import UsageError
from lab.measure import records
from lab.measure.records import Record
from lab.measure.verdicts import Verdict
from lab.report import story
from tests.unit.experiment.simulated import Run
from tests.unit.report.conftest import SWEPT, Keep

OLD, NEW = "20260102-030405-a-1111", "20260102-030406-a-2222"


def test_without_wishes_the_latest_run_of_each_sort_is_told_of(
    keep: Keep, swept: list[Record]
) -> None:
    keep(Run(scenario="direct"), OLD)
    direct = keep(Run(scenario="direct", seed=1), NEW)
    sidecar = keep(Run(), "20260102-030405-b-3333")
    found = story.choose(())
    assert found.direct == direct
    assert found.sidecar == sidecar
    assert found.sweep == tuple(swept)


def test_wanted_runs_are_told_of_and_no_others(keep: Keep) -> None:
    old = keep(Run(scenario="direct"), OLD)
    keep(Run(scenario="direct"), NEW)
    found = story.choose(["1111"])
    assert found.pair == (old,)


def test_a_run_of_a_sweep_stands_for_the_whole_sweep(swept: list[Record]) -> None:
    found = story.choose([swept[2].id])
    assert found.pair == ()
    assert len(found.sweep) == len(SWEPT)


def test_a_point_that_was_measured_twice_is_told_of_as_measured_last(
    keep: Keep, swept: list[Record]
) -> None:
    again = keep(
        Run(requests=400), "20260103-040000-sidecar-bbbb", kind="sweep",
        experiment=swept[0].experiment,
    )  # fmt: skip
    found = story.choose(())
    assert again in found.sweep
    assert swept[0] not in found.sweep
    assert len(found.sweep) == len(SWEPT)


def test_an_interrupted_run_is_not_told_of(keep: Keep) -> None:
    whole = keep(Run(), OLD)
    partial = Run().record(NEW)
    keep(Run(), NEW, load=msgspec.structs.replace(partial.load, partial=True))
    assert story.choose(()).sidecar == whole


def test_a_damaged_record_does_not_keep_others_from_being_told_of(keep: Keep) -> None:
    whole = keep(Run(), OLD)
    keep(Run(), NEW)
    (records.directory() / NEW / records.FILE).write_text("{")
    assert story.choose(()).sidecar == whole


def test_with_nothing_recorded_it_says_which_command_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="no finished run") as caught:
        story.choose(())
    assert "lab compare direct sidecar" in caught.value.hint


def test_a_run_that_was_not_judged_is_judged_now_but_for_what_only_a_lab_can_show() -> None:
    found = {j.name: j.verdict for j in story.judgements(Run().record())}
    assert found.pop("no-way-around") is Verdict.NOT_MEASURED
    assert set(found.values()) == {Verdict.CONFIRMED}
