"""Whether one sample of latencies tends to be higher than another, from their histograms."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "Mann-Whitney U test"


class Ranks(msgspec.Struct, frozen=True):
    """The chance that a value of the second sample is the higher one (0.5: no difference).

    ``p_value`` is two-sided: how often samples of one and the same source differ this much.
    """

    second_higher: float
    p_value: float


def mann_whitney(first: Mapping[int, int], second: Mapping[int, int]) -> Ranks:
    """Compare two samples, each given as how often every value occurs.

    The normal approximation with correction for ties and continuity (Mann and Whitney, Annals
    of Mathematical Statistics 18, 1947; ties: Lehmann, Nonparametrics, 1975, section 1.4); good
    from about ten values each.

    Raises:
        ValueError: a sample is empty.
    """
    n, m = sum(first.values()), sum(second.values())
    if not n or not m:
        raise ValueError("a sample without values has no ranks")
    together = Counter(first)
    together.update(second)
    below = 0
    rank_sum = 0.0
    ties = 0
    for value in sorted(together):
        count = together[value]
        rank_sum += second.get(value, 0) * (below + (count + 1) / 2)
        ties += count**3 - count
        below += count
    u = rank_sum - m * (m + 1) / 2
    total = n + m
    spread = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    if not spread:
        return Ranks(0.5, 1.0)
    z = max(0.0, abs(u - n * m / 2) - 0.5) / spread
    # Not 1 minus the distribution function, which has no digits left beyond z = 8.
    return Ranks(u / (n * m), math.erfc(z / math.sqrt(2)))
