"""What containers, and what keeps a pod, may do on a host whose podman would let them do more."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tomli_w

from lab.engine import host, runtime
from tests.real.accounts import Account, clean_environment
from tests.real.conftest import new_lab
from tests.real.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.real.labs import Lab

pytestmark = pytest.mark.real

MKNOD, NET_RAW, AUDIT_WRITE = 27, 13, 29
"""Bits of capabilities (linux/capability.h)."""
LOG_LIMIT = 10 * 1024 * 1024
SLEEP = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.pause()"

Scenario = dict[str, object]


@pytest.fixture(scope="module")
def generous(tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]) -> Iterator[Account]:
    """A user whose podman gives containers of its own accord what Docker gives them."""
    del images
    folder = tmp_path_factory.mktemp("generous")
    settings = host.merged(runtime.configuration_files(), {})
    given = ["CHOWN", "KILL", "NET_BIND_SERVICE", "NET_RAW", "MKNOD", "AUDIT_WRITE", "SETUID"]
    settings.setdefault("containers", {})["default_capabilities"] = given
    (folder / "containers.conf").write_text(tomli_w.dumps(settings))
    sockets = Path(f"/tmp/t-generous-{os.getpid()}")  # noqa: S108 - made here, 0700; sockets are short
    sockets.mkdir(mode=0o700)
    yield Account(
        environment=clean_environment(
            XDG_RUNTIME_DIR=str(sockets),
            XDG_STATE_HOME=str(folder),
            CONTAINERS_CONF=str(folder / "containers.conf"),
        )
    )
    for left in sorted(sockets.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()
    sockets.rmdir()


@pytest.fixture
def lab(generous: Account) -> Iterator[Lab]:
    made = new_lab(generous, "privileges")
    yield made
    made.remove()


@pytest.fixture
def write(tmp_path: Path, images: dict[str, str]) -> Callable[..., str]:
    """Write a scenario with a container of service B's image and these keys; return its path."""

    def written(**keys: object) -> str:
        container = {"image": images["service-b"], "command": ["python3", "-c", SLEEP]} | keys
        pods = {"one-pod": {"containers": {"one": container}}}
        file = tmp_path / "mine.yaml"
        file.write_text(json.dumps({"summary": "One container.", "pods": pods}))
        return str(file)

    return written


def status(lab: Lab, container: str) -> dict[str, str]:
    """The fields of /proc/PID/status of a container's first process."""
    process = lab.podman.inspect(lab.container(container))["State"]["Pid"]
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def bounding(found: dict[str, str]) -> set[int]:
    return {bit for bit in range(64) if int(found["CapBnd"], 16) >> bit & 1}


@pytest.mark.attack("8.5: a stranger's image has NET_RAW, MKNOD and AUDIT_WRITE from podman")
def test_a_container_has_no_dangerous_capability_that_it_did_not_ask_for(
    lab: Lab, write: Callable[..., str]
) -> None:
    lab("up", write())
    kept = bounding(status(lab, "one"))
    assert kept
    assert kept.isdisjoint({MKNOD, NET_RAW, AUDIT_WRITE})


@pytest.mark.attack("8.5: a scenario adds a capability without anybody being told")
def test_a_capability_that_is_asked_for_is_shown_before_it_is_given(
    lab: Lab, write: Callable[..., str]
) -> None:
    scenario = write(cap_add=["cap_net_raw"])
    said = f"{lab.container('one')} asks for NET_RAW (cap_add)"
    assert said in lab("up", scenario, "--dry-run").err
    assert said in lab("up", scenario).err
    assert NET_RAW in bounding(status(lab, "one"))
    assert MKNOD not in bounding(status(lab, "one"))


@pytest.mark.attack("8.15: a scenario runs a container as root")
def test_root_runs_only_when_the_command_line_says_so(lab: Lab, write: Callable[..., str]) -> None:
    scenario = write(user="00:1000")
    refused = lab("up", scenario, status=2)
    assert "mine.yaml:1: pods.one-pod.containers.one.user: '00:1000' is root" in refused.err
    assert "--allow-root" in refused.err
    assert lab.podman.states(lab.name) == {}
    lab("up", scenario, "--allow-root")
    assert status(lab, "one")["Uid"].split()[0] == "0"
    lab("up", scenario, status=2)


@pytest.mark.attack("8.15: what keeps a pod gains privileges that it did not start with")
def test_an_infra_container_gains_no_privileges(lab: Lab, write: Callable[..., str]) -> None:
    lab("up", write())
    found = status(lab, "one-pod-infra")
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")


@pytest.mark.attack("8.15: a container fills the disk with its log")
def test_a_log_stays_small_and_can_be_read_on(lab: Lab, write: Callable[..., str]) -> None:
    flood = f"for n in range(30000): print(n, 'x' * 1000)\nprint('the end', flush=True)\n{SLEEP}"
    lab("up", write(command=["python3", "-c", flood]))
    until("all is written", lambda: "the end" in lab("logs", "--tail", "1").out)
    log = lab.podman.inspect(lab.container("one"))["HostConfig"]["LogConfig"]["Path"]
    assert Path(log).stat().st_size <= LOG_LIMIT
    assert sum(each.stat().st_size for each in Path(log).parent.glob("ctr.log*")) <= LOG_LIMIT
