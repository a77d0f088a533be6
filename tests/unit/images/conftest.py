from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A user's build context."""
    directory = tmp_path / "context"
    directory.mkdir()
    (directory / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (directory / "app.py").write_text("1\n")
    return directory


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of every test is empty and its own."""
    home = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home
