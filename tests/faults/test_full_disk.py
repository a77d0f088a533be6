"""A full disk: the error is clear, what ran goes on, and all is well when there is room again."""

from __future__ import annotations

import errno
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.arena import Arena, arena

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

SIZE = "256m"
CHUNK = b"\0" * 65536


@pytest.fixture
def place() -> Iterator[Arena]:
    """An arena with a file system of its own, as only root can make one."""
    disk = Path(tempfile.mkdtemp(prefix="lab-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)], check=True)
    try:
        with arena(disk) as made:
            yield made
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def fill(file: Path) -> None:
    """Write until nothing more fits."""
    with file.open("wb", buffering=0) as output:
        for size in (len(CHUNK), 1):
            try:
                while output.write(CHUNK[:size]) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def test_an_up_without_room_leaves_what_runs_as_it_is(place: Arena) -> None:
    assert place.run(*place.words("direct")).status == 0
    before = place.podman("ps", "--quiet", "--no-trunc")
    filler = place.directory / "filler"
    fill(filler)
    failed = place.run(*place.words("sidecar"))
    assert failed.status == 1
    assert "error: " in failed.err
    assert "no space left on device" in failed.err.lower()
    assert "Traceback" not in failed.err
    filler.unlink()
    assert place.podman("ps", "--quiet", "--no-trunc") == before
    found = place.status()
    assert (found["scenario"], found["in_sync"]) == ("direct", True)
    assert place.run(*place.words("sidecar")).status == 0
    assert place.run(*place.words("nothing"), "--volumes").status == 0
    assert place.left() == []
