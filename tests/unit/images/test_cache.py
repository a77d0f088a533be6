from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

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
