"""`lab logs`, `doctor`, `scenarios`, `show` and completion."""

import re
import select
import shlex
import signal
from pathlib import Path

import pytest
import requests

from lab.engine import versions
from tests.real.accounts import Account
from tests.real.conftest import Labs, free_port
from tests.real.engine import Podman
from tests.real.labs import Lab, finish, run_lab
from tests.real.waiting import until

pytestmark = pytest.mark.real


def test_logs_prints_every_container_behind_its_name(shared_lab: Lab) -> None:
    lines = shared_lab("logs").out.splitlines()
    heads = {line.partition("|")[0].strip() for line in lines}
    assert heads == {
        shared_lab.container(name)
        for name in ("service-a", "service-a-envoy", "service-b", "envoy-prom")
    }


def test_logs_of_one_container_are_podmans(shared_lab: Lab, podman: Podman) -> None:
    short = shared_lab("logs", "service-b").out
    full = shared_lab("logs", shared_lab.container("service-b")).out
    assert short == full == podman("logs", shared_lab.container("service-b"))
    assert '"event": "started"' in short


def test_logs_of_an_unknown_container_lists_the_known(shared_lab: Lab) -> None:
    refused = shared_lab("logs", "service-z", status=2)
    assert "service-z" in refused.err
    assert shared_lab.container("service-a") in refused.err


@pytest.mark.parametrize("which", [(), ("service-a-envoy",)], ids=["all", "one"])
def test_following_logs_shows_new_lines_and_ends_on_ctrl_c(
    shared_lab: Lab, which: tuple[str, ...]
) -> None:
    process = shared_lab.start("logs", "--name", shared_lab.name, "-f", "--tail", "0", *which)
    assert process.stdout is not None
    printed = process.stdout

    def followed() -> bool:
        requests.get(shared_lab.url, timeout=10)
        return bool(select.select([printed], [], [], 0)[0])

    until("a new line is printed", followed)
    assert " | " in printed.readline() or which
    status, _, err = finish(process, signal.SIGINT)
    assert status == 130
    assert "Traceback" not in err


def test_doctor_examines_what_the_lab_needs(account: Account) -> None:
    findings = {f["name"]: f for f in run_lab(account, "doctor", "-o", "json").json}
    assert findings.keys() >= {"podman", "cgroups", "limits", "systemd", "service", "mmdebstrap"}
    assert "registry" in findings
    holes = versions.holes(versions.parse(findings["podman"]["text"]))
    assert findings["podman"]["state"] == ("warning" if holes else "good")
    assert all(hole in findings["podman"]["text"] for hole in holes)
    assert findings["service"]["state"] == "good"
    assert all(finding["state"] in {"good", "warning"} for finding in findings.values())


def test_doctor_fails_when_the_service_does_not_answer(account: Account) -> None:
    url = "unix:///nowhere/podman.sock"
    findings = run_lab(account, "doctor", "-o", "json", "--engine", url, status=1).json
    (service,) = (finding for finding in findings if finding["name"] == "service")
    assert service["state"] == "bad"
    assert service["remedy"]


def complete(account: Account, *words: str) -> list[str]:
    """What a press of the tab key in bash offers after these words, as Typer's protocol has it."""
    done = account.run(
        account.python,
        "-c",
        "import sys; sys.argv[0] = 'lab'; from lab.__main__ import main; main()",
        environment={
            "_LAB_COMPLETE": "complete_bash",
            "COMP_WORDS": shlex.join(("lab", *words)),
            "COMP_CWORD": str(len(words)),
        },
    )
    return done.stdout.split()


def test_scenarios_are_completed(account: Account) -> None:
    assert complete(account, "up", "s") == ["scale", "sidecar"]
    assert {"direct", "sidecar"} <= set(complete(account, "up", ""))


def test_names_of_containers_are_completed(shared_lab: Lab, account: Account) -> None:
    start = shared_lab.container("service-a")
    offered = complete(account, "logs", "--name", shared_lab.name, start)
    assert sorted(offered) == [start, shared_lab.container("service-a-envoy")]


def test_the_shell_steps_of_a_scenario_work_when_typed(
    labs: Labs, podman: Podman, account: Account, images: dict[str, str]
) -> None:
    lab = labs("typed")
    ports = {"port": free_port(), "prometheus-port": free_port()}
    settings = [word for name, port in ports.items() for word in ("--set", f"{name}={port}")]
    printed = lab("show", "sidecar", "--shell", *settings).out
    try:
        run_as_typed(account, with_images(printed, images))
        url = f"http://127.0.0.1:{ports['port']}"
        until("service A answers", lambda: answer(url).startswith("Service A: upstream"))
    finally:
        for pod in ("service-a-pod", "service-b-pod", "prometheus-pod"):
            podman("pod", "rm", "--force", "--ignore", lab.container(pod))
        podman("network", "rm", "--force", lab.container("lab"))
        podman("volume", "rm", "--force", lab.container("prometheus-data"))


def with_images(commands: str, images: dict[str, str]) -> str:
    """The commands on the images that are here, whichever source they were built from."""
    _, marker, rest = commands.partition("# A network of the lab's own")
    for name, reference in images.items():
        rest = re.sub(rf"localhost/lab/{name}:\w+", reference, rest)
    return marker + rest


def answer(url: str) -> str:
    try:
        return requests.get(url, timeout=10).text
    except requests.ConnectionError:
        return ""


def run_as_typed(account: Account, commands: str) -> None:
    """Run commands in a shell in which podman means the service that lab uses."""
    podman = f'podman() {{ command podman --url "{account.service()}" "$@"; }}'
    done = account.run("bash", "-euc", f"{podman}\n{commands}")
    assert done.returncode == 0, f"{commands}\n{done.stderr}"


@pytest.mark.parametrize("where", ["> /dev/full", ">&-", "| exec sh -c 'exec <&-'"])
def test_a_load_whose_output_is_lost_is_recorded(
    shared_lab: Lab, account: Account, tmp_path: Path, where: str
) -> None:
    words = f"{account.python} -m lab load -n 5 --name {shared_lab.name} {where}"
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    done = account.run("bash", "-c", words, environment=environment)
    assert "Traceback" not in done.stderr
    assert "recorded as " in done.stderr
    (run,) = run_lab(account, "runs", "-o", "json", environment=environment).json
    assert run["sent"] == 5
    if "|" not in where:
        assert "error: the output could not be written: " in done.stderr
        assert done.returncode == 1
