"""A container that ends: one that should run fails `lab up` at once, one that may end does not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.scenarios import pair
from tests.real.waiting import until

pytestmark = pytest.mark.real

STAYS = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.pause()"
FAILS = "print('reading the configuration', flush=True); raise SystemExit('there is none')"
ENDS = "print('migrated')"
PORT = "ports: [{{name: web, published: {port}, target: 80, ready: /}}]"

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, images: dict[str, str]) -> Write:
    """Write a scenario of a pod with the containers of these Python programs; return its path."""

    def scenario(ports: str = "", keys: str = "", **programs: str) -> str:
        lines = [f"summary: {', '.join(programs)}.", "pods:", "  the-pod:", f"    {ports}"]
        lines.append("    containers:")
        for name, program in programs.items():
            # Isolated and without its site, Python starts in a few ms, however busy the machine is.
            command = json.dumps(["python3", "-I", "-S", "-c", program])
            own = keys if name == "other" else ""
            lines.append(f"      {name}: {{image: {images['service-b']}, command: {command}{own}}}")
        file = tmp_path / "mine.yaml"
        file.write_text("\n".join(lines))
        return str(file)

    return scenario


@pytest.mark.parametrize(
    ("ports", "delay"), [("", ""), (PORT, ""), (PORT, "import time; time.sleep(2); ")]
)
def test_up_fails_with_the_last_words_of_a_container_that_ended(
    labs: Labs, write: Write, ports: str, delay: str
) -> None:
    lab = labs("ended")
    file = write(ports.format(port=lab.port), good=STAYS, other=delay + FAILS)
    done = lab("up", file, "--wait", "3600", status=3)
    other = lab.container("other")
    assert f"error: {other} exited with code 1" in done.err
    said = done.err.split(f"  last lines of {other}:\n")[1].split("hint: ")[0]
    assert sorted(said.splitlines()) == ["    reading the configuration", "    there is none"]
    assert f"last lines of {lab.container('good')}" not in done.err
    assert done.out == ""
    found = lab.status(expect=3)
    assert found["state"] == "degraded"
    assert not found["in_sync"]
    states = {c["name"]: (c["state"], c["exit_code"]) for c in found["pods"][0]["containers"]}
    assert states == {lab.container("good"): ("running", None), other: ("exited", 1)}


def test_a_lab_whose_only_container_ended_is_not_up_even_without_an_error(
    labs: Labs, write: Write
) -> None:
    lab = labs("ended-well")
    done = lab("up", write(other=ENDS), status=3)
    assert f"{lab.container('other')} exited with code 0" in done.err
    assert "completes: true" in done.err
    lab.status(expect=3)


def test_a_container_that_may_end_runs_once(labs: Labs, podman: Podman, write: Write) -> None:
    lab = labs("completes")
    file = write(keys=", completes: true", good=STAYS, other=ENDS)
    lab("up", file)
    other = lab.container("other")
    until("its work is done", lambda: podman.state(other) == "exited")
    began = podman.inspect(other)["State"]["StartedAt"]
    found = lab.status()
    assert (found["state"], found["in_sync"], found["pods"][0]["state"]) == ("up", True, "running")
    assert [c["state"] for c in found["pods"][0]["containers"]] == ["running", "completed"]
    assert "nothing to do" in lab("up", file).out
    assert podman.inspect(other)["State"]["StartedAt"] == began
    changed = write(keys=", completes: true", good=STAYS, other=ENDS + "; print('again')")
    lab("up", changed)
    until("it has run again", lambda: "again" in podman("logs", other))


def test_a_container_that_may_end_has_to_end_well(labs: Labs, write: Write) -> None:
    lab = labs("completes-ill")
    done = lab("up", write(keys=", completes: true", good=STAYS, other=FAILS), status=3)
    assert f"{lab.container('other')} exited with code 1" in done.err
    assert lab.status(expect=3)["state"] == "degraded"


def test_while_up_waits_it_says_for_what(
    labs: Labs, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("waited-for")
    file = pair(
        tmp_path,
        port=lab.port,
        front=images["service-a"],
        back=images["service-b"],
        ready="/never",
    )
    done = lab("up", str(file), "--wait", "2", status=3)
    assert f"waiting for front ({lab.url}/never): " in done.err
