"""A home that cannot be written to: labs come up, and what cannot be built changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.arena import Arena, arena

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

OWN = """\
summary: An image of one's own, whose wheels have to be kept somewhere.
pods:
  own-pod:
    containers:
      own: {build: {context: ./own, base: python}}
"""


@pytest.fixture
def place() -> Iterator[Arena]:
    with arena() as made:
        # Not even root can make a directory there.
        for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            made.environment[variable] = "/sys"
        yield made


def test_what_cannot_be_built_leaves_the_lab_that_runs_as_it_is(
    place: Arena, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "Containerfile").write_text('ARG BASE\nFROM $BASE\nCMD ["python3"]\n')
    (own / "requirements.txt").write_text("idna==3.10 --hash=sha256:" + "0" * 64 + "\n")
    (tmp_path / "own.yaml").write_text(OWN)
    assert place.run(*place.words("direct")).status == 0
    before = place.podman("ps", "--quiet", "--no-trunc")
    failed = place.run("up", str(tmp_path / "own.yaml"), "--name", place.lab)
    assert failed.status == 1
    assert "error: could not build image own: cannot make /sys/lab: " in failed.err
    assert "hint: set XDG_CACHE_HOME to a directory that can be written to" in failed.err
    assert place.podman("ps", "--quiet", "--no-trunc") == before
    assert place.status()["in_sync"]
    assert place.run(*place.words("nothing"), "--volumes").status == 0
    assert place.left() == []
