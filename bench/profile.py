"""Where the time of a command goes: Python's start, imports, and podman's calls.

    .venv/bin/python -m bench.profile > docs/profile.md

Everything is measured several times. Of processor time the least counts, since what else runs
only ever adds to it; of podman's calls the median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTS = ("--port", "30680", "--prometheus-port", "30690")
SIDECAR = ("lab", "up", "sidecar", *PORTS)
ENVIRONMENT = os.environ | {"LAB_NAME": "profile", "PYTHONDONTWRITEBYTECODE": ""}
LAB = str(Path(sys.executable).with_name("lab"))
COMPLETION = {"_LAB_COMPLETE": "complete_bash", "COMP_WORDS": "lab d", "COMP_CWORD": "1"}

STARTS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "`python -c pass`": (("-c", "pass"), {}),
    '`python -c "import typer"`': (("-c", "import typer"), {}),
    "`lab --version`": (("-m", "lab", "--version"), {}),
    "completing `lab d`": ((LAB,), COMPLETION),
    "`lab --help`": (("-m", "lab", "--help"), {}),
    "`lab status`": (("-m", "lab", "status"), {}),
    "`lab up sidecar`, up already": (("-m", *SIDECAR), {}),
}
"""Command lines and variables, each of which does all that those before it do, and more."""

LIVES = {
    "`lab up direct`, from nothing": ("up", "direct", *PORTS),
    "`lab up sidecar`, from direct": ("up", "sidecar", *PORTS),
    "`lab up sidecar`, up already": ("up", "sidecar", *PORTS),
    "`lab status`": ("status",),
    "`lab down`": ("down",),
}
TRACED = """
import json, sys, time
began = time.perf_counter()
from lab.converge import ready
from lab.engine import wire
calls = []
def timed(function, name):
    def run(*given, **named):
        start = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            calls.append((name(given), start - began, time.perf_counter() - began))
    return run
wire.UnixApi._call = timed(wire.UnixApi._call, lambda given: f"{given[1]} {given[2]}")
ready.wait = timed(ready.wait, lambda _: "ready")
from lab.__main__ import main
try:
    main()
except SystemExit:
    pass
print(json.dumps((calls, time.perf_counter() - began)))
"""
"""A command whose calls to podman are noted; the last line is (calls, seconds) as JSON."""


HEAD = """\
# Where the time goes

What the figures in [bench.md](bench.md) are made of, and what cannot be had for less. Of processor
time (user and system) the least of all rounds is given, of times the median.
"""
START = """\
Python and Typer start before anything of lab does: that is the floor of every command. Each line
does all that those before it do, but for completion, which needs no list of all commands.
"""
IMPORTS = """\
By `python -X importtime -m lab status`, which itself makes imports slower. Rich, podman's client,
`http.client`, YAML and the other commands are not among them (tests/unit/test_budget.py).
"""
CALLS = """\
Before the first call are Python's start, imports, and where none runs the start of podman's
service, all at the same time. From the first to the last call the time is podman's; "waiting" is
for service A, Envoy and Prometheus to answer, once all are started.

- Starting a pod is two containers: podman, conmon, the OCI runtime, and the network's rules. The
  pods of A and B start side by side; Prometheus' begins when a processor is free.
- Networks are the exception: podman 4.3.1 sets up one at a time, and holds up the other pod until
  it is done. Each is a netavark with some 25 runs of iptables.
- Stopping a container takes 0.1 s at least: podman 4.3.1 asks it to end, and looks again after that
  time. Removing a pod would stop one after the other, so a pod's containers are stopped first, all
  at once.
- From direct to sidecar no pod is touched: the old service A goes, the new one and Envoy are made
  and started side by side in its place.
