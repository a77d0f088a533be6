"""Where sockets and locks are, on machines and with variables of all kinds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lab.engine import runtime
from lab.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that XDG_RUNTIME_DIR names, on a machine without any other."""
    monkeypatch.setattr(runtime, "RUN", tmp_path / "run")
    monkeypatch.setattr(runtime, "TEMPORARY", tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "named").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "named"))
    return tmp_path / "named"


def fallback(place: Path) -> Path:
    return place.parent / "tmp" / f"lab-{os.geteuid()}"


def test_the_directory_for_sockets_is_the_user_s_alone(place: Path) -> None:
    assert runtime.directory() == place / "lab"
    assert (place / "lab").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("made", ["open", "link", "file"])
def test_what_is_not_safe_in_its_place_is_refused(place: Path, made: str) -> None:
    if made == "open":
        (place / "lab").mkdir()
        (place / "lab").chmod(0o750)
    elif made == "link":
        (place / "lab").symlink_to(place)
    else:
        (place / "lab").touch(mode=0o600)
    with pytest.raises(EngineError, match=r"cannot make|not a directory that only you can enter"):
        runtime.directory()


@pytest.mark.parametrize("of", ["sockets", "locks"])
def test_a_directory_of_somebody_else_s_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    del of
    owner = os.geteuid()
    (place.parent / "tmp" / f"lab-{owner + 1}").mkdir(mode=0o700)
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(EngineError, match="only you can enter") as caught:
        runtime.own()
    assert "remove it" in caught.value.hint


def test_a_path_that_is_too_long_for_a_socket_is_passed_over(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / ("x" * 100)))
    assert runtime.trouble() == "is too long for the path of a socket"
    assert runtime.directory() == fallback(place)


def test_a_directory_that_is_another_user_s_is_passed_over(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    assert runtime.trouble() == "belongs to another user"
    assert not (place / "lab").exists()


def test_a_directory_that_cannot_be_made_is_passed_over(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "LONGEST_SOCKET", 1000)
    (place / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "file" / "x"))
    assert runtime.trouble() == "cannot be used: Not a directory"
    assert runtime.directory() == fallback(place)


@pytest.mark.parametrize("named", [None, "named", "relative", "named/other"])
def test_locks_are_at_the_same_place_whatever_the_environment_says(
    place: Path, monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    for variable in ("HOME", "TMPDIR", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(place / "elsewhere"))
    if named is None:
        monkeypatch.delenv("XDG_RUNTIME_DIR")
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place.parent / named))
    assert runtime.own() == fallback(place)


@pytest.mark.parametrize(("user", "where"), [(0, "run/lab"), (1000, "run/user/1000/lab")])
def test_locks_are_where_the_system_has_a_place_for_the_user(
    place: Path, monkeypatch: pytest.MonkeyPatch, user: int, where: str
) -> None:
    (place.parent / where).parent.mkdir(parents=True)
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: user)
    if user == owner:
        assert runtime.own() == place.parent / where
    else:
        with pytest.raises(EngineError, match=where):
            runtime.own()
