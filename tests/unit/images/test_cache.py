from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lab.errors import StepError
from lab.images import cache

if TYPE_CHECKING:
    from pathlib import Path


def test_the_cache_is_where_xdg_says(cache_home: Path) -> None:
    assert cache.directory() == cache_home / "lab"


def test_a_relative_xdg_path_is_ignored_as_its_standard_demands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.directory() == tmp_path / ".cache" / "lab"


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    target = cache.once(tmp_path / "made", lambda made: (made / "file").touch())
    assert cache.once(target, lambda _: pytest.fail("made again")) == target
    assert (target / "file").exists()


def test_a_failure_leaves_nothing_that_looks_made(tmp_path: Path) -> None:
    def fail(partial: Path) -> None:
        (partial / "half").touch()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.once(tmp_path / "made", fail)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_the_rest_of_a_killed_process_does_not_get_in(tmp_path: Path) -> None:
    (tmp_path / "made.partial").mkdir()
    (tmp_path / "made.partial" / "half").touch()
    target = cache.once(tmp_path / "made", lambda made: (made / "file").touch())
    assert [path.name for path in target.iterdir()] == ["file"]


def test_those_who_ask_at_the_same_time_wait_for_the_first(tmp_path: Path) -> None:
    made: list[str] = []
    together = threading.Barrier(4)

    def make(partial: Path) -> None:
        made.append(threading.current_thread().name)
        (partial / "file").touch()

    def ask(_: int) -> bool:
        together.wait()
        return (cache.once(tmp_path / "made", make) / "file").exists()

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(4)))
    assert len(made) == 1


def test_what_is_not_intact_is_made_anew(tmp_path: Path) -> None:
    def make(made: Path) -> None:
        (made / "file").write_text("good")

    def intact(made: Path) -> bool:
        return (made / "file").read_text() == "good"

    target = cache.once(tmp_path / "made", make, intact)
    (target / "file").write_text("spoilt")
    assert (cache.once(target, make, intact) / "file").read_text() == "good"


def test_a_link_in_place_of_what_was_made_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("theirs")
    (tmp_path / "made").symlink_to("elsewhere")
    target = cache.once(tmp_path / "made", lambda made: (made / "file").touch())
    assert not target.is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_text() == "theirs"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_enter_the_cache_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    home = tmp_path / "not" / "there"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    before = os.umask(umask)
    try:
        made = cache.once(cache.directory() / "kind" / "made", lambda made: (made / "f").touch())
    finally:
        os.umask(before)
    for directory in (home, home / "lab", made.parent, made):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_an_open_cache_is_closed(cache_home: Path) -> None:
    (cache_home / "lab").mkdir(parents=True)
    (cache_home / "lab").chmod(0o777)
    assert stat.S_IMODE(cache.directory().stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["link", "foreign"])
def test_somebody_elses_cache_is_refused(
    cache_home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    cache_home.mkdir()
    if kind == "link":
        (cache_home / "theirs").mkdir()
        (cache_home / "lab").symlink_to("theirs")
    else:
        (cache_home / "lab").mkdir()
        stranger = os.geteuid() + 1
        monkeypatch.setattr("os.geteuid", lambda: stranger)
    with pytest.raises(StepError, match="is not a directory of this user's own") as caught:
        cache.directory()
    assert "XDG_CACHE_HOME" in caught.value.hint
