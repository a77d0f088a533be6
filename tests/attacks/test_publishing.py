"""Ports open to other machines: only the command line opens them, and `up` and `status` say so."""

import json
import socket
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.recording import recorded_lab
from tests.real.steps import step

pytestmark = pytest.mark.real

ANY = "0.0.0.0"  # noqa: S104 - what is attacked with
ELSEWHERE = "127.0.0.2"
SCENARIO = """\
summary: A port on every address.
parameters: {{host: {{type: address, default: 0.0.0.0}}}}
pods:
  open-pod:
    ports: [{{name: open, host_ip: "{host}", published: {port}, target: 8000, ready: /healthz}}]
    containers:
      open: {{image: {image}, environment: {{SERVICE_PORT: 8000, ERROR_RATE: 0}}}}
"""


@pytest.mark.attack("8.7: a scenario publishes on all interfaces")
def test_a_scenario_cannot_open_a_port_to_other_machines(
    labs: Labs, podman: Podman, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("open")
    file = tmp_path / "mine.yaml"

    def write(host: str) -> None:
        file.write_text(SCENARIO.format(host=host, port=lab.port, image=images["service-b"]))

    for host in (ANY, "${host}"):
        with step(f"host_ip: {host}"):
            write(host)
            refused = lab("up", str(file), status=2)
            assert f"mine.yaml:5: pods.open-pod.ports[0].host_ip: {ANY} is open" in refused.err
            assert podman.states(lab.name) == {}
    with step("asked for, it is opened, and shown as it is"):
        found = lab("up", str(file), "--set", f"host={ANY}")
        for said in (found.out, lab("status").out):
            assert f"http://{ANY}:{lab.port}" in said
            assert "127.0.0.1" not in said
            assert "warning: other machines can reach open" in said
        assert lab.status()["exposed"] == ["open"]
        socket.create_connection((ELSEWHERE, lab.port), timeout=5).close()
    with step("back on loopback, nothing warns"):
        again = lab("up", str(file), "--set", "host=127.0.0.1")
        assert "warning" not in again.out
        assert lab.status()["exposed"] == []


@pytest.mark.attack("8.7: a record that is replayed publishes on all interfaces")
def test_a_record_cannot_open_a_port_to_other_machines(
    account: Account, images: dict[str, str], tmp_path: Path
) -> None:
    del images
    with recorded_lab(account, "opened", 27060, tmp_path) as run:
        run.lab.up("direct")
        run("load", "-n", "10")
        (path,) = run.paths()
        record = json.loads((path / "record.json").read_text())
        record["spec"]["parameters"]["host"] = ANY
        (path / "record.json").write_text(json.dumps(record))
        run("down")
        # Where every address of the port is wanted, this one is in the way.
        with socket.create_server((ELSEWHERE, run.lab.port)):
            run("replay", path.name)
        first, second = run.records()
        assert first["spec"]["parameters"]["host"] == ANY
        ports = [port for pod in second["spec"]["pods"] for port in pod["ports"]]
        assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
