"""A terminal of a given width, in which a command runs to its end."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STYLE = re.compile(r"\x1b\[[0-9;]*m")
FROM_CALLER = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "LAB_NAME")


@dataclass(frozen=True)
class Screen:
    """What a command wrote to its terminal, and how it ended."""

    status: int
    written: str

    @property
    def lines(self) -> list[str]:
        """The lines, without bold and colours."""
        return STYLE.sub("", self.written).replace("\r\n", "\n").splitlines()


def screen(
    *command: str,
    columns: int = 80,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Screen:
    """Run a command with all its streams in a terminal, of which nothing wraps the lines."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, columns))
    kept = {name: value for name, value in os.environ.items() if name not in FROM_CALLER}
    with subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, start_new_session=True, cwd=cwd,
        env=kept | {"TERM": "xterm-256color"} | dict(environment or {}),
    ) as process:  # fmt: skip
        os.close(its)
        written = b""
        with suppress(OSError):  # the terminal is gone with its last program
            while chunk := os.read(ours, 65536):
                written += chunk
    os.close(ours)
    return Screen(process.returncode, written.decode())
