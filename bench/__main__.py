"""Measures lab beside what else could be used, in less than eight minutes on two processors.

    make bench                        # writes build/bench, and prints the table
    make bench ARGS=--publish         # renews docs/bench, docs/bench.md and README.md as well
    make bench ARGS='--only life --rounds 3'

The parts are the life of a lab, the services' rates, the load generator's and a cold build; the
rows of many copies come from `make scale`. What is not measured this time stays as it was
published last.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import build, loader, publish, rates
from bench.life import measure as life
from bench.lines import table

if TYPE_CHECKING:
    from bench.build import Build
    from bench.life.results import Results
    from bench.loader import Loader
    from bench.rates import Rates

PARTS = {"life": (), "rates": rates.NEEDED, "loader": loader.NEEDED, "build": ()}
"""What can be measured, and the programs that are needed for it beside lab and podman."""


def main() -> None:
    """Measure part by part, and write each as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="of a lab's life")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    parser.add_argument("--publish", action="store_true", help="renew docs and README as well")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    given.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for part in given.only:
        if missing := [name for name in PARTS[part] if not shutil.which(name)]:
            sys.stderr.write(f"{part}: left out, for want of {' and '.join(missing)}\n")
            continue
        found = _measure(part, given.rounds, given.output.resolve())
        publish.write(given.output, part, found)
        if given.publish:
            publish.PLACE.mkdir(exist_ok=True)
            publish.write(publish.PLACE, part, found)
            publish.renew()
        sys.stderr.write(f"{part}: done after {time.monotonic() - began:.0f} s\n")
    measured = publish.read(given.output, publish.PLACE)
    sys.stdout.write(f"{table(measured.lines())}\n")


def _measure(part: str, rounds: int, cache: Path) -> Results | Rates | Loader | Build:
    match part:
        case "life":
            return life.measure(rounds, cache, f"python -m bench --rounds {rounds}")
        case "rates":
            return rates.measure()
        case "loader":
            return loader.measure()
        case _:
            return build.measure()


if __name__ == "__main__":
    main()
