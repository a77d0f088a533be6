"""The value of a secret: in a file of the container that reads it, and nowhere else."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.engine import Podman
from tests.real.recording import Recorder, recorded_lab
from tests.real.steps import step

pytestmark = pytest.mark.real

VALUE = "hunter2-Correct-Horse"
OTHER = "hunter3-Battery-Staple"
READ = ("python3", "-c", "print(open('/run/secrets/db-password').read(), end='')")
"""The image has no cat."""
SCENARIO = """\
summary: A container that reads a secret, and one that does not.
parameters:
  port: {{type: integer, default: 80}}
  db-password: {{type: string, secret: true, help: of the database}}
pods:
  reader-pod:
    ports: [{{name: reader, published: "${{port}}", target: 8000, ready: /healthz}}]
    containers:
      reader:
        image: {image}
        environment: {{SERVICE_PORT: 8000, ERROR_RATE: 0, PASSWORD_FILE: /run/secrets/db-password}}
        secrets: [db-password]
        read_only: true
  other-pod:
    containers:
      other: {{image: {image}, environment: {{SERVICE_PORT: 8000}}}}
"""


@pytest.fixture
def run(account: Account, images: dict[str, str], tmp_path: Path) -> Iterator[Recorder]:
    (tmp_path / "mine.yaml").write_text(SCENARIO.format(image=images["service-b"]))
    with recorded_lab(account, "secret", 27070, tmp_path) as recorder:
        yield recorder


def up(run: Recorder, *words: str, status: int = 0, **variables: str) -> str:
    """Bring the lab up; returns all that was printed."""
    scenario, port = str(run.state / "mine.yaml"), f"port={run.lab.port}"
    environment = {**run.environment, **variables}
    done = run.lab("up", scenario, "--set", port, *words, status=status, environment=environment)
    return done.out + done.err


def secrets(podman: Podman, lab: str) -> list[str]:
    """The names of the lab's secrets."""
    names = podman("secret", "ls", "--format", "{{.Name}}").split()
    return [name for name in names if name.startswith(f"{lab}-")]


def everywhere(run: Recorder, podman: Podman) -> Iterator[str]:
    """What podman tells of the lab, what lab writes and prints, and all that runs."""
    for key in podman.states(run.lab.name):
        yield podman(key.split()[0], "inspect", key.split()[1])
    for name in secrets(podman, run.lab.name):
        yield podman("secret", "inspect", name)
    for command in (("status",), ("status", "-o", "json"), ("down", "--dry-run", "-o", "json")):
        yield str(run.lab(*command))
    for path in run.state.rglob("*"):
        if path.is_file() and path.name != "value":
            yield path.read_text()
    for kind in ("cmdline", "environ"):
        for path in Path("/proc").glob(f"[0-9]*/{kind}"):
            if path.parent.name != str(os.getpid()):
                try:
                    yield path.read_bytes().decode(errors="replace")
                except OSError:
                    continue  # it has ended, or is another user's


@pytest.mark.attack("8.12: the value of a secret is looked for wherever lab or podman shows text")
def test_a_secret_is_in_its_file_and_nowhere_else(run: Recorder, podman: Podman) -> None:
    name, reader = run.lab.name, run.lab.container("reader")
    value = run.state / "value"
    value.write_text(f"{VALUE}\n")
    given = ("--set", f"db-password=@{value}")
    with step("the container reads it"):
        printed = [up(run, *given), up(run, *given, "--dry-run"), up(run, *given, "--dry-run")]
        assert podman("exec", reader, *READ) == VALUE
        assert len(secrets(podman, name)) == 1
        assert run.lab.status()["parameters"]["db-password"] == "***"
    with step("the same value changes nothing, wherever it comes from"):
        before = podman.states(name)
        printed += [up(run), up(run, LAB_SECRET_DB_PASSWORD=VALUE)]
        assert podman.states(name) == before
    with step("nobody else gets to see it"):
        run("load", "-n", "10")
        printed += [str(run.runs("show", "latest")), str(run.runs("show", "latest", "-o", "json"))]
        report = run.state / "report.html"
        words = ("report", "latest", "-o", str(report))
        done = run.lab.account.run(
            run.lab.account.python, "-m", "lab", *words, environment=run.environment
        )
        assert report.exists(), done.stderr
        shown = [*printed, done.stdout, done.stderr, *everywhere(run, podman)]
        assert not [text for text in shown if VALUE in text]
    with step("another value replaces who reads it, and nothing else"):
        old = secrets(podman, name)
        up(run, LAB_SECRET_DB_PASSWORD=OTHER)
        assert podman("exec", reader, *READ) == OTHER
        after = podman.states(name)
        changed = {key for key in before if after.get(key) != before[key]}
        assert {key for key in changed if key.startswith(("pod ", "container "))} == {
            f"container {reader}"
        }
        assert len(secrets(podman, name)) == 1
        assert secrets(podman, name) != old
    with step("one that is removed by hand is missed, and made again from what is given"):
        podman("secret", "rm", *secrets(podman, name))
        assert "create secret" in run.lab.status()["drift"][0]
        assert "needs the secret db-password" in up(run, status=2)
        up(run, LAB_SECRET_DB_PASSWORD=OTHER)
        assert run.lab.status()["in_sync"]
    with step("down leaves none"):
        run.lab("down")
        assert secrets(podman, name) == []


@pytest.mark.attack("8.12: the value of a secret is given as an argument, which others can read")
def test_a_value_as_an_argument_is_refused(run: Recorder, podman: Podman) -> None:
    said = up(run, "--set", f"db-password={VALUE}", status=2)
    assert "db-password is secret" in said
    assert "@FILE" in said
    assert VALUE not in said
    assert podman.states(run.lab.name) == {}


@pytest.mark.attack("8.12: another user reads what was recorded of a run")
def test_records_are_the_user_s_own(run: Recorder) -> None:
    up(run, LAB_SECRET_DB_PASSWORD=VALUE)
    run("load", "-n", "10")
    (path,) = run.paths()
    assert {each.stat().st_mode & 0o777 for each in path.iterdir()} == {0o600}
    folders = (path, path.parent, path.parent.parent)
    assert [each.stat().st_mode & 0o777 for each in folders] == [0o700] * 3
    assert json.loads((path / "record.json").read_text())["spec"]["secrets"]
