"""Bad input: one sentence, a hint, the right exit status, and nothing created or changed."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.conftest import Foreign, Labs
from tests.real.engine import Podman
from tests.real.labs import Lab, Result, run_lab
from tests.real.scenarios import pair

pytestmark = pytest.mark.real

BROKEN = """\
summary: [never closed
pods:
"""
FULL_OF_MISTAKES = """\
summary: Everything at once.
pods:
  one-pod:
    colour: green
    extra_hosts: {x.local: no-such-pod}
    ports:
      - {name: one, published: 21990, target: eighty}
      - {name: two, published: 21991, target: 80}
      - {name: two, published: 21991, target: 81}
    containers:
      one: {image: localhost/whatever}
"""


@pytest.fixture
def unchanged(labs: Labs, podman: Podman) -> Iterator[Lab]:
    """A lab that is not up, and of which nothing may exist after the test either."""
    lab = labs("refused")
    yield lab
    assert podman.states(lab.name) == {}


def assert_explained(result: Result, *words: str) -> None:
    """One sentence, a hint, no traceback, nothing on stdout, and it names what is wrong."""
    lines = result.err.splitlines()
    (sentence,) = (line for line in lines if line.startswith("error:"))
    hints = [line for line in lines if line.startswith("hint:")]
    assert len(hints) == 1, result
    assert "Traceback" not in result.err
    assert result.out == ""
    assert len(sentence) > len("error: ")
    for word in words:
        assert word in result.err, result


def test_an_unknown_scenario_suggests_the_nearest(unchanged: Lab) -> None:
    assert_explained(unchanged.up("sidcar", status=2), "'sidcar'", "did you mean 'sidecar'")


def test_an_error_rate_above_100_is_refused(unchanged: Lab) -> None:
    assert_explained(unchanged.up("direct", "--error-rate", "120", status=2), "120", "100")


def test_an_impossible_lab_name_is_refused(account: Account) -> None:
    refused = run_lab(account, "up", "direct", "--name", "Not/A/Name", status=2)
    assert_explained(refused, "Not/A/Name")


def test_broken_yaml_is_refused_with_its_line(unchanged: Lab, tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN)
    assert_explained(unchanged("up", str(file), status=2), "broken.yaml:")


def test_all_mistakes_of_a_scenario_are_named_at_once(unchanged: Lab, tmp_path: Path) -> None:
    file = tmp_path / "mistakes.yaml"
    file.write_text(FULL_OF_MISTAKES)
    refused = unchanged("up", str(file), status=2)
    assert_explained(
        refused, ":4:", "colour", ":5:", "no-such-pod", ":7:", "eighty", ":9:", "21991"
    )


def test_a_port_in_use_by_a_process_is_named(unchanged: Lab) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", unchanged.port))
        busy.listen()
        assert_explained(unchanged.up("direct", status=1), str(unchanged.port), "in use")


def test_a_port_published_by_another_container_is_named(unchanged: Lab, foreign: Foreign) -> None:
    holder = foreign.container("t-foreign", "--publish", f"127.0.0.1:{unchanged.port}:80")
    assert_explained(unchanged.up("direct", status=1), str(unchanged.port), holder)


@pytest.mark.parametrize("kind", ["pod", "container", "network", "volume"])
def test_a_name_that_something_else_has_is_refused(
    labs: Labs, podman: Podman, foreign: Foreign, kind: str
) -> None:
    lab = labs("taken")
    name = {
        "pod": "service-a-pod",
        "container": "service-b",
        "network": "lab",
        "volume": "prometheus-data",
    }[kind]
    getattr(foreign, kind)(lab.container(name))
    before = podman.states(lab.name)
    assert_explained(
        lab.up("direct", status=1), f"{kind} {lab.container(name)}", "does not belong to this lab"
    )
    assert podman.states(lab.name) == before


def test_load_and_logs_without_a_lab_say_how_to_start_one(unchanged: Lab) -> None:
    for command in ("load", "logs"):
        assert_explained(unchanged(command, status=3), unchanged.name, "lab up")


def test_an_image_that_is_nowhere_is_named(
    labs: Labs, podman: Podman, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("no-image")
    missing = "localhost/t-no-such-image:1"
    file = pair(tmp_path, port=lab.port, front=missing, back=images["service-b"])
    assert_explained(lab("up", str(file), status=1), missing)
    assert podman.states(lab.name) == {}


def test_what_is_not_ready_in_time_is_named_with_its_last_words(
    labs: Labs, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("unready")
    file = pair(
        tmp_path,
        port=lab.port,
        front=images["service-a"],
        back=images["service-b"],
        ready="/never",
    )
    late = lab("up", str(file), "--wait", "1s", status=3)
    assert_explained(
        late, "front", "did not answer within 1s", f"last lines of {lab.container('front')}",
        '"event": "started"',
    )  # fmt: skip


def test_a_container_that_ends_at_once_is_named_with_its_last_words(
    labs: Labs, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("crash")
    file = pair(tmp_path, port=lab.port, front=images["service-a"], back=images["service-b"])
    file.write_text(file.read_text().replace("http://back.local:8000", "nonsense"))
    crashed = lab("up", str(file), "--wait", "1s", status=3)
    assert_explained(crashed, "front", "UPSTREAM_SERVICE")


def test_a_service_that_refuses_the_connection_is_named(unchanged: Lab, tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/nowhere.sock"
    assert_explained(unchanged.up("direct", "--engine", nowhere, status=1), nowhere)


@pytest.fixture
def another_podman(tmp_path: Path) -> dict[str, str]:
    """An environment whose only command is a podman that is too old, and without a service."""
    folder = tmp_path / "bin"
    folder.mkdir()
    podman = folder / "podman"
    podman.write_text("#!/bin/sh\necho podman version 4.2.0\n")
    podman.chmod(0o755)
    (tmp_path / "run").mkdir(mode=0o700)
    return {"PATH": str(folder), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


def test_a_podman_that_is_too_old_is_refused(
    unchanged: Lab, another_podman: dict[str, str]
) -> None:
    refused = unchanged.up("direct", status=1, environment=another_podman)
    assert_explained(refused, "4.2.0", "too old", "4.3")


def test_a_machine_without_podman_is_told_how_to_install_it(
    unchanged: Lab, another_podman: dict[str, str]
) -> None:
    Path(another_podman["PATH"], "podman").unlink()
    refused = unchanged.up("direct", status=1, environment=another_podman)
    assert_explained(refused, "podman is not installed", "install")
