"""Who is measured: lab, and what else brings the same images up in the same topology."""

from __future__ import annotations

import contextlib
import os
import string
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "bench"
"""The lab's name, and the beginning of the names of all that the others make."""
PORT, PROMETHEUS_PORT = 30480, 30490
PEERS = Path(__file__).parent / "peers"
KUBE_PODS = tuple(f"{NAME}-{name}-pod" for name in ("service-a", "service-b", "prometheus"))
KUBE_NETWORK, KUBE_SUBNET = f"{NAME}-kube", "10.199.78.0/24"
KUBE_ADDRESSES = ("10.199.78.10", "10.199.78.11", "10.199.78.12")


class Done(msgspec.Struct, frozen=True):
    """What a command took: seconds, and the most memory it held at a time, in KiB."""

    seconds: float
    memory: int = 0


class Failed(Exception):  # noqa: N818 - it says what happened
    """A command that is measured failed; the text has its output."""


class Contender(Protocol):
    """Brings a scenario up and takes it down; both return when the commands for it have ended."""

    name: str

    def prepare(self, scenario: str) -> None:
        """Do what is not measured before an ``up``."""

    def up(self, scenario: str) -> Done:
        """Start a scenario from nothing."""

    def down(self, scenario: str) -> Done:
        """Remove it."""

    def clear(self, scenario: str) -> object:
        """Remove it in the quickest way there is, where ``down`` is not what is measured."""


def run(*command: str, **variables: str) -> Done:
    """Run a command to its end; raises :class:`Failed` unless it succeeds."""
    # A program that is installed has its bytecode: no run is to compile this checkout again.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""} | variables
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    ) as process:
        output = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{' '.join(command)} ended with {process.returncode}\n{output.decode()}"
        raise Failed(msg)
    return Done(seconds, used.ru_maxrss)


class Lab:
    """``lab`` itself, from this checkout."""

    name = "lab"
    _lab = (sys.executable, "-m", "lab")
    _ports = ("--port", str(PORT), "--prometheus-port", str(PROMETHEUS_PORT))

    def prepare(self, scenario: str) -> None:
        """Nothing: even podman's service is started as part of ``up``."""

    def up(self, scenario: str) -> Done:
        """``lab up``."""
        return run(*self._lab, "up", scenario, "--name", NAME, *self._ports)

    again = up
    """``lab up`` of what is up already."""

    def switch(self) -> Done:
        """``lab up sidecar`` over direct."""
        return self.up("sidecar")

    def status(self, scenario: str) -> Done:
        """``lab status``."""
        del scenario
        return run(*self._lab, "status", "--name", NAME)

    def help(self) -> Done:
        """``lab --help``."""
        return run(*self._lab, "--help")

    def complete(self) -> Done:
        """What bash asks for at ``lab d`` and the tabulator key."""
        program = str(Path(sys.executable).with_name("lab"))
        asked = {"_LAB_COMPLETE": "complete_bash", "COMP_WORDS": "lab d", "COMP_CWORD": "1"}
        return run(program, **asked)

    def down(self, scenario: str) -> Done:
        """``lab down``; Prometheus's volume stays, as it does for users."""
        del scenario
        return run(*self._lab, "down", "--name", NAME)

    clear = down
    """Nothing is quicker."""

    def erase(self) -> None:
        """Remove it with Prometheus's volume."""
        run(*self._lab, "down", "--volumes", "--name", NAME)


@contextlib.contextmanager
def sidecar() -> Iterator[str]:
    """The URL of service A in a lab with the sidecar, which is gone afterwards."""
    lab = Lab()
    try:
        lab.up("sidecar")
        yield f"http://127.0.0.1:{PORT}"
    finally:
        lab.erase()


class Shell:
    """The article's steps with podman's command line."""

    name = "shell"

    def __init__(self, variables: dict[str, str]) -> None:
        """``variables`` name the images, the ports and podman's settings."""
        self._variables = variables

    def prepare(self, scenario: str) -> None:
        """Nothing."""

    def up(self, scenario: str) -> Done:
        """The article's steps from nothing."""
        return run(str(PEERS / f"{scenario}.sh"), **self._variables)

    def switch(self) -> Done:
        """The article's steps from direct to sidecar."""
        return run(str(PEERS / "switch.sh"), **self._variables)

    def down(self, scenario: str) -> Done:
        """Remove the pods and the container."""
        del scenario
        return run(str(PEERS / "down.sh"), **self._variables)

    def clear(self, scenario: str) -> None:
        """Kill before the removal."""
        del scenario
        run(str(PEERS / "clear.sh"), **self._variables)


class Compose:
    """podman-compose."""

    name = "podman-compose"

    def __init__(self, program: str, variables: dict[str, str]) -> None:
        """``program`` is podman-compose's path."""
        self._program = program
        self._variables = variables

    def _run(self, scenario: str, *words: str) -> Done:
        file = str(PEERS / f"{scenario}.compose.yaml")
        return run(self._program, "-p", NAME, "-f", file, *words, **self._variables)

    def prepare(self, scenario: str) -> None:
        """Nothing."""

    def up(self, scenario: str) -> Done:
        """``podman-compose up -d``."""
        return self._run(scenario, "up", "-d")

    again = up
    """``podman-compose up -d`` of what is up already."""

    def status(self, scenario: str) -> Done:
        """``podman-compose ps``."""
        return self._run(scenario, "ps")

    def down(self, scenario: str) -> Done:
        """``podman-compose down``."""
        return self._run(scenario, "down")

    clear = down
    """Nothing is quicker."""


class Kube:
    """``podman kube play``, on a network that is there already."""

    name = "kube play"

    def __init__(self, directory: Path, variables: dict[str, str]) -> None:
        """Filled-in YAML goes to ``directory``."""
        self._directory = directory
        self._variables = variables

    def _podman(self, *words: str) -> Done:
        return run("podman", *words, **self._variables)

    def _file(self, scenario: str) -> Path:
        return self._directory / f"{scenario}.kube.yaml"

    def prepare(self, scenario: str) -> None:
        """Fill in the YAML, and make the network."""
        text = (PEERS / f"{scenario}.kube.yaml").read_text()
        self._file(scenario).write_text(string.Template(text).substitute(self._variables))
        self._podman("network", "create", "--disable-dns", "--subnet", KUBE_SUBNET, KUBE_NETWORK)

    def up(self, scenario: str) -> Done:
        """``podman kube play``."""
        addresses = (word for address in KUBE_ADDRESSES for word in ("--ip", address))
        file = str(self._file(scenario))
        return self._podman("kube", "play", "--network", KUBE_NETWORK, *addresses, file)

    def down(self, scenario: str) -> Done:
        """``podman kube down``; the network's removal is not measured."""
        done = self._podman("kube", "down", str(self._file(scenario)))
        self._podman("network", "rm", KUBE_NETWORK)
        return done

    def clear(self, scenario: str) -> None:
        """Kill before the removal."""
        self._podman("pod", "kill", *KUBE_PODS)
        self.down(scenario)
