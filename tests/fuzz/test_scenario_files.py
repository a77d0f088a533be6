"""Whatever a scenario file holds: it is shown, or refused in words."""

from __future__ import annotations

import os
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from tests.fuzz.damage import spoiled_lines
from tests.fuzz.typed import typed

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = resources.files("lab.topology") / "scenarios"
SIDECAR = (SHIPPED / "sidecar.yaml").read_text()
COMMON = (SHIPPED / "_common.yaml").read_text()
HUGE = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenarios") / "mine.yaml"


@given(data=spoiled_lines(SIDECAR) | spoiled_lines(COMMON))
def test_a_spoiled_scenario_is_shown_or_refused(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert typed("show", str(file)).exit_code in {0, 2}


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{chr(ord(c) - 1)}]\n" for c in "bcdef"),
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "summary: " + "9" * 1_000_000,
        "summary: !!python/object/apply:os.system [id]",
        "summary: s\ninclude: /etc/shadow",
        "summary: s\ninclude: ../../../../etc/passwd",
    ],
    ids=[
        *("aliases of aliases", "deep lists", "deep maps", "deep dashes", "deep keys"),
        *("a huge number", "a Python object", "a file of root's", "a path upwards"),
    ],
)
def test_what_would_exhaust_or_trick_a_reader_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    assert typed("show", str(file)).exit_code == 2


def test_a_huge_file_is_refused_unread(file: Path) -> None:
    file.write_bytes(b"")
    os.truncate(file, HUGE)
    result = typed("show", str(file))
    assert result.exit_code == 2
    assert "larger than 256 KiB" in result.stderr


@pytest.mark.parametrize("kind", ["directory", "fifo", "device", "dangling link"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.yaml"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "nowhere")
    assert typed("show", str(path)).exit_code == 2
