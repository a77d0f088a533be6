"""Soak a lab and print what became of its requests and processes: ``python -m tests.soak``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from tests.faults.arena import Arena, arena
from tests.soak import tables
from tests.soak.books import STEADY, Books
from tests.soak.flat import Bounds, Held, judge
from tests.soak.soak import CONNECTIONS, Soak
from tests.soak.watch import PERIOD, PROMETHEUS, ROLES, Lives, Reading, watching

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENDS = 5
"""Of connections that a request may have in one process: four in Envoy, and one for scrapes."""
NEW_SERIES = 0.05
"""The share by which Prometheus' series may become more after the first round."""
SAMPLE = 64
"""Bytes that Prometheus may take for a sample. What it scraped it has in memory until it writes
a block of it to disk, after two hours and more; so its memory is not flat in a short soak, and
need not be. What has to be is the number of its series."""


def main() -> None:
    """Exit status 1 when counts do not agree, or something is not flat, not measured or left."""
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=60, help="seconds from switch to switch")
    parser.add_argument("--rate", type=int, default=200, help="requests a second")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root: nobody else is shown what a container's processes hold")
    sys.stderr.write(f"seed {given.seed}\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # clear up, too
    began = time.monotonic()
    rounds = max(1, round(given.minutes * 60 / given.every))
    books = Books(given.seed)
    series: list[int] = []
    problems: list[str] = []
    with arena() as made:
        soak = Soak(made, given.rate, given.seed)
        with watching(made) as lives:
            try:
                for segment in soak.rounds(rounds, given.every):
                    sys.stderr.write(f"{books.enter(segment)}\n")
                    if segment.name == STEADY:
                        series.append(soak.series())
            except AssertionError as error:  # a command failed; what was seen until then counts
                problems.append(str(error))
        problems += _in_the_end(made)
    held = judged(lives, max(series, default=0))
    problems += (f"{row.name}: {each}" for row in books.rows for each in row.problems)
    problems += (f"{each.role}: {problem}" for each in held for problem in each.problems)
    if series and series[-1] > series[0] * (1 + NEW_SERIES):
        problems.append("Prometheus has more and more series")
    took = time.monotonic() - began
    words = (
        f"seed {given.seed}, {given.rate} requests a second, {took:.0f} s; series in Prometheus "
        f"after each round: {', '.join(map(str, series))}"
    )
    texts = (tables.segments(books.rows), tables.processes(held), words, *problems)
    sys.stdout.write("\n\n".join(texts) + "\n")
    if problems:
        raise SystemExit(1)


def judged(lives: Lives, series: int) -> list[Held]:
    """Judge every process that a lab has, also one that was never seen."""
    by_role: dict[str, list[Sequence[Reading]]] = {role: [] for role in ROLES}
    for process, readings in lives.items():
        by_role[process.role].append(readings)
    longest = max((len(readings) for readings in lives.values()), default=0)
    scraped = series * longest * PERIOD / 3  # once a second, from one floor to the next
    return [
        judge(role, found, Bounds(ENDS * CONNECTIONS, SAMPLE * scraped * (role == PROMETHEUS)))
        for role, found in by_role.items()
    ]


def _in_the_end(made: Arena) -> Iterator[str]:
    """What is wrong with the lab after all, and with what is left of it."""
    if not made.status().get("in_sync"):
        yield "the lab is not in sync in the end"
    ended = made.run(*made.words("nothing"), "--volumes")
    if ended.status:
        yield str(ended)
    yield from (f"left: {each}" for each in made.left())


if __name__ == "__main__":
    main()
