"""Locks: one holder at a time, dead ones forgotten, and no files left."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from lab.engine import locks, runtime, service
from lab.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from lab.engine import locks
sys.argv = ["lab", "up", "direct"]
with locks.alone(Path(PATH)):
    print(flush=True)
    input()
"""


def holder(path: Path) -> subprocess.Popen[bytes]:
    """A process that holds a lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER.replace("PATH", repr(str(path)))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_whoever_waits_is_told_once_who_holds_the_lock(tmp_path: Path) -> None:
    told: list[str] = []
    with holder(tmp_path / "lock") as process:

        def waiting(by: str) -> None:
            told.append(by)
            assert process.stdin is not None
            process.stdin.close()

        with locks.alone(tmp_path / "lock", waiting):
            pass
    assert told == [f"lab up direct, process {process.pid}"]


def test_nobody_waits_for_a_lock_that_is_free(tmp_path: Path) -> None:
    with locks.alone(tmp_path / "lock", pytest.fail):
        pass


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as process:
        process.kill()
    assert (tmp_path / "lock").exists()
    with locks.alone(tmp_path / "lock", pytest.fail):
        pass
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_wait_for_a_file_that_comes_and_goes_one_is_in_at_a_time(
    tmp_path: Path,
) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            with locks.alone(tmp_path / "lock"):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (160, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), locks.alone(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of this user's locks."""
    monkeypatch.setattr(runtime, "own", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["../x", "/etc/x", "..", "a b", "\x1b[1m", "ä"])
def test_no_name_of_a_lab_leads_out_of_the_directory(own: Path, name: str) -> None:
    with service.lab_lock(name, pytest.fail):
        (path,) = own.iterdir()
        assert path.name.startswith("lab-")
    assert list(own.iterdir()) == []


@pytest.mark.usefixtures("own")
def test_a_lock_that_cannot_be_made_is_an_error_with_a_hint() -> None:
    with (
        pytest.raises(EngineError, match="cannot make the lock of xxx") as caught,
        service.lab_lock("x" * 300, pytest.fail),
    ):
        pass
    assert "writable" in caught.value.hint


def test_different_labs_are_changed_at_the_same_time(own: Path) -> None:
    with service.lab_lock("a", pytest.fail), service.lab_lock("b", pytest.fail):
        assert len(list(own.iterdir())) == 2


def test_who_does_not_want_to_wait_for_a_lock_raises(own: Path) -> None:
    def refuse(_holder: str) -> None:
        raise LookupError

    with service.lab_lock("a", pytest.fail):
        with pytest.raises(LookupError), service.lab_lock("a", refuse):
            pass
        assert len(list(own.iterdir())) == 1
    with service.lab_lock("a", refuse):
        pass
