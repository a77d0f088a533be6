"""From what a run measured to the timings at which a simulation repeats it.

The rate that a closed loop achieves fixes the mean time of its requests. It does not fix how
much of that time is the attempt between proxy and upstream, for which a retry also holds its
slot of the circuit breaker. Envoy's ``upstream_rq_time`` bounds that, and where it is not at
hand the attempt may take anything from no time to all of it. Nor does it say how far clients
slow each other down. So the answer is a few extremes, and a prediction covers what lies
between them.
"""

from __future__ import annotations

import math

from lab.measure.intervals import Interval
from lab.measure.theory import closed_form
from lab.measure.theory.simulate import Load, Policy, Timing

_BISECTIONS = 60
"""Halvings of a span of seconds: more would change nothing in a float."""

_HISTOGRAM_STEP = 0.001
"""Seconds: Envoy's histograms take whole milliseconds, rounded down."""

_HISTOGRAM_ERROR = 0.1
"""The share by which Envoy's histograms may be off: their bins have two digits."""

LATENESS = 0.003
"""Seconds: how much longer than drawn a back-off may last on average, on a busy host.

Against a real Envoy that shared two cores with a load of 9, slots turned over up to 13 % more
slowly than drawn back-offs allow, which is 2 ms in each; on a quiet host it is below 1 ms.
"""

UNKNOWN = Interval(0.0, math.inf)
"""The bounds of an attempt's time when nobody has measured it."""


def timings_for_rate(
    load: Load, policy: Policy, rate: float, attempt: Interval = UNKNOWN
) -> tuple[Timing, Timing, Timing]:
    """The extreme timings at which the load runs at ``rate`` requests a second.

    ``rate`` is the steady one (:func:`lab.measure.theory.simulate.steady_rate`), ``attempt`` bounds
    the mean seconds of an attempt. With the first timing the breaker refuses least: the
    shortest attempt, timers on time, and clients that do not slow each other down. The second
    has the longest attempt that the rate allows and timers late by :data:`LATENESS`, so slots
    are held longest. The third has late timers and clients that queue for the host: those
    still sending speed up while others hold slots, so a free slot is asked for sooner. A rate
    that back-offs alone forbid gives times of 0.

    Raises:
        ValueError: rate is not positive and finite.
    """
    if not 0 < rate < math.inf:
        raise ValueError(f"a rate is positive, not {rate}")

    def solve(attempt: float, lateness: float, *, queued: bool = False) -> Timing:
        def timing(time: float) -> Timing:
            part = min(time, attempt)
            return Timing(part, time - part, lateness=lateness, queued=queued)

        # The rate falls as the time rises, so halve the span that holds the answer.
        low, high = 0.0, load.clients / rate
        for _ in range(_BISECTIONS):
            time = (low + high) / 2
            if expected_rate(load, policy, timing(time)) > rate:
                low = time
            else:
                high = time
        return timing(low)

    return (
        solve(attempt.low, 0.0),
        solve(attempt.high, LATENESS),
        solve(attempt.low, LATENESS, queued=True),
    )


def attempt_bounds(load: Load, policy: Policy, upstream_time: float, retries: int) -> Interval:
    """Bounds of an attempt's mean seconds from what Envoy measured in a run.

    ``upstream_time`` is the mean of the run's ``upstream_rq_time`` histogram, in seconds: it
    has one entry per request, from the request's end to its final answer, so it includes all
    attempts and back-offs. ``retries`` is how many it made. The back-offs' expected share is
    taken off and the rest divided by the attempts; the bounds allow for the histogram's
    rounding.

    Raises:
        ValueError: no requests, or a negative time or count.
    """
    if load.requests == 0 or retries < 0 or not 0 <= upstream_time < math.inf:
        raise ValueError(f"nothing measured: {upstream_time} s, {retries} retries of {load}")
    weights = [load.error_rate**k for k in range(policy.retries)]
    waits = [weight * policy.window(k + 1) / 2 for k, weight in enumerate(weights)]
    backoff = math.fsum(waits) / math.fsum(weights) if weights else 0.0
    attempts = load.requests + retries

    def mean(measured: float) -> float:
        return max(0.0, (load.requests * measured - retries * backoff) / attempts)

    return Interval(
        mean(upstream_time) * (1 - _HISTOGRAM_ERROR),
        mean(upstream_time + _HISTOGRAM_STEP) * (1 + _HISTOGRAM_ERROR),
    )


def expected_rate(load: Load, policy: Policy, timing: Timing) -> float:
    """The steady request rate, per second, that the load reaches at this timing.

    See :func:`lab.measure.theory.closed_form.loss_throughput`: a request that retries leaves
    the loop of first attempts for as long as it holds its slot. Infinite when nothing takes time.
    """
    time = timing.attempt + timing.overhead
    chance = load.error_rate if policy.retries else 0.0
    offered = chance * mean_hold(load, policy, timing)
    if time == 0:
        return (
            math.inf
            if load.clients > policy.max_retries or not offered
            else (load.clients / offered)
        )
    if timing.queued:
        rates = closed_form.queue_throughput(load.clients, timing.overhead, timing.attempt)
    else:
        rates = [present / time for present in range(load.clients + 1)]
    return closed_form.loss_throughput(rates, policy.max_retries, offered)


def mean_hold(load: Load, policy: Policy, timing: Timing) -> float:
    """The mean seconds for which a request that retries holds a slot of the breaker.

    Retry k happens when k - 1 before it failed, and takes half its back-off's window on
    average, the timer's lateness, and an attempt.
    """
    fixed = timing.lateness + timing.attempt
    return math.fsum(
        load.error_rate ** (retry - 1) * (policy.window(retry) / 2 + fixed)
        for retry in range(1, policy.retries + 1)
    )
