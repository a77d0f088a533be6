"""When requests of an open loop are due. Pure: nothing here looks at a clock."""

from __future__ import annotations

import itertools
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CONNECTIONS = 1000
"""Each takes one of the 1024 files that a process may have open as a rule."""


class Arrivals(StrEnum):
    """How the requests of an open loop are spread over time."""

    CONSTANT = "constant"
    POISSON = "poisson"


def schedule(rate: float, arrivals: Arrivals, seed: int) -> Iterator[float]:
    """The endless series of send times, in seconds after the start.

    ``rate`` is in requests per second. Constant arrivals begin at 0 and are evenly spaced;
    Poisson arrivals have independent, exponentially distributed gaps that ``seed`` makes
    repeatable.
    """
    if arrivals is Arrivals.CONSTANT:
        return (i / rate for i in itertools.count())
    import random

    gaps = random.Random(seed)  # noqa: S311 - nothing secret
    return itertools.accumulate(gaps.expovariate(rate) for _ in itertools.count())


def achieved(rate: float, due: float, sent: float) -> float:
    """The rate that was kept, when what was due at ``due`` went out at ``sent`` (in seconds).

    The asked ``rate`` if requests left on time, less by as much as the schedule was stretched.
    """
    return rate * due / sent if sent > due else rate
