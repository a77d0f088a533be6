"""Where this user's files belong."""

from pathlib import Path

import pytest

from lab import xdg
from lab.engine import service
from lab.images import cache
from lab.measure import records


def test_a_directory_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert records.directory() == Path("/srv/state/lab/runs")


@pytest.mark.parametrize("value", ["", "state", "./state", '"'])
def test_a_relative_directory_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for kind in ("STATE_HOME", "CACHE_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{kind}", value)
    assert records.directory() == tmp_path / "home/.local/state/lab/runs"
    assert cache.directory() == tmp_path / "home/.cache/lab"
    assert service.users_socket().is_absolute()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_the_runtime_directory_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert xdg.base("RUNTIME_DIR") is None
    with pytest.raises(KeyError):
        xdg.home("RUNTIME_DIR")
