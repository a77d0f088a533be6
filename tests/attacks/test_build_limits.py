"""Builds that want all of a host: each limit is tried by a Containerfile that ignores it."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from podman.api.client import APIClient  # noqa: TID251 - these tests check what talks to it

from lab.engine.builds import Images
from lab.engine.host import CGROUP_ROOT
from lab.engine.working import Limits
from lab.engine.working import name as working_name
from lab.errors import StepError
from lab.images import contexts
from lab.images.contexts import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real.accounts import Account
    from tests.real.engine import Podman

pytestmark = pytest.mark.real

MIB = 1 << 20
TAG = "localhost/lab/x-limits:1"
HOG = f"kept = bytearray({600 * MIB})"
FILL = f"""
import os
for number in range(4000):
    with open(f'/file{{number}}', 'wb') as file:
        file.write(os.urandom({MIB}))
"""
ONE_FILE = f"with open('/file', 'wb') as file: [file.write(bytes({MIB})) for _ in range(200)]"
SPIN = """
import time
end = time.time() + 2
while time.time() < end:
    pass
print('used', time.process_time())
"""
SLEEP = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
# It gives up after 3000, so that a limit that fails harms nobody.
FORK = """
import os, time
for number in range(3000):
    try:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    except OSError:
        raise SystemExit(f'no more after {number}')
print('unlimited')
"""


class Builds:
    """Builds of one RUN on the shared podman, with limits of a test's own."""

    def __init__(self, api: APIClient, base: str) -> None:
        self._api = api
        self._base = base
        self.lines: list[str] = []

    def run(self, code: str, limits: Limits) -> str:
        """Build; return the image's id."""
        store = Images(self._api, limits)
        words = json.dumps(["python3", "-c", code])
        with store.alias(self._base) as alias:
            content = f"FROM {alias}\nRUN {words}\n".encode()
            archive = contexts.write_tar({"Containerfile": File(content=content)})
            return store.build(
                BytesIO(archive),
                containerfile="Containerfile",
                base=self._base,
                tag=TAG,
                arguments={},
                emit=self.lines.append,
            )

    def fails(self, code: str, limits: Limits) -> StepError:
        """Build what has to fail; return how."""
        with pytest.raises(StepError) as caught:
            self.run(code, limits)
        return caught.value


@pytest.fixture
def builds(account: Account, podman: Podman, images: dict[str, str]) -> Iterator[Builds]:
    url = account.service().replace("unix://", "http+unix://")
    with APIClient(base_url=url) as api:
        yield Builds(api, images["base-python"])
    assert not [name for name in working(podman) if name.startswith("building-")]
    if TAG in kept(podman):
        podman("rmi", TAG)


def working(podman: Podman) -> list[str]:
    """The names of all containers, those that builds work in among them."""
    listed = podman.json("ps", "--all", "--external", "--format", "json") or ()
    return [name for each in listed for name in each["Names"]]


def kept(podman: Podman) -> list[str]:
    """The names of all images."""
    listed = podman.json("images", "--format", "json") or ()
    return [name for each in listed for name in each.get("Names") or ()]


@pytest.mark.attack("8.3: a build takes all memory")
def test_a_build_has_only_so_much_memory(builds: Builds) -> None:
    error = builds.fails(HOG, Limits(memory=128 * MIB))
    assert "container exited on killed" in "\n".join(error.details)


@pytest.mark.attack("8.3: a build takes all processors")
def test_a_build_has_only_so_many_processors(builds: Builds) -> None:
    builds.run(SPIN, Limits(processors=0.2))
    (used,) = [float(line.split()[1]) for line in builds.lines if line.startswith("used ")]
    assert used < 1


@pytest.mark.attack("8.3: a build never ends")
def test_a_build_that_never_ends_is_ended_with_all_that_it_runs(builds: Builds) -> None:
    error = builds.fails(SLEEP, Limits(seconds=1))
    assert error.message == f"cannot build {TAG}: it took longer than 1 s"


@pytest.mark.attack("8.3: a build fills the disk with many files")
def test_a_build_that_fills_the_disk_is_ended(builds: Builds) -> None:
    error = builds.fails(FILL, Limits(disk=300 * MIB))
    assert error.message == f"cannot build {TAG}: podman's disk lost 300 MiB meanwhile"


@pytest.mark.attack("8.3: a build writes one huge file")
def test_a_build_cannot_write_a_huge_file(builds: Builds) -> None:
    error = builds.fails(ONE_FILE, Limits(file=100 * MIB))
    assert "File too large" in "\n".join(error.details)


@pytest.mark.attack("8.3: an image is huge")
def test_an_image_that_is_too_large_is_not_kept(builds: Builds, podman: Podman) -> None:
    error = builds.fails("pass", Limits(image=MIB))
    assert error.message == f"cannot build {TAG}: it is larger than 1 MiB"
    assert TAG not in kept(podman)


@pytest.mark.attack("8.3: a build forks without end")
def test_a_build_has_only_so_many_processes(builds: Builds) -> None:
    error = builds.fails(FORK, Limits(seconds=60))
    said = "\n".join(error.details)
    assert "no more after " in said
    assert not list(CGROUP_ROOT.glob(f"*/lab-{working_name()}*"))
