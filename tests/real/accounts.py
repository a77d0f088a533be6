"""Who types the commands: the user who runs the tests, or one made for a test."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lab.engine.service import answers
from tests.real.waiting import PATIENCE

SET_BY_TESTS = ("LAB_NAME", "CONTAINER_HOST", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
"""Variables that change what lab does; the caller's own are kept away from the tests."""


def clean_environment(**changes: str) -> dict[str, str]:
    """The caller's environment without what would change lab's behaviour."""
    kept = {name: value for name, value in os.environ.items() if name not in SET_BY_TESTS}
    return kept | changes


@dataclass
class Account:
    """A user of this machine, with the command by which it runs lab's Python.

    ``user`` is empty for the one who runs the tests.
    """

    python: str = sys.executable
    user: str = ""
    environment: dict[str, str] = field(default_factory=clean_environment)
    home: Path = field(default_factory=Path.cwd)
    _service: str = ""

    def popen(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: int | IO[Any] = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start a command of this user with both outputs in pipes."""
        identity: dict[str, Any] = {}
        if self.user:
            identity = {"user": self.user, "group": self.user, "extra_groups": []}
        return subprocess.Popen(
            command,
            env=self.environment | dict(environment or {}),
            cwd=cwd or self.home,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",  # a container may log anything
            **identity,
        )

    def run(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        patience: float = PATIENCE,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this user to its end."""
        with self.popen(*command, environment=environment, cwd=cwd) as process:
            try:
                out, err = process.communicate(timeout=patience)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def service(self) -> str:
        """The URL of the podman service that this user's lab talks to."""
        if not answers(Path(self._service.removeprefix("unix://"))):
            code = "from lab.engine.service import find; print(find().url)"
            found = self.run(self.python, "-c", code)
            assert found.returncode == 0, found.stderr
            self._service = found.stdout.strip()
        return self._service
