"""A record that a stranger made, unpacked among one's own, leads nowhere but to itself."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from base64 import b64encode
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from lab.errors import LabError
from lab.measure import records
from lab.metrics.graphs import FILE as TIMELINE
from lab.report import page
from lab.verdicts.assess import results
from tests.unit.experiment.simulated import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ID = "20260102-030405-sidecar-abcd"
KEY = "BEGIN OPENSSH PRIVATE KEY"

Change = dict[str, Any]


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a record that came from elsewhere; a file of the user's is above it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "id_rsa").write_text(KEY)
    return records.save(Run(requests=50, clients=8).record(ID), {"envoy.yaml": "admin: {}"})


def report(directory: Path) -> str:
    """The page of the only record."""
    target = directory.parents[3] / "report.html"
    page.write(target, (directory.name,))
    return target.read_text()


def change(directory: Path, **values: Any) -> None:  # noqa: ANN401 - JSON
    """Change values of a record by their dotted paths, with double underscores as dots."""
    path = directory / records.FILE
    record = json.loads(path.read_bytes())
    for name, value in values.items():
        *parents, last = name.split("__")
        place = record
        for parent in parents:
            place = place[parent]
        place[last] = value
    path.write_text(json.dumps(record))


@pytest.mark.attack("8.8: a record whose id is the path of another directory")
@pytest.mark.parametrize("other", ["../../..", "/etc", ".", "20260102-030405-sidecar-dcba", ""])
def test_an_id_that_is_not_the_directorys_name_is_refused(foreign: Path, other: str) -> None:
    change(foreign, id=other)
    with pytest.raises(LabError, match="is the record of another run"):
        report(foreign)


@pytest.mark.attack("8.8: a link to a private key among a record's files")
@pytest.mark.parametrize("name", [TIMELINE, "envoy.yaml", "key.yaml", records.FILE])
def test_a_link_beside_a_record_is_not_followed(foreign: Path, name: str) -> None:
    (foreign / name).unlink(missing_ok=True)
    (foreign / name).symlink_to(foreign.parents[3] / "id_rsa")
    with pytest.raises(LabError, match="is a symbolic link"):
        report(foreign)


@pytest.mark.attack("8.8: a record's directory that is a link to another")
def test_a_directory_that_is_a_link_is_not_followed(foreign: Path) -> None:
    elsewhere = foreign.parents[3] / ID
    shutil.move(foreign, elsewhere)
    foreign.symlink_to(elsewhere)
    with pytest.raises(LabError, match="is a symbolic link"):
        report(foreign)


@pytest.mark.attack("8.8: a pipe, a device, a directory or a socket among a record's files")
@pytest.mark.parametrize("name", [TIMELINE, "envoy.yaml", records.FILE])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(foreign: Path, name: str, make: Callable[[Path], None]) -> None:
    (foreign / name).unlink(missing_ok=True)
    make(foreign / name)
    with pytest.raises(LabError, match="is not a regular file"):
        report(foreign)


@pytest.mark.attack("8.8: a record, or a file beside it, that is larger than the memory")
@pytest.mark.parametrize("name", [TIMELINE, "envoy.yaml", records.FILE])
def test_an_endless_file_is_refused(foreign: Path, name: str) -> None:
    with (foreign / name).open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no room on the disk
    with pytest.raises(LabError, match="is larger than"):
        report(foreign)


@pytest.mark.attack("8.8: files with other names beside a record, to be read into the report")
def test_only_the_files_of_a_run_are_read(foreign: Path) -> None:
    for name in ("id_rsa", ".env", "notes.txt", "x\n.yaml"):
        (foreign / name).write_text(KEY)
    assert KEY not in report(foreign)


@pytest.mark.attack("8.8: a link prepared where verdicts are to be written")
def test_verdicts_are_not_written_through_a_link(foreign: Path) -> None:
    victim = foreign.parents[3] / "id_rsa"
    for name in (f".partial-{records.VERDICTS}", records.VERDICTS):
        (foreign / name).symlink_to(victim)
    records.save_verdicts(ID, Run(requests=50).judged().results)
    assert victim.read_text() == KEY
    assert not (foreign / records.VERDICTS).is_symlink()


@pytest.mark.attack("8.8: a link to a private key, or a pipe, where verdicts are to be read")
def test_verdicts_are_read_from_no_link_and_no_pipe(foreign: Path) -> None:
    path = foreign / records.VERDICTS
    path.symlink_to(foreign.parents[3] / "id_rsa")
    assert records.verdicts(ID) is None
    path.unlink()
    os.mkfifo(path)
    assert records.verdicts(ID) is None


@pytest.mark.attack("8.8: a histogram of a few bytes that unfolds to gigabytes")
def test_a_bomb_of_a_histogram_is_refused(foreign: Path) -> None:
    packed = zlib.compress(b"\x1c\x84\x93\x14" + bytes(200 * 2**20), 9)
    text = b64encode(b"\x1c\x84\x93\x24" + len(packed).to_bytes(4) + packed).decode()
    change(foreign, load__histogram=text)
    with pytest.raises(LabError, match="no HDR histogram"):
        report(foreign)


@pytest.mark.attack("8.10: parameters of a record that no model can take")
@pytest.mark.parametrize(
    ("name", "value"),
    [("retries", 9e8), ("error_rate", 500), ("max_concurrent", -1), ("patience", 1)],
)
def test_a_report_of_parameters_beyond_theory_is_written(
    foreign: Path, name: str, value: float
) -> None:
    record = json.loads((foreign / records.FILE).read_bytes())
    parameters = record["spec"]["model"]["parameters"] | {name: value}
    change(foreign, spec__model__parameters=parameters)
    assert "not measured" in report(foreign)


@pytest.mark.attack("8.10: a record of a kind, a model, or quantities that there are not")
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("spec__model__kind", "os"),
        ("spec__model__kind", "../../x"),
        ("spec__kinds", {"service-a": "os", "service-b": "..", "service-a-envoy": ""}),
        ("spec__path", [["a", "b"], ["", ""], ["client", "service-a-envoy.x.y"]]),
        ("spec__meters", {"client.sent": {"container": "z", "port": -1, "metric": "\n"}}),
        ("spec__claims", [{"type": "spread", "name": "x", "says": "y", "spread": "client.sent"}]),
        ("spec__claims", [{"type": "predicted", "name": "x", "says": "y", "predicted": "z"}]),
        ("spec__claims", [{"type": "holds", "name": "x", "says": "y", "holds": "9 * 9 * z = 1"}]),
        ("spec__claims", [{"type": "listens", "name": "x", "says": "y", "pod": "", "listens": []}]),
    ],
)
def test_a_record_of_what_this_lab_does_not_know_is_judged(
    foreign: Path, place: str, value: object
) -> None:
    change(foreign, **{place: value})
    record = records.read(foreign.name)
    assert results(record)


IMPOSSIBLE: dict[str, Change] = {
    "a count below zero": {"skipped": -1},
    "a count beyond all counters": {"host__processors": 10**30},
    "a time beyond all clocks": {"load__seconds": 1e300},
    "a crowd that no memory holds": {"load__order__concurrency": 10**12},
    "no crowd at all": {"load__order__concurrency": 0},
    "a share beyond one": {"load__success_rate": 5},
    "a count that is none": {"ledger__rows": [{"name": "x", "what": "", "count": 1e300}]},
    "a claim that is none": {
        "spec__claims": [{"type": "holds", "name": "x", "says": "y", "holds": "a = ("}]
    },
    "no share of some requests": {"load__success_rate": None},
    "outcomes of other requests": {"load__outcomes": "AAAA" * 1000},
    "a beginning before all time zones": {"began": "0001-01-01T00:00:00Z"},
    "a beginning without a zone": {"began": "2026-01-02T03:04:05"},
}


@pytest.mark.attack("8.8: numbers in a record that no run can have")
@pytest.mark.parametrize("changes", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_numbers_are_a_damaged_record(foreign: Path, changes: Change) -> None:
    change(foreign, **changes)
    with pytest.raises(LabError, match="is damaged"):
        report(foreign)


@pytest.mark.attack("8.8: a damaged record of a megabyte that is quoted into the error")
def test_the_error_of_a_damaged_record_is_short(foreign: Path) -> None:
    change(foreign, spec__claims=[{"name": "x", "says": "y", "A" * 2**20: 1}])
    with pytest.raises(LabError) as caught:
        records.read(ID)
    assert len(caught.value.message) < 1000


@pytest.mark.attack("8.16: texts in a record that are patterns of the report's templates")
@pytest.mark.parametrize("text", ["\\g<0>", "\\1\\2"])
def test_texts_stand_in_the_report_as_they_are(foreign: Path, text: str) -> None:
    change(foreign, spec__scenario=text)
    page.write(foreign.parents[3] / "report.html", (ID,))
    shown = unescape((foreign.parents[3] / "report.html").read_text())
    assert f"{text}: half of the requests" in shown
    assert f"<h3>{text}: <span" in shown


@pytest.mark.attack("8.16: a form or a base in the report that leads elsewhere")
def test_the_reports_policy_allows_neither_forms_nor_a_base(foreign: Path) -> None:
    policy = report(foreign).partition('Content-Security-Policy" content="')[2].partition('"')[0]
    assert {"default-src 'none'", "form-action 'none'", "base-uri 'none'"} <= set(
        policy.split("; ")
    )
