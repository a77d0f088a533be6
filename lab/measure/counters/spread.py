"""How evenly copies of a service were asked, against round robin. Pure.

Each of Envoy's workers goes through all copies in turn, wherever it begins, and counts retries
as well: in any stretch of a worker's requests two copies differ by one at most. How a run's
requests came to be shared out among the workers is not known; so from its even share a copy is
off by less than the number of workers. That is no matter of chance, and no confidence is due.
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters.accounts import SERVICES
from lab.measure.counters.samples import WORKERS
from lab.measure.intervals import Interval
from lab.topology.claims import terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.measure.counters.samples import Growth


class Spread(msgspec.Struct, frozen=True):
    """What each copy counted, by its name, and how many ``workers`` shared out the requests.

    A service without copies has one, called "".
    """

    counts: dict[str, int]
    workers: int


def spread(quantity: str, growth: Growth) -> Spread | None:
    """What each copy counted of a quantity (a sum such as ``b_succeeded + b_failed``).

    None when one copy's counters were not measured, or the number of Envoy's workers.
    """
    metrics = {entry.name: entry.metric for entry in SERVICES}
    workers = growth.after.total(WORKERS)
    sums: dict[str, int] = {}
    for sign, name in terms(quantity):
        for copy, count in growth.by_instance(metrics[name]).items():
            if count is None or workers is None:
                return None
            sums[copy] = sums.get(copy, 0) + sign * count
    return Spread(sums, workers) if workers else None


def round_robin(counts: Mapping[str, int], workers: int) -> Interval:
    """The counts that a copy can have when ``workers`` each go round all copies in turn.

    Raises:
        ValueError: there are no copies, or no workers.
    """
    if not counts or workers < 1:
        raise ValueError("nobody shares anything out")
    share = sum(counts.values()) / len(counts)
    # Off by less than the number of workers: the ends themselves are already too far.
    return Interval(max(0, floor(share - workers) + 1), ceil(share + workers) - 1)
