from __future__ import annotations

import pytest

from lab.engine import early, service
from lab.errors import EngineError

FOUND = service.Service("unix:///x.sock", "a test's own")


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs with which the service was searched for."""
    asked: list[str] = []

    def find(url: str = "") -> service.Service:
        asked.append(url)
        return FOUND

    monkeypatch.setattr(service, "find", find)
    monkeypatch.setattr(early, "_begun", [])
    return asked


def test_what_was_begun_early_is_what_is_found(searches: list[str]) -> None:
    early.begin(["up", "direct"])
    assert early.find() == FOUND
    assert searches == [""]


def test_the_next_search_is_a_new_one(searches: list[str]) -> None:
    early.begin(["status"])
    early.find()
    early.find()
    assert searches == ["", ""]


@pytest.mark.parametrize(
    "words",
    [[], ["--version"], ["scenarios"], ["up", "--help"], ["up", "direct", "--url=unix:///y"]],
    ids=" ".join,
)
def test_nothing_is_begun_that_may_not_be_needed(searches: list[str], words: list[str]) -> None:
    early.begin(words)
    assert searches == []


def test_a_url_that_is_given_is_taken(searches: list[str]) -> None:
    early.begin(["up", "direct"])
    early.find("unix:///y")
    assert "unix:///y" in searches


def test_what_goes_wrong_early_is_told_when_it_matters(
    searches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_url: str = "") -> service.Service:
        raise EngineError("podman is not installed")

    monkeypatch.setattr(service, "find", fail)
    early.begin(["up", "direct"])
    with pytest.raises(EngineError, match="not installed"):
        early.find()
    assert searches == []
