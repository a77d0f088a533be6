"""Is the load generator the bottleneck? ``lab load`` beside ``hey``, in paired runs.

Both pour the same number of requests at the same concurrency on the same running lab, turn by
turn and each first in every other pair, so that what else the machine does meets both alike.
``hey`` is needed (``apt-get install hey``), and a lab::

    lab up sidecar --name bench --port 22080 --prometheus-port 22090
    python bench/loader.py http://127.0.0.1:22080 > loader.md
    lab down --name bench

Throughput is what each reports itself, so start-up does not count; processor time is that of
the whole process, start-up included.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from typing import Any

import msgspec

CONCURRENCIES = (8, 64)
GOAL = 0.9
"""The share of hey's throughput that lab load has to reach."""


class Run(msgspec.Struct, frozen=True):
    """Requests per second, and the loader's processor time per request in seconds."""

    throughput: float
    cpu: float


class Pair(msgspec.Struct, frozen=True):
    """Two runs, one right after the other."""

    lab: Run
    hey: Run

    @property
    def ratio(self) -> float:
        """The throughput of lab load as a share of hey's."""
        return self.lab.throughput / self.hey.throughput


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All pairs at one concurrency, and medians over them."""

    concurrency: int
    requests: int
    pairs: tuple[Pair, ...]
    lab: Run
    hey: Run
    ratio: float
    reached: bool


def lab_load(url: str, requests: int, concurrency: int) -> Run:
    """Pour with ``lab load``; run as a module, so that this checkout is what is measured."""
    command = (sys.executable, "-m", "lab", "load", "--url", url, "-q", "-o", "json")
    out, cpu = _timed(*command, "-n", str(requests), "-c", str(concurrency))
    return Run(float(json.loads(out)["throughput"]), cpu / requests)


def hey(url: str, requests: int, concurrency: int) -> Run:
    """Pour with ``hey``."""
    out, cpu = _timed("hey", "-n", str(requests), "-c", str(concurrency), url)
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if not found:
        sys.exit(f"hey says nothing of requests per second:\n{out}")
    return Run(float(found[1]), cpu / requests)


def measure(url: str, requests: int, concurrency: int, pairs: int) -> Result:
    """Run the pairs, after a small load by each that does not count."""
    loaders = (lab_load, hey)
    for loader in loaders:
        loader(url, concurrency, concurrency)
    found = []
    for i in range(pairs):
        order = reversed(loaders) if i % 2 else loaders
        runs = {loader: loader(url, requests, concurrency) for loader in order}
        found.append(Pair(runs[lab_load], runs[hey]))
        sys.stderr.write(f"c={concurrency} pair {i + 1} of {pairs}: {found[-1].ratio:.2f}\n")
    ratio = statistics.median(pair.ratio for pair in found)
    return Result(
        concurrency=concurrency,
        requests=requests,
        pairs=tuple(found),
        lab=_median([pair.lab for pair in found]),
        hey=_median([pair.hey for pair in found]),
        ratio=ratio,
        reached=ratio >= GOAL,
    )


def machine() -> dict[str, Any]:
    """What the numbers depend on besides the code."""
    return {
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "python": sys.version.split()[0],
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def markdown(results: list[Result], host: dict[str, Any]) -> str:
    """The results as a table for people."""
    lines = [
        "| concurrency | lab load | hey | ratio (pairs) | lab load, CPU | hey, CPU |",
        "|---|---|---|---|---|---|",
    ]
    for each in results:
        ratios = sorted(pair.ratio for pair in each.pairs)
        lines.append(
            f"| {each.concurrency} | {each.lab.throughput:.0f} | {each.hey.throughput:.0f} "
            f"| **{each.ratio:.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f}) "
            f"| {each.lab.cpu * 1e6:.0f} µs | {each.hey.cpu * 1e6:.0f} µs |"
        )
    pairs, load = len(results[0].pairs), host["load_average"][0]
    text = (
        f"Requests per second and processor time per request; medians of {pairs} pairs of "
        f"{results[0].requests} requests; {host['cpus']} CPUs shared with the lab, load average "
        f"{load:.1f} before, Python {host['python']}, {host['date']}."
    )
    return "\n".join((*lines, "", text, ""))


def main() -> int:
    """Measure, print, and return 1 unless the goal is reached at every concurrency."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="service A of a running lab")
    parser.add_argument("-n", "--requests", type=int, default=6400)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("-o", "--output", choices=("markdown", "json"), default="markdown")
    given = parser.parse_args()
    if not shutil.which("hey"):
        sys.exit("hey is needed: apt-get install hey")
    host = machine()
    results = [measure(given.url, given.requests, c, given.pairs) for c in CONCURRENCIES]
    if given.output == "json":
        encoded = msgspec.json.encode({"machine": host, "goal": GOAL, "results": results})
        sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")
    else:
        sys.stdout.write(markdown(results, host))
    return 0 if all(each.reached for each in results) else 1


def _timed(*command: str) -> tuple[str, float]:
    """What a command prints, and the processor time it took, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _median(runs: list[Run]) -> Run:
    return Run(
        statistics.median(run.throughput for run in runs),
        statistics.median(run.cpu for run in runs),
    )


if __name__ == "__main__":
    sys.exit(main())
