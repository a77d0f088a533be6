"""What a run behind a proxy that limits concurrent retries must count.

How often the circuit breaker refuses depends on how fast requests come, which no theory knows
beforehand: the timings come from what the run achieved, see :mod:`lab.measure.theory.calibrate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from lab.measure.intervals import Interval, binomial_prediction, normal_quantile
from lab.measure.theory import closed_form
from lab.measure.theory.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.measure.theory.simulate import Load, Outcome, Policy, Timing

REPLICATIONS = 60
"""Simulated runs per timing; endless ones would make a 99.9 % interval 6 % narrower."""

SIMULATED_REQUESTS = 4000
"""Longer runs are simulated at this length and scaled up."""

_SMALL_COUNT = 50
"""Below this mean a count is too skewed for a symmetric interval."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A count to come: its mean, and the whole numbers that it should lie between."""

    mean: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run will count; each interval holds its count at ``confidence`` on its own."""

    confidence: float
    successes: Forecast
    retries: Forecast
    retry_overflow: Forecast


def predict(
    load: Load,
    policy: Policy,
    timings: Sequence[Timing],
    confidence: float,
    *,
    seed: int = 0,
) -> Prediction:
    """Say what the run will count.

    While there are no more clients than ``max_retries``, the breaker cannot refuse: closed
    forms answer, and ``timings`` do not matter. Else, for each timing, ``REPLICATIONS``
    simulated runs give a mean and a variance that has everything in it (the failures' chance
    and the breaker's), and from them the normal-theory interval for one further run,
    ``mean ± t s sqrt(1 + 1/R)`` (Hahn and Meeker, Statistical Intervals, 1991, section 4.7).
    Where a count is too small to be normal, a binomial interval at the mean, which is skewed
    as the count is, widens it. The result covers all timings; its mean is between theirs.

    Raises:
        ValueError: no timings where they matter, or confidence not between 0 and 1.
    """
    if load.clients <= policy.max_retries or policy.retries == 0 or load.requests == 0:
        return _unlimited(load, policy, confidence)
    if not timings:
        raise ValueError("what the breaker refuses depends on the timing, and none is given")
    size = min(load.requests, SIMULATED_REQUESTS)
    shortened = replace(load, requests=size)
    groups = [
        [
            simulate(shortened, policy, timing, seed * REPLICATIONS + index)
            for index in range(REPLICATIONS)
        ]
        for timing in timings
    ]

    def forecast(count: Callable[[Outcome], int], ceiling: int) -> Forecast:
        counts = [[count(outcome) for outcome in group] for group in groups]
        return _cover([_forecast(one, load.requests / size, ceiling, confidence) for one in counts])

    return Prediction(
        confidence=confidence,
        successes=forecast(lambda outcome: outcome.successes, load.requests),
        retries=forecast(lambda outcome: outcome.retries, load.requests * policy.retries),
        retry_overflow=forecast(lambda outcome: outcome.retry_overflow, load.requests),
    )


def _unlimited(load: Load, policy: Policy, confidence: float) -> Prediction:
    """The closed forms: no retry is refused."""
    success = closed_form.success_rate(load.error_rate, policy.retries)
    attempts = closed_form.attempts_interval(
        load.requests, load.error_rate, policy.retries, confidence
    )
    return Prediction(
        confidence=confidence,
        successes=Forecast(
            load.requests * success, binomial_prediction(load.requests, success, confidence)
        ),
        retries=Forecast(
            load.requests * closed_form.retries_per_request(load.error_rate, policy.retries),
            Interval(attempts.low - load.requests, attempts.high - load.requests),
        ),
        retry_overflow=Forecast(0.0, Interval(0, 0)),
    )


def _forecast(counts: Sequence[int], scale: float, ceiling: int, confidence: float) -> Forecast:
    """From simulated counts to one further count of a run ``scale`` times as long."""
    runs = len(counts)
    mean = fmean(counts) * scale
    margin = _student_quantile(confidence, runs - 1) * stdev(counts)
    margin *= math.sqrt(scale + scale**2 / runs)
    low, high = mean - margin, mean + margin
    if min(mean, ceiling - mean) < _SMALL_COUNT:
        skewed = binomial_prediction(ceiling, mean / ceiling, confidence)
        low, high = min(low, skewed.low), max(high, skewed.high)
    return Forecast(mean, Interval(max(0, math.floor(low)), min(ceiling, math.ceil(high))))


def _cover(forecasts: Sequence[Forecast]) -> Forecast:
    return Forecast(
        fmean(forecast.mean for forecast in forecasts),
        Interval(
            min(forecast.interval.low for forecast in forecasts),
            max(forecast.interval.high for forecast in forecasts),
        ),
    )


def _student_quantile(confidence: float, freedom: int) -> float:
    """Student's two-sided quantile, by its expansion about the normal one.

    Source: Abramowitz and Stegun, 26.7.5; within 0.0001 from 30 degrees of freedom on.
    """
    z = normal_quantile(confidence)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))
