"""Run the fault harness and print its table: ``python -m tests.faults``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from random import Random

from tests.faults import faults
from tests.faults.arena import arena

HEAD = "| kind | tried | survived | lost | left behind |\n|---|---:|---:|---:|---:|"


def main() -> None:
    """Exit status 1 when anything was lost or left behind, or a kind was tried too rarely."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--interruptions", type=int, default=100)
    parser.add_argument("--service-kills", type=int, default=30)
    parser.add_argument("--crowds", type=int, default=3)
    given = parser.parse_args()
    sys.stderr.write(f"seed {given.seed}\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # clear up, too
    wanted = (
        (faults.kills, given.kills),
        (faults.interruptions, given.interruptions),
        (faults.service_kills, given.service_kills),
        (faults.crowds, given.crowds),
    )
    began = time.monotonic()
    tallies = []
    enough = True
    with arena() as made:
        sufferer = faults.Sufferer(made, Random(given.seed))  # noqa: S311 - moments, no secrets
        for kind, number in wanted:
            tally = kind(number, sufferer)
            tallies.append(tally)
            enough = enough and tally.tried >= number
            sys.stderr.write(f"{tally.row}\n")
    took = time.monotonic() - began
    rows = "\n".join(tally.row for tally in tallies)
    sys.stdout.write(f"{HEAD}\n{rows}\n\nseed {given.seed}, {took:.0f} s\n")
    if not enough or any(tally.lost or tally.left for tally in tallies):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
