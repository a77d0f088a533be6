"""Intervals for counts and proportions, and a test for the difference of two.

Counts are discrete, so an interval rarely covers with exactly the stated confidence: every
function here errs on the side of covering more, except the Wilson interval, whose coverage
is right on average.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from lab.measure.numbers import Number  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEST = "Fisher's exact test"
"""What :func:`compare` tests with."""

_NEGLIGIBLE = 1e-18
"""Probabilities below this cannot move a quantile at any confidence that a float can state."""

_TIE = 1 + 1e-9
"""Two probabilities that differ by less than this factor differ by rounding only."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The values from ``low`` to ``high``, both included: ``value in interval``."""

    low: Number
    high: Number

    def __contains__(self, value: float) -> bool:
        """Whether the value lies inside; the ends do."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two proportions differ.

    ``difference`` is the second minus the first, ``interval`` holds the true difference at
    the stated confidence, and ``p_value`` is the probability of counts at least this unlikely
    if the two proportions were the same.
    """

    difference: float
    interval: Interval
    p_value: float


def normal_quantile(confidence: float) -> float:
    """The z with ``confidence`` of a standard normal between -z and z.

    Raises:
        ValueError: confidence is not strictly between 0 and 1.
    """
    return NormalDist().inv_cdf(1 - tail(confidence))


def tail(confidence: float) -> float:
    """The probability on each side of an equal-tailed interval.

    Raises:
        ValueError: confidence is not strictly between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is between 0 and 1, not {confidence}")
    return (1 - confidence) / 2


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The interval of the true proportion behind ``successes`` out of ``trials``.

    Wilson's score interval without continuity correction; ``[0, 1]`` when nothing was tried.
    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209; recommended by Brown, Cai and
    DasGupta, Statistical Science 16 (2001) 101.

    Raises:
        ValueError: not 0 <= successes <= trials, or confidence not between 0 and 1.
    """
    _check_counts(successes, trials)
    z = normal_quantile(confidence)
    if trials == 0:
        return Interval(0.0, 1.0)
    rate = successes / trials
    shrink = 1 + z * z / trials
    center = (rate + z * z / (2 * trials)) / shrink
    margin = z / shrink * math.sqrt(rate * (1 - rate) / trials + (z / (2 * trials)) ** 2)
    return Interval(
        0.0 if successes == 0 else center - margin,
        1.0 if successes == trials else center + margin,
    )


def binomial_prediction(trials: int, probability: float, confidence: float) -> Interval:
    """The counts to expect from ``trials`` independent tries of a known probability.

    Exact and equal-tailed: a count below ``low`` has at most half of ``1 - confidence``, and
    so has one above ``high``. The ends are whole numbers.

    Raises:
        ValueError: trials negative, probability outside [0, 1], or confidence not between
            0 and 1.
    """
    tail(confidence)
    if trials < 0:
        raise ValueError(f"trials cannot be negative: {trials}")
    if not 0 <= probability <= 1:
        raise ValueError(f"a probability is between 0 and 1, not {probability}")
    if probability in (0, 1):
        return Interval(trials * int(probability), trials * int(probability))
    mode = min(trials, int((trials + 1) * probability))
    odds = probability / (1 - probability)
    peak = math.exp(
        _log_choose(trials, mode)
        + mode * math.log(probability)
        + (trials - mode) * math.log1p(-probability),
    )
    above = _tail_terms(peak, ((trials - k) / (k + 1) * odds for k in range(mode, trials)))
    below = _tail_terms(peak, (k / (trials - k + 1) / odds for k in range(mode, 0, -1)))
    terms = [*reversed(below), peak, *above]
    return equal_tailed(terms, first=mode - len(below), confidence=confidence)


def equal_tailed(mass: list[float], first: int, confidence: float) -> Interval:
    """Cut at most half of ``1 - confidence`` off either end of a distribution of counts.

    ``mass[i]`` is the probability of the count ``first + i``.

    Raises:
        ValueError: confidence not between 0 and 1.
    """
    spare = tail(confidence)
    low = next((i for i, sum_ in enumerate(itertools.accumulate(mass)) if sum_ > spare), 0)
    high = next(
        (i for i, sum_ in enumerate(itertools.accumulate(reversed(mass))) if sum_ > spare), 0
    )
    return Interval(first + low, first + len(mass) - 1 - high)


def compare(
    successes: tuple[int, int], trials: tuple[int, int], confidence: float = 0.95
) -> Comparison:
    """Compare the proportions of two independent runs.

    The p-value is Fisher's exact test, two-sided (the sum over all tables no likelier than
    the one seen); the interval is Newcombe's hybrid of two Wilson intervals. The two can
    disagree at the margin; the test decides.
    Sources: R. A. Fisher, J. R. Stat. Soc. 85 (1922) 87; R. G. Newcombe, Statistics in
    Medicine 17 (1998) 873, method 10.

    Raises:
        ValueError: a pair is not 0 <= successes <= trials with at least one trial, or
            confidence not between 0 and 1.
    """
    if 0 in trials:
        raise ValueError("a run without requests has no proportion to compare")
    first, second = (wilson(s, n, confidence) for s, n in zip(successes, trials, strict=True))
    rate_1, rate_2 = (s / n for s, n in zip(successes, trials, strict=True))
    difference = rate_2 - rate_1
    below = math.hypot(rate_2 - second.low, first.high - rate_1)
    above = math.hypot(second.high - rate_2, rate_1 - first.low)
    return Comparison(
        difference=difference,
        interval=Interval(difference - below, difference + above),
        p_value=_fisher(successes, trials),
    )


def _fisher(successes: tuple[int, int], trials: tuple[int, int]) -> float:
    """Fisher's exact two-sided p-value, conditional on the total of successes."""
    total = sum(successes)
    whole = _log_choose(sum(trials), total)

    def log_mass(k: int) -> float:
        return _log_choose(trials[0], k) + _log_choose(trials[1], total - k) - whole

    limit = math.exp(log_mass(successes[0])) * _TIE
    support = range(max(0, total - trials[1]), min(total, trials[0]) + 1)
    masses = (math.exp(log_mass(k)) for k in support)
    return min(1.0, math.fsum(mass for mass in masses if mass <= limit))


def _tail_terms(start: float, ratios: Iterable[float]) -> list[float]:
    """Follow a unimodal distribution away from its mode until it no longer matters."""

    def terms() -> Iterator[float]:
        term = start
        for ratio in ratios:
            term *= ratio
            yield term

    return list(itertools.takewhile(lambda term: term > _NEGLIGIBLE, terms()))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _check_counts(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes out of {trials} trials is impossible")
