"""Builds that are interrupted: nothing of them stays behind, and nothing of others goes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lab.engine import working
from lab.engine.host import CGROUP_ROOT
from tests.real.labs import finish, run_lab
from tests.real.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.real.accounts import Account
    from tests.real.engine import Podman

pytestmark = pytest.mark.real

SCENARIO = """\
summary: A build that never ends.
pods:
  its-pod:
    containers:
      {name}: {{build: {{context: ./context, base: python}}}}
"""
FOREVER = json.dumps(["python3", "-c", "import signal; print('begun'); signal.pause()"])
BUILD = ("build", "./mine.yaml", "--source", "packages")


@pytest.fixture
def scenario(images: dict[str, str], tmp_path: Path) -> Path:
    """A folder with a scenario whose build never ends."""
    del images
    name = f"x-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    (tmp_path / "mine.yaml").write_text(SCENARIO.format(name=name))
    (tmp_path / "context").mkdir()
    content = f"ARG BASE\nFROM ${{BASE}}\nRUN {FOREVER}\n"
    (tmp_path / "context" / "Containerfile").write_text(content)
    return tmp_path


def at_work(podman: Podman) -> dict[str, str]:
    """The containers that builds work in: their ids by name."""
    listed = podman.json("ps", "--all", "--external", "--format", "json") or ()
    return {each["Names"][0]: each["Id"] for each in listed if "-working-" in each["Names"][0]}


def of(podman: Podman, process: int) -> list[str]:
    """The ids of the containers that builds of a process work in."""
    return [identity for name, identity in at_work(podman).items() if f"-{process}-" in name]


def named(podman: Podman, process: int) -> list[str]:
    """What is left of the names that a process gave to what its builds stand on."""
    listed = podman.json("images", "--format", "json") or ()
    names = [name for each in listed for name in each.get("Names") or ()]
    return [name for name in names if f"-{process}-" in name]


def groups(process: int) -> list[Path]:
    """The control groups by which builds of a process were limited."""
    return list(CGROUP_ROOT.glob(f"*/lab-building-*-{process}-*"))


def start(account: Account, podman: Podman, scenario: Path) -> subprocess.Popen[str]:
    """Begin a build, and wait until podman works on it."""
    process = account.popen(account.python, "-m", "lab", *BUILD, cwd=scenario)
    until("podman works on the build", lambda: of(podman, process.pid))
    until("its RUN has begun", lambda: "begun" in (process.stderr or sys.stdin).readline())
    return process


@pytest.fixture
def stranger(podman: Podman, images: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Somebody else's build on the same image, which goes on; the name of its container."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "Containerfile").write_text(f"FROM {images['base-python']}\nRUN {FOREVER}\n")
    before = at_work(podman)
    url = podman.account.service()
    command = ("podman", "--url", url, "build", "--network", "none", str(folder))
    with podman.account.popen(*command) as process:
        (name,) = until("the stranger's build is at work", lambda: at_work(podman).keys() - before)
        yield name
        assert name in at_work(podman)

        def ended() -> bool:
            if found := at_work(podman).get(name):
                working.kill(found)
            return process.poll() is not None

        until("the stranger's build is ended", ended)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(
    account: Account, podman: Podman, scenario: Path, stranger: str, number: signal.Signals
) -> None:
    process = start(account, podman, scenario)
    status, _, said = finish(process, number)
    assert status == 128 + number, said
    assert of(podman, process.pid) == []
    assert named(podman, process.pid) == []
    until("its control groups are gone", lambda: not groups(process.pid))
    assert stranger in at_work(podman)


@pytest.mark.parametrize("remedy", ["down", "build"])
def test_what_a_killed_build_left_is_removed_by_the_next_command(
    account: Account, podman: Podman, scenario: Path, stranger: str, remedy: str
) -> None:
    process = start(account, podman, scenario)
    finish(process, signal.SIGKILL)
    assert of(podman, process.pid)
    words = ("--name", "t-left") if remedy == "down" else ("direct", "--source", "packages")
    run_lab(account, remedy, *words)
    assert of(podman, process.pid) == []
    assert named(podman, process.pid) == []
    until("its control groups are gone", lambda: not groups(process.pid))
    assert stranger in at_work(podman)


def test_what_is_left_when_podman_is_killed_as_well_is_removed(
    account: Account, podman: Podman, scenario: Path, images: dict[str, str]
) -> None:
    # As lab does it, but by a podman of its own rather than by the service.
    code = "from lab.engine import working; print(working.name())"
    made = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    name, _ = made.communicate()
    reference = f"{working.REPOSITORY}{name.strip()}:1"
    podman("tag", images["base-python"], reference)
    (scenario / "context" / "Containerfile").write_text(f"FROM {reference}\nRUN {FOREVER}\n")
    runtime = "--runtime=runc" if "runc" in podman("info") else "--runtime=crun"
    command = ("podman", runtime, "build", "--network", "none", str(scenario / "context"))
    with account.popen(*command) as process:
        until("it is at work", lambda: of(podman, made.pid))
        os.kill(process.pid, signal.SIGKILL)
    assert of(podman, made.pid)
    run_lab(account, "down", "--name", "t-left")
    assert of(podman, made.pid) == []
    assert named(podman, made.pid) == []


def test_a_build_that_goes_on_is_left_alone_by_other_commands(
    account: Account, podman: Podman, scenario: Path
) -> None:
    process = start(account, podman, scenario)
    run_lab(account, "down", "--name", "t-left")
    run_lab(account, "build", "direct", "--source", "packages")
    assert of(podman, process.pid)
    assert process.poll() is None
    finish(process, signal.SIGINT)
