"""What podman takes, a scenario may say, and it arrives in the container as it was written."""

import json
import shlex
from pathlib import Path

import pytest

from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.waiting import until

pytestmark = pytest.mark.real

LONG = "c" * 100
SCENARIO = """\
summary: Forms of values that podman and Compose take.
volumes: {{data: }}
pods:
  p:
    extra_hosts: {{_srv.example: 192.0.2.1, six.example: "2001:db8::1"}}
    containers:
      {long}:
        image: {image}
        environment: {{discovery.type: single-node, a-b: dash, 1x: digit, "a b": space}}
        command: {words}
        user: "10001"
        mem_limit: 0.25g
        stop_grace_period: 1500ms
        tmpfs: "/my scratch/"
        volumes: ["data:/my data,too:ro"]
"""
PROGRAM = """\
import json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
mounts = [line.split()[4] for line in open("/proc/self/mountinfo")]
hosts = [line.split() for line in open("/etc/hosts")]
print(json.dumps([dict(os.environ), mounts, hosts]), flush=True)
signal.pause()
"""


def test_what_podman_takes_arrives_in_the_container(
    labs: Labs, podman: Podman, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("accepted")
    file = tmp_path / "mine.yaml"
    words = json.dumps(f"python3 -c {shlex.quote(PROGRAM)}")
    file.write_text(SCENARIO.format(image=images["service-b"], long=LONG, words=words))
    lab("up", str(file))
    name = lab.container(LONG)
    said = until("the container has spoken", lambda: podman("logs", name))
    environment, mounts, hosts = json.loads(said)
    given = {"discovery.type": "single-node", "a-b": "dash", "1x": "digit", "a b": "space"}
    assert given.items() <= environment.items()
    assert {"/my\\040scratch", "/my\\040data,too"} <= set(mounts)
    assert ["192.0.2.1", "_srv.example"] in hosts
    assert ["2001:db8::1", "six.example"] in hosts
    found = podman.inspect(name)
    assert found["HostConfig"]["Memory"] == 256 * 1024**2
    assert found["Config"]["StopTimeout"] == 2
    assert [m["RW"] for m in found["Mounts"] if m["Type"] == "volume"] == [False]
