"""Is the load generator the bottleneck? ``lab load`` beside ``hey``, in pairs.

    make bench ARGS='--only loader'

Both pour the same number of requests at the same concurrency on the same running sidecar, turn
by turn and each first in every other pair, so that what else the machine does meets both alike.
Throughput is what each reports itself, so start-up does not count; processor time is that of
the whole process, start-up included. Needs ``hey`` (``apt-get install hey``).
"""

from __future__ import annotations

import json
import re
import resource
import statistics
import subprocess
import sys

import msgspec

from bench.life.contenders import sidecar
from bench.life.machine import Made, made
from bench.lines import Line

NEEDED = ("hey",)
CONCURRENCIES = (8, 64)
REQUESTS = 6400
PAIRS = 5
GOAL = 1.0
"""The share of hey's throughput that lab load has to reach."""
WARM_UP = 640


class Run(msgspec.Struct, frozen=True):
    """Requests per second, and the loader's processor time per request in seconds."""

    throughput: float
    cpu: float


class Pair(msgspec.Struct, frozen=True):
    """Two runs at one concurrency, one right after the other."""

    concurrency: int
    lab: Run
    hey: Run

    @property
    def ratio(self) -> float:
        """The throughput of lab load as a share of hey's."""
        return self.lab.throughput / self.hey.throughput


class Loader(msgspec.Struct, frozen=True):
    """All pairs."""

    made: Made
    requests: int
    pairs: tuple[Pair, ...]

    def at(self, concurrency: int) -> list[Pair]:
        """The pairs at one concurrency."""
        return [pair for pair in self.pairs if pair.concurrency == concurrency]

    def medians(self, concurrency: int) -> tuple[Run, Run]:
        """What ``lab load`` and ``hey`` reached at one concurrency."""
        pairs = self.at(concurrency)
        return _median([pair.lab for pair in pairs]), _median([pair.hey for pair in pairs])

    def lines(self) -> list[Line]:
        """The rows of the table of targets."""
        return [self._line(concurrency) for concurrency in CONCURRENCIES]

    def _line(self, concurrency: int) -> Line:
        lab, rival = self.medians(concurrency)
        ratios = sorted(pair.ratio for pair in self.at(concurrency))
        ratio = statistics.median(ratios)
        return Line(
            what=f"`lab load -c {concurrency}` through the sidecar, requests a second",
            lab=f"{lab.throughput:.0f}",
            beside="hey",
            takes=f"{rival.throughput:.0f}",
            share=f"{ratio:.2f}",
            spread=f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
            target=f"≥ {GOAL:g}",
            met=ratio >= GOAL,
            why=f"a request costs lab load {lab.cpu * 1e6:.0f} µs of processor time, "
            f"hey {rival.cpu * 1e6:.0f} µs",
        )

    def markdown(self) -> str:
        """Throughput, and what a request costs the loader itself."""
        rows = [
            "| concurrency | lab load, requests/s | hey | lab load, work per request | hey |",
            "|---|---|---|---|---|",
        ]
        for concurrency in CONCURRENCIES:
            lab, rival = self.medians(concurrency)
            rows.append(
                f"| {concurrency} | {lab.throughput:.0f} | {rival.throughput:.0f} "
                f"| {lab.cpu * 1e6:.0f} µs | {rival.cpu * 1e6:.0f} µs |"
            )
        text = (
            f"Medians of {len(self.at(CONCURRENCIES[0]))} pairs of {self.requests} requests each, "
            f"through the sidecar; loader, Envoy and services share the processors. {self.made}"
        )
        return "\n".join([*rows, "", text])


def hey(url: str, requests: int, concurrency: int) -> Run:
    """Pour with ``hey``."""
    out, cpu = _timed("hey", "-n", str(requests), "-c", str(concurrency), url)
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if not found:
        sys.exit(f"hey says nothing of requests per second:\n{out}")
    return Run(float(found[1]), cpu / requests)


def lab_load(url: str, requests: int, concurrency: int) -> Run:
    """Pour with ``lab load``; run as a module, so that this checkout is what is measured."""
    command = (sys.executable, "-m", "lab", "load", "--url", url, "-q", "-o", "json")
    out, cpu = _timed(*command, "-n", str(requests), "-c", str(concurrency))
    return Run(float(json.loads(out)["throughput"]), cpu / requests)


def measure() -> Loader:
    """Run the pairs at each concurrency, after a small load by each that does not count."""
    about = made("python -m bench --only loader")
    loaders = (lab_load, hey)
    found = []
    with sidecar() as url:
        for concurrency in CONCURRENCIES:
            for loader in loaders:
                loader(url, WARM_UP, concurrency)
            for number in range(PAIRS):
                order = reversed(loaders) if number % 2 else loaders
                runs = {loader: loader(url, REQUESTS, concurrency) for loader in order}
                found.append(Pair(concurrency, runs[lab_load], runs[hey]))
    return Loader(about, REQUESTS, tuple(found))


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
