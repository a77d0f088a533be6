"""Run the attacks alone, and print a table: what was tried, held or not, on which podman.

`make attacks` does so. The exit status is 1 when one did not hold, or none was tried.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.engine import service

FOLDER = Path(__file__).parent


class Table:
    """A plugin of pytest that notes what became of each attack."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rows: list[tuple[str, str, bool]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a test's own outcome, or that of a set-up that failed."""
        if report.when == "call" or report.failed:
            told = {str(name): str(value) for name, value in report.user_properties}
            attack = told.get("attack", report.nodeid)
            self.rows.append((attack, told.get("podman", ""), report.passed))


def main(arguments: list[str]) -> int:
    """Run pytest with further arguments, and report on standard output."""
    table = Table()
    status = pytest.main([str(FOLDER), "-q", *arguments], plugins=[table])
    version = ".".join(map(str, service.version()))
    lines = ["", "| attack | podman | held |", "|---|---|---|"]
    for attack, kind, held in table.rows:
        lines.append(f"| {attack} | {version} {kind} | {'yes' if held else '**no**'} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(bool(status) or not table.rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
