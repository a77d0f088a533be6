"""Connecting: only a podman that answers, and is new enough, becomes an engine."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from lab.engine.podman import connect
from lab.errors import EngineError
from tests.unit.engine.fake_podman import Answer, FakePodman, answer

if TYPE_CHECKING:
    from pathlib import Path


def nothing_else(method: str, path: str) -> Answer:
    raise AssertionError((method, path))


def test_a_podman_that_answers_becomes_an_engine(tmp_path: Path) -> None:
    with FakePodman(tmp_path / "s", nothing_else) as podman:
        engine = connect(podman.url)
        engine.api.close()
    assert engine.service.url == podman.url
    assert engine.version == "4.3.1"
    assert engine.local


def test_a_podman_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = answer(200, text="OK").replace(b"4.3.1", b"3.4.4")
    with (
        FakePodman(tmp_path / "s", nothing_else, old) as podman,
        pytest.raises(EngineError, match=r"podman 3\.4\.4 is too old"),
    ):
        connect(podman.url)


@pytest.mark.parametrize("status", [404, 500])
def test_what_answers_with_an_error_is_no_podman(tmp_path: Path, status: int) -> None:
    with (
        FakePodman(tmp_path / "s", nothing_else, answer(status, text="x")) as podman,
        pytest.raises(EngineError, match="no podman service answers at"),
    ):
        connect(podman.url)


@pytest.mark.filterwarnings("ignore:Exception ignored in. <podman.api.uds.UDSSocket")
def test_a_socket_that_is_not_there_is_named_with_where_it_comes_from(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/missing.sock"
    with pytest.raises(EngineError) as caught:
        connect(url)
    assert caught.value.message == f"no podman service answers at {url} (from --url)"
    assert "leave it out" in caught.value.hint
    del caught
    gc.collect()  # podman-py 5.8.0 forgets to close a socket that it could not connect


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/x", "/run/podman.sock"])
def test_what_is_no_address_is_named(url: str) -> None:
    with pytest.raises(EngineError, match="is not an address of a podman service") as caught:
        connect(url)
    assert "unix:///path" in caught.value.hint


def test_the_version_is_read_in_podman_s_own_spelling_of_the_header(tmp_path: Path) -> None:
    spelled = answer(200, text="OK").replace(b"Libpod-API-Version", b"Libpod-Api-Version")
    with FakePodman(tmp_path / "s", nothing_else, spelled) as podman:
        engine = connect(podman.url)
        engine.api.close()
    assert engine.version == "4.3.1"
