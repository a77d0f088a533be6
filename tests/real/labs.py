"""Labs as a user works them: the installed command, its output and its exit status."""

import json
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.accounts import Account
from tests.real.engine import Podman
from tests.real.waiting import PATIENCE


@dataclass(frozen=True)
class Result:
    """What a command printed, and how it ended."""

    command: tuple[str, ...]
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command promises
        """Standard output, all of which has to be JSON."""
        return json.loads(self.out)

    def __str__(self) -> str:
        """The command and all it said, for the message of a failure."""
        return (
            f"$ {' '.join(self.command)}\n(exit status {self.status})\n"
            f"--- stdout\n{self.out}--- stderr\n{self.err}"
        )


def run_lab(
    account: Account,
    *arguments: str,
    status: int = 0,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    patience: float = PATIENCE,
) -> Result:
    """Run a lab command and insist on its exit status."""
    done = account.run(
        account.python, "-m", "lab", *arguments,
        environment=environment, cwd=cwd, patience=patience,
    )  # fmt: skip
    result = Result(("lab", *arguments), done.returncode, done.stdout, done.stderr)
    assert result.status == status, f"expected exit status {status}\n{result}"
    return result


def finish(
    process: subprocess.Popen[str], number: signal.Signals | None = None
) -> tuple[int, str, str]:
    """Send a signal if given; the exit status, and what was printed that is not read yet."""
    with process:
        if number is not None:
            process.send_signal(number)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except BaseException:
            process.kill()
            raise
    return process.returncode, out, err


@dataclass(frozen=True)
class Lab:
    """One lab of an account, with the ports it publishes."""

    account: Account
    name: str
    port: int
    prometheus_port: int

    @property
    def podman(self) -> Podman:
        """The podman in which it lives."""
        return Podman(self.account)

    @property
    def url(self) -> str:
        """Where service A answers."""
        return f"http://127.0.0.1:{self.port}"

    def __call__(
        self,
        command: str,
        *arguments: str,
        status: int = 0,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        patience: float = PATIENCE,
    ) -> Result:
        """Run a command on this lab."""
        return run_lab(
            self.account, command, "--name", self.name, *arguments,
            status=status, environment=environment, cwd=cwd, patience=patience,
        )  # fmt: skip

    def up_arguments(self, scenario: str, *arguments: str) -> tuple[str, ...]:
        """The words after `lab` that bring up a shipped scenario on this lab's ports."""
        ports = ("--port", str(self.port), "--prometheus-port", str(self.prometheus_port))
        return ("up", scenario, "--name", self.name, *ports, *arguments)

    def up(
        self,
        scenario: str,
        *arguments: str,
        status: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        """Bring up a shipped scenario on this lab's ports."""
        words = self.up_arguments(scenario, *arguments)
        return run_lab(
            self.account, *words, status=status, environment=environment, patience=2 * PATIENCE
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a lab command without waiting for its end."""
        return self.account.popen(self.account.python, "-m", "lab", *words)

    def status(self, *, expect: int = 0) -> dict[str, Any]:
        """What `lab status -o json` says."""
        found: dict[str, Any] = self("status", "-o", "json", status=expect).json
        return found

    def container(self, short: str) -> str:
        """The full name of one of its pods, containers or volumes."""
        return f"{self.name}-{short}"

    def id(self, short: str) -> str:
        """The id of one of its containers."""
        found: str = self.podman.inspect(self.container(short))["Id"]
        return found

    def last_words(self) -> str:
        """The end of every container's log."""
        podman = self.podman
        names = [key.split()[1] for key in podman.ids(self.name) if key.startswith("container ")]
        tails = (f"--- log of {name}\n{podman('logs', '--tail', '20', name)}" for name in names)
        return "\n".join(tails)

    def remove(self) -> None:
        """Take it down with its data, and insist that nothing of it is left."""
        self("down", "--volumes")
        left = self.podman.states(self.name)
        assert not left, f"lab down left {left}"
