"""Where faults happen: a storage, a runtime directory and a lab of their own, with bystanders."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from lab.engine import host, runtime
from tests.real import processes
from tests.real.accounts import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
BYSTANDER = "f-bystander"
"""The name of a container, a network and a volume that are nobody's lab."""
PATIENCE = 120.0
"""Seconds that a command may take; whatever takes longer counts as hanging."""
BUILD_PATIENCE = 900.0
PORTS = range(28000, 29000, 2)

STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{directory}/root"
runroot = "{directory}/run"
[storage.options]
additionalimagestores = ["{images}"]
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    words: tuple[str, ...]
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        """The command, its status and its last words."""
        return f"lab {' '.join(self.words)}: exit status {self.status}\n{self.out}{self.err}"


@dataclass
class Arena:
    """A lab that is to suffer, in a podman that nothing else uses."""

    directory: Path
    image: str
    """Of service B: what the bystander runs."""
    port: int
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def lab(self) -> str:
        """The name of the lab: another one in every arena, so that they have other subnets."""
        return f"f-{self.port}"

    @property
    def runtime(self) -> Path:
        """Lab's own runtime directory."""
        return self.directory / "runtime" / "lab"

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a lab command with both outputs in pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "lab", *words],
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def words(self, target: str) -> list[str]:
        """The command that leads to a scenario, or to nothing."""
        if target == "nothing":
            return ["down", "--name", self.lab]
        ports = ("--port", str(self.port), "--prometheus-port", str(self.port + 1))
        return ["up", target, "--name", self.lab, *ports]

    def run(self, *words: str) -> Ended:
        """Run a lab command to its end."""
        return finish(self.start(*words), words)

    def status(self) -> dict[str, Any]:
        """What `lab status` says, {} when it says nothing."""
        ended = self.run("status", "--name", self.lab, "-o", "json")
        found: dict[str, Any] = json.loads(ended.out or "{}")
        return found

    def podman(self, *words: str) -> str:
        """Run podman itself on this storage, not through a service."""
        done = subprocess.run(
            ["podman", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr}"
        return done.stdout

    def services(self) -> list[int]:
        """The processes of lab's private podman service."""
        begin = f"unix://{self.runtime}/podman-"
        return [p for p, words in processes.commands() if any(w.startswith(begin) for w in words)]

    def bystanders(self) -> list[str]:
        """What is nobody's lab, with its ids and states."""
        return sorted(item for item in self._items() if BYSTANDER in item)

    def data(self) -> str:
        """When the lab's data volume was made, "" when there is none."""
        form = "{{.Name}} {{.CreatedAt}}"
        lines = self.podman("volume", "ls", "--format", form).splitlines()
        return next((line for line in lines if line.startswith(f"{self.lab}-prometheus-data ")), "")

    def left(self) -> list[str]:
        """Whatever is there that a `lab down` should not have left, its data volumes aside."""
        allowed = (BYSTANDER, f"volume {self.lab}-prometheus-data")
        found = [item for item in self._items() if not any(word in item for word in allowed)]
        if self.runtime.is_dir():
            found += [f"file {path.name}" for path in self.runtime.iterdir()]
        if (lock := runtime.own() / f"lab-{self.lab}.lock").exists():
            found += [f"file {lock.name}"]
        spared = self.podman("ps", "--quiet", "--no-trunc").split()
        spared += self.podman("inspect", "--format", "{{.State.Pid}}", BYSTANDER).split()
        found += processes.of(self.directory, spared)
        found += [f"port {port}" for port in (self.port, self.port + 1) if not _is_free(port)]
        return found

    def _items(self) -> Iterator[str]:
        containers = self.podman("ps", "--all", "--external", "--format", "json")
        for found in json.loads(containers):
            yield f"container {found['Names'][0]} {found['Id']} {found['State']}"
        form = "pod {{.Name}} {{.Id}} {{.Status}}"
        yield from self.podman("pod", "ps", "--format", form).splitlines()
        form = "volume {{.Name}}"
        yield from self.podman("volume", "ls", "--format", form).splitlines()
        form = "network {{.Name}} {{.ID}}"
        for line in self.podman("network", "ls", "--format", form).splitlines():
            if not line.startswith("network podman "):  # podman's own
                yield line


def finish(
    process: subprocess.Popen[str], words: tuple[str, ...], patience: float = PATIENCE
) -> Ended:
    """Wait for a command; one that hangs is killed, and fails."""
    with process:
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += f"hung for {patience:g} s\n"
    return Ended(words, process.returncode, out, err)


@contextmanager
def arena(below: Path | None = None) -> Iterator[Arena]:
    """Make an arena, and remove it with everything in it.

    ``below`` is where it keeps its storage, if that matters; its path has to be short.
    """
    environment = clean_environment()
    image = _built(environment)
    # Not where pytest would have it: a socket's path must not be longer than 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="lab-faults-", dir=below))
    for name in ("runtime", "state", "root", "networks"):
        (directory / name).mkdir(mode=0o700)
    images = subprocess.run(
        ["podman", "info", "--format", "{{.Store.GraphRoot}}"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    (directory / "storage.conf").write_text(STORAGE.format(directory=directory, images=images))
    # A storage that shows images and does not say so is taken for one of the time of CNI.
    (directory / "root" / "defaultNetworkBackend").write_text("netavark")
    environment |= {
        "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
        "XDG_RUNTIME_DIR": str(directory / "runtime"),
        "XDG_STATE_HOME": str(directory / "state"),
    }
    made = Arena(directory, image, _free_port(), environment)
    try:
        _bystand(made)
        yield made
    finally:
        _clear(made)


def _built(environment: dict[str, str]) -> str:
    """Build all images in the user's own storage, and return service B's."""
    for scenario in ("direct", "sidecar"):
        done = subprocess.run(
            [sys.executable, "-m", "lab", "build", scenario, "-o", "json"],
            cwd=PROJECT, env=environment, capture_output=True, text=True, check=False,
            timeout=BUILD_PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    built = json.loads(done.stdout)
    return next(str(image["reference"]) for image in built if image["name"] == "service-b")


def _bystand(made: Arena) -> None:
    configuration = made.directory / "containers.conf"
    tables = host.merged(runtime.configuration_files(), host.overrides(host.look()))
    tables.setdefault("network", {})["network_config_dir"] = str(made.directory / "networks")
    configuration.write_text(tomli_w.dumps(tables))
    made.environment["CONTAINERS_CONF"] = str(configuration)
    made.podman("network", "create", BYSTANDER)
    made.podman("volume", "create", BYSTANDER)
    made.podman(
        "run", "--detach", "--name", BYSTANDER, "--network", BYSTANDER,
        "--env", "SERVICE_PORT=18080", "--env", "METRICS_PORT=18081", made.image,
    )  # fmt: skip


def _clear(made: Arena) -> None:
    processes.end(made.services())
    for words in (
        ("pod", "rm", "--all", "--force", "--time", "0"),
        ("rm", "--all", "--force", "--time", "0"),
    ):
        made.podman(*words)
    for network in made.podman("network", "ls", "--format", "{{.Name}}").split():
        if network != "podman":
            made.podman("network", "rm", "--force", network)
    processes.wait_for_end_of(made.directory)  # what cleans up after containers mounts it again
    # Podman mounts its storage on itself, and leaves a layer mounted when it is killed.
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(made.directory):
            subprocess.run(["umount", mount], check=True)
    shutil.rmtree(made.directory)


def _free_port() -> int:
    """The first of two free ports, another one for every process that asks."""
    for offset in range(len(PORTS)):
        port = PORTS[(os.getpid() + offset) % len(PORTS)]
        if _is_free(port) and _is_free(port + 1):
            return port
    raise AssertionError("no two ports of the faults' own are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
