"""Records on disk: whole or not at all, and never at the cost of older ones."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.errors import UsageError
from lab.measure import records
from lab.measure.records import RecordError
from tests.unit.experiment.simulated import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.measure.records import Record

NOBODY = 65534


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def record(run_id: str = "20260102-030405-sidecar-abcd") -> Record:
    return Run(requests=20).record(run_id)


def saved(run_id: str) -> Path:
    return records.save(record(run_id), {"envoy.yaml": "admin: {}\n"})


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond a size in bytes: writing fails as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Have no rights beyond those on file modes, also when root runs the tests."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_is_written_is_read_back_equal() -> None:
    written = Run(clients=16, requests=200).record()
    records.save(written, {})
    assert records.read(written.id) == written


def test_rendered_configurations_are_beside_the_record() -> None:
    assert (saved("one") / "envoy.yaml").read_text() == "admin: {}\n"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_read_what_is_recorded(state: Path, umask: int) -> None:
    (state / "lab").mkdir(mode=0o755)  # as an earlier lab made it
    before = os.umask(umask)
    try:
        place = saved("20260101-000000-a-1")
        records.save_verdicts(place.name, Run(requests=20).judged().results)
    finally:
        os.umask(before)
    modes = {
        path.relative_to(state).as_posix(): path.stat().st_mode & 0o777
        for path in (state / "lab", *(state / "lab").rglob("*"))
    }
    run = f"lab/runs/{place.name}"
    assert modes == {
        "lab": 0o700,
        "lab/runs": 0o700,
        run: 0o700,
        f"{run}/envoy.yaml": 0o600,
        f"{run}/record.json": 0o600,
        f"{run}/verdicts.json": 0o600,
    }


def test_records_are_listed_oldest_first() -> None:
    for run_id in ("20260103-000000-b-1", "20260102-000000-a-2"):
        saved(run_id)
    assert records.ids() == ("20260102-000000-a-2", "20260103-000000-b-1")


def test_where_nothing_was_recorded_nothing_is_listed() -> None:
    assert records.ids() == ()


@pytest.mark.parametrize("text", ["20260102-000000-a-2", "a-2", "latest"])
def test_a_run_is_found_by_its_id_a_part_of_it_or_as_the_latest(text: str) -> None:
    saved("20260101-000000-b-1")
    saved("20260102-000000-a-2")
    assert records.find(text) == "20260102-000000-a-2"


def test_a_part_of_several_ids_is_refused_with_the_newest_that_it_could_be() -> None:
    for day in range(1, 14):
        saved(f"202601{day:02}-000000-a-{day}")
    with pytest.raises(UsageError, match="matches 13 runs") as caught:
        records.find("0000")
    assert caught.value.details == records.ids()[:-11:-1]
    assert "newest 10" in caught.value.hint


@pytest.mark.parametrize("text", ["latest", "x"])
def test_a_run_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"there is no run '{text}'"):
        records.find(text)


def test_a_record_of_another_version_is_refused_with_both_versions() -> None:
    path = saved("one") / records.FILE
    other = records.VERSION + 1
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": %d' % other))
    with pytest.raises(RecordError, match=f"has version {other}, and this lab reads version 1"):
        records.read("one")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 1}',
        b'{"version": "1"}',
        b"\xff\xfe",
        b'{"version": 1, "id": 7}',
    ],
)
def test_a_damaged_record_is_an_error_in_words(damage: bytes) -> None:
    (saved("one") / records.FILE).write_bytes(damage)
    with pytest.raises(RecordError, match="is damaged"):
        records.read("one")


def test_a_record_whose_counts_contradict_each_other_is_damaged() -> None:
    path = saved("one") / records.FILE
    record = json.loads(path.read_bytes())
    record["load"]["succeeded"] = record["load"]["sent"] + 1
    path.write_text(json.dumps(record))
    with pytest.raises(RecordError, match=r"is damaged: .* succeeded and .* failed of .* requests"):
        records.read("one")


def test_a_record_cut_off_anywhere_is_an_error_in_words() -> None:
    path = saved("one") / records.FILE
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(RecordError, match="is damaged"):
            records.read("one")


def test_a_record_that_is_gone_is_an_error_in_words() -> None:
    with pytest.raises(RecordError, match=r"cannot read .*: No such file"):
        records.read("one")


def test_a_directory_that_cannot_be_read_is_an_error_in_words(state: Path) -> None:
    saved("one")
    state.chmod(0o755)
    records.directory().chmod(0)
    try:
        with unprivileged(), pytest.raises(RecordError, match=r"cannot look into .*: Permission"):
            records.ids()
    finally:
        records.directory().chmod(0o755)


def test_a_state_directory_that_no_path_can_name_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", f"/{'x' * 300}")
    with pytest.raises(RecordError, match=os.strerror(errno.ENAMETOOLONG)):
        records.ids()
    with pytest.raises(RecordError, match=os.strerror(errno.ENAMETOOLONG)):
        saved("one")


def test_a_full_disk_leaves_the_old_records_and_nothing_of_the_new_one() -> None:
    saved("one")
    with largest_file(1000), pytest.raises(RecordError, match="could not be recorded") as caught:
        saved("two")
    assert os.strerror(errno.EFBIG) in caught.value.message
    assert "make room" in caught.value.hint
    assert records.read("one") == record("one")
    assert [path.name for path in records.directory().iterdir()] == ["one"]


def test_a_full_disk_while_judging_leaves_the_record_as_it_was() -> None:
    saved("one")
    results = Run(requests=20).judged().results
    records.save_verdicts("one", results[:1])
    with largest_file(1000), pytest.raises(RecordError, match="could not be written"):
        records.save_verdicts("one", results)
    assert records.read("one") == record("one")
    assert records.verdicts("one") == results[:1]
    assert sorted(path.name for path in (records.directory() / "one").iterdir()) == [
        "envoy.yaml",
        records.FILE,
        records.VERDICTS,
    ]


def test_verdicts_stand_beside_a_record_which_never_changes() -> None:
    path = saved("one") / records.FILE
    before = path.read_bytes()
    assert records.verdicts("one") is None
    found, results = Run(requests=20).judged()
    records.save_verdicts("one", results)
    assert records.verdicts("one") == results
    assert path.read_bytes() == before
    assert records.VERDICTS not in records.files("one")
    assert found.ledger == records.read("one").ledger


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff", b'[{"name": "x"}]', b"[" * 100_000])
def test_verdicts_that_cannot_be_read_are_none(damage: bytes) -> None:
    (saved("one") / records.VERDICTS).write_bytes(damage)
    assert records.verdicts("one") is None


def test_two_records_of_the_same_second_are_both_kept() -> None:
    saved("20260102-030405-sidecar-aaaa")
    saved("20260102-030405-sidecar-bbbb")
    assert len(records.ids()) == 2


def test_a_record_is_never_written_over_another() -> None:
    saved("one")
    with pytest.raises(RecordError, match="could not be recorded"):
        records.save(msgspec.structs.replace(record("one"), kind="other"), {})
    assert records.read("one").kind == "load"


KILLED = """
import os, signal, sys
from lab.measure import records
from tests.unit.experiment.simulated import Run

calls = 0

def killed(*_):
    global calls
    calls += 1
    if calls == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

os.fsync = killed
records.save(Run(requests=20).record("two"), {"envoy.yaml": "admin: {}"})
records.save_verdicts("two", Run(requests=20).judged().results)
"""


@pytest.mark.parametrize(("moment", "readable"), [(1, ["one"]), (2, ["one"]), (3, ["one", "two"])])
def test_a_program_killed_while_it_writes_leaves_only_whole_records(
    moment: int, readable: list[str]
) -> None:
    saved("one")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(moment)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list(records.ids()) == readable
    for run_id in readable:
        assert records.read(run_id).id == run_id
