"""The commands that a report gives, and the commands that give reports."""

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.measure.records import Record
from lab.report import commands
from tests.unit.experiment.simulated import Run
from tests.unit.report.conftest import Keep


def test_a_run_is_made_again_with_what_it_was_given() -> None:
    assert commands.again(Run(max_retries=7, clients=4).record()) == (
        "lab up sidecar --set max-retries=7",
        "lab load -n 1000 -c 4",
        "lab verify",
    )


def test_the_name_of_another_lab_and_awkward_words_are_kept() -> None:
    record = Run(scenario="direct").record()
    spec = msgspec.structs.replace(record.spec, name="two", scenario="/a b/mine.yaml")
    up, _, verify = commands.again(msgspec.structs.replace(record, spec=spec))
    assert up.startswith("lab up '/a b/mine.yaml' --name two --set ")
    assert " --set error-rate=20" in up
    assert verify == "lab verify --name two"


def test_a_sweep_is_made_again_as_one_command(swept: list[Record]) -> None:
    assert commands.sweep(swept) == (
        "lab sweep sidecar --over error-rate=20 --over max-retries=3,1024 -c 1,4,16 -n 500"
    )


def test_report_writes_the_file_and_prints_its_name(keep: Keep, tmp_path: Path) -> None:
    keep(Run(), "20260102-030405-sidecar-1111")
    target = tmp_path / "mine.html"
    done = CliRunner().invoke(app, ["report", "--html", str(target)])
    assert done.exit_code == 0
    assert done.stdout == f"{target}\n"
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_report_takes_runs_or_the_name_of_a_lab(keep: Keep, tmp_path: Path) -> None:
    keep(Run(), "20260102-030405-sidecar-1111", lab="one")
    keep(Run(scenario="direct"), "20260102-030406-direct-2222", lab="two")
    words = ["report", "--html", str(tmp_path / "mine.html"), "--name", "one"]
    done = CliRunner().invoke(app, words)
    assert "1 run: 20260102-030405-sidecar-1111" in done.stderr
    both = CliRunner().invoke(app, [*words, "latest"])
    assert both.exit_code == 2
    assert "exclude each other" in both.stderr


def test_runs_shows_the_lab_of_each_and_only_those_of_the_lab_that_is_named(keep: Keep) -> None:
    mine = keep(Run(), "20260102-030405-sidecar-1111", lab="one")
    keep(Run(scenario="direct"), "20260102-030406-direct-2222", lab="two")
    rows = CliRunner().invoke(app, ["runs"]).stdout.splitlines()
    assert [row.split()[1] for row in rows] == ["LAB", "one", "two"]
    words = ["runs", "--name", "one", "--last", "1", "-o", "json"]
    (only,) = json.loads(CliRunner().invoke(app, words).stdout)
    assert (only["id"], only["lab"]) == (mine.id, "one")


def test_the_runs_of_a_throw_away_lab_are_those_of_the_lab_that_it_stands_for(keep: Keep) -> None:
    spec = msgspec.structs.replace(Run().record().spec, name="one-sweep-ab12", throwaway="one")
    run = keep(Run(), "20260102-030405-sidecar-1111", spec=spec)
    (only,) = json.loads(CliRunner().invoke(app, ["runs", "--name", "one", "-o", "json"]).stdout)
    assert only["id"] == run.id
    assert commands.again(run)[0].startswith("lab up sidecar --name one")


def test_report_of_a_run_that_is_not_there_writes_nothing(keep: Keep, tmp_path: Path) -> None:
    keep(Run(), "20260102-030405-sidecar-1111")
    target = tmp_path / "mine.html"
    done = CliRunner().invoke(app, ["report", "9999", "--html", str(target)])
    assert done.exit_code == 2
    assert "there is no run '9999'" in done.stderr
    assert not target.exists()


@pytest.mark.parametrize("time", ["", "0s", "5x", "-5s", "25h", "99999999m"])
def test_metrics_takes_no_time_but_a_sensible_one(time: str) -> None:
    done = CliRunner().invoke(app, ["metrics", f"--since={time}"])
    assert done.exit_code == 2
    assert "--since" in done.stderr
