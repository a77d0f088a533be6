"""Meters of a scenario's own: a container has one place where it is scraped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.errors import UsageError
from lab.topology import scenario

if TYPE_CHECKING:
    from pathlib import Path

MINE = """\
summary: A program and its meters.
pods:
  web-pod:
    containers:
      web: {{image: registry.example/web:1{kind}}}
meters:
  web.one: {{container: web, port: {one}, metric: one_total}}
  web.two: {{container: web, port: {two}, path: {path}, metric: two_total}}
"""


def load(folder: Path, *, one: int, two: int, path: str = "/metrics", kind: str = "") -> None:
    file = folder / "mine.yaml"
    file.write_text(MINE.format(one=one, two=two, path=path, kind=kind))
    scenario.load(str(file), given={})


def test_all_meters_of_a_container_can_be_at_one_place(tmp_path: Path) -> None:
    load(tmp_path, one=8081, two=8081, kind=", kind: http_service")


@pytest.mark.parametrize(
    ("one", "two", "path", "kind", "where"),
    [
        (8000, 8001, "/metrics", "", "port 8000, /metrics"),
        (8000, 8000, "/stats", "", "port 8000, /metrics"),
        (8081, 8000, "/metrics", ", kind: http_service", "port 8081, /metrics"),
    ],
)
def test_another_place_would_never_be_scraped_and_is_refused(
    tmp_path: Path, one: int, two: int, path: str, kind: str, where: str
) -> None:
    with pytest.raises(UsageError) as refused:
        load(tmp_path, one=one, two=two, path=path, kind=kind)
    assert f"meters.web.two: web is scraped at {where} already" in str(
        (refused.value.message, *refused.value.details)
    )
