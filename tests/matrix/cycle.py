"""The life of a lab, step by step, on the podman of the machine it runs on; images are there.

Run by hand or by the matrix: `python -m tests.matrix.cycle NAME PORT`. Every step is a line of
JSON on standard output: its name, the seconds it took, and what went wrong. The first failure
ends it with exit status 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from lab.engine import service

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 180
REQUESTS = 300


class Cycle:
    """One lab of a name, on two ports."""

    def __init__(self, name: str, port: int) -> None:
        """Nothing is created yet."""
        self._name = name
        self._ports = ("--port", str(port), "--prometheus-port", str(port + 1), "--seed", "7")

    def lab(self, command: str, *words: str, status: int = 0) -> str:
        """Run a command of lab on this lab; insist on its exit status; return what it printed."""
        typed = (command, *words, "--name", self._name)
        done = _run(sys.executable, "-m", "lab", *typed)
        assert done.returncode == status, (
            f"lab {' '.join(typed)}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def up(self, scenario: str) -> str:
        """Bring a scenario up on this lab's ports."""
        return self.lab("up", scenario, *self._ports)

    def state(self, status: int = 0) -> dict[str, Any]:
        """What `lab status` says, which has to end with that exit status."""
        found: dict[str, Any] = json.loads(self.lab("status", "-o", "json", status=status))
        return found

    def ids(self) -> dict[str, str]:
        """The containers' ids by their names."""
        found = {c["name"]: c["id"] for pod in self.state()["pods"] for c in pod["containers"]}
        return {name.removeprefix(f"{self._name}-"): id_ for name, id_ in found.items()}

    def load(self) -> int:
        """Send requests and return how many percent succeeded."""
        load = json.loads(self.lab("load", "-n", str(REQUESTS), "-o", "json"))
        assert load["sent"] == REQUESTS, load
        return round(100 * int(load["succeeded"]) / REQUESTS)

    def direct(self) -> None:
        """Without a sidecar the failures of service B are seen."""
        self.up("direct")
        rate = self.load()
        assert 70 <= rate <= 90, f"{rate} % succeeded"

    def again(self) -> None:
        """A second `up` has nothing to do."""
        assert "nothing to do" in self.up("direct")

    def sidecar(self) -> None:
        """The sidecar hides failures, and service B is left alone."""
        before = self.ids()["service-b"]
        self.up("sidecar")
        assert self.ids()["service-b"] == before, "service-b was replaced"
        rate = self.load()
        assert rate >= 97, f"{rate} % succeeded"

    def verify(self) -> None:
        """What was measured is what theory predicts, and all counters agree."""
        self.lab("verify")

    def container_drift(self) -> None:
        """A container that was killed and one that was removed come back; no other does."""
        before = self.ids()
        _podman("kill", f"{self._name}-service-a")
        _podman("rm", "--force", f"{self._name}-service-a-envoy")
        assert self.state(status=3)["state"] == "degraded"
        self.up("sidecar")
        after = self.ids()
        for name in ("service-a", "service-b", "envoy-prom"):
            assert after[name] == before[name], f"{name} was replaced"
        assert after["service-a-envoy"] != before["service-a-envoy"]
        assert self.state()["in_sync"]

    def pod_drift(self) -> None:
        """A pod that was stopped and one that was removed come back."""
        _podman("pod", "stop", "--time", "1", f"{self._name}-service-b-pod")
        _podman("pod", "rm", "--force", f"{self._name}-service-a-pod")
        assert self.state(status=3)["state"] == "degraded"
        self.up("sidecar")
        assert self.state()["in_sync"]

    def back(self) -> None:
        """Back to direct, and service B is left alone."""
        before = self.ids()["service-b"]
        self.up("direct")
        after = self.ids()
        assert after["service-b"] == before, "service-b was replaced"
        assert "service-a-envoy" not in after

    def down(self) -> None:
        """Everything goes; nothing but images is left."""
        self.lab("down", "--volumes")
        for kind in ("pod ps", "ps --all", "volume ls"):
            left = _podman(*kind.split(), "--quiet")
            assert not left, f"podman {kind}: {left}"
        networks = _podman("network", "ls", "--format", "{{.Name}}").split()
        assert networks == ["podman"], networks
        assert "nothing to do" in self.lab("down")


def main(name: str, port: int) -> int:
    """Take the steps one after the other and report each."""
    cycle = Cycle(name, port)
    steps: dict[str, Callable[[], None]] = {
        "up direct": cycle.direct,
        "up again": cycle.again,
        "up sidecar": cycle.sidecar,
        "verify": cycle.verify,
        "repair containers": cycle.container_drift,
        "repair pods": cycle.pod_drift,
        "back to direct": cycle.back,
        "down": cycle.down,
    }
    for step, take in steps.items():
        began = time.monotonic()
        trouble = ""
        try:
            take()
        except (AssertionError, KeyError, subprocess.TimeoutExpired) as error:
            trouble = f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - began
        row = {"step": step, "seconds": round(seconds, 1), "trouble": trouble}
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
        if trouble:
            return 1
    return 0


def _podman(*words: str) -> str:
    """Podman's command line, through the service that lab uses: with its settings."""
    done = _run("podman", "--url", service.find().url, *words)
    assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