"""


def run(*words: str, **variables: str) -> tuple[str, str, float]:
    """What Python wrote to stdout and stderr for these words, and its processor time in ms."""
    with subprocess.Popen(
        (sys.executable, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | variables,
    ) as process:
        out = process.stdout.read() if process.stdout else ""
        err = process.stderr.read() if process.stderr else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words[:4])} ended with {process.returncode}\n{out}{err}")
    return out, err, (used.ru_utime + used.ru_stime) * 1000


def starts(rounds: int) -> Iterator[str]:
    """Tell the processor time of command lines, each beside what it adds to the one before."""
    least = dict.fromkeys(STARTS, float("inf"))
    for _ in range(rounds):
        for name, (words, variables) in STARTS.items():
            least[name] = min(least[name], run(*words, **variables)[2])
    yield ("| command | processor time, ms | more than the line before |\n|---|---|---|")
    names = list(least)
    yield (f"| {names[0]} | {least[names[0]]:.0f} | |")
    for before, name in pairwise(names):
        yield (f"| {name} | {least[name]:.0f} | {least[name] - least[before]:+.0f} |")


def imports(rounds: int) -> Iterator[str]:
    """Tell what importing takes by package; Python's own modules count as one."""
    least: dict[str, float] = {}
    for _ in range(rounds):
        for line in run("-X", "importtime", "-m", "lab", "status")[1].splitlines():
            took, _, name = (part.strip() for part in line.partition(":")[2].split("|"))
            if took.isdecimal():
                least[name] = min(least.get(name, 1e9), int(took) / 1000)
    packages: dict[str, float] = defaultdict(float)
    for name, alone in least.items():
        top = name.partition(".")[0]
        packages["Python's own" if top in sys.stdlib_module_names else top] += alone
    yield ("| package | ms |\n|---|---|")
    for package, together in sorted(packages.items(), key=itemgetter(1), reverse=True)[:6]:
        yield (f"| {package} | {together:.1f} |")


def lives(rounds: int) -> Iterator[str]:
    """Tell how often each command calls podman, and where the time between goes."""
    found: dict[str, list[tuple[list[tuple[str, float, float]], float]]] = defaultdict(list)
    for _ in range(rounds):
        for name, words in LIVES.items():
            found[name].append(json.loads(run("-c", TRACED, *words)[0].splitlines()[-1]))
    yield ("| command | calls | ms before the first | from first to last | waiting | in all |")
    yield ("|---|---|---|---|---|---|")
    for name, samples in found.items():
        cells = []
        for calls, total in samples:
            podman = [call for call in calls if call[0] != "ready"]
            waited = sum(end - start for what, start, end in calls if what == "ready")
            first, last = min(c[1] for c in podman), max(c[2] for c in podman)
            cells.append((len(podman), first, last - first - waited, waited, total))
        count, *times = (statistics.median(column) for column in zip(*cells, strict=True))
        yield (f"| {name} | {count:g} | {' | '.join(f'{t * 1000:.0f}' for t in times)} |")
    yield ("\n| call | median ms | in |\n|---|---|---|")
    for name, samples in found.items():
        took: dict[str, list[float]] = defaultdict(list)
        for calls, _ in samples:
            for what, start, end in calls:
                took[_short(what)].append((end - start) * 1000)
        slow = sorted(((statistics.median(t), what) for what, t in took.items()), reverse=True)
        for median, what in slow[:5]:
            if median > 10:  # noqa: PLR2004 - what is less does not matter
                yield (f"| {what} | {median:.0f} | {name} |")


def _short(call: str) -> str:
    """A call without the name or id of what it is about."""
    if call == "ready":
        return "waiting until all answer"
    method, path = call.split(" ", 1)
    if path == "/_ping":
        return f"`{call}`"
    parts = path.strip("/").split("/")
    if parts[1] not in {"json", "create"}:
        parts[1:] = ["…", *(part for part in parts[2:] if part in {"json", "start", "stop"})]
    return f"`{method} /{'/'.join(parts)}`"


def page(rounds: int) -> Iterator[str]:
    """Measure, and tell it in Markdown."""
    load = os.getloadavg()[0]
    run("-m", *SIDECAR)
    yield HEAD
    yield "## Start\n"
    yield START
    yield from starts(rounds)
    yield "\n## Imports of `lab status`\n"
    yield IMPORTS
    yield from imports(rounds)
    run("-m", "lab", "down")
    yield "\n## Calls to podman\n"
    yield CALLS
    yield from lives(rounds)
    run("-m", "lab", "down", "--volumes")
    yield f"\nBy `python -m bench.profile --rounds {rounds}`; load average before: {load:.1f}."


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    for line in page(parser.parse_args().rounds):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
