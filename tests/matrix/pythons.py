"""Run the tests that need no podman on the Pythons of Debian's releases, without a network.

`make pythons` prints what came of it and writes it into docs/matrix.md. No release has Python 3.12;
`--python PATH` names interpreters of this machine to try as well. Other arguments go to pytest, and
then nothing is written. The exit status is 1 when a test failed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from lab.images import cache
from tests.matrix import page
from tests.matrix.roots import INSIDE, LOCK, PYTHON, Root, home, snapshot

if TYPE_CHECKING:
    from pathlib import Path

SUITES = ("bookworm", "trixie", "sid")
"""They have Python 3.11, 3.13 and 3.14."""
VERSION = "import sys; print(*sys.version_info[:3], sep='.')"
LINES = 60
"""How many of pytest's lines are shown of a run that failed."""


class Outcome(NamedTuple):
    """What came of the tests on one Python."""

    python: str
    of: str
    status: int
    said: list[str]

    @property
    def result(self) -> str:
        """Pytest's own last line, without the time."""
        return self.said[-1].partition(" in ")[0]


def in_root(suite: str, project: Path, *words: str) -> Outcome:
    """Run pytest in the root of a Debian release."""
    root = Root(suite, project)
    root.prepare()
    version = root.run(PYTHON, "-c", VERSION, offline=True).stdout.strip()
    script = f"cd {INSIDE} && exec {PYTHON} -m pytest {shlex.join(words)}"
    done = root.run("sh", "-c", script, offline=True)
    return Outcome(version, f"Debian {suite}", done.returncode, done.stdout.splitlines())


def on_machine(python: str, project: Path, *words: str) -> Outcome:
    """Run pytest on an interpreter of this machine, in an environment made of the same lock."""
    asked = subprocess.run((python, "-c", VERSION), capture_output=True, text=True, check=True)
    version = asked.stdout.strip()
    locked = hashlib.sha256((project / LOCK).read_bytes()).hexdigest()

    def install(target: Path) -> None:
        pip = (str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps")
        subprocess.run((python, "-m", "venv", str(target)), check=True)
        subprocess.run((*pip, "--require-hashes", "-r", str(project / LOCK)), check=True)

    name = f"python-{version}-{locked[:16]}"
    made = cache.once(home() / name, install) / "bin" / "python"
    script = 'ip link set lo up && exec "$@"'
    done = subprocess.run(
        ("unshare", "--net", "sh", "-c", script, "sh", str(made), "-m", "pytest", *words),
        cwd=project,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(version, "the machine", done.returncode, done.stdout.splitlines())


def main(arguments: list[str]) -> int:
    """Run the tests on each Python and pass on what pytest says last."""
    parser = argparse.ArgumentParser(prog="tests.matrix.pythons", description=__doc__)
    parser.add_argument("--python", action="append", default=[], metavar="PATH")
    given, further = parser.parse_known_args(arguments)
    words = ("-q", "-n", "auto", "-m", "not real", "-p", "no:cacheprovider", *further)
    outcomes = []
    with snapshot() as project:
        for run, what in (
            *((in_root, suite) for suite in SUITES),
            *((on_machine, python) for python in given.python),
        ):
            outcome = run(what, project, *words)
            last = "\n".join(outcome.said[-1 if outcome.status == 0 else -LINES :])
            sys.stdout.write(f"Python {outcome.python}, {outcome.of}: {last}\n")
            sys.stdout.flush()
            outcomes.append(outcome)
    if not further:
        rows = [
            [outcome.python, outcome.of, outcome.result] for outcome in sorted(outcomes, key=_order)
        ]
        page.put("pythons", f"{page.table([['Python', 'of', 'result'], *rows])}\n\n{page.when()}.")
    return int(any(outcome.status for outcome in outcomes))


def _order(outcome: Outcome) -> list[int]:
    return [int(part) for part in outcome.python.split(".")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
