"""What the commands typed most often may import, and how often they may call podman.

Times depend on the machine; these are what they come from. Whoever has to raise a number here
makes every command slower, and should know by how much: `make bench`.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lab import cli
from lab.converge import ports, ready
from lab.engine.ownership import labels
from tests.unit.converge.labs import spec
from tests.unit.engine.fake_podman import Answer, FakePodman, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.topology.spec import LabSpec

HEAVY = {
    "anything": "podman requests urllib3 http.client ssl asyncio aiohttp pydantic jinja2 tomli_w "
    "rich tarfile importlib.resources lab.commands.experiments lab.commands.look",
    "status": "yaml concurrent.futures logging",
    "down": "yaml",
    "up": "",
}
SCRIPT = """
import sys
heavy = sys.argv.pop(1).split()
del sys.argv[0]
from lab.__main__ import main
try:
    main()
except SystemExit:
    pass
print("HEAVY:", *(name for name in heavy if name in sys.modules), file=sys.stderr)
"""
MINE = """\
summary: A pod with nothing to wait for.
pods:
  web:
    containers:
      site: {image: "site:1"}
"""
DIRECT = spec("direct")
PING, LISTS = 1, 5
OBSERVE = PING + LISTS


class Calls:
    """A podman with a lab in it or without, and the calls that it was sent."""

    def __init__(self, path: Path) -> None:
        """Nothing is there yet."""
        self.lists: dict[str, list[dict[str, object]]] = {}
        self.server = FakePodman(path, self._respond)

    def _respond(self, method: str, path: str) -> Answer:
        if method != "GET":
            return answer(201, {"Id": "i", "Mountpoint": "/nowhere"})
        if path.startswith("/images/"):
            return answer(200, {"Id": "i"})
        return answer(200, self.lists.get(path, []))

    @property
    def count(self) -> int:
        """How many calls came, with the ping."""
        return len(self.server.requests) + PING

    def hold(self, lab: LabSpec) -> None:
        """From now on the lab is there, and runs."""

        def mine(name: str) -> dict[str, str]:
            return labels(lab.name, name)

        self.lists = {
            "/pods/json": [
                {"Id": pod.name, "Name": pod.name, "Status": "Running", "Labels": mine(pod.name)}
                for pod in lab.pods
            ],
            "/networks/json": [{"name": lab.network.name, "labels": mine(lab.network.name)}],
            "/volumes/json": [
                {
                    "Name": "record",
                    "Labels": mine("record") | {"lab.spec": lab.to_json()},
                    "CreatedAt": "2026-01-01T00:00:00Z",
                }
            ],
        }


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    monkeypatch.setattr(ports, "check", lambda _: None)
    monkeypatch.setattr(ready, "wait", lambda _spec, _timeout, **_: None)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    calls = Calls(tmp_path / "podman.sock")
    with calls.server:
        yield calls


@pytest.fixture
def lab(podman: Calls) -> Callable[..., None]:
    """Type a command; it has to go well, or to find the lab degraded."""

    def run(*words: str) -> None:
        ended = CliRunner().invoke(cli.app, [*words, "--engine", podman.server.url])
        assert ended.exit_code in {0, 3}, ended.output

    return run


def test_up_makes_one_call_for_each_step_and_image_and_looks_twice(
    podman: Calls, lab: Callable[..., None]
) -> None:
    lab("up", "direct", "--source", "packages")
    containers = sum(1 for _ in DIRECT.containers())
    images = containers
    record, network, volume = 1, 1, 1
    steps = record + network + volume + 2 * len(DIRECT.pods) + containers
    assert podman.count == OBSERVE + images + steps + LISTS


def test_status_looks_once_and_asks_for_the_images_that_run(
    podman: Calls, lab: Callable[..., None]
) -> None:
    podman.hold(DIRECT)
    lab("status")
    assert podman.count == OBSERVE + sum(1 for _ in DIRECT.containers())


def test_status_without_a_lab_just_looks(podman: Calls, lab: Callable[..., None]) -> None:
    lab("status")
    assert podman.count == OBSERVE


def test_down_looks_once_and_makes_one_call_for_each_thing_it_removes_and_one_to_stop_a_pod(
    podman: Calls, lab: Callable[..., None]
) -> None:
    podman.hold(DIRECT)
    lab("down")
    network, record = 2, 1  # which bridge it has is asked first
    assert podman.count == OBSERVE + 2 * len(DIRECT.pods) + network + record


@pytest.mark.parametrize("command", ["up", "status", "down"])
def test_what_is_typed_most_imports_nothing_heavy(
    podman: Calls, tmp_path: Path, command: str
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE)
    words = (command, str(mine)) if command == "up" else (command,)
    heavy = f"{HEAVY['anything']} {HEAVY[command]}"
    ended = subprocess.run(
        (sys.executable, "-c", SCRIPT, heavy, "lab", *words, "--engine", podman.server.url),
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "", "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr.splitlines()[-1].split() == ["HEAVY:"], ended.stderr
    assert podman.server.requests
