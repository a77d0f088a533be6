"""A podman of a test's own: its storage and its API service, apart from the user's."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import tomli_w
from podman.api.client import APIClient  # noqa: TID251 - these tests check what talks to it

from lab.engine import host, runtime
from lab.engine.builds import Images
from lab.engine.service import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 30.0
"""Seconds that anything these tests start may take until it answers."""


class Podman(msgspec.Struct, frozen=True):
    """A storage below ``directory``, and how to use it."""

    directory: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """Run a podman command on this storage and return what it says."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def inspect(self, reference: str) -> dict[str, Any]:
        """Return what podman knows of an image."""
        found: list[dict[str, Any]] = msgspec.json.decode(
            self.run("image", "inspect", reference), type=list[dict[str, Any]]
        )
        return found[0]

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that uses this storage."""
        root, runroot = self.directory / "root", self.directory / "run"
        return ["podman", "--root", str(root), "--runroot", str(runroot), *arguments]


@contextmanager
def storage() -> Iterator[Podman]:
    """Make an empty storage with settings for this host, and remove it in the end.

    Its path is short, which pytest's own are not: podman takes no runroot of over 50 characters.
    """
    directory = Path(tempfile.mkdtemp(prefix="lab-"))
    containers = directory / "containers.conf"
    containers.write_text(
        tomli_w.dumps(host.merged(runtime.configuration_files(), host.overrides(host.look())))
    )
    environment = {
        **os.environ,
        "CONTAINERS_CONF": str(containers),
        "CONTAINERS_REGISTRIES_CONF": str(registries(directory / "none.conf", port=1)),
    }
    podman = Podman(directory, environment)
    yield podman
    podman.run("rm", "--all", "--force", "--time", "0")
    podman.run("rmi", "--all", "--force")
    # Podman mounts its storage on itself; rootless, in a namespace of the user's.
    script = 'umount "$0/root/overlay" 2>/dev/null; rm -rf "$0"'
    enter = [] if os.geteuid() == 0 else ["podman", "unshare"]
    subprocess.run([*enter, "sh", "-c", script, str(directory)], check=True)


def registries(path: Path, *, port: int) -> Path:
    """Write a registries.conf in which a port of the loopback stands in for docker.io."""
    path.write_text(
        tomli_w.dumps(
            {
                "registry": [
                    {
                        "prefix": "docker.io",
                        "location": "127.0.0.1:1",  # nothing listens there
                        "insecure": True,
                        "mirror": [{"location": f"127.0.0.1:{port}", "insecure": True}],
                    }
                ]
            }
        )
    )
    return path


@contextmanager
def service(podman: Podman, registries_conf: Path | None = None) -> Iterator[Images]:
    """Run an API service on a storage, and give the image store that lab makes of it."""
    socket = podman.directory / "podman.sock"
    environment = dict(podman.environment)
    if registries_conf:
        environment["CONTAINERS_REGISTRIES_CONF"] = str(registries_conf)
    command = podman.command("system", "service", "--time=0", f"unix://{socket}")
    with (
        (podman.directory / "service.log").open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until(lambda: answers(socket), process)
            with APIClient(base_url=f"http+unix://{socket}") as api:
                yield Images(api)
        finally:
            process.terminate()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until a process that was just started is ready; it must not end before."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert process.poll() is None, f"{process.args!r} ended at once"
        assert time.monotonic() < deadline, f"{process.args!r} does not answer"
        time.sleep(0.01)
