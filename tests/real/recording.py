"""A lab whose runs are recorded in a directory of the test's own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.real.accounts import Account
from tests.real.labs import Lab, Result, run_lab


@dataclass(frozen=True)
class Recorder:
    """Commands on one lab, and the records they leave in ``state``."""

    lab: Lab
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """What tells lab where to record."""
        return {"XDG_STATE_HOME": str(self.state)}

    def __call__(self, command: str, *words: str, status: int = 0) -> Result:
        """Run a command on the lab."""
        return self.lab(command, *words, status=status, environment=self.environment)

    def runs(self, *words: str, status: int = 0) -> Result:
        """Run `lab runs`."""
        return run_lab(
            self.lab.account, "runs", *words, status=status, environment=self.environment
        )

    def start(self, command: str, *words: str) -> Popen[str]:
        """Start a command on the lab without waiting for its end."""
        account = self.lab.account
        return account.popen(
            account.python, "-m", "lab", command, "--name", self.lab.name, *words,
            environment=self.environment,
        )  # fmt: skip

    def ports(self) -> tuple[str, ...]:
        """The options that put a scenario of an experiment on the lab's ports."""
        lab = self.lab
        return "--set", f"port={lab.port}", "--set", f"prometheus-port={lab.prometheus_port}"

    def paths(self) -> list[Path]:
        """The directories of all whole records, oldest first."""
        return sorted(path.parent for path in self.state.glob("lab/runs/2*/record.json"))

    def verdicts(self, run: str) -> dict[str, str]:
        """The verdicts beside a record, by the names of the claims."""
        text = (self.state / "lab" / "runs" / run / "verdicts.json").read_text()
        return verdicts(json.loads(text))

    def records(self) -> list[dict[str, Any]]:
        """All records as they are on disk, oldest first."""
        return [json.loads((path / "record.json").read_text()) for path in self.paths()]


@contextmanager
def recorded_lab(account: Account, name: str, port: int, state: Path) -> Iterator[Recorder]:
    """A lab on a port and the one after it; nothing of it is left in the end."""
    lab = Lab(account, f"x-{name}", port, port + 1)
    lab("down", "--volumes")  # what an interrupted test run left
    try:
        yield Recorder(lab, state)
    finally:
        lab.remove()


def verdicts(claims: list[dict[str, Any]]) -> dict[str, str]:
    """The verdict on each claim, by its name."""
    return {claim["name"]: claim["verdict"] for claim in claims}


def reasons(claims: list[dict[str, Any]]) -> str:
    """Everything that explains a verdict."""
    return "\n".join(line for claim in claims for line in claim["why"])
